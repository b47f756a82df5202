"""Records laid beside what is known, in temporary tables, and what differs between the two."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from itertools import groupby
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    Join,
    MetaData,
    Select,
    SmallInteger,
    Table,
    Text,
    and_,
    case,
    delete,
    exists,
    false,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.schema import CreateTable

from gateway.core.people.people import Person
from gateway.store.engine.database import RowRefused, StoreUnavailable
from gateway.store.feed.contested import Duplicate, Settled, StagedRow, Widths, settle
from gateway.store.feed.layouts import PEOPLE, UNSURE, Gaps, Row, TableLayout, mailboxes
from gateway.store.schema import addresses, memberships
from gateway.store.schema.columns import UtcTime, microseconds


class Stage:
    """The temporary tables of one import; they end with their connection.

    `staged` holds the records, `changes` the new and changed rows as they shall be, `removed` the
    keys of rows to go.
    """

    def __init__(self, connection: Connection, layout: TableLayout) -> None:
        self._connection = connection
        self.layout = layout
        self._masks: dict[tuple[frozenset[str], frozenset[str]], int] = {}
        self.in_gaps = 0  #: The bits of the values that some row doesn't say.
        self.has_unread = False
        self._has_doubtful = False
        self.cut_off = ""
        tables = _staging_tables(layout.table, layout.columns, layout.keys)
        self.staged = tables["staged"]
        self.unread = tables["staged_unread"]
        self._doubted = tables["doubtful_lines"]
        self._kept_old = tables["lines_keeping_old"]
        self._settled = tables["settled_lines"]
        self.addresses = tables["staged_addresses"]
        self.changes = tables["changes"]
        self.removed = tables["removed"]
        with connection.begin():
            for table in tables.values():
                connection.execute(CreateTable(table))  # its index comes when it is full

    def add(self, records: Sequence[tuple[int, Any]], gaps: Mapping[int, Gaps]) -> None:
        """Take in records, each with its line.

        `gaps` says by line what a row doesn't tell; the other rows tell all.
        """
        row = self.layout.row
        masks = {line: self._mask(one) for line, one in gaps.items()}
        adding = {line for line, one in gaps.items() if one.adds_addresses}
        doubtful = {line for line, one in gaps.items() if one.adds_only}
        self._has_doubtful |= bool(doubtful)
        rows = [
            (line, False, masks.get(line, 0), line in adding, line in doubtful, *row(record))
            for line, record in records
        ]
        with self._connection.begin():
            load(self._connection, self.staged, rows)
            if self.layout is PEOPLE:
                load(self._connection, self.addresses, _address_rows(records))
            self._add_unread(records, gaps)

    def _add_unread(self, records: Sequence[tuple[int, Any]], gaps: Mapping[int, Gaps]) -> None:
        lines = gaps.keys() & {line for line, _ in records}
        rows = [
            (line, field, text)
            for line in sorted(lines)
            for field, text in gaps[line].unread.items()
        ]
        load(self._connection, self.unread, rows)
        self.has_unread |= bool(rows)

    def keep(self, line: int, key: tuple[str, ...]) -> None:
        """Note that a row is in the file but can't be read: what is known of it stays."""
        self.keep_all([(line, key)])

    def keep_all(self, keys: Sequence[tuple[int, tuple[str, ...]]]) -> None:
        """Note many keys, each with its line."""
        rest = (None,) * len(self.layout.values)
        rows = [(line, True, 0, False, False, *key, *rest) for line, key in keys]
        with self._connection.begin():
            load(self._connection, self.staged, rows)

    def keep_old(self, field: str, rows: Sequence[tuple[int, str]]) -> None:
        """Have rows, each a line and why, keep the old value of a field as if it were unread."""
        if not rows:
            return
        bit, lines = self.layout.bit(field), [(line,) for line, _ in rows]
        with self._connection.begin():
            load(self._connection, self._kept_old, lines)
            mine = self.staged.c.line.in_(select(self._kept_old.c.line))
            gaps = self.staged.c.gaps.bitwise_or(bit)
            self._connection.execute(update(self.staged).where(mine).values(gaps=gaps))
            load(self._connection, self.unread, [(line, field, text) for line, text in rows])
        self.in_gaps |= bit
        self.has_unread = True

    def _mask(self, gaps: Gaps) -> int:
        columns = (frozenset(gaps.unread), gaps.untold)
        mask = self._masks.get(columns)
        if mask is None:
            mask = self._masks[columns] = self.layout.mask(*columns)
            self.in_gaps |= mask
        return mask

    def close_entry(
        self,
        *,
        told: frozenset[str],
        widths: Widths,
        adds_only: bool = False,
        open_columns: frozenset[str] = frozenset(),
        doubtful_lines: Collection[int] = (),
    ) -> list[Duplicate]:
        """Make what was taken in ready to be compared; return the keys that came repeatedly.

        Where rows of one key contradict each other, what protects counts; `adds_only`: the file
        may not be whole, so nothing of it does but that; `doubtful_lines`: these rows
        may not; `open_columns`: those of which the last value may be cut off.
        """
        keys = [self.staged.c[name] for name in self.layout.keys]
        with self._connection.begin():
            for table in (self.staged, self.addresses, self.unread):
                for index in table.indexes:
                    index.create(self._connection)
            if open_columns:
                self.cut_off = self._cut_off(open_columns)
            if adds_only or self.cut_off:
                self._connection.execute(update(self.staged).values(adds_only=True))
            elif doubtful_lines:
                self._doubt(doubtful_lines)
            is_repeated = self._connection.execute(_repeated(keys)).first() is not None
            duplicates: list[Duplicate] = []
            if self.layout.values and (
                is_repeated or adds_only or self.cut_off or self._has_doubtful
            ):
                duplicates = self._settle(told, widths)
            if is_repeated:
                self._prefer_rows_that_tell()
                latest = select(func.max(self.staged.c.line)).group_by(*keys)
                earlier = self.staged.c.line.not_in(latest)
                self._connection.execute(delete(self.staged).where(earlier))
            if self._connection.dialect.name == "postgresql":
                self._connection.exec_driver_sql("ANALYZE staged")
        return duplicates

    def _prefer_rows_that_tell(self) -> None:
        """Drop a key that is only to be kept where a row tells of it."""
        staged, telling = self.staged, self.staged.alias("telling")
        same = and_(*(telling.c[name] == staged.c[name] for name in self.layout.keys))
        is_told = exists().where(same, ~telling.c.kept)
        self._connection.execute(delete(staged).where(staged.c.kept, is_told))

    def doubt(self, lines: Collection[int]) -> None:
        """Have rows only add what keeps mail away."""
        if lines:
            with self._connection.begin():
                self._doubt(lines)

    def _doubt(self, lines: Collection[int]) -> None:
        self._connection.execute(delete(self._doubted))
        load(self._connection, self._doubted, [(line,) for line in sorted(set(lines))])
        mine = self.staged.c.line.in_(select(self._doubted.c.line))
        self._connection.execute(update(self.staged).where(mine).values(adds_only=True))
        self._has_doubtful = True

    def _cut_off(self, columns: Collection[str]) -> str:
        """Say that the last value of some columns is but the beginning of the known one."""
        staged, known = self.staged, self.layout.table
        names = [name for name in self.layout.values if name in columns]
        last = select(func.max(staged.c.line)).where(~staged.c.kept).scalar_subquery()
        row = self._connection.execute(
            select(
                staged.c.line,
                *(staged.c[name] for name in names),
                *(known.c[name].label(f"known_{name}") for name in names),
            )
            .join_from(staged, known, self.same_key(staged, known))
            .where(staged.c.line == last)
        ).first()
        if row is None:
            return ""
        told = row._mapping
        is_cut = any(_is_beginning(told[name], told[f"known_{name}"]) for name in names)
        return f"the file ends within line {row.line}" if is_cut else ""

    def _settle(self, told: frozenset[str], widths: Widths) -> list[Duplicate]:
        """Put one row in the place of those that contradict each other or may not be whole."""
        settled = [
            (rows, settle(self.layout, rows, known, told=told, widths=widths))
            for rows, known in self._doubtful()
        ]
        self._replace(settled)
        return [
            Duplicate(
                key=one.key,
                lines=tuple(dict.fromkeys(abs(row.line) for row in rows)),
                differs=one.differs,
            )
            for rows, one in settled
            if len(rows) > 1
        ]

    def _doubtful(self) -> Iterator[tuple[list[StagedRow], Mapping[str, Any] | None]]:
        """Yield the rows of each key that has several or may not be whole, and what is known."""
        keys, values = self.layout.keys, self.layout.values
        staged, known = self.staged, self.layout.table
        repeated = _repeated([staged.c[name] for name in keys], limit=None).subquery()
        is_repeated = and_(*(staged.c[name] == repeated.c[name] for name in keys))
        marks = ("line", "gaps", "adds_addresses", "adds_only")
        query = (
            select(
                *(staged.c[name] for name in (*marks, *keys, *values)),
                *(known.c[name].label(f"known_{name}") for name in (*keys, *values)),
            )
            .select_from(
                staged.outerjoin(repeated, is_repeated).outerjoin(
                    known, self.same_key(staged, known)
                )
            )
            .where(~staged.c.kept, or_(staged.c.adds_only, repeated.c[keys[0]].is_not(None)))
            .order_by(*(staged.c[name] for name in keys), staged.c.line)
        )
        unread = self._unread_by_line()
        for key, group in groupby(
            self._connection.execute(query), lambda row: tuple(row._mapping[name] for name in keys)
        ):
            rows = [row._mapping for row in group]
            told = [
                StagedRow(
                    key=key,
                    values={name: row[name] for name in values},
                    unread=unread.get(row["line"], {}),
                    **{name: row[name] for name in marks},
                )
                for row in rows
            ]
            is_known = rows[0][f"known_{keys[0]}"] is not None
            yield told, {name: rows[0][f"known_{name}"] for name in values} if is_known else None

    def _unread_by_line(self) -> dict[int, dict[str, str]]:
        found: dict[int, dict[str, str]] = {}
        if self.has_unread:
            for line, name, text in self._connection.execute(select(self.unread)):
                found.setdefault(line, {})[name] = text
        return found

    def _replace(self, settled: Sequence[tuple[Sequence[StagedRow], Settled]]) -> None:
        lines = {row.line for rows, _ in settled for row in rows}
        load(self._connection, self._settled, [(line,) for line in sorted(lines)])
        addresses = self._settled_addresses(settled) if self.layout is PEOPLE else []
        for table in (self.staged, self.unread, self.addresses):
            gone = table.c.line.in_(select(self._settled.c.line))
            self._connection.execute(delete(table).where(gone))
        kept = [one for _, one in settled if not one.is_dropped]
        load(
            self._connection,
            self.staged,
            [
                (one.line, False, one.gaps, one.adds_addresses, False, *one.key,
                 *(_as_loaded(one.values[name]) for name in self.layout.values))
                for one in kept
            ],
        )  # fmt: skip
        unread = [(one.line, name, text) for one in kept for name, text in one.unread.items()]
        load(self._connection, self.unread, unread)
        load(self._connection, self.addresses, addresses)
        self.has_unread |= bool(unread)
        for one in kept:
            self.in_gaps |= one.gaps

    def _settled_addresses(
        self, settled: Sequence[tuple[Sequence[StagedRow], Settled]]
    ) -> list[Row]:
        """Return the addresses of all rows, those that aren't mailed behind the others."""
        staged = self.addresses
        by_line: dict[int, list[tuple[str, int]]] = {}
        for line, address, position in self._connection.execute(select(staged)):
            by_line.setdefault(line, []).append((address, position))
        found: list[Row] = []
        for rows, one in settled:
            if one.is_dropped:
                continue
            positions: dict[str, int] = {}
            for row in sorted(rows, key=lambda row: row.line != one.mailed_at):
                is_mailed = row.line == one.mailed_at
                for address, position in by_line.get(row.line, ()):
                    behind = position if is_mailed or position < 0 else position % UNSURE + UNSURE
                    positions.setdefault(address, behind)
            found += [(one.line, address, position) for address, position in positions.items()]
        return found

    def compare(self, *, source: str, told: Sequence[str], now: datetime, replace: bool) -> None:
        """Fill `changes` and, with `replace`, `removed`; run within a transaction."""
        execute = self._connection.execute
        changes = _Comparison(self, source=source, told=told, now=now)
        execute(insert(self.changes).from_select(list(self.changes.columns), changes.select()))
        if replace:
            execute(insert(self.removed).from_select(self.layout.keys, self._gone(source)))

    def look_for_kept(self, *, source: str) -> None:
        """Fill `removed` with what the source brought of the keys noted; within a transaction."""
        table = self.layout.table
        there = exists().where(self.same_key(table, self.staged))
        found = select(*(table.c[name] for name in self.layout.keys)).where(
            table.c.source == source, there, _nobody_elses(table, source)
        )
        self._connection.execute(insert(self.removed).from_select(self.layout.keys, found))

    def _gone(self, source: str) -> Select[Any]:
        table = self.layout.table
        there = exists().where(self.same_key(table, self.staged))
        gone = select(*(table.c[name] for name in self.layout.keys))
        return gone.where(table.c.source == source, ~there, _nobody_elses(table, source))

    def same_key(self, one: Table, other: Table) -> ColumnElement[bool]:
        """Say that rows of two tables speak of the same thing."""
        return and_(*(one.c[name] == other.c[name] for name in self.layout.keys))


