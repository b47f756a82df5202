"""Delivery status notifications: what the sender is told of recipients that were left out.

The shape is RFC 3464 and 6522, the parameters are answered as RFC 3461 asks, addresses beyond ASCII
go as RFC 6533 writes them.
"""

import hashlib
import json
import quopri
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from email.header import Header
from email.utils import format_datetime, formataddr, parseaddr

from gateway.core import ids
from gateway.core.decision.note import STATUS, Note, one_line
from gateway.core.decision.note_template import NoteTemplate
from gateway.core.mail import message_ids
from gateway.core.mail.address import lookup_form
from gateway.core.mail.envelope import Recipient, Sender
from gateway.core.mail.headers import Headers

MAX_HEADERS = 64 * 1024  #: Octets of the original's header block that are returned.
MAX_NOTES = 100  #: Recipients whose note is in the text; the others are named only.

MAX_NAMED = 5  #: Addresses in the text's first sentence.

MAX_LISTED = 5_000  #: Recipients that a report of several messages names.

_COMPANY = timedelta(seconds=2)  #: A mailing of one mail per member comes in a burst.
_HOURS_AHEAD = 24
_MAX_THREADS = 20  #: Messages that a report of several hangs on.
_NAME = "Mail gateway"  #: In `From`, where the settings give none.
_MAX_SUBJECT = 200
_MAX_LINE = 998  #: Octets (RFC 5322, 2.1.1).
_NEWLINE = re.compile(rb"\r\n|\r|\n")
_UNSAFE = re.compile(rb"[^\t\r\n\x20-\x7e]")
_XTEXT = re.compile(r"\+([0-9A-F]{2})")
_NO_QCHAR = re.compile(r"[^\x21-\x2a\x2c-\x3c\x3e-\x5b\x5d-\x7e]")


@dataclass(frozen=True, slots=True)
class FailedRecipient:
    """A recipient that was left out, and why."""

    recipient: Recipient
    note: Note


@dataclass(frozen=True, slots=True, kw_only=True)
class DsnReport:
    """What a DSN tells, and of which message."""

    message_id: str  #: Of the DSN itself: `<…@host>`.
    at: datetime  #: Aware; the DSN's date, and times in it are shown in its zone.
    notifier: str  #: The address in `From`, with or without a name.
    hostname: str  #: The gateway's own name.
    message: int  #: The journal's id of the original.
    sender: Sender
    subject: str  #: Of the original, as people read it.
    arrived: datetime
    headers: bytes  #: The original's header block, as received.
    failed: tuple[FailedRecipient, ...]  #: A mailbox named twice is reported once.
    others: int = 0  #: Recipients the message went to all the same.
    given_up: int = 0  #: Recipients it would have gone to, had the client not given up.

    @property
    def mailboxes(self) -> tuple[FailedRecipient, ...]:
        """Each mailbox that was left out, once: with ORCPT where one of its names came with it."""
        kept: dict[str, FailedRecipient] = {}
        for failed in self.failed:
            first = kept.setdefault(lookup_form(failed.recipient.address), failed)
            if first.recipient.orcpt is None and failed.recipient.orcpt is not None:
                kept[lookup_form(failed.recipient.address)] = failed
        return tuple(kept.values())


def owed(sender: Sender, recipient: Recipient) -> bool:
    """Whether the sender must be told that this recipient failed.

    Never the null sender (RFC 5321, 4.5.5), and only where NOTIFY is absent or has FAILURE
    (RFC 3461, 4.1).
    """
    return bool(sender.address) and recipient.wants_failure_notice


def message_key(message: int, attempt_of: int | None) -> str:
    """Return the outbox key by which a transaction and its retries share one DSN.

    `attempt_of` is the first attempt's id, if this is a retry.
    """
    return f"dsn:{ids.show(message if attempt_of is None else attempt_of)}"


def hourly_slots(sender: str, now: datetime) -> Iterator[tuple[str, datetime]]:
    """Yield the outbox keys of a sender's reports from now on, and when each is due.

    A sender (in lookup form) gets two an hour: one at once, or as soon as a few more may have
    come, and at its end one of all the rest. What comes too late for that goes with the next
    hour's.
    """
    hour = int(now.timestamp()) // 3600
    due = now + _COMPANY
    for number in range(hour, hour + _HOURS_AHEAD):
        end = datetime.fromtimestamp((number + 1) * 3600, UTC)
        yield f"dsn:{sender}:{number}", due
        yield f"dsn:{sender}:{number}:rest", end
        due = end


