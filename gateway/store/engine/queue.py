"""A durable queue: a table of the store whose rows processes work off, one process a row at a time.

Which event can happen in which state, and what it makes of a row, says the queue's life in core
(`gateway/core/queue.py`); every statement here is built from it. What a queue writes into other
columns with an event are the caller's `values`; what else goes with it is the caller's part of the
same transaction.
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

#: What is written into columns.
ColumnValues = Mapping[str, object]
_NOTHING: ColumnValues = {}


class DurableQueue(Generic[S]):
    """Rows of `table` that wait for their turn.

    The table has `id`, `state`, `holder` (empty: nobody has claimed it) and `held_until` (the end
    of the holder's lease). Where it has `next_at` too, a row is due from then on; without a time
    it isn't.
    """

    def __init__(self, table: Table, life: QueueLife[S]) -> None:
        self.table = table
        self.life = life
        self._next_at: Column[datetime] | None = table.c.get("next_at")
        self._settlings: dict[tuple[QueueEvent, bool], Update] = {}
        # What keeps its state when its holder's lease is over is simply due then.
        abandoned = life.transitions[QueueEvent.ABANDONED].items()
        self._changed_by_silence = {before for before, after in abandoned if before != after}

    def can(self, event: QueueEvent) -> ColumnElement[bool]:
        """Return the condition on rows to which an event can happen."""
        states = self.life.before(event)
        # An index of the rows in one state alone is used for `=` only, by SQLite.
        state = self.table.c.state
        return state == states[0] if len(states) == 1 else state.in_(states)

    def is_due(self, now: datetime) -> ColumnElement[bool]:
        """Return the condition on rows that may be claimed."""
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

        `due` is what `claim` asks of a row beside that.
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
        """Take up to `limit` rows that are due, the longest due first; return their ids.

        Nobody else gets them until the lease is over.
        """
        held = {"holder": holder, "held_until": now + lease, **values}
        is_due = self.is_due(now)
        return self.change_free(
            connection, QueueEvent.CLAIMED, is_due, *where, limit=limit, values=held
        )

    def give_back(self, connection: Connection, holder: str, numbers: Sequence[int]) -> None:
        """Let others have the rows that a holder claimed and did not begin."""
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
        """Keep the outcome of a row, which a state says: it ends so, or is put off.

        False, and nothing is kept, where another process has the row, or somebody decided
        otherwise meanwhile. Without a `holder` it is settled whoever has it.
        """
        outcome = self.life.outcome(state)
        written = {**self._after(self.life.result(outcome)), **values}
        own = {} if holder is None else {"its_holder": holder}
        query = self._settling(outcome, is_own=holder is not None)
        return connection.execute(query, {**written, "its_id": number, **own}).rowcount == 1

    def _settling(self, outcome: QueueEvent, *, is_own: bool) -> Update:
        """Return the statement that settles one row; it is built once, and each mail needs it."""
        known = self._settlings.get((outcome, is_own))
        if known is None:
            c = self.table.c
            own = c.holder == bindparam("its_holder") if is_own else true()
            its_id = c.id == bindparam("its_id")
            known = update(self.table).where(self.can(outcome), its_id, own)
            self._settlings[outcome, is_own] = known
        return known

    def recover(
        self,
        connection: Connection,
        now: datetime,
        is_gone: IsGone,
        *share: ColumnElement[bool],
        values: ColumnValues = _NOTHING,
    ) -> list[int]:
        """Take from each holder what it has abandoned: it has ended, or its lease is over.

        A row that keeps its state is due again at once. Of those whose state changed the ids are
        returned, and `values` are written into them.
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
        """Let an event happen to the rows to which it can; return to how many it did."""
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
        """Let an event happen to rows that no other transaction changes just now; return their ids.

        The longest due come first, then the oldest. `state` is theirs, where there are several to
        which the event can happen.
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
        """Return what every row gets that comes into a state: nobody has a claim on it.

        Who had it last stays in the row, for what it may tell after its lease, unless others may
        claim it.
        """
        is_open = state in self.life.before(QueueEvent.CLAIMED)
        return {"state": state, "held_until": None, **({"holder": ""} if is_open else {})}

    def rows(self, connection: Connection, numbers: Sequence[int]) -> list[RowMapping]:
        """Return the rows of ids, in that order, without those that aren't there."""
        known: dict[int, RowMapping] = {}
        for batch in batched(numbers, VALUES_AT_ONCE):
            query = select(self.table).where(self.table.c.id.in_(batch))
            known |= {row["id"]: row for row in connection.execute(query).mappings()}
        return [known[number] for number in numbers if number in known]
