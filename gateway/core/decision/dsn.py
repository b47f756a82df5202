"""Delivery status notifications: the report to the sender on recipients that were left out.

The format is RFC 3464 and RFC 6522, parameters are handled as RFC 3461 says, non-ASCII addresses as
RFC 6533 does.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import urlencode

from gateway.core import ids
from gateway.core.decision.delivery_status import decoded_xtext, recipient_group, status_part
from gateway.core.decision.note import Note
from gateway.core.decision.note_template import NoteTemplate
from gateway.core.decision.suppression_wording import one_line
from gateway.core.mail import message_ids, own_mail
from gateway.core.mail.address import lookup_form
from gateway.core.mail.envelope import Recipient, Sender
from gateway.core.mail.headers import Headers
from gateway.core.mail.mail_writer import multipart, part, quoted_printable, text_part
from gateway.core.written import colon

MAX_HEADERS = 64 * 1024  #: Octets of the original's header block that are returned.
MAX_NOTES = 100  #: Recipients whose note is included; the others are only named.

MAX_NAMED = 5  #: Addresses in the text's first sentence.

MAX_LISTED = 5_000  #: Recipients listed in a report on several messages.

_COMPANY = timedelta(seconds=2)  #: A mailing of one mail per member comes as a burst.
_HOURS_AHEAD = 24
_MAX_THREADS = 20  #: Messages that a summary names in References.
_NAME = "Mail gateway"  #: In `From`, if none is configured.
_MAX_SUBJECT = 200
_MAX_LINE = 998  #: Octets (RFC 5322, 2.1.1).
_NEWLINE = re.compile(rb"\r\n|\r|\n")
_UNSAFE = re.compile(rb"[^\t\r\n\x20-\x7e]")


@dataclass(frozen=True, slots=True)
class FailedRecipient:
    """A recipient that was left out, and why."""

    recipient: Recipient
    note: Note


@dataclass(frozen=True, slots=True, kw_only=True)
class DsnReport:
    """What a DSN says, and about which message."""

    message_id: str  #: The DSN's own: `<…@host>`.
    at: datetime  #: Aware; the DSN's date, and the zone for all times in it.
    notifier: str  #: The address in `From`, with or without a name.
    hostname: str  #: The gateway's host name.
    message: int  #: The journal's id of the original.
    sender: Sender
    subject: str  #: The original's, as people read it.
    arrived: datetime
    headers: bytes  #: The original's header block, as received.
    failed: tuple[FailedRecipient, ...]  #: A mailbox named twice is reported once.
    others: int = 0  #: How many recipients the message did go to.
    given_up: int = 0  #: How many more it would have gone to if the client hadn't given up.

    @property
    def mailboxes(self) -> tuple[FailedRecipient, ...]:
        """Each mailbox that was left out, once: with ORCPT if any of its spellings had one."""
        by_address: dict[str, FailedRecipient] = {}
        for failed in self.failed:
            first = by_address.setdefault(lookup_form(failed.recipient.address), failed)
            if first.recipient.orcpt is None and failed.recipient.orcpt is not None:
                by_address[lookup_form(failed.recipient.address)] = failed
        return tuple(by_address.values())


def is_owed(sender: Sender, recipient: Recipient) -> bool:
    """Whether the sender must be notified that this recipient failed.

    Never the null sender (RFC 5321, 4.5.5), and only if NOTIFY is absent or includes FAILURE (RFC
    3461, 4.1).
    """
    return bool(sender.address) and recipient.wants_failure_notice


def message_key(message: int, attempt_of: int | None) -> str:
    """Return the outbox key under which a transaction and its retries share one DSN.

    `attempt_of` is the first attempt's id, if this is a retry.
    """
    return f"dsn:{ids.show(message if attempt_of is None else attempt_of)}"


def hourly_slots(sender: str, now: datetime) -> Iterator[tuple[str, datetime]]:
    """Yield the outbox keys of a sender's reports from now on, and when each is due.

    A sender (in lookup form) gets two an hour: one at once, or as soon as a few more failures may
    have come, and one at the end of the hour about all the rest. Anything later goes into the next
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
    """Write the DSN in the template's language, with CRLF line ends, ready to send.

    It is 7-bit, unless the original's sender is non-ASCII, which needs SMTPUTF8 anyway.
    """
    # The text, for people
    addresses = [one_line(failed.recipient.address) for failed in report.mailboxes]
    more = len(addresses) - MAX_NAMED
    values = {
        "state": template.send_failed,
        "subject": one_line(report.subject)[:_MAX_SUBJECT] or "-",
        "now": template.moment(report.arrived.astimezone(report.at.tzinfo)),
        "id": ids.show(report.message),
        "count": str(len(addresses)),
        # `ann@example.org, bob@example.org … (+12)`
        "recipients": ", ".join(addresses[:MAX_NAMED]) + (f" … (+{more})" if more > 0 else ""),
        "others": str(report.others or ""),
        "given_up": str(report.given_up or ""),
    }
    opening = "\n".join(template.fill("report", values))
    notes = [failed.note.full for failed in report.mailboxes[:MAX_NOTES]]
    without_note = "\n".join(failed.recipient.address for failed in report.mailboxes[MAX_NOTES:])
    text = text_part(_join_with_rules([opening, *notes, without_note]))

    # The status, for programs
    is_international = not report.sender.address.isascii()
    about_message = [
        f"Reporting-MTA: dns; {report.hostname}",
        f"X-Gateway-Message: {ids.show(report.message)}",
        f"Arrival-Date: {format_datetime(report.arrived)}",
    ]
    if report.sender.envid is not None:
        about_message.insert(0, f"Original-Envelope-Id: {decoded_xtext(report.sender.envid)}")
    about_recipients = (
        recipient_group(
            failed.recipient.address,
            failed.recipient.orcpt,
            failed.note.short[0],
            is_international=is_international,
        )
        for failed in report.mailboxes
    )
    status = status_part([about_message, *about_recipients], is_international=is_international)

    if not report.subject.strip():  # Recipients say more than nothing.
        values["subject"] = values["recipients"]
    references = message_ids.chain(Headers.parse(report.headers))
    return _assemble(
        _ReportHeader(
            message_id=report.message_id,
            at=report.at,
            notifier=report.notifier,
            recipient=report.sender.address,
            language=template.language,
            subject=" ".join(template.fill("report subject", values)),
            parents=references[-1:],
            references=references,
        ),
        (text, status, returned_headers(report.headers)),
    )


