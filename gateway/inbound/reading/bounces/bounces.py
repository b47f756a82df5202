"""What a bounce, a complaint or a delivery report says, standard or not.

It tries, in this order: a complaint in the abuse reporting format (RFC 5965), Amazon SES's
notifications, the fields of a delivery report (RFC 3464, RFC 6533) as a part or as text, the words
of a non-standard bounce (`gateway.core.bounces.notice_text`), and if those name nobody, Mailman's
detectors (`flufl.bounce`).
"""

import logging
import re
from collections.abc import Iterator
from email.message import Message
from functools import partial
from itertools import islice

from gateway.core.bounces.bounce import Bounce, BounceKind, told_of_sender
from gateway.core.bounces.notice_text import MOST_LINES, essence, failures_in, notice_of
from gateway.core.bounces.reason import Reason
from gateway.core.bounces.why import why_of
from gateway.core.mail.automatic import Automatic, automatic_kind
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
from gateway.inbound.reading.bounces.ses_notifications import NOTIFIES, notified
from gateway.inbound.reading.bounces.status_fields import groups_in, of_group
from gateway.inbound.reading.texts import children

_MOST_RECIPIENTS = 100
_LONGEST_SCANNED = 100_000  #: Characters of a mail examined by Mailman's detectors.
#: Senders of bounces. People and their programs also quote bounces, and write about addresses that
#: don't work; from them, only a mail in the form of a report counts.
_SERVER = re.compile(
    r"\A\s*\Z|<>|daemon|post[-_ ]?master|mail.{0,3}(?:delivery|system|server|gateway)"
    r"|(?:system|mail) ?administrator",
    re.IGNORECASE,
)
_AMAZON = "@sns.amazonaws.com"
_DOMAIN = re.compile(r"@[^\s<>@]{1,255}")  #: People have addresses at `mailserver.example`, too.
#: Some mobile carriers send bounces from such an address, and many auto-responders use one; only
#: the carriers return the mail.
_NO_REPLY = re.compile(r"\bno[-_.]?reply", re.IGNORECASE)
#: Outlook.com's complaints (JMRP) have the original attached and no RFC 5965 report.
_COMPLAINT_SUBJECT = re.compile(r"\s*complaint about message from", re.IGNORECASE)
_COMPLAINT_SENDER = re.compile(r"\bstaff@(?:hotmail|outlook|live|msn)\.", re.IGNORECASE)
_TO = re.compile(
    r"^[ \t]{0,40}(?:to|rcpt to):.{0,200}?([^\s<>@\":]{1,64}@[\w.-]{1,255})",
    re.IGNORECASE | re.MULTILINE,
)
_ANSWER = re.compile(r"\s*(?:re|aw|antw|antwort|antwoord|rép|sv|vs)\s*:", re.IGNORECASE)
#: Senders that are never a person.
_DAEMON = re.compile(r"\A\s*\Z|<>|\bmailer[-_.]?daemon\b", re.IGNORECASE)
_ID_BELOW = re.compile(r"^[ \t]{0,10}message-id:", re.IGNORECASE | re.MULTILINE)
#: Subjects of mails that list other people's bounces, or mail held in quarantine.
_DIGEST = re.compile(
    r"digest|quarant|summary|statistic|overview|\b(?:daily|weekly|monthly|nightly)\b|zusammenfassung"
    r"|tagesbericht|wochenbericht|übersicht|samenvatting|overzicht|résumé|récapitulatif|résum",
    re.IGNORECASE,
)
#: A server's words about a failure, with the status (RFC 3463) at the start of a line, or after the
#: reply: `550 5.1.10 …`. On its own, the status ends in a single digit: `4.7.26` is a date.
_FAILED = re.compile(
    r"(?:\A[\s>*\-•·]*[45]\.[0-7]\.\d|(?<!\d)[45]\d\d[ -][45]\.[0-7]\.\d{1,3})[ :-]{1,3}[^\W\d]"
)
_RCPT_LINE = re.compile(r"^[ \t]{0,40}rcpt to:", re.IGNORECASE | re.MULTILINE)
_DELAYED = re.compile(
    r"\bdelay|\bwarning\b|will be retried|still being tried|verzögert|vertraagd|\bretard",
    re.IGNORECASE,
)


