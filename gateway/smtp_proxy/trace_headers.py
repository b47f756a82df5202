"""The header lines the gateway puts on top, and the loops they show.

Received: from crm.example.org ([192.0.2.7])
    by gateway.example.org with ESMTPSA id 7GKQ-3M;
    Sat, 28 Nov 2026 10:00:00 +0100
X-Gateway-Loop: 5c1f…
"""

from gateway.core.mail.headers import Headers
from gateway.smtp_proxy.transaction_record import Client

MAX_RECEIVED = 100  #: RFC 5321, 6.3.
MAX_LOOPS = 3  #: How often one message may come by here.
LOOP_HEADER = "X-Gateway-Loop"


def trace(
    client: Client, *, lmtp: bool, hostname: str, instance: str, message: str, date: str
) -> bytes:
    """Return the lines for a message (RFC 5321, 4.4; RFC 3848)."""
    protocol = ("LMTP" if lmtp else "ESMTP") if client.extended else "SMTP"
    protocol += ("S" if client.tls else "") + ("A" if client.login else "")
    helo = client.helo.encode("ascii", "replace").decode()
    return (
        f"Received: from {helo} ([{client.ip}])\r\n"
        f"\tby {hostname} with {protocol} id {message};\r\n"
        f"\t{date}\r\n"
        f"{LOOP_HEADER}: {instance}\r\n"
    ).encode()


def is_looping(headers: Headers, instance: str) -> bool:
    """Whether a message has come by here, or anywhere, too often."""
    own = headers.texts(LOOP_HEADER.lower()).count(instance)
    return own >= MAX_LOOPS or headers.count("received") >= MAX_RECEIVED
