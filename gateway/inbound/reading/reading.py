"""Everything the importer needs to know about a mail, from its octets."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.message import Message
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from gateway.core.kinds import Trust
from gateway.core.mail.automatic import (
    Automatic,
    Field,
    automatic_kind,
    came_through_list,
    is_of_nobody,
    may_be_answered,
)
from gateway.core.mail.content import MAX_HEADER_BLOCK, header_block_of_file
from gateway.core.mail.headers import Headers
from gateway.core.mail.keepable import is_kept_whole, keepable, keepable_line, keepable_lines
from gateway.core.replies.forwarded.mailboxes import Mailbox
from gateway.core.replies.reference import find_reference, reference_pattern
from gateway.core.replies.subject_prefixes import without_prefixes
from gateway.inbound.reading.attachments import Attachment, AttachmentSaver
from gateway.inbound.reading.bounces.reports import ReportSet, has_report_form, read_reports
from gateway.inbound.reading.encrypted import is_encrypted
from gateway.inbound.reading.mail_files.outlook import UnreadText
from gateway.inbound.reading.original import recover
from gateway.inbound.reading.recovered import RecoveredMail
from gateway.inbound.reading.skeleton import Skeletons
from gateway.inbound.reading.trust import distrust, read_sender
from gateway.inbound.reading.unwrap import unwrap

_LONGEST_TEXT = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingTask:
    """A mail to parse, and the settings for it."""

    file: str
    folder: str  #: Where its attachments are put; created when there is one.
    reference: str  #: A regular expression with a group `reference`.
    zone: str
    trust: Trust | None = None
    authserv_id: str = ""
    envelope_sender: str | None = None
    header_only: bool = False
    is_bounce: bool = False  #: Whether it came to the address for bounces.


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedHeader:
    """The contents of a mail's header."""

    sender_name: str
    sender: str
    distrust: str  #: Why the sender isn't trusted; empty: it is.
    subject: str
    reference: str | None
    bare_subject: str  #: The subject without reference and prefixes.
    message_id: str
    automatic: str  #: The kind of automatic mail; empty: a person sent it.
    may_be_answered: bool
    #: Whether it counts as automatic only because of a mailing list's marks, and has a reference.
    may_be_forward: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RepliedMail:
    """The forwarded original or, if nothing was forwarded, the mail itself."""

    is_recovered: bool
    sender_name: str
    sender: str
    recipients: str
    copies: str
    subject: str
    date: datetime | None
    date_text: str
    message_id: str
    text: str
    html: str
    staff_text: str
    fingerprint: str
    agent: str = ""  #: Who sent it on its sender's behalf.
    is_cut: bool = False  #: Whether its end or some of its files are missing.
    is_attached: bool = False  #: Whether it was attached, and so is complete.
    has_unread_text: bool = False  #: Whether it has a text in an unreadable format.
    is_encrypted: bool = False  #: Whether its text is encrypted.
    #: Whether its text may end with words of staff: its end isn't marked.
    note_may_follow: bool = False
    is_zone_guessed: bool = False  #: Whether its date has no zone, and more than one is likely.
    is_within: bool = False  #: Whether it is in the quotation within another one.
    #: Whether it may be part of a surer one: filed only if the candidate wrote it and not that.
    is_minor: bool = False
    #: Whether another one quotes it the way replies do: never filed, only mentioned.
    is_quote: bool = False
    other: "RepliedMail | None" = None  #: What may have been forwarded instead, if in doubt.
    attachments: "tuple[Attachment, ...] | None" = None  #: None: those of the whole mail.


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadMail:
    """The parsed contents of a mail."""

    header: ParsedHeader
    original: RepliedMail | None = None  #: None if only the header was parsed.
    attachments: tuple[Attachment, ...] = ()
    report: ReportSet | None = None

    def files(self) -> tuple[Attachment, ...]:
        """Return the files of the mail, including those of all its readings."""
        files = list(self.attachments)
        other = self.original
        while other is not None:
            files += other.attachments or ()
            other = other.other
        return tuple({file.sha256: file for file in files}.values())


def read(task: ReadingTask) -> ReadMail:
    """Parse a mail; a hostile one may make it raise anything."""
    with Path(task.file).open("rb") as file:
        headers = Headers.of(header_block_of_file(file.read(MAX_HEADER_BLOCK)))
    header = read_header(headers, task)
    if task.header_only:
        return ReadMail(header=header)
    skeletons = Skeletons()
    mail = skeletons.parse(Path(task.file))
    report = None
    if header.automatic or task.is_bounce:
        if task.envelope_sender == "":
            # A listener's mail has no field for it yet (RFC 5321, 4.4: final delivery adds it).
            del mail["Return-Path"]
            mail["Return-Path"] = "<>"
        is_answer = header.automatic == Automatic.READ_RECEIPT.value or (
            header.automatic == Automatic.AUTO_REPLY.value and not has_report_form(mail)
        )
        report = read_reports(mail, is_bounce=not is_answer)
        is_message = header.automatic in ("", Automatic.GENERATED.value) and not report.bounces
        has_sender = not is_of_nobody(_fields_of(headers, task))
        report = replace(report, may_ask=is_message and has_sender)
        if task.is_bounce or not header.may_be_forward:
            return ReadMail(header=header, report=report)
    unwrap(mail, skeletons, Path(task.folder))
    recovered = recover(mail, subject=header.bare_subject, zone=ZoneInfo(task.zone))
    saver = AttachmentSaver(Path(task.folder), skeletons)
    attachments = _files(saver, mail, recovered)
    original = replace(
        replied_mail(recovered, header, attachments, mail),
        other=_other_mail(recovered, saver, mail, header, attachments=attachments),
    )
    return ReadMail(
        header=header,
        original=original,
        attachments=attachments,
        report=report,
    )