def read_bounces(mail: Message) -> tuple[Bounce, ...]:
    """Return what a mail says about each recipient; empty if it isn't a bounce."""
    parts = take_apart(mail)
    is_report = mail.get_content_type() == "multipart/report" and bool(
        parts.groups or parts.feedback or parts.rejection
    )
    is_notice = _is_of_a_server(parts) and _has_form_of_bounce(parts)
    if not (is_report or is_notice or _is_outlook_complaint(parts)):
        return ()
    bounces = tuple(islice(_bounces(parts), _MOST_RECIPIENTS))
    if not bounces and parts.original is not None:
        # A filter has attached the bounce to its own notice.
        within = take_apart(parts.original)
        if within.groups:
            bounces = tuple(islice(_bounces(within), _MOST_RECIPIENTS))
    bounces = bounces or tuple(islice(detected(parts), _MOST_RECIPIENTS))
    senders = _senders_of(parts)
    return tuple(told_of_sender(bounce, senders) for bounce in bounces)


def _senders_of(parts: BounceParts) -> list[str]:
    """Return the senders of the returned mail: the bounce's recipient, the original's sender."""
    fields = [str(parts.mail.get("to", ""))]
    if parts.original is not None:
        fields += [str(parts.original.get(name, "")) for name in ("return-path", "sender", "from")]
    return [address for _, address in mailboxes_in(fields) if "@" in address]


def _is_of_a_server(parts: BounceParts) -> bool:
    """Whether a mail seems to be written by a mail server or a related program."""
    mail = parts.mail
    sender = str(mail.get("from", ""))
    if mail.get("x-failed-recipients"):
        return True
    # Somebody who reads a postmaster's mailbox, or has such a name, also replies to mail. Bounces
    # from gateways to mobile phones also begin like a reply (`post_master@vtext.com`, 2012), but
    # they say `RCPT TO: …`.
    is_answer = _ANSWER.match(str(mail.get("subject", ""))) is not None
    if is_answer and parts.original is None and not _RCPT_LINE.search(parts.notice):
        return False
    if _SERVER.search(_DOMAIN.sub("@", sender)) or _AMAZON in sender.casefold():
        return True
    # An auto-responder names no failed address, or one that nothing was sent to.
    if parts.original is not None and _NO_REPLY.search(sender) and failures_in(parts.notice):
        return True
    refers = mail.get("in-reply-to") is not None or mail.get("references") is not None
    kind = automatic_kind(lambda name: str(mail.get(name, "")))
    return kind is Automatic.DELIVERY_REPORT and not refers


def _has_form_of_bounce(parts: BounceParts) -> bool:
    """Whether a server's mail is about a returned one.

    Servers also send lists of other people's mail (`Quarantine digest`), and people write as
    `postmaster@`. A bounce returns the mail or its id, has the fields, subject or wording of one,
    or comes from `MAILER-DAEMON`.
    """
    if parts.groups or parts.feedback or parts.original is not None:
        return True
    notice, failed = parts.notice, parts.mail.get("x-failed-recipients")
    if failed or (notice.lstrip().startswith("{") and NOTIFIES.search(notice)):
        return True
    subject = field(parts.mail, "subject")
    is_subject = (
        automatic_kind(lambda name: subject if name == "subject" else "")
        is Automatic.DELIVERY_REPORT
    )
    # In `Undeliverable: Weekly overview` the digest's name is the subject of the returned mail.
    if _DIGEST.search(subject) and not (is_subject and len(failures_in(notice)) < 2):
        return False
    return bool(
        is_subject
        or _DAEMON.search(str(parts.mail.get("from", "")))
        or _RCPT_LINE.search(notice)
        or _ID_BELOW.search(notice)
        or len(notice_of(notice)) < len(notice.splitlines()[:MOST_LINES])
        or next(groups_in(notice), None) is not None
        or (_is_report_by_envelope(parts) and says_what_failed(notice))
        or _known_to_mailman(parts)
    )


