# One image for every role: all of them, or one per container (docker run … gateway run smtp).
# Built by whoever uses it and not published: README, "Licence".
FROM python:3.11-slim-bookworm

WORKDIR /opt/gateway
COPY requirements.lock .
RUN pip install --no-cache-dir --require-hashes --no-deps -r requirements.lock

COPY gateway gateway
# Whoever runs it later may not write here, and would compile anew for each command.
RUN python -m compileall -q gateway
COPY config config
COPY docs docs
COPY README.md LICENSE ./
RUN printf '#!/bin/sh\nexec python -m gateway "$@"\n' >/usr/local/bin/gateway \
    && chmod 755 /usr/local/bin/gateway \
    && useradd --system --uid 10025 --home-dir /data --shell /usr/sbin/nologin gateway \
    && install -d -o gateway -g gateway -m 750 /data /etc/gateway

ENV PYTHONPATH=/opt/gateway \
    PYTHONUNBUFFERED=1 \
    GATEWAY_CONFIG=/etc/gateway/gateway.toml \
    GATEWAY_STORE__URL=sqlite:////data/gateway.db \
    GATEWAY_STORE__BLOBS=file:///data/blobs \
    GATEWAY_STORE__OUTAGE=/data/outage

USER gateway
WORKDIR /data
VOLUME /data
EXPOSE 2525 8025
STOPSIGNAL SIGTERM
ENTRYPOINT ["gateway"]
CMD ["run"]