def returned_headers(headers: bytes) -> bytes:
    """Return the part of a DSN with the original's header block (text/rfc822-headers, RFC 6522).

    A block longer than `MAX_HEADERS` is cut after a whole line. It is returned unchanged unless it
    has octets or lines that can't travel as 7-bit.
    """
    block = _NEWLINE.sub(b"\n", headers).rstrip(b"\n") + b"\n"
    if len(block) > MAX_HEADERS:
        block = block[: block.rfind(b"\n", 0, MAX_HEADERS) + 1] or block[:MAX_HEADERS]
    if _UNSAFE.search(block) or max(map(len, block.split(b"\n"))) > _MAX_LINE:
        encoding, content = "quoted-printable", quoted_printable(block)
    else:
        encoding, content = "7bit", block.replace(b"\n", b"\r\n")
    fields = ("Content-Type: text/rfc822-headers", f"Content-Transfer-Encoding: {encoding}")
    return part(fields, content)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ReportHeader:
    """The header of a report."""

    message_id: str
    at: datetime
    notifier: str
    recipient: str
    language: str
    subject: str
    parents: Sequence[str]  #: The Message-IDs it refers to, so that mail programs thread it there.
    references: Sequence[str]


def _assemble(header: _ReportHeader, parts: Sequence[bytes]) -> bytes:
    """Build a report from these parts (RFC 6522)."""
    boundary = hashlib.blake2b(b"".join(parts), digest_size=16).hexdigest()
    fields = own_mail.own_header(
        sender=own_mail.configured_mailbox(header.notifier, _NAME),
        recipient=own_mail.angled(header.recipient),
        subject=header.subject,
        at=header.at,
        message_id=header.message_id,
        language=header.language,
        before=(
            *own_mail.thread_fields(header.parents, header.references),
            "Importance: high",
            "X-Priority: 1",
        ),
        automatic="auto-replied",
        after=("X-Auto-Response-Suppress: All",),
    )
    fields += [
        'Content-Type: multipart/report; report-type="delivery-status";',
        f' boundary="{boundary}"',
    ]
    return part(fields, multipart(parts, boundary))