def _is_report_by_envelope(parts: BounceParts) -> bool:
    """Whether a mail has the null sender (RFC 5321, 4.5.5) and isn't an automatic reply."""
    value = partial(field, parts.mail)
    is_answer = automatic_kind(value) is Automatic.AUTO_REPLY
    return value("return-path").strip() == "<>" and not is_answer


def says_what_failed(notice: str) -> bool:
    """Whether a notice names one address and the status of a failure: `5.4.1 Access denied`.

    A list of other people's mail names more. Anybody's text may contain numbers and `error:`, such
    as that of somebody who left a company, and delivered mail has codes, too: `251 User not local`.
    """
    failed = any(map(_FAILED.search, notice_of(notice)))
    return failed and len(failures_in(notice)) == 1


def _is_outlook_complaint(parts: BounceParts) -> bool:
    return (
        parts.original is not None
        and _COMPLAINT_SUBJECT.match(str(parts.mail.get("subject", ""))) is not None
        and _COMPLAINT_SENDER.search(str(parts.mail.get("from", ""))) is not None
    )


def _bounces(parts: BounceParts) -> Iterator[Bounce]:
    subject = field(parts.mail, "subject")
    if parts.feedback is not None or _is_outlook_complaint(parts):
        yield from complaints_of(parts)
        return
    if parts.notice.lstrip().startswith("{") and NOTIFIES.search(parts.notice):
        yield from notified(parts.notice)
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
    kind = BounceKind.DELAY if _DELAYED.search(subject) else BounceKind.BOUNCE
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


def _of_bounded_size(parts: BounceParts) -> Message:
    """Return the mail, or if it is long, only its text for people: every line takes time."""
    size, stack = 0, [parts.mail]
    while stack and size <= _LONGEST_SCANNED:
        part = stack.pop()
        payload = part.get_payload()
        size += len(payload) if isinstance(payload, str) else 100
        stack += children(part)
    if size <= _LONGEST_SCANNED:
        return parts.mail
    short = Message()
    for name in ("from", "to", "subject", "x-mailer"):
        if parts.mail.get(name):
            short[name] = str(parts.mail[name])[:1_000]
    short.set_payload("\n".join(notice_of(parts.notice)))
    return short


def _known_to_mailman(parts: BounceParts) -> set[str]:
    """Return the addresses that Mailman's detectors find."""
    from flufl.bounce import scan_message  # few bounces need it, and every reader would import it

    # It logs what it raises, with a traceback that would end up on a terminal.
    logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)
    try:
        return {
            address.decode("ascii", "replace") if isinstance(address, bytes) else str(address)
            for address in scan_message(_of_bounded_size(parts))
        }
    except Exception:  # flufl.bounce 6.0: some detectors fail on mail without From, for example
        return set()


def detected(parts: BounceParts) -> Iterator[Bounce]:
    """Yield the addresses that Mailman's detectors find, else those the original was sent to."""
    failed = str(parts.mail.get("x-failed-recipients", ""))
    addresses = sorted(_known_to_mailman(parts))
    addresses = addresses or [address for _, address in mailboxes_in([failed]) if address]
    if not addresses and parts.original is not None:
        addresses = recipients_of(parts.original)
    texts = essence(notice_of(parts.notice))
    subject = field(parts.mail, "subject")
    for address in addresses or _TO.findall(parts.notice)[:1]:
        yield Bounce(
            kind=BounceKind.DELAY if _DELAYED.search(subject) else BounceKind.BOUNCE,
            recipient=address,
            diagnostic=on_one_line(texts[0] or texts[1]),
            reason=why_of(texts, recipient=address),
        )