class _Comparison:
    """The rows that are new or differ, as they shall be."""

    def __init__(self, stage: Stage, *, source: str, told: Sequence[str], now: datetime) -> None:
        self._stage = stage
        self._staged = stage.staged
        self._known = stage.layout.table
        self._source = source
        self._told = frozenset(told)
        self._now = literal(now, UtcTime())
        self._is_new = self._known.c[stage.layout.keys[0]].is_(None)

    def select(self) -> Select[Any]:
        wanted = [self._value(column.name) for column in self._known.columns]
        differs = or_(
            self._is_new,
            self._is_taken_over(),
            self._is_added_to(),
            *map(self._differs, self._told),
        )
        line = self._staged.c.line
        return (
            select(line, self._is_new, self._is_moved(), self._staged.c.adds_addresses, *wanted)
            .select_from(self._beside())
            .where(self._staged.c.kept == false(), differs)
        )

    def _beside(self) -> Join:
        same = self._stage.same_key(self._staged, self._known)
        if self._stage.layout.has_owner_in_key:
            same = and_(same, self._known.c.source == self._source)
        return self._staged.outerjoin(self._known, same)

    def _value(self, name: str) -> ColumnElement[Any]:
        match name:
            case "source":
                return literal(self._source)
            case "since":
                return self._now
            case "doubtful":  # `unread.take_in` says it anew.
                return func.coalesce(self._known.c[name], false())
            case "status_unread_since":  # `unread.mark_statuses` does.
                return self._known.c[name]
            case "status_since":
                return case(
                    (self._is_new | self._differs("status"), self._now), else_=self._known.c[name]
                )
        staged = self._staged.c[name]
        if name in self._stage.layout.keys:
            return staged
        if name in self._told:
            is_said = self._is_said(name)
            if is_said is None:
                return staged
            return case((self._is_new | is_said, staged), else_=self._known.c[name])
        return case((self._is_new, staged), else_=self._known.c[name])

    def _differs(self, name: str) -> ColumnElement[bool]:
        if name not in self._told:
            return false()
        differs = self._staged.c[name].is_distinct_from(self._known.c[name])
        is_said = self._is_said(name)
        return differs if is_said is None else differs & is_said

    def _is_said(self, name: str) -> ColumnElement[bool] | None:
        """Say that the row tells a value; None: all of them do."""
        bit = self._stage.layout.bit(name)
        if not self._stage.in_gaps & bit:
            return None
        return self._staged.c.gaps.bitwise_and(bit) == 0

    def _is_taken_over(self) -> ColumnElement[bool]:
        return self._known.c.source != self._source

    def _is_moved(self) -> ColumnElement[bool]:
        return or_(self._is_new, self._differs("emails"), self._is_added_to())

    def _is_added_to(self) -> ColumnElement[bool]:
        """Say that a person is not known yet by an address of a row that only adds some."""
        if self._stage.layout is not PEOPLE:
            return false()
        one, known = self._stage.addresses, addresses
        same = and_(
            known.c.address == one.c.address,
            known.c.kind == self._staged.c.kind,
            known.c.person == self._staged.c.crm_id,
        )
        is_unknown = exists().where(one.c.line == self._staged.c.line, ~exists().where(same))
        return and_(self._staged.c.adds_addresses, is_unknown)