def _join_with_rules(paragraphs: Iterable[str]) -> str:
    """Join the non-empty paragraphs with a rule between them."""
    return f"\n\n{'-' * 72}\n\n".join(filter(None, paragraphs)) + "\n"


# Several messages in one report


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A mailbox that one of several messages did not go to."""

    mailbox: str
    orcpt: str | None
    reason: str  #: One line of ASCII.


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedMessage:
    """One message in a report on several."""

    message: int  #: The journal's id.
    language: str  #: The reader's.
    subject: str  #: As people read it.
    message_id: str  #: Empty if the message has no well-formed one.
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSummary:
    """The contents of a report on several messages."""

    message_id: str  #: The report's own: `<…@host>`.
    at: datetime  #: Aware; times in it are shown in its zone.
    notifier: str  #: The address in `From`, with or without a name.
    hostname: str  #: The gateway's own name.
    recipient: str  #: Who sent the messages, as written in the envelope.
    messages: int  #: How many messages it is about, and how many recipients; not all are listed.
    recipients: int
    since: datetime  #: When the first of the messages arrived.
    listed: tuple[ReportedMessage, ...]  #: Up to about `MAX_LISTED` recipients.
    notes: Mapping[tuple[int, str], str]  #: By message and mailbox, for the first `MAX_NOTES`.


def digest(report: DsnReport, language: str) -> str:
    """Return what a report on several messages needs about one, as JSON for `read_digest`."""
    reported = ReportedMessage(
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
    return json.dumps(asdict(reported), ensure_ascii=False)


def read_digest(text: str) -> ReportedMessage:
    """Read what `digest` wrote."""
    fields = json.loads(text)
    return ReportedMessage(
        **{**fields, "left_out": tuple(LeftOut(**out) for out in fields["left_out"])}
    )


def build_summary(template: NoteTemplate, summary: ReportSummary) -> bytes:
    """Write one report on several messages in the template's language, with CRLF line ends."""
    # The text, for people
    zone = summary.at.tzinfo
    since = summary.since.astimezone(zone)
    named_count = sum(len(reported.left_out) for reported in summary.listed)
    sender = one_line(summary.recipient)
    day = (since - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M")
    page = template.page("send-failed")
    values = {
        "state": template.send_failed,
        "messages": str(summary.messages),
        "count": str(summary.recipients),
        "more": str(max(0, summary.recipients - named_count) or ""),
        "sender": sender,
        "since": template.moment(since),
        "now": template.moment(summary.at),
        "day": day,
        "where": f"{page}?{urlencode({'from': sender, 'since': day})}"
        if page
        else f"gateway messages list --state send_failed --from {sender} --since {day}",
    }
    listed: list[str] = []
    notes: list[str] = []
    for reported in summary.listed:
        about_message = {
            "id": ids.show(reported.message),
            "now": template.moment(ids.moment_of(reported.message).astimezone(zone)),
            "subject": reported.subject or "-",
        }
        lines = template.fill("reports message", about_message)
        lines += (
            f"  {one_line(out.mailbox)}{colon(template.language)}{out.reason}"
            for out in reported.left_out
        )
        listed.append("\n".join(lines))
        notes += (
            summary.notes.get((reported.message, out.mailbox), "") for out in reported.left_out
        )
    opening = "\n".join(template.fill("reports", values))
    more = "\n".join(template.fill("reports more", values))
    text = text_part(_join_with_rules([opening, "\n\n".join(listed), more, *notes]))

    # The status, for programs
    is_international = not summary.recipient.isascii()
    groups = [[f"Reporting-MTA: dns; {summary.hostname}"]]
    for reported in summary.listed:
        about = [f"X-Gateway-Message: {ids.show(reported.message)}"]
        if reported.message_id:
            about.append(f"X-Original-Message-ID: {reported.message_id}")
        for out in reported.left_out:
            group = recipient_group(
                out.mailbox, out.orcpt, out.reason, is_international=is_international
            )
            groups.append(group + about)

    parents = list(filter(None, dict.fromkeys(reported.message_id for reported in summary.listed)))
    return _assemble(
        _ReportHeader(
            message_id=summary.message_id,
            at=summary.at,
            notifier=summary.notifier,
            recipient=summary.recipient,
            language=template.language,
            subject=" ".join(template.fill("reports subject", values)),
            parents=parents[:_MAX_THREADS],
            references=parents[:_MAX_THREADS],
        ),
        (text, status_part(groups, is_international=is_international)),
    )
