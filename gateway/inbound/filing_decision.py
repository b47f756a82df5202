"""Decides what to do with a mail and records that, with all its effects, in one transaction.

For a reply forwarded by Eva with `VAC-9931` in its subject:

    facts       Eva is staff; VAC-9931 is an application of candidate:17
    decision    None: there is no objection to filing it
    kept        the inbox row as `filed`, the history entry, its documents, an event

If no application had that reference, the decision would be an `Objection`: the row is stored as
`needs_attention`, and a reply to Eva and a webhook event are queued; somebody who isn't on file
gets no reply. For a vacation reply the decision is a row that is `ignored`. A bounce is first
stored with the message it is about, which may settle it (`_came_back`).

A mail's files must be in the blob store before it is filed, but most mail is never filed. So
`would_file` is called first; if things have changed by the time of `settle`, that returns None and
is called again once the files are stored.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from gateway.core.bounces.bounce import BounceKind, KeptBounce
from gateway.core.mail.automatic import Automatic
from gateway.core.replies.document_types import DocumentRule
from gateway.core.replies.inbox import AttentionReason, InboxRow, InboxState
from gateway.core.sending.event import Event, EventType
from gateway.documents.replies import mail_to_attend_document
from gateway.inbound.admission import Admission, Objection, objection
from gateway.inbound.answering import answer_sender
from gateway.inbound.bounce_keeping import (
    BounceSettings,
    keep_bounces,
    keep_unsubscribe,
    pass_on,
)
from gateway.inbound.filed_reply import file_reply
from gateway.inbound.mail_to_file import FilingFacts, MailToFile
from gateway.inbound.notices import NoticeSettings
from gateway.inbound.reading.bounces.reports import ReportSet
from gateway.store.engine.database import StoreTransaction
from gateway.store.people import applications
from gateway.store.replies import inbox
from gateway.store.sending import events

UNSUBSCRIBE = "unsubscribe"  #: Why an unsubscribe request is not filed.
_ANSWERS = (Automatic.AUTO_REPLY.value, Automatic.READ_RECEIPT.value)


class FilingDecider:
    """Decides what to do with a mail, by the rules and the present state of the store."""

    def __init__(
        self,
        admission: Admission,
        notice_settings: NoticeSettings,
        documents: Sequence[DocumentRule],
        bounce_settings: BounceSettings,
        new_id: Callable[[], int],
    ) -> None:
        self._admission = admission
        self._notice_settings = notice_settings
        self._documents = documents
        self._bounce_settings = bounce_settings
        self._new_id = new_id
        self.kept_bounces: Sequence[KeptBounce] = ()  #: Those that the last `settle` stored.

    def would_file(self, connection: StoreTransaction, mail: MailToFile) -> bool:
        """Whether the mail would be filed as things are now."""
        return self._decision(mail, self._facts(connection, mail)) is None

    def settle(
        self, connection: StoreTransaction, mail: MailToFile, now: datetime, *, has_files: bool
    ) -> InboxRow | None:
        """Decide and record the decision; return None, recording nothing, if files are missing.

        `has_files`: whether the blob store has all files of the mail, if there are any. If somebody
        else has decided in the meantime, their decision stands.
        """
        self.kept_bounces = ()
        facts = self._facts(connection, mail)
        decision = self._decision(mail, facts)
        if decision is None and not has_files:
            return None

        settled = self._settled_already(connection, mail)
        if mail.sighting is not None:
            inbox.add_sighting(connection, mail.sighting, (settled or mail.row).id)
        if settled is not None:
            return settled

        row = replace(mail.row, detail=mail.fault)
        if mail.reading is not None:
            header = mail.reading.header
            row = replace(
                row,
                sender=header.sender or header.sender_name,
                address=facts.address,
                subject=header.subject,
                message_id=header.message_id,
            )
        report = mail.reading.report if mail.reading else None
        if report is not None and mail.reference is None:
            decision = self._came_back(connection, mail, report, row, now=now) or decision
        if isinstance(decision, InboxRow):
            row = replace(row, state=decision.state, reason=decision.reason)
        elif decision is not None:
            row = self._left_to_people(connection, mail, facts, row, decision, now=now)
        else:
            row = file_reply(
                connection,
                mail,
                facts,
                row,
                now=now,
                settings=self._notice_settings,
                rules=self._documents,
                new_id=self._new_id,
            )
        inbox.settle(connection, row)
        return row

    def _settled_already(self, connection: StoreTransaction, mail: MailToFile) -> InboxRow | None:
        """Lock the mail's row; return it if somebody else has settled it."""
        if mail.is_new and inbox.put(connection, mail.row):
            return None
        current = inbox.of_content(connection, mail.row.content, lock=True)
        if current is None or not (mail.is_new or current.state != mail.row.state):
            return None
        return current

    def _left_to_people(
        self,
        connection: StoreTransaction,
        mail: MailToFile,
        facts: FilingFacts,
        row: InboxRow,
        against: Objection,
        *,
        now: datetime,
    ) -> InboxRow:
        """Reply to the sender of a mail that isn't filed, and publish the event; return its row."""
        row = replace(
            row,
            state=InboxState.NEEDS_ATTENTION,
            reason=against.reason,
            detail=against.detail or row.detail,
        )
        if mail.is_bounce:  # nobody who writes there gets a reply: programs would reply back
            return row
        row = answer_sender(
            connection,
            mail,
            facts,
            row,
            now=now,
            settings=self._notice_settings,
            new_id=self._new_id,
        )
        if not mail.by_hand:
            needs_attention = Event(
                id=self._new_id(),
                type=EventType.REPLY_NEEDS_ATTENTION,
                person=None,
                data=mail_to_attend_document(row),
            )
            events.put(connection, [needs_attention])
        return row

    def _came_back(
        self,
        connection: StoreTransaction,
        mail: MailToFile,
        report: ReportSet,
        row: InboxRow,
        *,
        now: datetime,
    ) -> InboxRow | Objection | None:
        """Store what a mail says about mail of ours; return the decision if that settles it."""
        settings = self._bounce_settings
        if mail.is_bounce:
            pass_on(
                connection,
                report,
                row,
                raw=mail.raw,
                settings=settings,
                now=now,
                new_id=self._new_id,
            )
        if report.bounces:
            self.kept_bounces = keep_bounces(
                connection,
                report,
                row,
                is_fresh=mail.is_fresh,
                came_in=mail.arrived,
                settings=settings,
                now=now,
                new_id=self._new_id,
            )
            if not mail.is_bounce:
                return None
            if any(bounce.proof for bounce in self.kept_bounces):
                return replace(mail.row, state=InboxState.IGNORED, reason=_kind_of(report))
            return Objection(reason=AttentionReason.UNPROVEN_BOUNCE)
        if mail.is_bounce and keep_unsubscribe(
            connection,
            report,
            row,
            is_fresh=mail.is_fresh,
            settings=settings,
            now=now,
            new_id=self._new_id,
        ):
            return replace(mail.row, state=InboxState.IGNORED, reason=UNSUBSCRIBE)
        return None

    def _facts(self, connection: StoreTransaction, mail: MailToFile) -> FilingFacts:
        header = mail.reading.header if mail.reading else None
        address = self._notice_settings.lookup(header.sender) if header and header.sender else ""
        reference = mail.reference or (header.reference if header else None)
        return FilingFacts(
            address=address,
            staff=applications.staff_at(connection, address) if address else (),
            application=applications.find(connection, reference) if reference else None,
        )

    def _decision(self, mail: MailToFile, facts: FilingFacts) -> InboxRow | Objection | None:
        """Return why the mail isn't filed: automatic, or objections; None: it is filed."""
        if mail.reference is not None:
            return (
                None if facts.application else Objection(reason=AttentionReason.UNKNOWN_REFERENCE)
            )
        kind = mail.reading.header.automatic if mail.reading is not None else ""
        is_ignored = kind and (not mail.is_bounce or kind in _ANSWERS)
        if is_ignored and not _may_be_forward(mail, facts):
            return replace(mail.row, state=InboxState.IGNORED, reason=kind)
        if mail.is_bounce and mail.row.whole and mail.reading is not None and not mail.fault:
            return Objection(reason=AttentionReason.NO_BOUNCE)
        was_unreadable = mail.row.reason == AttentionReason.UNREADABLE
        if not mail.row.whole and not (mail.fault or was_unreadable):
            return Objection(reason=AttentionReason.TOO_LARGE, detail=f"{mail.row.size} octets")
        if not mail.row.whole:
            return Objection(
                reason=AttentionReason.UNREADABLE, detail=mail.fault or mail.row.detail
            )
        if mail.reading is None or mail.fault:
            return Objection(reason=AttentionReason.UNREADABLE, detail=mail.fault)
        return objection(
            mail.reading.header,
            address=facts.address,
            staff=facts.staff,
            admission=self._admission,
            application=facts.application,
        )


def _may_be_forward(mail: MailToFile, facts: FilingFacts) -> bool:
    """Whether a mail with an application's reference is automatic only by a mailing list's marks.

    A colleague may have sent it to a group that passes it on, perhaps with the group's own address
    as From. It must not be ignored silently.
    """
    is_marked_by_list = mail.reading is not None and mail.reading.header.may_be_forward
    return is_marked_by_list and facts.application is not None


def _kind_of(report: ReportSet) -> str:
    kinds = {bounce.kind for bounce in report.bounces}
    is_delivery_report = kinds <= {BounceKind.BOUNCE, BounceKind.DELAY, BounceKind.DELIVERED}
    kind = Automatic.DELIVERY_REPORT if is_delivery_report else Automatic.FEEDBACK_REPORT
    return str(kind.value)
