"""What a bounce, a complaint or a delivery report says, standard or not.

It tries, in this order: a complaint in the abuse reporting format (RFC 5965), Amazon SES's
notifications, the fields of a delivery report (RFC 3464, RFC 6533) as a part or as text, the words
of a non-standard bounce (`gateway.core.bounces.notice_text`), and if those name nobody, Mailman's
detectors (`flufl.bounce`).
"""

import re
from collections.abc import Iterator
from email.message import Message
from itertools import islice

from gateway.core.bounces.bounce import Bounce, BounceKind, told_of_sender
from gateway.core.bounces.notice_text import essence, failures_in, notice_of
from gateway.core.bounces.reason import Reason
from gateway.core.bounces.why import why_of
from gateway.core.mail.headers import mailboxes_in
from gateway.inbound.reading.bounces.bounce_parts import (
    BounceParts,
    address_in,
    field,
    on_one_line,
    recipients_of,
    take_apart,
)
from gateway.inbound.reading.bounces.complaints import complaints_of
from gateway.inbound.reading.bounces.mailman_detectors import addresses_by_mailman
from gateway.inbound.reading.bounces.notices_of_servers import is_notice
from gateway.inbound.reading.bounces.ses_notifications import NOTIFIES, read_notification
from gateway.inbound.reading.bounces.status_fields import groups_in, of_group

_MOST_RECIPIENTS = 100
#: Outlook.com's complaints (JMRP) have the original attached and no RFC 5965 report.
_COMPLAINT_SUBJECT = re.compile(r"\s*complaint about message from", re.IGNORECASE)
_COMPLAINT_SENDER = re.compile(r"\bstaff@(?:hotmail|outlook|live|msn)\.", re.IGNORECASE)
_TO = re.compile(
    r"^[ \t]{0,40}(?:to|rcpt to):.{0,200}?([^\s<>@\":]{1,64}@[\w.-]{1,255})",
    re.IGNORECASE | re.MULTILINE,
)
_DELAYED = re.compile(
    r"\bdelay|\bwarning\b|will be retried|still being tried|verzögert|vertraagd|\bretard",
    re.IGNORECASE,
)
#: `Undeliverable: Warning: your certificate expires`: the returned mail's subject follows.
_FAILED_SUBJECT = re.compile(
    r"[^:]{0,80}?(?:undeliver|not delivered|returned|fail|unzustellbar|nicht zustellbar"
    r"|onbestelbaar|niet bestelbaar|mislukt|non remis|échec|non distribu|no se puede|no entregado"
    r"|mancat|non recapitabile|não|kan ikke|kan inte|niedostarcz|nie można)[^:]{0,80}:",
    re.IGNORECASE,
)


def read_bounces(mail: Message) -> tuple[Bounce, ...]:
    """Return what a mail says about each recipient; empty if it isn't a bounce."""
    parts = take_apart(mail)
    is_report = mail.get_content_type() == "multipart/report" and bool(
        parts.groups or parts.feedback or parts.rejection
    )
    if not (is_report or is_notice(parts) or _is_outlook_complaint(parts)):
        return ()
    bounces = tuple(islice(_bounces(parts), _MOST_RECIPIENTS))
    if not bounces and parts.original is not None:
        # A filter has attached the bounce to its own notice.
        within = take_apart(parts.original)
        if within.groups:
            bounces = tuple(islice(_bounces(within), _MOST_RECIPIENTS))
    bounces = bounces or tuple(islice(detect_bounces(parts), _MOST_RECIPIENTS))
    senders = _senders_of(parts)
    return tuple(told_of_sender(bounce, senders) for bounce in bounces)


def _senders_of(parts: BounceParts) -> list[str]:
    """Return the senders of the returned mail: the bounce's recipient, the original's sender."""
    fields = [str(parts.mail.get("to", ""))]
    if parts.original is not None:
        fields += [str(parts.original.get(name, "")) for name in ("return-path", "sender", "from")]
    return [address for _, address in mailboxes_in(fields) if "@" in address]


def _is_outlook_complaint(parts: BounceParts) -> bool:
    return (
        parts.original is not None
        and _COMPLAINT_SUBJECT.match(str(parts.mail.get("subject", ""))) is not None
        and _COMPLAINT_SENDER.search(str(parts.mail.get("from", ""))) is not None
    )


def _bounces(parts: BounceParts) -> Iterator[Bounce]:
    if parts.feedback is not None or _is_outlook_complaint(parts):
        yield from complaints_of(parts)
        return
    if parts.notice.lstrip().startswith("{") and NOTIFIES.search(parts.notice):
        yield from read_notification(parts.notice)
        return
    if parts.rejection is not None and "final-recipient" in parts.rejection:
        yield _refused_by_recipient(parts.rejection, parts.notice)
        return
    senders = [address for _, address in mailboxes_in([str(parts.mail.get("to", ""))])]
    failures = failures_in(parts.notice, senders=senders)
    groups = parts.groups or list(groups_in(parts.notice))
    is_only = sum("final-recipient" in group for group in groups) < 2
    is_reported = False
    for group in groups:
        for bounce in of_group(group, parts.notice, failures, is_only=is_only):
            is_reported = True
            yield bounce
    if is_reported:
        return
    kind = _kind_by_subject(parts)
    for failure in failures:
        texts = essence(failure.lines)
        yield Bounce(
            kind=kind,
            recipient=failure.recipient,
            diagnostic=on_one_line(texts[0] or texts[1]),
            reason=why_of(texts, recipient=failure.recipient),
        )


def _refused_by_recipient(receipt: Message, notice: str) -> Bounce:
    """Return what a Sieve script says about a mail that it rejected.

    A person wrote the reason (`reject "user unknown";`): it proves nothing about the address.
    """
    return Bounce(
        kind=BounceKind.BOUNCE,
        recipient=address_in(field(receipt, "final-recipient")),
        diagnostic=on_one_line(notice),
        reason=Reason.FILTERED,
    )


def _kind_by_subject(parts: BounceParts) -> BounceKind:
    """Return whether a bounce without fields is final or still being tried."""
    subject = field(parts.mail, "subject")
    failed = _FAILED_SUBJECT.match(subject)
    is_delayed = _DELAYED.search(failed[0] if failed else subject)
    return BounceKind.DELAY if is_delayed else BounceKind.BOUNCE


def detect_bounces(parts: BounceParts) -> Iterator[Bounce]:
    """Yield the addresses that Mailman's detectors find, else those the original was sent to."""
    failed = str(parts.mail.get("x-failed-recipients", ""))
    addresses = sorted(addresses_by_mailman(parts))
    addresses = addresses or [address for _, address in mailboxes_in([failed]) if address]
    is_presumed = not addresses  # It names nobody, and only the returned mail is addressed.
    if is_presumed and parts.original is not None:
        addresses = recipients_of(parts.original)
    texts = essence(notice_of(parts.notice))
    kind = _kind_by_subject(parts)
    for address in addresses or _TO.findall(parts.notice)[:1]:
        yield Bounce(
            kind=kind,
            recipient=address,
            diagnostic=on_one_line(texts[0] or texts[1]),
            reason=why_of(texts, recipient=address),
            is_presumed=is_presumed,
        )
