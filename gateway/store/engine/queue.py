"""A durable queue: a table whose rows are worked off, each by one process at a time.

The queue's life cycle in core (`gateway/core/queue.py`) says which event can happen in which state,
and what it does to a row; all statements here are built from it. What a queue writes to other
columns with an event are the caller's `values`; anything else that belongs to it is done by the
caller in the same transaction.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Generic

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    RowMapping,
    Table,
    Update,
    and_,
    bindparam,
    func,
    or_,
    select,
    true,
    update,
)

from gateway.core.batches import batched
from gateway.core.queue import QueueEvent, QueueLife, S
from gateway.store.engine.database import VALUES_AT_ONCE
from gateway.store.engine.leases import IsGone

#: Values to write, by column.
ColumnValues = Mapping[str, object]
_NOTHING: ColumnValues = {}


class DurableQueue(Generic[S]):
    """Rows of `table` that wait for their turn.

    The table has `id`, `state`, `holder` (empty if nobody has claimed it) and `held_until` (the end
    of the holder's lease). If it also has `next_at`, a row is due from then on; without a time it
    isn't.
    """

    def __init__(self, table: Table, life: QueueLife[S]) -> None:
        self.table = table
        self.life = life
        self._next_at: Column[datetime] | None = table.c.get("next_at")
        self._settlings: dict[tuple[QueueEvent, bool], Update] = {}
        # A row that keeps its state when its holder's lease ends is simply due then.
        abandoned = life.transitions[QueueEvent.ABANDONED].items()
        self._changed_by_silence = {before for before, after in abandoned if before != after}

    def can(self, event: QueueEvent) -> ColumnElement[bool]:
        """Return the condition for rows to which an event can happen."""
        states = self.life.before(event)
        # SQLite uses the index on the rows in a single state only for `=`.
        state = self.table.c.state
        return state == states[0] if len(states) == 1 else state.in_(states)

    def is_due(self, now: datetime) -> ColumnElement[bool]:
        """Return the condition for rows that may be claimed."""
        c = self.table.c
        is_free = or_(c.held_until.is_(None), c.held_until <= now)
        has_come = true() if self._next_at is None else self._next_at <= now
        return and_(self.can(QueueEvent.CLAIMED), has_come, is_free)

    def has_work(
        self,
        connection: Connection,
        now: datetime,
        is_gone: IsGone,
        *share: ColumnElement[bool],
        due: ColumnElement[bool] | None = None,
    ) -> bool:
        """Whether `claim` or `recover` would find anything in a share of the rows.

        `due` is the additional condition that `claim` has for rows.
        """
        c = self.table.c
        is_wanted = and_(self.is_due(now), true() if due is None else due)
        if connection.scalar(select(c.id).where(*share, is_wanted).limit(1)) is not None:
            return True
        claims = select(c.state, c.holder, func.min(c.held_until))
        claims = claims.where(c.holder != "", self.can(QueueEvent.ABANDONED), *share)
        return any(
            is_gone(holder)
            or (state in self._changed_by_silence and until is not None and until <= now)
            for state, holder, until in connection.execute(claims.group_by(c.state, c.holder))
        )

    def claim(
        self,
        connection: Connection,
        holder: str,
        now: datetime,
        lease: timedelta,
        limit: int,
        *where: ColumnElement[bool],
        values: ColumnValues = _NOTHING,
    ) -> list[int]:
        """Claim up to `limit` due rows, the longest due first; return their ids.

        Nobody else gets them until the lease ends.
        """
        held = {"holder": holder, "held_until": now + lease, **values}
        is_due = self.is_due(now)
        return self.change_free(
            connection, QueueEvent.CLAIMED, is_due, *where, limit=limit, values=held
        )

    def give_back(self, connection: Connection, holder: str, numbers: Sequence[int]) -> None:
        """Release rows that a holder claimed but did not start."""
        c = self.table.c
        self.change(connection, QueueEvent.GIVEN_BACK, c.id.in_(numbers), c.holder == holder)

    def settle(
        self,
        connection: Connection,
        number: int,
        state: S,
        *,
        holder: str | None,
        values: ColumnValues = _NOTHING,
    ) -> bool:
        """Record the outcome of a row, given by a state: it is finished, or postponed.

        Returns False and records nothing if another process has the row, or somebody decided
        otherwise meanwhile. Without a `holder` it is settled whoever has it.
        """
        outcome = self.life.outcome(state)
        written = {**self._after(self.life.result(outcome)), **values}
        own = {} if holder is None else {"its_holder": holder}
        query = self._settling(outcome, is_own=holder is not None)
        return connection.execute(query, {**written, "its_id": number, **own}).rowcount == 1

    def _settling(self, outcome: QueueEvent, *, is_own: bool) -> Update:
        """Return the statement that settles a row; built only once, as every mail needs it."""
        statement = self._settlings.get((outcome, is_own))
        if statement is None:
            c = self.table.c
            own = c.holder == bindparam("its_holder") if is_own else true()
            its_id = c.id == bindparam("its_id")
            statement = update(self.table).where(self.can(outcome), its_id, own)
            self._settlings[outcome, is_own] = statement
        return statement

    def recover(
        self,
        connection: Connection,
        now: datetime,
        is_gone: IsGone,
        *share: ColumnElement[bool],
        values: ColumnValues = _NOTHING,
    ) -> list[int]:
        """Take back rows whose holder has abandoned them: it has ended, or its lease has.

        A row that keeps its state is due again at once. For rows whose state changed, the ids are
        returned, and `values` are written to them.
        """
        c = self.table.c
        changed: list[int] = []
        claims = select(c.holder).where(c.holder != "", self.can(QueueEvent.ABANDONED), *share)
        gone = [holder for holder in connection.scalars(claims.distinct()) if is_gone(holder)]
        for state in self.life.before(QueueEvent.ABANDONED):
            signs: list[ColumnElement[bool]] = [c.holder.in_(gone)] if gone else []
            is_changed = state in self._changed_by_silence
            signs += [c.held_until <= now] if is_changed else []
            if signs:
                abandoned = self.change_free(
                    connection,
                    QueueEvent.ABANDONED,
                    or_(*signs),
                    *share,
                    state=state,
                    values=values if is_changed else _NOTHING,
                )
                changed += abandoned if is_changed else []
        return changed

    def change(
        self,
        connection: Connection,
        event: QueueEvent,
        *where: ColumnElement[bool],
        values: ColumnValues = _NOTHING,
    ) -> int:
        """Apply an event to the rows that allow it; return how many."""
        query = update(self.table).where(self.can(event), *where)
        written = {**self._after(self.life.result(event)), **values}
        return connection.execute(query.values(written)).rowcount

    def change_each(
        self,
        connection: Connection,
        event: QueueEvent,
        by_id: Mapping[int, ColumnValues],
        *where: ColumnElement[bool],
        values: ColumnValues = _NOTHING,
    ) -> set[int]:
        """Apply an event to rows by id, each with its own values, and `values` for all of them.

        Returns the ids of the rows it could be applied to. All rows have values for the same
        columns.
        """
        c = self.table.c
        query = select(c.id).where(c.id.in_(by_id), self.can(event), *where).order_by(c.id)
        able = set(connection.scalars(query.with_for_update()))
        rows = [
            {"its_id": number, **{f"its_{name}": value for name, value in own.items()}}
            for number, own in by_id.items()
            if number in able
        ]
        if rows:
            columns: dict[str, object] = {
                name: bindparam(f"its_{name}") for name in next(iter(by_id.values()))
            }
            written = {**self._after(self.life.result(event)), **values, **columns}
            change = update(self.table).where(c.id == bindparam("its_id")).values(written)
            connection.execute(change, rows)
        return able

    def change_free(
        self,
        connection: Connection,
        event: QueueEvent,
        *where: ColumnElement[bool],
        state: S | None = None,
        limit: int | None = None,
        values: ColumnValues = _NOTHING,
    ) -> list[int]:
        """Apply an event to rows no other transaction is changing right now; return their ids.

        The longest due come first, then the oldest. `state` is their state, if the event can happen
        in several.
        """
        c = self.table.c
        order = [c.id] if self._next_at is None else [self._next_at, c.id]
        can = self.can(event) if state is None else c.state == state
        query = select(c.id).where(can, *where).order_by(*order).limit(limit)
        numbers = list(connection.scalars(query.with_for_update(skip_locked=True)))
        after = self.life.result(event) if state is None else self.life.transitions[event][state]
        written = {**self._after(after), **values}
        for batch in batched(numbers, VALUES_AT_ONCE):
            change = update(self.table).where(c.id.in_(batch))
            connection.execute(change.values(written))
        return numbers

    def _after(self, state: S) -> dict[str, object]:
        """Return the values of every row that enters a state: nobody has a claim on it.

        The last holder stays in the row, as it may report after its lease, unless others may claim
        the row.
        """
        is_open = state in self.life.before(QueueEvent.CLAIMED)
        return {"state": state, "held_until": None, **({"holder": ""} if is_open else {})}

    def rows(self, connection: Connection, numbers: Sequence[int]) -> list[RowMapping]:
        """Return the rows with these ids, in that order, leaving out those that don't exist."""
        by_id: dict[int, RowMapping] = {}
        for batch in batched(numbers, VALUES_AT_ONCE):
            query = select(self.table).where(self.table.c.id.in_(batch))
            by_id |= {row["id"]: row for row in connection.execute(query).mappings()}
        return [by_id[number] for number in numbers if number in by_id]