@cache
def _staging_tables(
    table: Table, told: tuple[str, ...], keys: tuple[str, ...]
) -> Mapping[str, Table]:
    """Return the temporary tables for records of a table that tell these of its columns.

    The same ones for every import: SQLAlchemy compiles a statement once for the tables it names.
    """
    metadata = MetaData()
    staged = Table(
        "staged",
        metadata,
        # below zero: a second record of that line, or of none
        Column("line", Integer, nullable=False),
        Column("kept", Boolean, nullable=False),
        Column("gaps", Integer, nullable=False),  # a bit for each value the row doesn't say
        Column("adds_addresses", Boolean, nullable=False),
        Column("adds_only", Boolean, nullable=False),  # may not be whole
        *(Column(name, table.c[name].type) for name in told),
        prefixes=["TEMPORARY"],
    )
    Index("ix_staged", *(staged.c[name] for name in keys), staged.c.line)
    unread = Table(
        "staged_unread",
        metadata,
        Column("line", Integer, nullable=False),
        Column("field", Text, nullable=False),
        Column("text", Text, nullable=False),
        prefixes=["TEMPORARY"],
    )
    Index("ix_staged_unread_line", unread.c.line)
    for name in ("doubtful_lines", "lines_keeping_old", "settled_lines"):
        line = Column("line", Integer, primary_key=True, autoincrement=False)
        Table(name, metadata, line, prefixes=["TEMPORARY"])  # to pick rows by
    mailed = Table(
        "staged_addresses",
        metadata,
        Column("line", Integer, nullable=False),
        Column("address", Text, nullable=False),
        Column("position", SmallInteger, nullable=False),
        prefixes=["TEMPORARY"],
    )
    Index("ix_staged_line", mailed.c.line)
    Table(
        "changes",
        metadata,
        Column("line", Integer, primary_key=True, autoincrement=False),
        Column("is_new", Boolean, nullable=False),
        Column("is_moved", Boolean, nullable=False),  # has other addresses than before
        Column("adds_addresses", Boolean, nullable=False),
        *(Column(column.name, column.type) for column in table.columns),
        prefixes=["TEMPORARY"],
    )
    Table(
        "removed",
        metadata,
        *(Column(name, table.c[name].type, primary_key=True) for name in keys),
        prefixes=["TEMPORARY"],
    )
    return {one.name: one for one in metadata.sorted_tables}


