"""Settles rows that contradict each other, or may be incomplete, in favour of protection.

If rows with the same key differ, nobody can tell which is right: the export may have joined a
person with two statuses, or has a group first with its tag and then without. So everything that
suppresses counts, from any of the rows or known before. Other values that decide about mail count
from none of them: the old value stays and is marked unread. Rows of a file that was cut off are
settled with what is known in the same way.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, select

from gateway.core.feed.unread_fields import CANT_BE_READ, IN_ROWS
from gateway.core.kinds import Scope
from gateway.core.people.finance_status import has_left
from gateway.store.feed.layouts import TableLayout
from gateway.store.schema.feed import groups, memberships, statuses

CellGroup = tuple[Any, ...]  #: The value of a column, with those of the columns that belong to it.

#: Columns that don't decide anything about mail: the last row counts.
_TELLING = frozenset(
    (
        *("first_name", "last_name", "name", "title", "language", "owner", "email", "roles"),
        *("name_nl", "name_de", "name_fr", "name_en"),
        *("responsible", "licence_number", "examiner_number", "examiner", "created_by"),
    )
)
_NOT_WHOLE = ", which may not be whole"
_PERHAPS = 0.5  #: The width of an unknown status or tag: it may suppress.
#: Kinds whose new records may protect somebody: people by their addresses, the others by a tag.
_PROTECTING = frozenset(("people", "groups", "statuses"))


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedRow:
    """A row in the staging table."""

    line: int
    key: tuple[str, ...]
    gaps: int
    adds_addresses: bool
    adds_only: bool  #: The row may be incomplete, so it only adds what keeps mail away.
    values: Mapping[str, Any]
    unread: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """A key that occurs in a file more than once."""

    key: tuple[str, ...]
    lines: tuple[int, ...]
    differs: Mapping[str, str]  #: Columns in which the rows differ, and what they say.


@dataclass(slots=True, kw_only=True)
class SettledRows:
    """The result of settling the rows of one key."""

    line: int
    key: tuple[str, ...]
    values: dict[str, Any]
    gaps: int
    adds_addresses: bool
    unread: dict[str, str]
    differs: dict[str, str]
    mailed_at: int | None  #: The line whose addresses are mailed; None: those known before.
    is_dropped: bool = False  #: Nothing in it is both new and protective.


class SuppressionWidths:
    """How much statuses and tags suppress."""

    def __init__(self, connection: Connection, tag_scopes: Mapping[str, Scope]) -> None:
        self._connection = connection
        self._scopes = tag_scopes
        self._tags: Mapping[tuple[str, str], str] | None = None  #: The tags of statuses, once read.

    def tag(self, tag: str) -> float:
        """Return how much a tag suppresses."""
        if not tag:
            return 0
        return self._scopes[tag].width if tag in self._scopes else _PERHAPS

    def status(self, kind: str, crm_id: str) -> float:
        """Return how much a status suppresses."""
        if not crm_id:
            return 0
        if self._tags is None:
            c = statuses.c
            rows = self._connection.execute(select(c.kind, c.crm_id, c.tag))
            self._tags = {(row.kind, row.crm_id): row.tag for row in rows}
        tag = self._tags.get((kind, crm_id))
        return _PERHAPS if tag is None else self.tag(tag)

    @cached_property
    def members(self) -> frozenset[tuple[str, ...]]:
        """The people in groups that suppress."""
        c = memberships.c
        its_group = (groups.c.kind == c.kind) & (groups.c.crm_id == c.group_id)
        query = select(c.kind, c.person).distinct().join_from(memberships, groups, its_group)
        rows = self._connection.execute(query.where(groups.c.active, groups.c.tag != ""))
        return frozenset((row.kind, row.person) for row in rows)


def settle(
    layout: TableLayout,
    rows: Sequence[StagedRow],
    old_row: Mapping[str, Any] | None,
    *,
    columns: frozenset[str],
    widths: SuppressionWidths,
) -> SettledRows:
    """Settle rows of one key, in the order of their lines, against what is known of it."""
    return _RowsOfKey(layout, rows, old_row, columns, widths).settle()


class _RowsOfKey:
    """The rows of one key."""

    def __init__(
        self,
        layout: TableLayout,
        rows: Sequence[StagedRow],
        old_row: Mapping[str, Any] | None,
        columns: frozenset[str],
        widths: SuppressionWidths,
    ) -> None:
        self._layout = layout
        self._rows = rows
        self._old_row = old_row
        self._columns = columns
        self._widths = widths
        self._key = rows[-1].key
        self._only_adds = all(row.adds_only for row in rows)
        self._result = SettledRows(
            line=rows[-1].line,
            key=self._key,
            values=dict(rows[-1].values),
            gaps=rows[-1].gaps,
            adds_addresses=any(row.adds_addresses for row in rows),
            unread={name: text for row in rows for name, text in row.unread.items()},
            differs={},
            mailed_at=rows[-1].line,
        )

    def settle(self) -> SettledRows:
        """Decide about each column."""
        for name, columns in self._layout.units.items():
            if name in self._columns and name != "active":
                self._decide(name, columns)
        # `active` comes last, as it depends on whether somebody is suppressed, which is known by
        # now.
        if "active" in self._columns:
            self._decide("active", ("active",))
        if self._only_adds and self._old_row is None:
            # A new record from a row that may be incomplete is taken in only for protection: say,
            # the person is in a group that keeps mail away, which then counts for these addresses.
            result = self._result
            result.is_dropped = self._layout.what not in _PROTECTING
            if self._layout.what == "people":
                result.values["active"] = bool(result.values["active"]) and self._is_suppressed
                result.gaps &= ~self._layout.bit("active")
                result.unread["active"] = f"line {abs(result.line)}{_NOT_WHOLE}"
        return self._result

    def _decide(self, name: str, columns: tuple[str, ...]) -> None:
        """Decide about a column of the file; `columns` are all the values it has in the store."""
        bit = self._layout.bit(name)
        says = [
            (row.line, tuple(row.values[column] for column in columns))
            for row in self._rows
            if not row.gaps & bit
        ]
        old = None if self._old_row is None else tuple(self._old_row[name] for name in columns)
        if not says:
            self._result.gaps |= bit
            return
        values = [value for _, value in says]
        unread = [row for row in self._rows if name in row.unread]
        if self._only_adds:
            is_contested = old is not None and any(value != old for value in values)
        else:
            is_contested = bool(unread) or any(value != values[0] for value in values)
        if not is_contested:
            self._give(columns, bit, values[-1])
            return
        if name == "emails":
            self._result.adds_addresses = True
            self._result.mailed_at = None if old is not None else says[0][0]
        # The value that protects most; None: none protects more than the others.
        choice: CellGroup | None = None
        choose = _CHOICES.get((self._layout.what, name))
        if name not in _TELLING and choose is not None:
            # Without an old value, an unread cell counts as it would in a single row.
            others = [tuple(row.values[column] for column in columns) for row in unread]
            choice = choose(self, [*values, *([old] if old is not None else others)], old)
        if name in _TELLING and not (self._only_adds and old is not None):
            self._give(columns, bit, values[-1])
        elif choice is None and old is None:
            # It is marked unread, so no mail depends on it; any value will do.
            self._give(columns, bit, values[0])
        elif choice is None:
            self._result.gaps |= bit
        else:
            self._give(columns, bit, choice)
        lead = columns.index(name)
        readings = [
            f"{IN_ROWS}{abs(line)} says {as_reported(value[lead])}" for line, value in says[:3]
        ]
        readings += [f"{IN_ROWS}{abs(row.line)} {CANT_BE_READ}" for row in unread[:3]]
        all_readings = ", ".join(readings)
        if len(self._rows) > 1:
            self._result.differs[name] = all_readings
        if name not in _TELLING and not (self._only_adds and choice is not None):
            self._result.unread[name] = all_readings + (_NOT_WHOLE if self._only_adds else "")

    def _give(self, columns: tuple[str, ...], bit: int, value: CellGroup) -> None:
        self._result.gaps &= ~bit
        self._result.values.update(zip(columns, value, strict=True))

    def widest_status(self, values: Sequence[CellGroup], old: CellGroup | None) -> CellGroup | None:
        return _widest(values, old, lambda status: self._widths.status(self._key[0], status))

    def widest_tag(self, values: Sequence[CellGroup], old: CellGroup | None) -> CellGroup | None:
        return _widest(values, old, self._widths.tag)

    def left(self, values: Sequence[CellGroup], _old: CellGroup | None) -> CellGroup | None:
        return next((value for value in values if has_left(value[0])), None)

    def any_false(self, values: Sequence[CellGroup], _old: CellGroup | None) -> CellGroup | None:
        return (False,) if (False,) in values else None

    def any_true(self, values: Sequence[CellGroup], _old: CellGroup | None) -> CellGroup | None:
        return (True,) if (True,) in values else None

    def active(self, values: Sequence[CellGroup], old: CellGroup | None) -> CellGroup:
        """Whether somebody counts as a holder of their addresses.

        Active is the safe choice for somebody who is suppressed, for then it counts for everybody
        with the address. For others it isn't: they would let personal mail through to a person of
        the same address who gets none.
        """
        return ((True,) in values and (self._is_suppressed or old == (True,)),)

    @property
    def _is_suppressed(self) -> bool:
        if self._key in self._widths.members:
            return True
        row = self._result
        is_kept = row.gaps & self._layout.bit("status") and self._old_row is not None
        status = self._old_row["status"] if is_kept and self._old_row else row.values["status"]
        return self._widths.status(self._key[0], status) > 0


_CHOICES: Mapping[
    tuple[str, str], Callable[[_RowsOfKey, Sequence[CellGroup], CellGroup | None], CellGroup | None]
] = {
    ("people", "status"): _RowsOfKey.widest_status,
    ("people", "finance_status"): _RowsOfKey.left,
    ("people", "consent_email"): _RowsOfKey.any_false,
    ("people", "mail_on_set_date"): _RowsOfKey.any_false,
    ("people", "mail_after_first_delivery"): _RowsOfKey.any_false,
    ("people", "active"): _RowsOfKey.active,
    ("groups", "tag"): _RowsOfKey.widest_tag,
    ("groups", "active"): _RowsOfKey.any_true,
    ("statuses", "tag"): _RowsOfKey.widest_tag,
    ("statuses", "initial"): _RowsOfKey.any_false,
    ("statuses", "closed"): _RowsOfKey.any_true,
}


def _widest(
    values: Sequence[CellGroup], old: CellGroup | None, width: Callable[[str], float]
) -> CellGroup | None:
    most = max(width(value[0]) for value in values)
    if not most:
        return None
    widest = [value for value in values if width(value[0]) == most]
    return old if old in widest else widest[-1]


def as_reported(value: object) -> str:
    """Return a value as a report shows it: `'s9'`, `nothing`."""
    match value:
        case None | "":
            return "nothing"
        case bool():
            return "yes" if value else "no"
        case _:
            return repr(str(value))
