"""The ledger of triggered mail: a row per occurrence, unique, committed before anything is sent.

A row is `due` from the moment it is added, `sending` from before the mail goes to the relay, and
then settled. A process that vanishes leaves its rows `sending`: they become `unknown` and are not
sent again, except those known not to have reached any relay: these are due again. The life cycle is
a table, `core.triggers.occurrence.LEDGER_LIFE`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Connection,
    Executable,
    RowMapping,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    update,
)

from gateway.core import ids
from gateway.core.batches import batched
from gateway.core.journal.message import Message, Outcome
from gateway.core.kinds import By, State
from gateway.core.people.erased_names import CODE_LENGTH, PREFIX
from gateway.core.people.people import PersonKind, PersonRef
from gateway.core.queue import QueueEvent
from gateway.core.triggers.events.registry import APPLICATION_EVENTS
from gateway.core.triggers.occurrence import (
    LEDGER_LIFE,
    MAY_HAVE_LEFT,
    SETTLED,
    DueOccurrence,
    Occurrence,
    OccurrenceEnding,
    OccurrenceState,
)
from gateway.core.triggers.reasons import CANCELLED, INTERRUPTED, TOO_LATE, UNBEGUN, WAITS
from gateway.store.engine.bulk_rows import insert_rows
from gateway.store.engine.leases import IsGone
from gateway.store.engine.queue import DurableQueue
from gateway.store.schema.columns import UtcTime, microseconds
from gateway.store.schema.journal import LEDGER, deliveries
from gateway.store.schema.triggers import occurrences, transitions
from gateway.store.triggers import epochs, trigger_runs

UNHEARD = "250 (the process that sent it ended before it kept the relay's words)"

_AT_ONCE = 500
_TAKEN = OccurrenceEnding(state=OccurrenceState.SENT)
_COLUMNS = (
    *("id", "trigger", "event", "kind", "person", "occurrence", "about", "recipient", "run"),
    *("state", "reason", "due_at", "latest_at", "next_at", "facts", "settled_at"),
)
_THERE_ALREADY = '("trigger", kind, person, occurrence, about, recipient) DO NOTHING'
_c = occurrences.c
_IS_DUE = _c.state == OccurrenceState.DUE
#: As in its index.
_IS_WAITING = (_c.state == literal_column("'due'"), _c.reason.startswith(WAITS))
_IS_SENDING = _c.state == OccurrenceState.SENDING
QUEUE = DurableQueue(occurrences, LEDGER_LIFE)
_FIELDS = tuple(
    name for name in Occurrence.__dataclass_fields__ if name not in {"event", "person", "state"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerMail:
    """The mail an occurrence is about to send."""

    address: str
    mailbox: str  #: The address in lookup form.
    subject: str
    message_id: str
    body: bytes
    message: Message  #: For the journal.


def put(
    connection: Connection,
    dues: Iterable[DueOccurrence],
    *,
    now: datetime,
    run: int | None = None,
    hold: str = "",
) -> list[int]:
    """Add occurrences; return the ids of those that were new.

    They are `due`; `held` if all mail is, or if `hold` says why; `expired` if it is too late; or
    `skipped` if they say why.
    """
    why = hold or epochs.why_held(connection)
    added: list[int] = []
    for chunk in batched(dues, _AT_ONCE):
        rows = [_new_row(due, run, now, why) for due in chunk]
        insert_rows(connection, occurrences, _COLUMNS, rows, conflict=_THERE_ALREADY)
        query = select(_c.id).where(_c.id.in_([due.id for due in chunk]))
        added += connection.scalars(query.order_by(_c.id))
    return added


def _new_row(due: DueOccurrence, run: int | None, now: datetime, hold: str) -> tuple[object, ...]:
    at = microseconds(now)
    state, reason = (OccurrenceState.HELD, hold) if hold else (OccurrenceState.DUE, "")
    if due.skipped:
        state, reason = OccurrenceState.SKIPPED, due.skipped
    elif due.latest_at is not None and due.latest_at <= now:
        state, reason = OccurrenceState.EXPIRED, TOO_LATE
    # Mail about something just done may wait for its `due_at`: until then it can be undone.
    first_at = max(at, microseconds(due.due_at)) if due.event in APPLICATION_EVENTS else at
    return (
        due.id, due.trigger, due.event, due.person.kind.value, due.person.crm_id,
        due.occurrence, due.about, due.recipient, run, state.value, reason,
        microseconds(due.due_at),
        None if due.latest_at is None else microseconds(due.latest_at),
        first_at if state is OccurrenceState.DUE else None, due.facts,
        at if state in SETTLED else None,
    )  # fmt: skip


def revive(connection: Connection, trigger: str, now: datetime, run: int) -> int:
    """Make due again what a fast clock found too late; return the number."""
    is_of_use = (_c.trigger == trigger, _c.due_at <= now, _c.latest_at > now)
    values = {"reason": "", "next_at": now, "run": run, "settled_at": None}
    return QUEUE.change(connection, QueueEvent.REVIVED, *is_of_use, values=values)


def has_work(connection: Connection, now: datetime, is_gone: IsGone) -> bool:
    """Whether `claim` or `recover` might find anything."""
    return QUEUE.has_work(connection, now, is_gone)


def claim(
    connection: Connection,
    holder: str,
    now: datetime,
    *,
    lease: timedelta,
    limit: int,
    events: Collection[str],
    runs: Collection[int] | None = None,
) -> list[Occurrence]:
    """Claim up to `limit` due rows of some events, the longest due first (or of some runs only).

    Nobody else gets them while the lease lasts (RELIABILITY E4); they are still `due`.
    """
    is_wanted = and_(_c.event.in_(events), true() if runs is None else _c.run.in_(runs))
    return by_ids(connection, QUEUE.claim(connection, holder, now, lease, limit, is_wanted))


def begin(
    connection: Connection,
    holder: str,
    mails: Mapping[int, LedgerMail],
    *,
    now: datetime,
    lease: timedelta,
) -> set[int]:
    """Mark occurrences as being sent, and write their messages to the journal.

    Returns the ids of those marked: the others no longer belong to the holder, and must not be
    sent.
    """
    common: dict[str, object] = {
        "attempts": _c.attempts + 1,
        "held_until": now + lease,
        "next_at": None,
    }
    by_id = {
        number: {
            "address": mail.address,
            "mailbox": mail.mailbox,
            "subject": mail.subject,
            "message_id": mail.message_id,
            "body": mail.body,
            "message": mail.message.id,
        }
        for number, mail in mails.items()
    }
    own = _c.holder == holder
    begun = QUEUE.change_each(connection, QueueEvent.BEGUN, by_id, own, values=common)
    if messages := [mail.message for number, mail in mails.items() if number in begun]:
        _write_to_journal(connection, messages)
        epochs.reach(connection, max(message.id for message in messages))
    return begun


#: Identifies a day's mail to a mailbox: trigger, mailbox, due time.
DayMail = tuple[str, str, datetime]


def may_have_had(
    connection: Connection, day_mails: Collection[DayMail]
) -> dict[DayMail, list[Occurrence]]:
    """Return what mailboxes got, or are getting, from a trigger on a day, oldest first.

    No other transaction can send such mail there until this one ends.
    """
    if connection.dialect.name == "postgresql":
        # Always in the same order, or two transactions could deadlock.
        for place in sorted({f"{trigger} {mailbox}" for trigger, mailbox, _ in day_mails}):
            lock = func.hashtextextended(place, 0)
            connection.execute(select(func.pg_advisory_xact_lock(lock)))
    mailboxes = {mailbox for _, mailbox, _ in day_mails}
    went = _c.state.in_(MAY_HAVE_LEFT)
    query = select(occurrences).where(_c.mailbox != "", _c.mailbox.in_(mailboxes), went)
    query = query.where(
        _c.trigger.in_({trigger for trigger, _, _ in day_mails}),
        _c.due_at.in_({due_at for _, _, due_at in day_mails}),
        _c.recipient == "",
    )
    by_day_mail: dict[DayMail, list[Occurrence]] = {}
    for row in connection.execute(query.order_by(_c.id)).mappings():
        other = _row(row)
        by_day_mail.setdefault((other.trigger, row["mailbox"], other.due_at), []).append(other)
    return by_day_mail


@dataclass(frozen=True, slots=True)
class LedgerEnd:
    """The result of an attempt to send an occurrence's mail."""

    id: int
    ending: OccurrenceEnding
    outcome: Outcome  #: For the journal.