def _repeated(keys: Sequence[ColumnElement[Any]], limit: int | None = 1) -> Select[Any]:
    return select(*keys).group_by(*keys).having(func.count() > 1).limit(limit)


def _is_beginning(text: object, whole: object) -> bool:
    """Whether a text or number is another one's beginning, and not all of it."""
    if isinstance(whole, bool | date) or whole is None:
        return False
    said, known = ("" if each is None else str(each) for each in (text, whole))
    return said != known and known.startswith(said)


def _as_loaded(value: object) -> object:
    """Return a value of a row as `load` takes it."""
    match value:
        case datetime():
            return microseconds(value)
        case date():
            return value.isoformat()
        case _:
            return value


def _nobody_elses(table: Table, source: str) -> ColumnElement[bool]:
    """Say that a group has no members of another source: an opt-out from there must last."""
    if table.name != "groups":
        return true()
    of_it = and_(memberships.c.kind == table.c.kind, memberships.c.group_id == table.c.crm_id)
    return ~exists().where(of_it, memberships.c.source != source)


def _address_rows(records: Iterable[tuple[int, Person]]) -> list[Row]:
    return [
        (line, address, position)
        for line, person in records
        for address, position in mailboxes(person)
    ]


def load(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Put many rows into a temporary table, the fastest way the driver knows."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(rows[0]))
        connection.exec_driver_sql(f'INSERT INTO "{table.name}" VALUES ({marks})', list(rows))  # noqa: S608
        return
    _copy(connection, table, rows)


def _copy(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    import psycopg

    cursor: Any = connection.connection.cursor()
    try:
        with cursor, cursor.copy(f'COPY "{table.name}" FROM STDIN') as copy:
            for row in rows:
                copy.write_row(row)
    except psycopg.DataError as error:
        raise RowRefused(f"the store refuses a row: {_first_line(error)}") from error
    except psycopg.Error as error:
        raise StoreUnavailable(f"the store failed: {_first_line(error)}") from error


def _first_line(error: object) -> str:
    return str(error).partition("\n")[0]
