#!/usr/bin/env bash
# Guess: aiosmtpd's handler Proxy ("a relatively simple SMTP proxy", as its documentation has it) hands on
#   what that server says: who is refused there is refused here, or the mail is if nobody is left, and with 451
#   where the server can't be reached.
# What happens: it says 250 to each RCPT by itself and "250 OK" after the dot, whatever comes of it: everybody
#   refused, the content refused or put off, the server away. There is no bounce, and nothing is kept or tried
#   again. What is left is a line of its logger: for RCPT at INFO, which nobody sees, else a traceback.
# Why it matters to a mail gateway: a small filter or an adapter in front of the gateway is made of it in ten lines,
#   and its users test with mail that goes. From then on every suppressed recipient counts as sent to, and
#   while the gateway starts anew mail is lost. It adds a field X-Peer as well. Such a program must return what
#   smtplib raised or returned from handle_DATA, and refuse when it isn't sure.
# Versions: aiosmtpd 1.4.6, Python 3.11.7; 2026-11-30.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
timeout 180 venv/bin/pip install -q aiosmtpd==1.4.6 2>/dev/null

timeout 60 venv/bin/python - <<'PYTHON'
import logging
import smtplib
import socket
from importlib.metadata import version

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Proxy

MAIL = b"From: office@example.com\r\nTo: ann@example.org\r\nSubject: Hello\r\n\r\nHello\r\n"


class Server:
    """Refuses or puts off bob, or everybody, or the content."""

    def __init__(self, what):
        self.what, self.taken = what, []

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.what == "refuses everybody" or self.what == "refuses bob" and address.startswith("bob@"):
            return "550 5.7.1 Not this one"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server, session, envelope):
        if self.what == "refuses the content":
            return "554 5.7.1 Not this content"
        if self.what == "puts off":
            return "451 4.3.0 Later"
        self.taken += [address.partition("@")[0] for address in envelope.rcpt_tos]
        return "250 2.0.0 Taken"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def said(port):
    """What a client hears of a mail to three: the replies to RCPT, and to the content."""
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        client.ehlo()
        client.mail("office@example.com")
        codes = [client.rcpt(f"{name}@example.org")[0] for name in ("ann", "bob", "cleo")]
        return codes, client.data(MAIL)[0] if 250 in codes else None


logging.disable()  # a traceback for each of the last three
print("aiosmtpd", version("aiosmtpd"))
changed = False
for what, taken in {
    "takes all": ["ann", "bob", "cleo"],
    "refuses bob": ["ann", "cleo"],
    "refuses everybody": [],
    "refuses the content": [],
    "puts off": [],
    "is away": [],
}.items():
    server, port = Server(what), free_port()
    behind = Controller(server, hostname="127.0.0.1", port=port)
    before = Controller(Proxy("127.0.0.1", port), hostname="127.0.0.1", port=free_port())
    if what != "is away":
        behind.start()
    before.start()
    try:
        heard = said(before.port)
    finally:
        before.stop()
        if what != "is away":
            behind.stop()
    print(f"the server {what}: the client hears {heard}, the server took it for {server.taken}")
    changed = changed or heard != ([250, 250, 250], 250) or server.taken != taken
raise SystemExit("no longer so" if changed else 0)
PYTHON
