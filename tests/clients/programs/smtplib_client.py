"""Python's smtplib with the mail built by email.message; send_message returns who was refused."""

import json
import smtplib
import ssl
import sys
import time
from email.message import EmailMessage


def text_of(value):
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


job = json.load(sys.stdin)
if job["about"]:
    print(json.dumps({"version": sys.version.split()[0], "time_limit": None}))
    sys.exit()
server = None
messages = {}


def connected():
    options = {"timeout": job["timeout"]} if job["timeout"] else {}
    client = smtplib.SMTP(job["host"], job["port"], **options)
    client.ehlo()
    if job["ca"]:
        client.starttls(context=ssl.create_default_context(cafile=job["ca"]))
        client.ehlo()
    if job["login"]:
        client.user, client.password = job["login"]
        method = client.auth_login if job["mechanism"] == "LOGIN" else client.auth_plain
        client.auth(job["mechanism"], method)
    return client


for number in job["steps"]:
    wanted = job["mails"][number]
    message = messages.get(number)
    if message is None:
        message = messages[number] = EmailMessage()
        message["From"] = f"Recruiter <{job['sender']}>"
        message["To"] = ", ".join(wanted["to"])
        message["Subject"] = wanted["subject"]
        message.set_content(wanted["text"])
        message.add_alternative(f"<p>{wanted['text']}</p>", subtype="html")
    started = time.monotonic()
    seen = {"ok": True, "said": "", "more": ""}
    try:
        server = server if server and server.sock else connected()
        refused = server.send_message(message)
        if refused:
            # A dictionary, not an exception: {"ann@example.org": (550, b"5.7.1 ...")}
            seen["more"] = "\n".join(text_of(text) for _, text in refused.values())
            seen["said"] = seen["more"]
    except Exception as error:
        texts = []
        for part in error.args:
            texts += (
                [text_of(t) for _, t in part.values()]
                if isinstance(part, dict)
                else [text_of(part)]
            )
        said = "\n".join(texts)
        seen = {"ok": False, "said": said, "more": "", "error": type(error).__name__}
        if isinstance(error, (TimeoutError, smtplib.SMTPServerDisconnected)):
            server = None
    seen["seconds"] = time.monotonic() - started
    print(json.dumps(seen), flush=True)
    if seen["ok"] and job["stop"]:
        break
