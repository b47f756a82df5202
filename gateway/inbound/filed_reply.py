"""Adds a reply to a candidate's history, and notifies the responsible staff."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from gateway.core.people.history import REPEATED
from gateway.core.replies.document_types import DocumentRule
from gateway.core.replies.inbox import InboxRow, InboxState
from gateway.core.sending.event import Event, EventType
from gateway.documents.replies import filed_reply_document
from gateway.inbound.filing import Applicant, Filing, entry_of, is_other_new
from gateway.inbound.mail_to_file import FilingFacts, MailToFile
from gateway.inbound.notices import FiledReply, NoticeSettings, addressees, of_imported
from gateway.inbound.reading.attachments import Attachment
from gateway.inbound.reading.reading import RepliedMail
from gateway.store.engine.database import StoreTransaction
from gateway.store.people import applications, history, people
from gateway.store.sending import events, outbox

_RAW_NAME = "message.eml"


def file_reply(
    connection: StoreTransaction,
    mail: MailToFile,
    facts: FilingFacts,
    row: InboxRow,
    *,
    now: datetime,
    settings: NoticeSettings,
    rules: Sequence[DocumentRule],
    new_id: Callable[[], int],
) -> InboxRow:
    """File a mail under the application it names; return its row with the outcome.

    If the same reply was filed there before, that entry gets a remark and nobody is notified again.
    But if the mail also contains a new one, such as an answer that quotes the first, that one is
    filed.
    """
    filing = filing_of(connection, mail, facts, row)
    entry = entry_of(filing, new_id=new_id, lookup=settings.lookup, rules=rules)
    is_added = history.add(connection, entry)
    if not is_added:
        first = history.by_fingerprint(connection, entry.reference, entry.fingerprint)
        assert first is not None
        if is_other_new(filing, first, settings.lookup):
            entry = entry_of(
                filing, new_id=new_id, lookup=settings.lookup, rules=rules, is_other=True
            )
            is_added = history.add(connection, entry)
    if not is_added:
        first = history.by_fingerprint(connection, entry.reference, entry.fingerprint)
        assert first is not None
        when = now.isoformat(timespec="seconds")
        history.remark(connection, first, f"{REPEATED} {when} {entry.staff} {entry.staff_text}")
        return replace(row, state=InboxState.REPEATED, reason="", detail="", entry=first.id)
    forwarder = facts.staff[0] if facts.staff else None
    news = FiledReply(
        entry=entry,
        application=filing.application,
        candidate=filing.candidate,
        staff_name=(forwarder.name or forwarder.email) if forwarder else filing.staff,
    )
    readers = addressees(
        applications.staff_of(connection, filing.application.application.responsible),
        applications.staff_of(connection, [filing.candidate.owner]),
        settings.fallback_to,
    )
    for notice in of_imported(settings, news, to=readers, now=now, new_id=new_id):
        outbox.put(connection, notice)
    imported = Event(
        id=new_id(),
        type=EventType.REPLY_IMPORTED,
        person=entry.person,
        data=filed_reply_document(entry),
    )
    events.put(connection, [imported])
    return replace(row, state=InboxState.FILED, reason="", detail="", entry=entry.id)


def filing_of(
    connection: StoreTransaction, mail: MailToFile, facts: FilingFacts, row: InboxRow
) -> Filing:
    """Return what is filed; of a mail that couldn't be parsed, the header and the raw mail."""
    assert facts.application is not None
    candidate = Applicant()
    for holder in people.find(connection, facts.application.application.person)[:1]:
        person = holder.person
        candidate = Applicant(name=person.name, addresses=holder.addresses, owner=person.owner)
    original = mail.reading.original if mail.reading else None
    attachments = mail.reading.attachments if mail.reading else ()
    if original is None:
        header = mail.reading.header if mail.reading else None
        original = RepliedMail(
            is_recovered=False,
            sender_name=header.sender_name if header else "",
            sender=header.sender if header else "",
            recipients="",
            copies="",
            subject=header.bare_subject if header else "",
            date=None,
            date_text="",
            message_id="",
            text="",
            html="",
            staff_text="",
            fingerprint=row.content,
        )
        whole = Attachment(
            filename=_RAW_NAME,
            content_type="message/rfc822",
            size=row.size,
            sha256=row.content,
            file="",
        )
        attachments = (whole,)
    return Filing(
        application=facts.application,
        candidate=candidate,
        original=original,
        attachments=attachments,
        staff=facts.staff[0].crm_id if facts.staff else row.address or row.sender,
        inbox=row.id,
        raw=row.content,
    )
