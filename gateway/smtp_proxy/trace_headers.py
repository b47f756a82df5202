"""The header lines the gateway adds on top, and detecting loops by them.

Received: from crm.example.org ([192.0.2.7])
    by gateway.example.org with ESMTPSA id 7GKQ-3M;
    Sat, 28 Nov 2026 10:00:00 +0100
List-Unsubscribe: <https://mail.example.org/u/…>          if a listener or rule requests it
List-Unsubscribe-Post: List-Unsubscribe=One-Click
X-Gateway-Loop: 5c1f…
"""

from collections.abc import Sequence

from gateway.core.bounces.unsubscribe import NamedDelivery
from gateway.core.decision.classify import Classification
from gateway.core.kinds import Kind
from gateway.core.mail.headers import Headers
from gateway.smtp_proxy.policy import ListenerPolicy, Policy
from gateway.smtp_proxy.transaction_record import SmtpClient, TransactionRecord

MAX_RECEIVED = 100  #: RFC 5321, 6.3.
MAX_LOOPS = 3  #: How often one message may pass through here.
LOOP_HEADER = "X-Gateway-Loop"

#: A mail with one of these fields already has a way to unsubscribe, or a signature that covers none
#: (RFC 6376; RFC 8617, 4.1.2).
_NO_MORE = (
    "list-unsubscribe",
    "list-unsubscribe-post",
    "dkim-signature",
    "arc-message-signature",
)


def trace(
    client: SmtpClient,
    *,
    lmtp: bool,
    hostname: str,
    instance: str,
    message: str,
    date: str,
    fields: Sequence[str] = (),
) -> bytes:
    """Return the lines for a message (RFC 5321, 4.4; RFC 3848), with further fields of our own."""
    protocol = ("LMTP" if lmtp else "ESMTP") if client.extended else "SMTP"
    protocol += ("S" if client.tls else "") + ("A" if client.login else "")
    helo = client.helo.encode("ascii", "replace").decode()
    return (
        f"Received: from {helo} ([{client.ip}])\r\n"
        f"\tby {hostname} with {protocol} id {message};\r\n"
        f"\t{date}\r\n"
        f"{''.join(f'{field}{_END}' for field in fields)}"
        f"{LOOP_HEADER}: {instance}\r\n"
    ).encode()


_END = "\r\n"


def unsubscribe_fields(
    policy: Policy, listener: ListenerPolicy, record: TransactionRecord
) -> Sequence[str]:
    """Return the unsubscribe fields for bulk mail that should get them.

    It must be certain that the mail has none, that it isn't signed yet, and who its only reader is.
    """
    if policy.links is None:
        return ()
    if not adds_unsubscribe(policy, listener, record.classification, record.headers):
        return ()
    going = [position for position, entry in enumerate(record.entries) if entry.is_going]
    if len(going) != 1:
        return ()
    return policy.links.fields(NamedDelivery(record.id, going[0]))


def adds_unsubscribe(
    policy: Policy, listener: ListenerPolicy, classification: Classification, headers: Headers
) -> bool:
    """Whether a mail to one recipient gets these fields."""
    is_wanted = listener.adds_unsubscribe or classification.rule in policy.unsubscribe_rules
    if policy.links is None or not is_wanted or classification.kind is not Kind.BULK:
        return False
    return headers.whole and not any(name in headers for name in _NO_MORE)


def is_looping(headers: Headers, instance: str) -> bool:
    """Whether a message has passed through here, or anywhere, too often."""
    if headers.count("received") >= MAX_RECEIVED:
        return True
    name = LOOP_HEADER.lower()
    return name in headers and headers.texts(name).count(instance) >= MAX_LOOPS
