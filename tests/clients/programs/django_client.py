"""Django's EmailMultiAlternatives over one open connection."""

import json
import smtplib
import ssl
import sys
import time

import django
from django.conf import settings

job = json.load(sys.stdin)
if job["about"]:
    print(json.dumps({"version": django.__version__, "time_limit": None}))
    sys.exit()
login = job["login"] or ("", "")
settings.configure(
    EMAIL_HOST=job["host"],
    EMAIL_PORT=job["port"],
    EMAIL_HOST_USER=login[0],
    EMAIL_HOST_PASSWORD=login[1],
    EMAIL_USE_TLS=bool(job["ca"]),
    EMAIL_TIMEOUT=job["timeout"] or None,
)
django.setup()
from django.core.mail import EmailMultiAlternatives, get_connection  # noqa: E402

connection = get_connection()
if job["ca"]:
    connection.__class__ = type(
        "Backend",
        (connection.__class__,),
        {"ssl_context": ssl.create_default_context(cafile=job["ca"])},
    )
messages = {}
connection_is_open = False
for number in job["steps"]:
    wanted = job["mails"][number]
    if number not in messages:
        messages[number] = EmailMultiAlternatives(
            wanted["subject"],
            wanted["text"],
            f"Recruiter <{job['sender']}>",
            wanted["to"],
            connection=connection,
        )
        messages[number].attach_alternative(f"<p>{wanted['text']}</p>", "text/html")
    started = time.monotonic()
    seen = {"ok": True, "said": "", "more": ""}
    try:
        connection.open()
        messages[number].send()
    except Exception as error:
        texts = []
        for part in error.args:
            parts = [t for _, t in part.values()] if isinstance(part, dict) else [part]
            texts += [t.decode(errors="replace") if isinstance(t, bytes) else str(t) for t in parts]
        seen = {"ok": False, "said": "\n".join(texts), "more": "", "error": type(error).__name__}
        if isinstance(error, (TimeoutError, smtplib.SMTPServerDisconnected)):
            connection.close()
    seen["seconds"] = time.monotonic() - started
    print(json.dumps(seen), flush=True)
    if seen["ok"] and job["stop"]:
        break
connection.close()
