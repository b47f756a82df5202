"""Decides on a mail and keeps the decision, with all that goes with it, in one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.core.people.applications import KnownApplication
from gateway.core.people.history import REPEATED, HistoryEntry
from gateway.core.people.people import PersonRef, Staff
from gateway.core.replies.document_types import DocumentRule
from gateway.core.replies.inbox import AttentionReason, InboxRow, InboxState, Sighting
from gateway.core.sending.event import Event, EventType
from gateway.inbound.admission import Admission, Objection, objection
from gateway.inbound.filing import Candidate, Filing, entry_of
from gateway.inbound.notices import (
    ANSWERED,
    MOST_ANSWERS,
    SUGGESTING,
    LikelyOwner,
    News,
    NoticeSettings,
    addressees,
    of_imported,
    of_refused,
)
from gateway.inbound.reading.attachments import Attachment
from gateway.inbound.reading.reading import ReadMail, RepliedMail
from gateway.store.engine.database import StoreTransaction
from gateway.store.people import applications, history, people
from gateway.store.replies import inbox
from gateway.store.sending import events, outbox
from gateway.store.views import documents

_RAW_NAME = "message.eml"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailToFile:
    """A mail to decide on."""

    row: InboxRow
    reading: ReadMail | None  #: None where not even its header could be read.
    fault: str = ""  #: Why the rest could not be read.
    sighting: Sighting | None = None
    reference: str | None = None  #: Where a person says it belongs.
    is_new: bool = False  #: Whether the inbox hasn't got it yet.
    by_hand: bool = False  #: Whether a person is at it: its sender hears nothing then.


@dataclass(frozen=True, slots=True, kw_only=True)
class FilingFacts:
    """What the store knows about a case."""

    address: str  #: Of the sender, in lookup form.
    staff: tuple[Staff, ...]  #: Who has it.
    application: KnownApplication | None


class FilingDecider:
    """Decides by the rules of a moment."""

    def __init__(
        self,
        admission: Admission,
        notice_settings: NoticeSettings,
        documents: Sequence[DocumentRule],
        new_id: Callable[[], int],
    ) -> None:
        self._admission = admission
        self._notice_settings = notice_settings
        self._documents = documents
        self._new_id = new_id

    def would_file(self, connection: StoreTransaction, case: MailToFile) -> bool:
        """Whether the mail would be filed as things stand."""
        return self._decision(case, self._facts(connection, case)) is None

    def settle(
        self, connection: StoreTransaction, case: MailToFile, now: datetime, *, has_files: bool
    ) -> InboxRow | None:
        """Decide and keep the decision; None, and nothing kept, where files are missing for it.

        Where somebody else decided meanwhile, that stands.
        """
        facts = self._facts(connection, case)
        decision = self._decision(case, facts)
        if decision is None and not has_files and case.reading and case.reading.files():
            return None
        before = self._claimed(connection, case)
        if before is not None:
            return before
        row = self._described(case, facts)
        if isinstance(decision, InboxRow):
            row = replace(row, state=decision.state, reason=decision.reason)
            self._report(connection, case, row)
        elif decision is not None:
            detail = decision.detail or row.detail
            row = replace(
                row, state=InboxState.NEEDS_ATTENTION, reason=decision.reason, detail=detail
            )
            row = self._answered(connection, case, facts, row, now)
            if not case.by_hand:
                self._happened(connection, EventType.REPLY_NEEDS_ATTENTION, documents.mail(row))
        else:
            row = self._filed(connection, case, facts, row, now)
        inbox.settle(connection, row)
        return row

    def _facts(self, connection: StoreTransaction, case: MailToFile) -> FilingFacts:
        header = case.reading.header if case.reading else None
        address = self._notice_settings.lookup(header.sender) if header and header.sender else ""
        reference = case.reference or (header.reference if header else None)
        return FilingFacts(
            address=address,
            staff=applications.staff_at(connection, address) if address else (),
            application=applications.find(connection, reference) if reference else None,
        )

    def _decision(self, case: MailToFile, facts: FilingFacts) -> InboxRow | Objection | None:
        """Return why the mail isn't filed: it is automatic, or something is against it."""
        if case.reference is not None:
            return (
                None if facts.application else Objection(reason=AttentionReason.UNKNOWN_REFERENCE)
            )
        if case.reading is not None and case.reading.header.automatic:
            kind = case.reading.header.automatic
            return replace(case.row, state=InboxState.IGNORED, reason=kind)
        was_unreadable = case.row.reason == AttentionReason.UNREADABLE
        if not case.row.whole and not (case.fault or was_unreadable):
            return Objection(reason=AttentionReason.TOO_LARGE, detail=f"{case.row.size} octets")
        if not case.row.whole:
            return Objection(
                reason=AttentionReason.UNREADABLE, detail=case.fault or case.row.detail
            )
        if case.reading is None or case.fault:
            return Objection(reason=AttentionReason.UNREADABLE, detail=case.fault)
        return objection(
            case.reading.header,
            address=facts.address,
            staff=facts.staff,
            admission=self._admission,
            application=facts.application,
        )

    def _claimed(self, connection: StoreTransaction, case: MailToFile) -> InboxRow | None:
        """Get hold of the mail's row; return it as it is where others have settled it."""
        if not case.is_new or not inbox.put(connection, case.row):
            current = inbox.of_content(connection, case.row.content, lock=True)
            if current is not None and (case.is_new or current.state != case.row.state):
                self._sight(connection, case, current)
                return current
        self._sight(connection, case, case.row)
        return None

    def _sight(self, connection: StoreTransaction, case: MailToFile, row: InboxRow) -> None:
        if case.sighting is not None:
            inbox.sight(connection, case.sighting, row.id)

    def _described(self, case: MailToFile, facts: FilingFacts) -> InboxRow:
        if case.reading is None:
            return replace(case.row, detail=case.fault)
        header = case.reading.header
        return replace(
            case.row,
            sender=header.sender or header.sender_name,
            address=facts.address,
            subject=header.subject,
            message_id=header.message_id,
            detail=case.fault,
        )

    def _report(self, connection: StoreTransaction, case: MailToFile, row: InboxRow) -> None:
        found = case.reading.report if case.reading else None
        if found is None or not found.reports:
            return
        message = inbox.journaled(
            connection,
            numbers=found.numbers,
            message_id=found.message_id,
            recipients=[self._notice_settings.lookup(one.recipient) for one in found.reports],
        )
        inbox.add_reports(connection, row.id, message, found.reports)

    def _answered(
        self,
        connection: StoreTransaction,
        case: MailToFile,
        facts: FilingFacts,
        row: InboxRow,
        now: datetime,
    ) -> InboxRow:
        """Tell the sender why a mail was not filed, where that may be told."""
        told = next((one for one in facts.staff if one.email), None)
        if told is None or not self._may_answer(connection, case, row, now):
            return row
        reference = case.reading.header.reference if case.reading else None
        draft = of_refused(
            self._notice_settings,
            row,
            staff=told,
            reference=reference or "",
            now=now,
            number=self._new_id(),
            known=self._known(connection, case, row),
        )
        outbox.put(connection, draft)
        return replace(row, answered=True)

    def _known(self, connection: StoreTransaction, case: MailToFile, row: InboxRow) -> LikelyOwner:
        """Return where the mail may belong: the applications of whoever wrote the original."""
        original = case.reading.original if case.reading else None
        if row.reason not in SUGGESTING or original is None or not original.is_recovered:
            return LikelyOwner()
        address = self._notice_settings.lookup(original.sender) if original.sender else ""
        holders = people.find(connection, address) if address else ()
        names = (one.person.name or str(one.person.ref) for one in holders)
        return LikelyOwner(
            ", ".join(names),
            tuple(
                known
                for one in holders
                for known in applications.of_person(connection, one.person.ref)
            ),
        )

    def _may_answer(
        self, connection: StoreTransaction, case: MailToFile, row: InboxRow, now: datetime
    ) -> bool:
        """Whether the sender, on file and surely who it says, may hear of it once more."""
        header = case.reading.header if case.reading else None
        if case.by_hand or row.answered or row.reason not in ANSWERED or header is None:
            return False
        if header.distrust or not header.may_be_answered:
            return False
        hour = now - timedelta(hours=1)
        return inbox.answers_since(connection, row.address, hour) < MOST_ANSWERS

    def _filed(
        self,
        connection: StoreTransaction,
        case: MailToFile,
        facts: FilingFacts,
        row: InboxRow,
        now: datetime,
    ) -> InboxRow:
        assert facts.application is not None
        candidate = _candidate(connection, facts.application.application.person)
        staff = facts.staff[0] if facts.staff else None
        filing = Filing(
            application=facts.application,
            candidate=candidate,
            original=_original(case, row),
            attachments=_attachments(case, row),
            staff=staff.crm_id if staff else row.address or row.sender,
            inbox=row.id,
            raw=row.content,
        )
        entry = entry_of(
            filing, new_id=self._new_id, lookup=self._notice_settings.lookup, rules=self._documents
        )
        if not history.add(connection, entry):
            return self._repeated(connection, entry, row, now)
        news = News(
            entry=entry,
            application=facts.application,
            candidate=candidate,
            staff_name=(staff.name or staff.email) if staff else filing.staff,
        )
        self._announce(connection, news, now)
        told = documents.filed(entry)
        self._happened(connection, EventType.REPLY_IMPORTED, told, entry.person)
        return replace(row, state=InboxState.FILED, reason="", detail="", entry=entry.id)

    def _happened(
        self,
        connection: StoreTransaction,
        kind: EventType,
        data: documents.Document,
        person: PersonRef | None = None,
    ) -> None:
        """Keep what others may want to be told of."""
        event = Event(id=self._new_id(), type=kind, person=person, data=data)
        events.put(connection, [event])

    def _repeated(
        self, connection: StoreTransaction, entry: HistoryEntry, row: InboxRow, now: datetime
    ) -> InboxRow:
        first = history.same(connection, entry.reference, entry.fingerprint)
        assert first is not None
        when = now.isoformat(timespec="seconds")
        history.remark(connection, first, f"{REPEATED} {when} {entry.staff} {entry.staff_text}")
        return replace(row, state=InboxState.REPEATED, reason="", detail="", entry=first.id)

    def _announce(self, connection: StoreTransaction, news: News, now: datetime) -> None:
        responsible = applications.staff_of(connection, news.application.application.responsible)
        owner = applications.staff_of(connection, [news.candidate.owner])
        to = addressees(responsible, owner, self._notice_settings.fallback_to)
        for draft in of_imported(self._notice_settings, news, to=to, now=now, new_id=self._new_id):
            outbox.put(connection, draft)


def _candidate(connection: StoreTransaction, person: PersonRef) -> Candidate:
    found = people.find(connection, person)
    if not found:
        return Candidate()
    known = found[0]
    return Candidate(name=known.person.name, addresses=known.addresses, owner=known.person.owner)


def _attachments(case: MailToFile, row: InboxRow) -> tuple[Attachment, ...]:
    """Return the files that came with it; of a mail nobody could read, the mail itself."""
    if case.reading is not None and case.reading.original is not None:
        return case.reading.attachments
    whole = Attachment(
        filename=_RAW_NAME,
        content_type="message/rfc822",
        size=row.size,
        sha256=row.content,
        file="",
    )
    return (whole,)


def _original(case: MailToFile, row: InboxRow) -> RepliedMail:
    """Return what is filed; of a mail nobody could read, what its header tells."""
    if case.reading is not None and case.reading.original is not None:
        return case.reading.original
    header = case.reading.header if case.reading else None
    return RepliedMail(
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
