"""Mail about changes to applications: what waits to be sent, and what became of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import groupby

from sqlalchemy import Connection, select, update

from gateway.core import ids
from gateway.core.ids import moment_of
from gateway.core.sending.outbox import OutboxRow, OutboxState
from gateway.core.triggers.events.registry import APPLICATION_EVENTS
from gateway.core.triggers.occurrence import STAFF_RECIPIENT, Occurrence, OccurrenceState
from gateway.core.triggers.trigger_run import RunState, TriggerRun
from gateway.store.engine.id_ranges import of_page
from gateway.store.schema.triggers import occurrences, transitions
from gateway.store.sending import outbox
from gateway.store.sending.outbox import WrongOutboxState
from gateway.store.triggers import due, ledger

TYPE = "trigger_mail"

_AT_ONCE = 100
_c = occurrences.c
_OPEN = (OccurrenceState.DUE, OccurrenceState.HELD, OccurrenceState.SENDING)
_AS_OUTBOX = {
    OccurrenceState.DUE: OutboxState.QUEUED,
    OccurrenceState.HELD: OutboxState.QUEUED,
    OccurrenceState.SENDING: OutboxState.SENDING,
    OccurrenceState.SENT: OutboxState.SENT,
    OccurrenceState.SKIPPED: OutboxState.CANCELLED,
    OccurrenceState.EXPIRED: OutboxState.FAILED,
    OccurrenceState.FAILED: OutboxState.FAILED,
    OccurrenceState.UNKNOWN: OutboxState.UNKNOWN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusMail:
    """A mail owed for a transition."""

    row: Occurrence
    to: str  #: The address it went to, or would go to now.


@dataclass(frozen=True, slots=True, kw_only=True)
class MailedTransition:
    """A transition and the mail one trigger owes for it."""

    id: int
    reference: str
    event: str  #: The event's name: `submitted`, `status_changed`.
    before: str  #: crm_id of the previous status.
    status: str
    actor: str  #: crm_id of the member of staff; empty: the candidate.
    trigger: str
    mails: tuple[StatusMail, ...]
    is_reported: bool  #: Whether its end was reported.

    @property
    def at(self) -> datetime:
        """When the transition was made."""
        return moment_of(self.id)

    def run(self, zone: tzinfo) -> TriggerRun:
        """Return it as a run of the trigger, in the form reports need."""
        states = [mail.row.state for mail in self.mails]
        return TriggerRun(
            id=self.id,
            trigger=self.trigger,
            day=self.at.astimezone(zone).date(),
            state=RunState.OPEN if any(state in _OPEN for state in states) else RunState.FINISHED,
            due=len(self.mails),
            counts={state: states.count(state) for state in states},
        )


def list_waiting_mail(
    connection: Connection,
    *,
    state: OutboxState | None = None,
    since: datetime | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[OutboxRow]:
    """Return what is due, held or being sent, as entries of the outbox, newest first."""
    states = [own for own in _OPEN if state in (None, _AS_OUTBOX[own])]
    query = select(_c.id).where(_c.event.in_(APPLICATION_EVENTS), _c.state.in_(states))
    query = query.where(*of_page(_c.id, since, before))
    numbers = list(connection.scalars(query.order_by(_c.id.desc()).limit(limit)))
    return [_as_entry(connection, row) for row in ledger.by_ids(connection, numbers)]


def _as_entry(connection: Connection, row: Occurrence) -> OutboxRow:
    return OutboxRow(
        id=row.id,
        type=TYPE,
        key="",
        sender="",
        recipient=_address(connection, row),
        body=b"",
        message=row.message,
        relay="",
        state=_AS_OUTBOX[row.state],
        attempts=row.attempts,
        next_at=row.next_at,
        error=row.reason,
        about=f"{row.trigger} {row.about}",
    )


def merge_newest_first(
    entries: Sequence[OutboxRow], own: Sequence[OutboxRow], limit: int
) -> list[OutboxRow]:
    """Return outbox entries and waiting mail of triggers together, newest first."""
    return sorted((*entries, *own), key=lambda entry: entry.id, reverse=True)[:limit]


def entry(connection: Connection, number: int) -> OutboxRow:
    """Return an outbox entry, or an application's mail in whatever state; else `NoSuchRow`."""
    row = _of_application(connection, number)
    return outbox.by_id(connection, number) if row is None else _as_entry(connection, row)