def end(
    connection: Connection, holder: str, ends: Sequence[LedgerEnd], *, now: datetime
) -> set[int]:
    """Record the results of attempts; return the ids of rows that still belong to the holder.

    A result that arrives after the lease has ended is still better than `unknown`.
    """
    numbers = [end.id for end in ends]
    erased = set(
        connection.scalars(select(_c.id).where(_c.id.in_(numbers), _c.person.startswith(PREFIX)))
    )
    ended, outcomes = set(), []
    for end in ends:
        ending, outcome = end.ending, end.outcome
        if end.id in erased:
            # The relay's reply may name the person, who was erased in the meantime.
            ending = replace(ending, reason=ending.reason and outcome.reply[:CODE_LENGTH])
            if ending.state is OccurrenceState.DUE:  # The mail is gone, and so is its recipient.
                ending = replace(ending, state=OccurrenceState.FAILED, next_at=None)
            outcome = replace(outcome, reply=outcome.reply[:CODE_LENGTH])
        values = _ending_values(ending, now)
        if QUEUE.settle(connection, end.id, ending.state, holder=holder, values=values):
            ended.add(end.id)
            outcomes.append(outcome)
    _tell_journal(connection, outcomes)
    return ended


def settle(
    connection: Connection,
    number: int,
    holder: str,
    ending: OccurrenceEnding,
    *,
    now: datetime,
    message: Message | None = None,
    address: str = "",
) -> bool:
    """Record a decision about an occurrence that isn't sent now, with a message for the journal."""
    values = {**_ending_values(ending, now), "address": address}
    if message is not None:
        values |= {"message": message.id, "subject": message.subject}
    if not QUEUE.settle(connection, number, ending.state, holder=holder, values=values):
        return False
    if message is not None:
        _write_to_journal(connection, [message])
    return True


