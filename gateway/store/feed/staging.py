"""The records of an import in temporary tables, beside what is known; `feed.py` has an example."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    delete,
    select,
    update,
)

from gateway.store.feed import statements
from gateway.store.feed.layouts import PEOPLE, RowGaps, TableLayout, mailboxes
from gateway.store.feed.staging_tables import load, make, make_indexes, staging_tables


@dataclass(slots=True, kw_only=True)
class StagedCounts:
    """How many rows an import brings, and what they change."""

    staged: int = 0  #: Records in the file.
    added: int = 0
    changed: int = 0
    removed: int = 0

    @property
    def has_changes(self) -> bool:
        """Whether something is new or changed."""
        return bool(self.added or self.changed)

    @property
    def has_differences(self) -> bool:
        """Whether there is anything to write or delete."""
        return bool(self.added or self.changed or self.removed)


class StagingTables:
    """The temporary tables of one import; they disappear with their connection.

    `staged` holds the records, `changes` the new and changed rows with their new values, `removed`
    the keys of rows to remove. `unread` exists only if `has_unread`, `addresses` only for people.
    """

    def __init__(self, connection: Connection, layout: TableLayout) -> None:
        self.connection = connection
        self.layout = layout
        self._masks: dict[tuple[frozenset[str], frozenset[str]], int] = {}
        self.in_gaps = 0  #: The bits of the values that some row lacks.
        self.has_unread = False
        self.has_doubtful = False
        self.has_kept = False  #: Whether some rows only name what stays unchanged.
        self.cut_off = ""
        self.counts = StagedCounts()
        tables = staging_tables(layout)
        self.staged = tables["staged"]
        self.unread = tables["staged_unread"]
        self._picked = tables["picked_lines"]
        self.addresses = tables["staged_addresses"]
        self.changes = tables["changes"]
        self.removed = tables["removed"]
        self.filled = [self.staged, *([self.addresses] if layout is PEOPLE else [])]
        self._is_indexed = False
        with connection.begin():
            make(connection, *self.filled, self.changes, self.removed)

    def index(self) -> None:
        """Create the indexes of the tables that were filled; within a transaction."""
        make_indexes(self.connection, *self.filled)
        self._is_indexed = True

    def add(self, records: Sequence[tuple[int, Any]], gaps: Mapping[int, RowGaps]) -> None:
        """Stage records, each with its line.

        `gaps` says, by line, which values a row lacks; other rows have all of them.
        """
        row = self.layout.row
        masks: dict[int, int] = {}
        for line, gap in gaps.items():
            masks[line] = self._mask(frozenset(gap.unread), gap.missing)
        adding = {line for line, gap in gaps.items() if gap.adds_addresses}
        doubtful = {line for line, gap in gaps.items() if gap.adds_only}
        self.has_doubtful |= bool(doubtful)
        rows = [
            (line, 0, masks.get(line, 0), int(line in adding), int(line in doubtful), *row(record))
            for line, record in records
        ]
        unread = [
            (line, field, text)
            for line in sorted(gaps.keys() & {line for line, _ in records})
            for field, text in gaps[line].unread.items()
        ]
        with self.connection.begin():
            load(self.connection, self.staged, rows)
            if self.layout is PEOPLE:
                mailed = [
                    (line, address, position)
                    for line, person in records
                    for address, position in mailboxes(person.emails, person.lookalikes)
                ]
                load(self.connection, self.addresses, mailed)
            self.add_unread(unread)

    def add_columns(
        self,
        lines: Sequence[int],
        columns: Mapping[str, Sequence[object]],
        mailed: Sequence[tuple[int, str, int]],
        missing: frozenset[str],
    ) -> None:
        """Stage rows by column: for each of `layout.columns`, its value in each row.

        A value has the form that `load` takes; true and false are 1 and 0. `mailed` are the
        addresses of people: line, lookup form, position. All rows lack the columns `missing`.
        """
        mask = self._mask(frozenset(), missing)
        values = (columns[name] for name in self.layout.columns)
        rows = list(zip(lines, repeat(mask), *values, strict=False))
        with self.connection.begin():
            load(self.connection, self.staged, rows, ("line", "gaps", *self.layout.columns))
            load(self.connection, self.addresses, mailed)

    def _mask(self, unread: frozenset[str], missing: frozenset[str]) -> int:
        mask = self._masks.get((unread, missing))
        if mask is None:
            mask = self._masks[unread, missing] = self.layout.mask(unread, missing)
            self.in_gaps |= mask
        return mask

    def add_unread(self, rows: Sequence[tuple[int, str, str]]) -> None:
        """Stage fields that can't be read: line, field, what is wrong; within a transaction."""
        if not rows:
            return
        if not self.has_unread:
            make(self.connection, self.unread)
            self.filled.append(self.unread)
            self.has_unread = True
            if self._is_indexed:
                make_indexes(self.connection, self.unread)
        load(self.connection, self.unread, rows)

    def pick(self, lines: Collection[int]) -> Select[tuple[int]]:
        """Return a query of these lines, valid until others are picked; within a transaction."""
        make(self.connection, self._picked)
        self.connection.execute(delete(self._picked))
        load(self.connection, self._picked, [(line,) for line in sorted(set(lines))])
        return select(self._picked.c.line)

    def keep(self, line: int, key: tuple[str, ...]) -> None:
        """Note that a record is in the file but can't be read, so that what is known stays."""
        self.keep_all([(line, key)])

    def keep_all(self, keys: Sequence[tuple[int, tuple[str, ...]]]) -> None:
        """Note many keys, each with its line."""
        self.has_kept |= bool(keys)
        rest = (None,) * len(self.layout.values)
        rows = [(line, True, 0, False, False, *key, *rest) for line, key in keys]
        with self.connection.begin():
            load(self.connection, self.staged, rows)

    def keep_old(self, field: str, rows: Sequence[tuple[int, str]]) -> None:
        """Keep a field's old value, as if it were unread, in `rows`: line and reason of each."""
        if not rows:
            return
        bit = self.layout.bit(field)
        with self.connection.begin():
            is_kept_old = self.staged.c.line.in_(self.pick([line for line, _ in rows]))
            gaps = self.staged.c.gaps.bitwise_or(bit)
            self.connection.execute(update(self.staged).where(is_kept_old).values(gaps=gaps))
            self.add_unread([(line, field, text) for line, text in rows])
        self.in_gaps |= bit

    def doubt(self, lines: Collection[int]) -> None:
        """Let rows only add what keeps mail away; within a transaction."""
        if not lines:
            return
        is_doubtful = self.staged.c.line.in_(self.pick(lines))
        self.connection.execute(update(self.staged).where(is_doubtful).values(adds_only=True))
        self.has_doubtful = True

    def count(self) -> StagedCounts:
        """Count what is in the tables now, and keep that as `counts`; within a transaction."""
        tables = (self.staged, self.changes, self.removed)
        statement = statements.counting(*tables, has_kept=self.has_kept)
        self.counts = StagedCounts(**self.connection.execute(statement).one()._mapping)
        return self.counts

    def same_key(self, first: Table, second: Table) -> ColumnElement[bool]:
        """Return the condition that rows of two tables have the same key."""
        return self.layout.same_key(first, second)
