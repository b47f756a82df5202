"""Informs the sender of a mail why it was not filed, if that is allowed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from gateway.core.replies.inbox import InboxRow
from gateway.inbound.mail_to_file import FilingFacts, MailToFile
from gateway.inbound.notices import (
    ANSWERED,
    MOST_ANSWERS,
    SUGGESTING,
    LikelyOwner,
    NoticeSettings,
    of_refused,
)
from gateway.store.engine.database import StoreTransaction
from gateway.store.people import applications, people
from gateway.store.replies import inbox
from gateway.store.sending import outbox


def answer_sender(
    connection: StoreTransaction,
    mail: MailToFile,
    facts: FilingFacts,
    row: InboxRow,
    *,
    now: datetime,
    settings: NoticeSettings,
    new_id: Callable[[], int],
) -> InboxRow:
    """Queue a reply to a mail that needs attention; return the mail's new row.

    Only a sender who is on file and authenticated gets one: once per mail, five times an hour.
    """
    staff = next((member for member in facts.staff if member.email), None)
    header = mail.reading.header if mail.reading else None
    if (
        staff is None
        or header is None
        or mail.by_hand
        or row.answered
        or row.reason not in ANSWERED
        or header.distrust
        or not header.may_be_answered
    ):
        return row
    an_hour_ago = now - timedelta(hours=1)
    if inbox.answers_since(connection, row.address, an_hour_ago) >= MOST_ANSWERS:
        return row
    answer = of_refused(
        settings,
        row,
        staff=staff,
        reference=header.reference or "",
        now=now,
        number=new_id(),
        owner=likely_owner(connection, mail, row, settings),
    )
    outbox.put(connection, answer)
    return replace(row, answered=True)


def likely_owner(
    connection: StoreTransaction, mail: MailToFile, row: InboxRow, settings: NoticeSettings
) -> LikelyOwner:
    """Return where a mail may belong: the applications of the original's author."""
    original = mail.reading.original if mail.reading else None
    if row.reason not in SUGGESTING or original is None or not original.is_recovered:
        return LikelyOwner()
    address = settings.lookup(original.sender) if original.sender else ""
    holders = people.find(connection, address) if address else ()
    return LikelyOwner(
        ", ".join(holder.person.name or str(holder.person.ref) for holder in holders),
        tuple(
            application
            for holder in holders
            for application in applications.of_person(connection, holder.person.ref)
        ),
    )
