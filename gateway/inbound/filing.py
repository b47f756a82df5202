"""Turns a parsed mail into a history entry."""

import mimetypes
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.core.people.applications import KnownApplication
from gateway.core.people.history import (
    CLOSED,
    DATE_UNREAD,
    ENCRYPTED,
    INCOMPLETE,
    NAME_ONLY,
    NO_TEXT,
    NOT_THE_CANDIDATE,
    NOTE,
    NOTE_BELOW,
    OTHER_READING,
    SENT_BY,
    TEXT_UNREAD,
    ZONE_GUESSED,
    Document,
    HistoryEntry,
)
from gateway.core.replies.document_types import RULES, DocumentRule, clean_filename, document_type
from gateway.core.replies.forwarded.mailboxes import parse_mailbox
from gateway.inbound.reading.attachments import Attachment
from gateway.inbound.reading.reading import RepliedMail


@dataclass(frozen=True, slots=True, kw_only=True)
class Applicant:
    """What is known about the person an application belongs to."""

    name: str = ""
    addresses: tuple[str, ...] = ()  #: In lookup form.
    owner: str = ""  #: crm_id of a member of staff.


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """A mail, ready to be filed."""

    application: KnownApplication
    candidate: Applicant
    original: RepliedMail
    attachments: tuple[Attachment, ...]
    staff: str  #: Who forwarded it: crm_id, or the address of somebody not on file.
    inbox: int
    raw: str


def entry_of(
    filing: Filing,
    *,
    new_id: Callable[[], int],
    lookup: Callable[[str], str],
    rules: Sequence[DocumentRule] = RULES,
    is_other: bool = False,
) -> HistoryEntry:
    """Return the history entry for a mail.

    `is_other`: file the alternative to what `choose_reading` prefers.
    """
    original, other = choose_reading(filing, lookup)
    if is_other and other is not None:
        original, other = other, original
    application, number = filing.application.application, new_id()
    files = filing.attachments if original.attachments is None else original.attachments
    documents = []
    for position, file in enumerate(files, 1):
        kind, ending = file.content_type, mimetypes.guess_extension(file.content_type) or ""
        made_up = f"{kind.partition('/')[0] or 'file'}-{position}{ending}"
        filename = clean_filename(file.filename or made_up)
        document = Document(
            id=new_id(),
            filename=filename,
            type=document_type(filename, content_type=kind, rules=rules),
            content_type=kind,
            size=file.size,
            sha256=file.sha256,
            reference=application.reference,
            entry=number,
        )
        documents.append(document)
    return HistoryEntry(
        id=number,
        person=application.person,
        reference=application.reference,
        fingerprint=original.fingerprint,
        inbox=filing.inbox,
        raw=filing.raw,
        staff=filing.staff,
        sender_name=original.sender_name,
        sender=original.sender,
        recipients=original.recipients,
        copies=original.copies,
        subject=original.subject,
        date=original.date,
        date_text=original.date_text,
        message_id=original.message_id,
        text=original.text,
        html=original.html,
        staff_text=original.staff_text,
        remarks=tuple(remarks_on(filing, original, other, lookup)),
        documents=tuple(documents),
    )


def choose_reading(
    filing: Filing, lookup: Callable[[str], str]
) -> tuple[RepliedMail, RepliedMail | None]:
    """Return the reading to file, and the next best one if there was a choice.

    Readings are in order: by subject and date, with those that may be part of another one last. The
    first written by the candidate is filed, or if there is none, the first. A mail quoted in the
    candidate's own doesn't count.
    """
    readings = [filing.original]
    while (following := readings[-1].other) is not None:
        readings.append(following)
    of_candidate = [
        reading for reading in readings if not _is_somebody_else(reading, filing.candidate, lookup)
    ]
    best_reading = next((reading for reading in of_candidate if not reading.is_quote), readings[0])
    others = [
        reading
        for reading in readings
        if reading is not best_reading
        and not reading.is_minor
        and not (best_reading in of_candidate and reading.is_within)
    ]
    if best_reading not in of_candidate:
        others += of_candidate
    return best_reading, others[0] if others else None


def is_other_new(filing: Filing, first: HistoryEntry, lookup: Callable[[str], str]) -> bool:
    """Whether a mail whose original was already filed, as `first`, contains another that wasn't.

    That happens when somebody answered the candidate's mail and quoted it in full, as Outlook does:
    the answer is new, the quoted mail is not. If the answer was already filed, its text is among
    those stored with `first`.
    """
    original, other = choose_reading(filing, lookup)
    if other is None or other.is_quote:
        return False
    around = "".join(original.staff_text.split())
    words = around.removeprefix("".join(other.staff_text.split()))
    stored_text = "".join((first.staff_text + "".join(first.remarks)).split())
    return words not in stored_text


def remarks_on(
    filing: Filing, original: RepliedMail, other: RepliedMail | None, lookup: Callable[[str], str]
) -> list[str]:
    """Return what people should know about a filed reading; `other` may have been meant instead."""
    remarks = [CLOSED] if filing.application.closed else []
    if not original.is_recovered:
        remarks.append(NOTE)
        remarks += [INCOMPLETE] if original.is_cut else []
        return [*remarks, ENCRYPTED] if original.is_encrypted else remarks
    if _is_somebody_else(original, filing.candidate, lookup):
        remarks.append(NOT_THE_CANDIDATE)
    if not original.sender:
        remarks.append(NAME_ONLY)
    if original.is_encrypted:
        remarks.append(ENCRYPTED)
    elif original.has_unread_text:
        remarks.append(TEXT_UNREAD)
    elif not original.text.strip() and not original.is_attached:
        remarks.append(NO_TEXT)
    if original.is_cut:
        remarks.append(INCOMPLETE)
    if original.date is None:
        remarks.append(DATE_UNREAD)
    if original.is_zone_guessed:
        remarks.append(ZONE_GUESSED)
    if original.note_may_follow:
        remarks.append(NOTE_BELOW)
    if original.agent and not _is_own_agent(original, filing.candidate, lookup):
        remarks.append(f"{SENT_BY} {original.agent}")
    if other is not None:
        remarks.append(f"{OTHER_READING} {other.sender or other.sender_name}")
    return remarks


def _is_own_agent(
    original: RepliedMail, candidate: Applicant, lookup: Callable[[str], str]
) -> bool:
    """Whether the candidate sent it from another of their addresses, as Gmail's "send as" does."""
    agent = parse_mailbox(original.agent)
    return (
        agent is not None
        and agent.address != ""
        and lookup(agent.address) in candidate.addresses
        and not _is_somebody_else(original, candidate, lookup)
    )


def _is_somebody_else(
    original: RepliedMail, candidate: Applicant, lookup: Callable[[str], str]
) -> bool:
    if original.sender:
        return lookup(original.sender) not in candidate.addresses
    return _words(original.sender_name) != _words(candidate.name)


def _words(name: str) -> list[str]:
    """Return the words of a name, sorted, so that `Müller, Ann` equals `Ann Müller`."""
    return sorted(re.findall(r"\w+", name.casefold()))