def build(template: NoteTemplate, report: DsnReport) -> bytes:
    """Write the DSN in the template's language, with CRLF line ends, ready to be sent.

    It is 7-bit, unless the original's sender is beyond ASCII: that needs SMTPUTF8 anyway.
    """
    values = _values(template, report)
    if not report.subject.strip():  # The recipients tell more than nothing.
        values["subject"] = values["recipients"]
    chain = message_ids.chain(Headers.parse(report.headers))
    envelope = _Envelope(
        message_id=report.message_id,
        at=report.at,
        notifier=report.notifier,
        recipient=report.sender.address,
        subject=" ".join(template.fill("report subject", values)),
        parents=chain[-1:],
        references=chain,
    )
    parts = (_text(template, report), _status(report), _original(report))
    return _assembled(template, envelope, parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Envelope:
    """What the header of a report says."""

    message_id: str
    at: datetime
    notifier: str
    recipient: str
    subject: str
    parents: Sequence[str]  #: The Message-IDs it hangs on, so that mail programs show it there.
    references: Sequence[str]


def _assembled(template: NoteTemplate, envelope: _Envelope, parts: Sequence[bytes]) -> bytes:
    boundary = hashlib.blake2b(b"".join(parts), digest_size=16).hexdigest()
    delimiter = f"--{boundary}".encode()
    body = b"".join(b"%s\r\n%s\r\n" % (delimiter, part) for part in parts)
    return b"%s\r\n%s%s--\r\n" % (_header(template, envelope, boundary), body, delimiter)


def _header(template: NoteTemplate, envelope: _Envelope, boundary: str) -> bytes:
    name, address = parseaddr(envelope.notifier)
    fields = [
        f"From: {formataddr((name or _NAME, address))}",
        f"To: <{envelope.recipient}>",
        f"Subject: {_encoded(envelope.subject, 'Subject')}",
        f"Date: {format_datetime(envelope.at)}",
        f"Message-ID: {envelope.message_id}",
        "Importance: high",
        "X-Priority: 1",
        "Auto-Submitted: auto-replied",
        "X-Auto-Response-Suppress: All",
        "MIME-Version: 1.0",
        f"Content-Language: {template.language}",
        'Content-Type: multipart/report; report-type="delivery-status";',
        f' boundary="{boundary}"',
    ]
    if envelope.parents:
        fields[5:5] = [
            "In-Reply-To: " + "\r\n ".join(envelope.parents),
            "References: " + "\r\n ".join(envelope.references),
        ]
    return _lines(fields)


def _encoded(text: str, field: str) -> str:
    charset = "us-ascii" if text.isascii() else "utf-8"
    return Header(text, charset, header_name=field).encode(linesep="\r\n")


def _text(template: NoteTemplate, report: DsnReport) -> bytes:
    mailboxes = report.mailboxes
    notes = [failed.note.full for failed in mailboxes[:MAX_NOTES]]
    others = "\n".join(failed.recipient.address for failed in mailboxes[MAX_NOTES:])
    opening = "\n".join(template.fill("report", _values(template, report)))
    return _text_part((opening, *notes, *filter(None, (others,))))


def _text_part(paragraphs: Iterable[str]) -> bytes:
    text = f"\n\n{'-' * 72}\n\n".join(paragraphs) + "\n"
    fields = (
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable",
    )
    return _part(fields, _quoted(text.encode()))


def _values(template: NoteTemplate, report: DsnReport) -> dict[str, str]:
    mailboxes = [one_line(failed.recipient.address) for failed in report.mailboxes]
    subject = one_line(report.subject)[:_MAX_SUBJECT]
    return {
        "state": template.send_failed,
        "subject": subject or "-",
        "now": template.moment(report.arrived.astimezone(report.at.tzinfo)),
        "id": ids.show(report.message),
        "count": str(len(mailboxes)),
        "recipients": _named(mailboxes),
        "others": str(report.others or ""),
        "given_up": str(report.given_up or ""),
    }


def _named(mailboxes: Sequence[str]) -> str:
    """Name a few: `ann@example.org, bob@example.org … (+12)`."""
    more = len(mailboxes) - MAX_NAMED
    return ", ".join(mailboxes[:MAX_NAMED]) + (f" … (+{more})" if more > 0 else "")


def _status(report: DsnReport) -> bytes:
    is_international = not report.sender.address.isascii()
    groups = (_of_recipient(failed, is_international) for failed in report.mailboxes)
    return _status_part([_of_message(report), *groups], is_international)


def _status_part(groups: Iterable[Sequence[str]], is_international: bool) -> bytes:
    content = "global-delivery-status" if is_international else "delivery-status"
    encoding = "8bit" if is_international else "7bit"
    fields = (f"Content-Type: message/{content}", f"Content-Transfer-Encoding: {encoding}")
    return _part(fields, b"\r\n".join(map(_lines, groups)))


def _of_message(report: DsnReport) -> Sequence[str]:
    fields = (
        f"Reporting-MTA: dns; {report.hostname}",
        f"X-Gateway-Message: {ids.show(report.message)}",
        f"Arrival-Date: {format_datetime(report.arrived)}",
    )
    if report.sender.envid is None:
        return fields
    return (f"Original-Envelope-Id: {_plain(report.sender.envid)}", *fields)


def _of_recipient(failed: FailedRecipient, is_international: bool) -> Sequence[str]:
    return _group(
        failed.recipient.address, failed.recipient.orcpt, failed.note.short[0], is_international
    )


def _group(mailbox: str, orcpt: str | None, reason: str, is_international: bool) -> Sequence[str]:
    fields = (
        f"Final-Recipient: {_typed(mailbox, is_international)}",
        "Action: failed",
        f"Status: {STATUS}",
        f"Diagnostic-Code: smtp; 550 {STATUS} {reason}",
    )
    if orcpt is None:
        return fields
    kind, _, address = orcpt.partition(";")
    return (f"Original-Recipient: {kind}; {_plain(address)}", *fields)


def _typed(address: str, is_international: bool) -> str:
    """Return the type and the address (RFC 3464, 2.1.2; RFC 6533, 3)."""
    if address.isascii():
        return f"rfc822; {address}"
    if is_international:
        return f"utf-8; {address}"
    return "utf-8; " + _NO_QCHAR.sub(lambda found: f"\\x{{{ord(found[0]):02X}}}", address)


def _plain(xtext: str) -> str:
    """Decode xtext (RFC 3461, 4), unless that would put more than printable ASCII in a field."""
    text = _XTEXT.sub(lambda found: chr(int(found[1], 16)), xtext)
    return text if text.isascii() and text.isprintable() else xtext


def _original(report: DsnReport) -> bytes:
    block = _bounded(_NEWLINE.sub(b"\n", report.headers).rstrip(b"\n") + b"\n")
    encoding = "quoted-printable" if _needs_encoding(block) else "7bit"
    content = _quoted(block) if _needs_encoding(block) else block.replace(b"\n", b"\r\n")
    fields = ("Content-Type: text/rfc822-headers", f"Content-Transfer-Encoding: {encoding}")
    return _part(fields, content)


def _bounded(block: bytes) -> bytes:
    if len(block) <= MAX_HEADERS:
        return block
    return block[: block.rfind(b"\n", 0, MAX_HEADERS) + 1] or block[:MAX_HEADERS]


def _needs_encoding(block: bytes) -> bool:
    return bool(_UNSAFE.search(block)) or max(map(len, block.split(b"\n"))) > _MAX_LINE


def _quoted(octets: bytes) -> bytes:
    return quopri.encodestring(octets).replace(b"\n", b"\r\n")


def _part(fields: Iterable[str], content: bytes) -> bytes:
    return b"%s\r\n%s" % (_lines(fields), content)


def _lines(fields: Iterable[str]) -> bytes:
    return "".join(f"{field}\r\n" for field in fields).encode()


# Several messages in one report


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A mailbox one of several messages did not go to."""

    mailbox: str
    orcpt: str | None
    reason: str  #: One line of ASCII.


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedMessage:
    """What a report of several messages tells of one."""

    message: int  #: The journal's id.
    language: str  #: Of the reader.
    subject: str  #: As people read it.
    message_id: str  #: Empty where the message has none that is well-formed.
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a report of several messages tells."""

    message_id: str  #: Of the report itself: `<…@host>`.
    at: datetime  #: Aware; times in it are shown in its zone.
    notifier: str  #: The address in `From`, with or without a name.
    hostname: str  #: The gateway's own name.
    recipient: str  #: Who sent the messages, as written in the envelope.
    messages: int  #: How many messages it is about, and how many recipients; more than are told.
    recipients: int
    since: datetime  #: When the first of the messages came.
    told: tuple[ReportedMessage, ...]  #: Those that are named, of `MAX_LISTED` recipients about.
    notes: Mapping[tuple[int, str], str]  #: By message and mailbox, of the first `MAX_NOTES`.


def digest(report: DsnReport, language: str) -> str:
    """Return what a report of several messages needs of one, as JSON; `read_digest` reads it."""
    told = ReportedMessage(
        message=report.message,
        language=language,
        subject=one_line(report.subject)[:_MAX_SUBJECT],
        message_id=message_ids.own(Headers.parse(report.headers)),
        left_out=tuple(
            LeftOut(
                mailbox=failed.recipient.address,
                orcpt=failed.recipient.orcpt,
                reason=failed.note.short[0],
            )
            for failed in report.mailboxes
        ),
    )
    return json.dumps(asdict(told), ensure_ascii=False)


def read_digest(text: str) -> ReportedMessage:
    """Read what `digest` wrote."""
    fields = json.loads(text)
    return ReportedMessage(
        **{**fields, "left_out": tuple(LeftOut(**one) for one in fields["left_out"])}
    )


def build_summary(template: NoteTemplate, summary: Summary) -> bytes:
    """Write one report of several messages, in the template's language, with CRLF line ends."""
    parents = list(filter(None, dict.fromkeys(told.message_id for told in summary.told)))
    values = _summary_values(template, summary)
    envelope = _Envelope(
        message_id=summary.message_id,
        at=summary.at,
        notifier=summary.notifier,
        recipient=summary.recipient,
        subject=" ".join(template.fill("reports subject", values)),
        parents=parents[:_MAX_THREADS],
        references=parents[:_MAX_THREADS],
    )
    is_international = not summary.recipient.isascii()
    groups = [[f"Reporting-MTA: dns; {summary.hostname}"]]
    for told in summary.told:
        about = [f"X-Gateway-Message: {ids.show(told.message)}"]
        if told.message_id:
            about.append(f"X-Original-Message-ID: {told.message_id}")
        groups += (
            [*_group(one.mailbox, one.orcpt, one.reason, is_international), *about]
            for one in told.left_out
        )
    text = _summary_text(template, summary, values)
    return _assembled(template, envelope, (text, _status_part(groups, is_international)))


def _summary_values(template: NoteTemplate, summary: Summary) -> dict[str, str]:
    zone = summary.at.tzinfo
    named = sum(len(told.left_out) for told in summary.told)
    return {
        "state": template.send_failed,
        "messages": str(summary.messages),
        "count": str(summary.recipients),
        "more": str(max(0, summary.recipients - named) or ""),
        "sender": one_line(summary.recipient),
        "since": template.moment(summary.since.astimezone(zone)),
        "now": template.moment(summary.at),
        "day": (summary.since.astimezone(zone) - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M"),
    }


def _summary_text(template: NoteTemplate, summary: Summary, values: Mapping[str, str]) -> bytes:
    zone = summary.at.tzinfo
    listed = [
        "\n".join(
            (
                *template.fill(
                    "reports message",
                    {
                        "id": ids.show(told.message),
                        "now": template.moment(ids.moment_of(told.message).astimezone(zone)),
                        "subject": told.subject or "-",
                    },
                ),
                *(f"  {one_line(one.mailbox)}: {one.reason}" for one in told.left_out),
            )
        )
        for told in summary.told
    ]
    notes = (
        summary.notes.get((told.message, one.mailbox), "")
        for told in summary.told
        for one in told.left_out
    )
    opening = "\n".join(template.fill("reports", values))
    more = "\n".join(template.fill("reports more", values))
    return _text_part(filter(None, (opening, "\n\n".join(listed), more, *notes)))