def _files(
    saver: AttachmentSaver, mail: Message, recovered: RecoveredMail
) -> tuple[Attachment, ...]:
    opened = (*recovered.holders, recovered.attached)
    return (
        *saver.save_files_of(mail, opened=opened, text=recovered.text),
        *(
            saver.save_files_of(recovered.source, opened=opened)
            if recovered.source is not None
            else ()
        ),
    )


def _other_mail(
    recovered: RecoveredMail,
    saver: AttachmentSaver,
    mail: Message,
    header: ParsedHeader,
    *,
    attachments: tuple[Attachment, ...],
) -> RepliedMail | None:
    """Return what may have been forwarded instead, with its files if they differ from these."""
    other = recovered.other
    if other is None or other.heading is None:
        return None
    has_same = (other.attached, other.source, other.holders) == (
        recovered.attached,
        recovered.source,
        recovered.holders,
    )
    files = attachments if has_same else _files(saver, mail, other)
    return replace(
        replied_mail(other, header, files, mail),
        attachments=files,
        other=_other_mail(other, saver, mail, header, attachments=files),
    )


def read_header(headers: Headers, task: ReadingTask) -> ParsedHeader:
    """Parse what the importer needs of the header."""
    sender = read_sender(headers)
    subject = keepable_line(headers.text("subject"))
    # Spaces aren't normalised here: not everything shown as a space may follow a reference.
    subject_reference = find_reference(
        keepable(headers.text("subject")), reference_pattern(task.reference)
    )

    field = _fields_of(headers, task)
    kind = automatic_kind(field)
    trust, authserv_id = task.trust, task.authserv_id
    return ParsedHeader(
        sender_name=keepable_line(sender.name),
        sender=keepable_line(sender.address),
        distrust=distrust(headers, sender, trust=trust, authserv_id=authserv_id),
        subject=subject,
        reference=subject_reference.reference if subject_reference else None,
        bare_subject=keepable_line(subject_reference.subject)
        if subject_reference
        else without_prefixes(subject),
        message_id=keepable_line(headers.text("message-id")),
        automatic=kind.value if kind else "",
        may_be_answered=may_be_answered(field),
        may_be_forward=subject_reference is not None and came_through_list(field),
    )


def _fields_of(headers: Headers, task: ReadingTask) -> Field:
    @cache  # Several checks look up the same fields.
    def field(name: str) -> str:
        """Look a field up; the envelope's null sender counts as a Return-Path."""
        is_null = name == "return-path" and task.envelope_sender == ""
        return "<>" if is_null else headers.text(name)

    return field


def replied_mail(
    recovered: RecoveredMail,
    header: ParsedHeader,
    attachments: Sequence[Attachment],
    mail: Message,
) -> RepliedMail:
    """Return the recovered original in the form in which it is stored, with its fingerprint.

    If nothing was recovered, it is the mail itself: its sender and its subject.
    """
    heading = recovered.heading
    attached = recovered.attached
    original = RepliedMail(
        is_recovered=heading is not None,
        sender_name=header.sender_name,
        sender=header.sender,
        recipients="",
        copies="",
        subject=header.bare_subject,
        date=None,
        date_text="",
        message_id=keepable_line(str(attached.get("message-id", "")))
        if attached is not None
        else "",
        text=keepable_lines(recovered.text),
        html=keepable(recovered.html) if len(recovered.html) <= _LONGEST_TEXT else "",
        staff_text=keepable_lines(recovered.staff_text),
        fingerprint="",
        is_cut=recovered.is_cut or not is_kept_whole(recovered.text),
        is_attached=attached is not None,
        has_unread_text=attached is not None
        and any(isinstance(defect, UnreadText) for defect in attached.defects),
        is_encrypted=is_encrypted(attached, recovered.text)
        if attached is not None
        else is_encrypted(mail, recovered.text, recovered.staff_text),
        is_within=recovered.is_within,
        is_minor=recovered.is_minor,
        is_quote=recovered.is_quote,
        note_may_follow=recovered.is_open,
        is_zone_guessed=recovered.is_zone_guessed,
    )
    if heading is not None:
        has_own_subject = attached is not None and heading.has_subject  # even an empty one
        sender = heading.sender or Mailbox("", "")
        original = replace(
            original,
            sender_name=keepable_line(sender.name),
            sender=keepable_line(sender.address),
            recipients=_mailboxes(heading.to),
            copies=_mailboxes(heading.cc),
            subject=keepable_line(without_prefixes(heading.subject))
            or ("" if has_own_subject else header.bare_subject),
            date=heading.date,
            date_text=keepable_line(heading.date_text),
            agent=_mailboxes((heading.agent,)) if heading.agent is not None else "",
        )
    # What stays the same when a mail is forwarded twice; a note written by staff is always new.
    date = f"{original.date.astimezone(UTC):%Y%m%d%H%M}" if original.date else original.date_text
    text = keepable_lines(recovered.compared_text)
    parts = [original.sender.casefold(), date, "".join(text.split())]
    parts += sorted(file.sha256 for file in attachments)
    if not original.is_recovered:
        parts += [header.message_id, "".join(original.staff_text.split())]
    fingerprint = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return replace(original, fingerprint=fingerprint)


def _mailboxes(mailboxes: Sequence[Mailbox]) -> str:
    texts = (
        f"{mailbox.name} <{mailbox.address}>"
        if mailbox.name and mailbox.address
        else mailbox.name or mailbox.address
        for mailbox in mailboxes
    )
    return keepable("; ".join(" ".join(text.split()) for text in texts))