def _ending_values(ending: OccurrenceEnding, now: datetime) -> dict[str, object]:
    """Return the values written with an ending; an `unknown` mail's holder may still report."""
    values: dict[str, object] = {"reason": ending.reason, "next_at": ending.next_at}
    if ending.state is not OccurrenceState.UNKNOWN:
        values |= {"holder": ""}
    if ending.state is not OccurrenceState.DUE:
        values |= {"settled_at": now, "body": None}
    return values


def give_back(connection: Connection, holder: str, numbers: Sequence[int]) -> None:
    """Release rows that were claimed but not started."""
    QUEUE.give_back(connection, holder, numbers)


#: What a relay accepted (True), or may have accepted, from a process that has ended, by id; None:
#: unknown.
AttemptsOf = Callable[[str], Mapping[int, bool] | None]


def recover(
    connection: Connection, now: datetime, is_gone: IsGone, attempts_of: AttemptsOf
) -> list[Occurrence]:
    """Settle what vanished processes left: what they were sending becomes `unknown`; return it.

    What they had only claimed is due again. If it is known what reached no relay, that is due
    again, too; what a relay accepted becomes `sent`, and is returned.
    """
    sent = _recover_known(connection, now, is_gone, attempts_of)
    lost = {"reason": INTERRUPTED, "settled_at": now}
    left = by_ids(connection, QUEUE.recover(connection, now, is_gone, values=lost))
    outcomes = (
        Outcome(
            message=row.message, position=0, state=State.UNKNOWN, by=By.GATEWAY, reply=INTERRUPTED
        )
        for row in left
        if row.message is not None
    )
    _tell_journal(connection, outcomes)
    return [*sent, *left]