def cancel_entry(connection: Connection, number: int, now: datetime) -> OutboxState:
    """Give up an outbox entry, or triggered mail that waits; return its previous state.

    The application keeps its status. Raises `NoSuchRow` or `WrongOutboxState`.
    """
    row = _of_application(connection, number)
    if row is None:
        return outbox.cancel(connection, number).state
    if not ledger.cancel(connection, number, now):
        raise WrongOutboxState(
            f"{ids.show(number)} is {row.state}; only what waits can be cancelled"
        )
    return _AS_OUTBOX[row.state]


def _of_application(connection: Connection, number: int) -> Occurrence | None:
    row = ledger.by_id(connection, number)
    return row if row is not None and row.event in APPLICATION_EVENTS else None


def _address(connection: Connection, row: Occurrence) -> str:
    """Return where a mail went, or else would go now; empty if nowhere."""
    if row.address or (row.recipient and not row.recipient.startswith(STAFF_RECIPIENT)):
        return row.address or row.recipient
    facts = due.facts(connection, row)
    if row.recipient:
        return facts.staff.email if facts.staff else ""
    return next(iter(facts.person.emails), "") if facts.person else ""


def list_mailed_transitions(
    connection: Connection,
    *,
    since: datetime | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[MailedTransition]:
    """Return the last transitions that owed mail, one for each trigger, newest first.

    `before` returns those older than this id.
    """
    t = transitions.c
    first = 0 if since is None else ids.first_id_at(since)
    changes: list[MailedTransition] = []
    last = before
    while len(changes) < limit:
        query = select(t.id).where(t.id >= first).order_by(t.id.desc()).limit(_AT_ONCE)
        if last is not None:
            query = query.where(t.id < last)
        numbers = list(connection.scalars(query))
        changes += _by_ids(connection, numbers)
        if len(numbers) < _AT_ONCE:
            break
        last = numbers[-1]
    return changes[:limit]


def unreported(
    connection: Connection, after: int, limit: int
) -> tuple[list[MailedTransition], int]:
    """Return transitions whose mail has ended without this having been reported.

    At most `limit` are examined, those with an id above `after`; also returns the last of them, or
    0 once all have been.
    """
    t = transitions.c
    query = select(t.id).where(t.is_open, t.id > after).order_by(t.id).limit(limit)
    numbers = list(connection.scalars(query))
    ended = [
        change
        for number in numbers
        if all(mail.row.state not in _OPEN for mail in _mails(connection, number))
        for change in _by_ids(connection, [number])
    ]
    return ended, numbers[-1] if len(numbers) == limit else 0


def record_report(connection: Connection, number: int) -> bool:
    """Record that the end of a transition's mail was reported; False if it already was."""
    t = transitions.c
    query = update(transitions).where(t.id == number, t.is_open).values(is_open=False)
    return connection.execute(query).rowcount == 1


def _by_ids(connection: Connection, numbers: Sequence[int]) -> Iterator[MailedTransition]:
    rows = connection.execute(select(transitions).where(transitions.c.id.in_(numbers)))
    rows_by_id = {row.id: row for row in rows}
    for number in numbers:
        row = rows_by_id[number]
        mails = sorted(_mails(connection, number), key=lambda mail: mail.row.trigger)
        for trigger, own in groupby(mails, key=lambda mail: mail.row.trigger):
            yield MailedTransition(
                id=number,
                reference=row.reference,
                event=row.event,
                before=row.before,
                status=row.status,
                actor=row.actor,
                trigger=trigger,
                mails=tuple(own),
                is_reported=not row.is_open,
            )


def _mails(connection: Connection, number: int) -> list[StatusMail]:
    reference = select(transitions.c.reference).where(transitions.c.id == number)
    rows = ledger.of_transition(connection, connection.scalar(reference) or "", ids.show(number))
    return [StatusMail(row=row, to=_address(connection, row)) for row in rows]
