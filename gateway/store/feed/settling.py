"""Prepares staged records for comparison: one row for each key, settled for protection."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, exists, func, or_, select, update

from gateway.store.feed.contested import (
    Duplicate,
    SettledRows,
    StagedRow,
    SuppressionWidths,
    settle,
)
from gateway.store.feed.layouts import PEOPLE, UNSURE, TableRow
from gateway.store.feed.staging import StagingTables
from gateway.store.feed.staging_tables import load
from gateway.store.schema.columns import microseconds


def close_entry(
    stage: StagingTables,
    *,
    columns: frozenset[str],
    widths: SuppressionWidths,
    adds_only: bool = False,
    open_columns: frozenset[str] = frozenset(),
    doubtful_lines: Collection[int] = (),
) -> list[Duplicate]:
    """Prepare the staged rows for comparison; return the keys that occurred more than once.

    If rows with the same key contradict each other, what protects counts. With `adds_only` the file
    may be incomplete, and only what protects counts. `doubtful_lines` are rows that may be
    incomplete, `open_columns` are columns whose last value may be cut off.
    """
    connection, layout, staged = stage.connection, stage.layout, stage.staged
    keys = [staged.c[name] for name in layout.keys]
    with connection.begin():
        stage.index()
        if open_columns:
            stage.cut_off = value_cut_off(stage, open_columns)
        if adds_only or stage.cut_off:
            connection.execute(update(staged).values(adds_only=True))
        elif doubtful_lines:
            stage.doubt(doubtful_lines)
        is_repeated = connection.execute(_repeated_keys(keys)).first() is not None
        duplicates: list[Duplicate] = []
        if layout.values and (is_repeated or adds_only or stage.cut_off or stage.has_doubtful):
            settled = [
                (rows, settle(layout, rows, old_row, columns=columns, widths=widths))
                for rows, old_row in contested_rows(stage)
            ]
            put_settled(stage, settled)
            duplicates = [
                Duplicate(
                    key=result.key,
                    lines=tuple(dict.fromkeys(abs(row.line) for row in rows)),
                    differs=result.differs,
                )
                for rows, result in settled
                if len(rows) > 1
            ]
        if is_repeated:
            # A key that was only noted to be kept is dropped if it also has a row.
            giving = staged.alias("telling")
            same = and_(*(giving.c[name] == staged.c[name] for name in layout.keys))
            is_given = exists().where(same, ~giving.c.kept)
            connection.execute(delete(staged).where(staged.c.kept, is_given))
            latest = select(func.max(staged.c.line)).group_by(*keys)
            connection.execute(delete(staged).where(staged.c.line.not_in(latest)))
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("ANALYZE staged")
    return duplicates


def value_cut_off(stage: StagingTables, columns: Collection[str]) -> str:
    """Report the file as cut off, if its last value is only the beginning of the known one.

    Checks these columns of the last row; empty if the file isn't cut off.
    """
    staged, table = stage.staged, stage.layout.table
    names = [name for name in stage.layout.values if name in columns]
    last = select(func.max(staged.c.line)).where(~staged.c.kept).scalar_subquery()
    row = stage.connection.execute(
        select(
            staged.c.line,
            *(staged.c[name] for name in names),
            *(table.c[name].label(f"known_{name}") for name in names),
        )
        .join_from(staged, table, stage.same_key(staged, table))
        .where(staged.c.line == last)
    ).first()
    if row is None:
        return ""
    for name in names:
        value, whole = row._mapping[name], row._mapping[f"known_{name}"]
        if whole is None or isinstance(whole, bool | date):
            continue
        text = "" if value is None else str(value)
        if text != str(whole) and str(whole).startswith(text):
            return f"the file ends within line {row.line}"
    return ""


def contested_rows(
    stage: StagingTables,
) -> Iterator[tuple[list[StagedRow], Mapping[str, Any] | None]]:
    """Yield the rows of each key with several or incomplete rows, and what is known of it."""
    keys, values = stage.layout.keys, stage.layout.values
    staged, table = stage.staged, stage.layout.table
    repeated = _repeated_keys([staged.c[name] for name in keys], limit=None).subquery()
    is_repeated = and_(*(staged.c[name] == repeated.c[name] for name in keys))
    marks = ("line", "gaps", "adds_addresses", "adds_only")
    query = (
        select(
            *(staged.c[name] for name in (*marks, *keys, *values)),
            *(table.c[name].label(f"known_{name}") for name in (*keys, *values)),
        )
        .select_from(
            staged.outerjoin(repeated, is_repeated).outerjoin(table, stage.same_key(staged, table))
        )
        .where(~staged.c.kept, or_(staged.c.adds_only, repeated.c[keys[0]].is_not(None)))
        .order_by(*(staged.c[name] for name in keys), staged.c.line)
    )
    unread: dict[int, dict[str, str]] = {}
    if stage.has_unread:
        for line, name, text in stage.connection.execute(select(stage.unread)):
            unread.setdefault(line, {})[name] = text
    for key, group in groupby(
        stage.connection.execute(query), lambda row: tuple(row._mapping[name] for name in keys)
    ):
        rows = [row._mapping for row in group]
        staged_rows = [
            StagedRow(
                key=key,
                values={name: row[name] for name in values},
                unread=unread.get(row["line"], {}),
                **{name: row[name] for name in marks},
            )
            for row in rows
        ]
        is_known = rows[0][f"known_{keys[0]}"] is not None
        yield staged_rows, {name: rows[0][f"known_{name}"] for name in values} if is_known else None


def put_settled(
    stage: StagingTables, settled: Sequence[tuple[Sequence[StagedRow], SettledRows]]
) -> None:
    """Replace rows that contradict each other or may be incomplete with one settled row."""
    connection, values = stage.connection, stage.layout.values
    addresses = settled_addresses(stage, settled) if stage.layout is PEOPLE else []
    lines = stage.pick({row.line for rows, _ in settled for row in rows})
    for table in stage.filled:
        connection.execute(delete(table).where(table.c.line.in_(lines)))
    results = [result for _, result in settled if not result.is_dropped]
    rows = [
        (result.line, False, result.gaps, result.adds_addresses, False, *result.key,
         *(_as_loaded(result.values[name]) for name in values))
        for result in results
    ]  # fmt: skip
    load(connection, stage.staged, rows)
    unread = [
        (result.line, name, text) for result in results for name, text in result.unread.items()
    ]
    stage.add_unread(unread)
    load(connection, stage.addresses, addresses)
    for result in results:
        stage.in_gaps |= result.gaps


def settled_addresses(
    stage: StagingTables, settled: Sequence[tuple[Sequence[StagedRow], SettledRows]]
) -> list[TableRow]:
    """Return the addresses of all rows; those that aren't mailed come after the others."""
    by_line: dict[int, list[tuple[str, int]]] = {}
    for line, address, position in stage.connection.execute(select(stage.addresses)):
        by_line.setdefault(line, []).append((address, position))
    addresses: list[TableRow] = []
    for rows, result in settled:
        if result.is_dropped:
            continue
        positions: dict[str, int] = {}
        for row in sorted(rows, key=lambda row: row.line != result.mailed_at):
            is_mailed = row.line == result.mailed_at
            for address, position in by_line.get(row.line, ()):
                behind = position if is_mailed or position < 0 else position % UNSURE + UNSURE
                positions.setdefault(address, behind)
        addresses += [(result.line, address, position) for address, position in positions.items()]
    return addresses


def _repeated_keys(keys: Sequence[ColumnElement[Any]], limit: int | None = 1) -> Select[Any]:
    return select(*keys).group_by(*keys).having(func.count() > 1).limit(limit)


def _as_loaded(value: object) -> object:
    """Return a value of a row in the form that `load` takes."""
    match value:
        case datetime():
            return microseconds(value)
        case date():
            return value.isoformat()
        case _:
            return value