def _recover_known(
    connection: Connection, now: datetime, is_gone: IsGone, attempts_of: AttemptsOf
) -> list[Occurrence]:
    """Settle mail of ended processes whose outcome is known; return what was sent."""
    put_off = OccurrenceEnding(state=OccurrenceState.DUE, reason=UNBEGUN, next_at=now)
    sent, outcomes = [], []
    holders = select(_c.holder).where(_IS_SENDING, _c.holder != "").distinct()
    for holder in connection.scalars(holders).all():
        attempts = attempts_of(holder) if is_gone(holder) else None
        if attempts is None:
            continue
        query = select(_c.id, _c.message).where(_IS_SENDING, _c.holder == holder)
        for number, message in connection.execute(query.with_for_update(skip_locked=True)).all():
            if number not in attempts:
                ending, state, by, reply = put_off, State.DEFERRED, By.GATEWAY, UNBEGUN
            elif attempts[number]:
                ending, state, by, reply = _TAKEN, State.RELAYED, By.RELAY, UNHEARD
                sent.append(number)
            else:
                continue
            values = _ending_values(ending, now)
            QUEUE.settle(connection, number, ending.state, holder=holder, values=values)
            outcomes.append(Outcome(message=message, position=0, state=state, by=by, reply=reply))
    _tell_journal(connection, outcomes)
    return by_ids(connection, sent)


def hold(connection: Connection, why: str) -> int:
    """Hold all mail, for this reason; return how many occurrences were due."""
    epochs.hold(connection, why)
    values = {"reason": why, "holder": "", "next_at": None}
    return QUEUE.change(connection, QueueEvent.HELD, values=values)


def hold_by_hand(connection: Connection, why: str, *, epoch: str) -> int:
    """Hold all mail on a person's request; return how many occurrences were due.

    A store without an epoch gets this one: nothing was sent from it yet.
    """
    epochs.begin(connection, epoch)
    return hold(connection, why)


def resume(connection: Connection, now: datetime, *, epoch: str, high: int) -> int:
    """Release everything that is held; return the number of occurrences.

    A store without an epoch gets this one; what was sent before counts as lower than `high`.
    """
    store_epoch = epochs.begin(connection, epoch)
    epochs.resume(connection, max(high, store_epoch.high))
    trigger_runs.reopen(connection)
    is_early = and_(_c.event.in_(APPLICATION_EVENTS), _c.due_at > now)
    next_at = case((is_early, _c.due_at), else_=literal(now, UtcTime))
    values = {"reason": "", "next_at": next_at}
    return QUEUE.change(connection, QueueEvent.RESUMED, values=values)


def supersede(
    connection: Connection,
    reference: str,
    event: str,
    reason: str,
    now: datetime,
    *,
    like: DueOccurrence | None = None,
) -> int:
    """Settle mail about an application's earlier transitions that isn't being sent yet.

    With `like`, only mail of the same trigger to the same recipient. Returns how many mails. A
    worker that has claimed one finds that it no longer owns it; mail being sent is left alone.
    """
    earlier = [_c.about == reference, _c.event == event]
    if like is not None:
        earlier += [_c.trigger == like.trigger, _c.recipient == like.recipient]
    ended = _ending_values(OccurrenceEnding(state=OccurrenceState.SKIPPED, reason=reason), now)
    return QUEUE.change(connection, QueueEvent.WITHDRAWN, *earlier, values=ended)


def cancel(connection: Connection, number: int, now: datetime) -> bool:
    """Cancel a mail that isn't being sent yet; False if it is, or has ended."""
    ended = _ending_values(OccurrenceEnding(state=OccurrenceState.SKIPPED, reason=CANCELLED), now)
    return QUEUE.change(connection, QueueEvent.WITHDRAWN, _c.id == number, values=ended) == 1


def of_transition(connection: Connection, reference: str, transition: str) -> list[Occurrence]:
    """Return the mail owed for a transition of an application, in order."""
    of_transition = (
        _c.about == reference,
        _c.occurrence == transition,
        _c.event.in_(APPLICATION_EVENTS),
    )
    return _occurrences_of(connection, select(occurrences).where(*of_transition).order_by(_c.id))


