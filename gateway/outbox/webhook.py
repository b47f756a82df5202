"""Webhooks: what is posted to a URL, and what the answer means.

The headers follow Standard Webhooks (standardwebhooks.com), so libraries for it can verify the
signature.
"""

import asyncio
import base64
import binascii
import contextlib
import hashlib
import hmac
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from gateway.core.sending.event import EventType
from gateway.core.sending.outbox import AttemptResult, Deferred, OutboxRow, Refused, Sent
from gateway.runtime.web_proxies import proxy_for

if TYPE_CHECKING:
    import httpx

CONCURRENCY = 8  #: Simultaneous requests to an address.
_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 15.0
_DRAIN_SECONDS = 1.0  #: To read the rest of an answer, so that its connection can be reused.
_DRAIN_OCTETS = 64 * 1024
_PREFIX = "whsec_"  #: What follows is the key in base64.
GONE = 410  #: The receiver wants no more (RFC 9110, 15.5.11).


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A URL that is sent events."""

    url: str
    secret: str = field(repr=False)
    events: frozenset[EventType]
    context: ssl.SSLContext = field(repr=False)


class WebhookDelivery:
    """Posts to one endpoint, without following redirects, and checks certificates.

    httpx is imported with the first one: 7 MB that a gateway without webhooks doesn't need.
    """

    def __init__(self, endpoint: Endpoint, *, clock: Callable[[], datetime]) -> None:
        import httpx

        self._endpoint = endpoint
        self._clock = clock
        self._http = httpx
        self._client: httpx.AsyncClient | None = None

    async def deliver(self, row: OutboxRow) -> AttemptResult:
        """Post a row once."""
        number = row.key.split(":")[1]
        headers = signed_headers(self._endpoint.secret, number, self._clock(), row.body)
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                url, body = self._endpoint.url, row.body
                client = self._open_client()
                async with client.stream("POST", url, content=body, headers=headers) as answer:
                    await self._drain(answer)
                    return result_of(answer.status_code)
        except TimeoutError:
            return Deferred(f"no answer within {timedelta(seconds=_ANSWER_SECONDS)}")
        except (self._http.HTTPError, self._http.InvalidURL, ssl.SSLError, OSError) as error:
            return Deferred(f"{type(error).__name__}: {error}"[:300])

    def _open_client(self) -> "httpx.AsyncClient":
        """Return the HTTP client. Raises OSError if the proxy can't be used."""
        if self._client is None:
            httpx = self._http
            proxy = proxy_for(self._endpoint.url)
            try:
                self._client = httpx.AsyncClient(
                    verify=self._endpoint.context,
                    timeout=httpx.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS),
                    limits=httpx.Limits(max_connections=CONCURRENCY, keepalive_expiry=20),
                    follow_redirects=False,
                    proxy=proxy,
                    trust_env=False,
                )
            except (ImportError, ValueError) as error:
                raise OSError(f"HTTPS_PROXY: not the address of an HTTP proxy: {error}") from error
        return self._client

    async def _drain(self, answer: "httpx.Response") -> None:
        """Read a short answer to its end, so that its connection can be reused."""
        octets = 0
        with contextlib.suppress(self._http.HTTPError, TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                async for piece in answer.aiter_raw():
                    octets += len(piece)
                    if octets > _DRAIN_OCTETS:
                        return

    async def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            await self._client.aclose()


def result_of(status: int) -> AttemptResult:
    """Return an answer's meaning: only 2xx means accepted, only 410 means never again."""
    if 200 <= status < 300:
        return Sent(f"HTTP {status}")
    if status == GONE:
        return Refused(f"HTTP {status}")
    return Deferred(f"HTTP {status}")


def signed_headers(secret: str, number: str, now: datetime, body: bytes) -> dict[str, str]:
    """Return the headers of a webhook; `number` is its event's id."""
    seconds = str(int(now.timestamp()))
    content = b".".join((number.encode(), seconds.encode(), body))
    digest = hmac.digest(key_of(secret), content, hashlib.sha256)
    return {
        "content-type": "application/json",
        "user-agent": "crm-mail-gateway",
        "webhook-id": number,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def key_of(secret: str) -> bytes:
    """Return the octets of a secret: base64 after `whsec_`, otherwise as they are."""
    if secret.startswith(_PREFIX):
        with contextlib.suppress(binascii.Error):
            return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    return secret.encode()
