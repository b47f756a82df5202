"""A mail in the inbox, reread for people who decide about it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import tzinfo

from gateway.core.replies.document_types import clean_filename
from gateway.core.replies.inbox import InboxRow, InboxState
from gateway.core.replies.inbox_reading import AttachedFile, InboxReading
from gateway.core.replies.suggestions import MailWords, Suggestion, clues_of, suggestions
from gateway.inbound.importer import ReplyImporter
from gateway.inbound.reading.markup import inert_html
from gateway.inbound.reading.reading import ReadMail, RepliedMail
from gateway.store.engine.blobs import BlobMissing
from gateway.store.engine.database import Database
from gateway.store.replies.possible_applications import possible_applications

_MOST_ORIGINALS = 5  #: Candidates for the original whose senders are looked up.
_LONGEST_TEXT = 200_000


async def read_of_inbox(
    importer: ReplyImporter,
    database: Database,
    lookup: Callable[[str], str],
    row: InboxRow,
    zone: tzinfo,
) -> InboxReading:
    """Read a mail and, while it is undecided, look up which applications it is probably about."""
    try:
        mail = await importer.read_mail(row)
    except BlobMissing:  # The row is all there is.
        mail = None
    reading = _reading_of(row, mail)
    if row.state not in (InboxState.NEEDS_ATTENTION, InboxState.DISCARDED):
        return reading
    words = words_of(row, mail, lookup)
    return replace(reading, suggestions=await suggested_applications(database, words, zone))


async def suggested_applications(
    database: Database, words: MailWords, zone: tzinfo
) -> tuple[Suggestion, ...]:
    """Return the applications a mail is probably about, most likely first."""
    clues = clues_of(words)
    possible = await database.read(possible_applications, clues)
    return suggestions(clues, possible, zone=zone)


def words_of(row: InboxRow, mail: ReadMail | None, lookup: Callable[[str], str]) -> MailWords:
    """Return a mail's text that may name an application; if unreadable, the stored part of it."""
    originals = list(_originals(mail.original if mail else None))
    senders = [original.sender for original in originals]
    header = mail.header if mail else None
    senders.append(header.sender if header else row.sender)
    names = [original.sender_name for original in originals]
    names.append(header.sender_name if header else "")
    date = next((original.date for original in originals if original.date is not None), None)
    return MailWords(
        subjects=(row.subject, *(original.subject for original in originals)),
        texts=tuple(
            text for original in originals for text in (original.staff_text, original.text) if text
        ),
        senders=tuple(lookup(sender) for sender in senders if "@" in sender),
        sender_names=tuple(names),
        date=date or row.at,
    )


def _originals(original: RepliedMail | None) -> Iterator[RepliedMail]:
    for _ in range(_MOST_ORIGINALS):
        if original is None:
            return
        yield original
        original = original.other


def _reading_of(row: InboxRow, mail: ReadMail | None) -> InboxReading:
    if mail is None or mail.original is None:
        name = mail.header.sender_name if mail else ""
        return InboxReading(
            row=row, is_read=False, sender_name=name, sender=row.sender, subject=row.subject
        )
    original = mail.original
    return InboxReading(
        row=row,
        is_read=True,
        sender_name=original.sender_name,
        sender=original.sender,
        recipients=original.recipients,
        copies=original.copies,
        subject=original.subject,
        date=original.date,
        date_text=original.date_text,
        text=original.text[:_LONGEST_TEXT],
        html=inert_html(original.html),
        staff_text=original.staff_text[:_LONGEST_TEXT],
        files=tuple(
            AttachedFile(clean_filename(file.filename), file.size) for file in mail.files()
        ),
    )