def on_its_way(connection: Connection, like: DueOccurrence, status: str) -> int | None:
    """Return mail being sent for an earlier transition that says the same as `like`.

    It has the same trigger, recipient and status; None if there is none.
    """
    same = select(_c.id, _c.occurrence).where(
        _c.about == like.about,
        _c.trigger == like.trigger,
        _c.event == like.event,
        _c.recipient == like.recipient,
        _IS_SENDING,
    )
    for row in connection.execute(same.order_by(_c.id.desc())):
        its_status = select(transitions.c.status).where(
            transitions.c.id == ids.read(row.occurrence)
        )
        if connection.scalar(its_status) == status:
            return int(row.id)
    return None


def is_busy(connection: Connection, run: int) -> bool:
    """Whether some process has claimed mail of a run."""
    is_claimed = and_(_IS_DUE, _c.holder != "")
    busy = select(_c.id).where(_c.run == run, or_(_IS_SENDING, is_claimed)).limit(1)
    return connection.scalar(busy) is not None


def list_waiting_mail(connection: Connection, limit: int = 1000) -> list[Occurrence]:
    """Return mail waiting for a field that can't be read, the longest due first."""
    query = select(occurrences).where(*_IS_WAITING)
    return _occurrences_of(connection, query.order_by(_c.due_at, _c.id).limit(limit))


def count_of_waiting() -> Select[Any]:
    """Return the query that counts such mail."""
    return select(func.count()).where(*_IS_WAITING)


def by_ids(connection: Connection, numbers: Sequence[int]) -> list[Occurrence]:
    """Return the occurrences with these ids, in that order."""
    return [_row(row) for row in QUEUE.rows(connection, numbers)]


def by_id(connection: Connection, number: int) -> Occurrence | None:
    """Return the occurrence with an id."""
    return next(iter(by_ids(connection, [number])), None)


def of_person(connection: Connection, ref: PersonRef, limit: int = 100) -> list[Occurrence]:
    """Return a person's occurrences, newest first."""
    query = select(occurrences).where(_c.kind == ref.kind.value, _c.person == ref.crm_id)
    return _occurrences_of(connection, query.order_by(_c.id.desc()).limit(limit))


def of_run(connection: Connection, run: int, limit: int) -> list[Occurrence]:
    """Return the occurrences of a run, in order."""
    return _occurrences_of(
        connection, select(occurrences).where(_c.run == run).order_by(_c.id).limit(limit)
    )


def _write_to_journal(connection: Connection, messages: Sequence[Message]) -> None:
    # Readers of the ledger need nothing of the journal's writing side: reports, events, outbox.
    from gateway.store.journal import journal

    journal.write_recorded(connection, LEDGER, messages, ())


_OUTCOME_OF_DELIVERY = update(deliveries).where(
    deliveries.c.message == bindparam("its_message"),
    deliveries.c.position == bindparam("its_position"),
    # Without IN: a statement for many rows can't have a list (SQLAlchemy 2.0).
    or_(deliveries.c.state == State.SENDING, deliveries.c.state == State.UNKNOWN),
)


def _tell_journal(connection: Connection, outcomes: Iterable[Outcome]) -> None:
    rows = [
        {
            "its_message": outcome.message,
            "its_position": outcome.position,
            "state": outcome.state,
            "by": outcome.by,
            "reply": outcome.reply,
        }
        for outcome in outcomes
    ]
    if rows:
        connection.execute(_OUTCOME_OF_DELIVERY, rows)


def _occurrences_of(connection: Connection, query: Executable) -> list[Occurrence]:
    return [_row(row) for row in connection.execute(query).mappings()]


def _row(row: RowMapping) -> Occurrence:
    return Occurrence(
        event=row["event"],
        person=PersonRef(PersonKind(row["kind"]), row["person"]),
        state=OccurrenceState(row["state"]),
        **{name: row[name] for name in _FIELDS},
    )
