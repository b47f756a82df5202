"""All suppressions, by address: a line for each reason, from every source."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import starmap

from sqlalchemy import Connection, text

from gateway.core.kinds import Scope
from gateway.core.people.people import ENTRY_SOURCES, MAILCHIMP, PersonKind, PersonRef, Suppression
from gateway.store.people.effects import (
    OF_GROUP,
    OF_PERSON,
    OF_STAFF,
    OF_STATUS,
    EffectRow,
    TagEffects,
)
from gateway.store.schema.columns import microseconds

#: Reasons read per transaction when all are requested.
AT_ONCE = 10_000
#: Where the next line is: an address, and how many of its lines come before.
Position = tuple[str, int]
START: Position = ("", 0)
#: Opens a read transaction.
Reading = Callable[[], AbstractContextManager[Connection]]
_COUNT = "SELECT count(*) FROM ({reasons}) listed"
#: By address; the other columns keep an address's reasons in the same order on every page.
_ORDER = "ORDER BY 1, 2, 3, 4, 8, 9, 10, 11, 15"


class ListedSource(StrEnum):
    """The sources to list."""

    GROUP = "group"  #: Includes opt-outs at Mailchimp, as they are in a group.
    STATUS = "status"
    STAFF = "staff"
    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    UNSUBSCRIBE = "unsubscribe"
    ERASED = "erased"
    MAILCHIMP = "mailchimp"  #: Of the groups' reasons, those from Mailchimp.


#: Reasons that are separate rows, for an address or a person.
_OWN = tuple(ListedSource(source.value) for source in ENTRY_SOURCES)


@dataclass(frozen=True, slots=True)
class SuppressionFilter:
    """Which reasons to list; None: all."""

    source: ListedSource | None = None
    scope: Scope | None = None  #: Those that stop this mail: `bulk` lists `all` too.
    since: datetime | None = None  #: Those that began then or later; never those of unknown age.


@dataclass(frozen=True, slots=True)
class SuppressedAddress:
    """An address, and one reason why it may not get a kind of mail."""

    address: str  #: In lookup form.
    suppression: Suppression
    id: int | None  #: Only for a suppression of a single address.


class SuppressedAddresses:
    """Lists suppressions, in agreement with what `Standings` says of each address."""

    def __init__(
        self,
        *,
        is_sqlite: bool,
        tag_scopes: Mapping[str, Scope],
        optout_scope: Scope,
        plus_addresses: bool,
    ) -> None:
        self._effects = TagEffects(dict(tag_scopes), optout_scope)
        self._lowest = -1 if plus_addresses else 0
        # SQLite would start with the groups and sort all their people for each page; the other way
        # round it reads addresses in order and stops once the page is full.
        self._join = "CROSS JOIN" if is_sqlite else "JOIN"

    def page(
        self,
        connection: Connection,
        selection: SuppressionFilter,
        *,
        at: datetime,
        after: Position = START,
        limit: int,
    ) -> list[SuppressedAddress]:
        """Return the reasons in force at a time after a position, by address."""
        statement = f"{self._union(selection)} {_ORDER} LIMIT :limit OFFSET :skip"
        address, skip = after
        values = _values(selection, at, address) | {"limit": limit, "skip": skip}
        reasons = []
        for row in starmap(EffectRow, connection.execute(text(statement), values)):
            person = PersonRef(PersonKind(row.kind), row.person) if row.kind else None
            suppression = self._effects.suppression(row, person)
            reasons.append(SuppressedAddress(row.address, suppression, row.number))
        return reasons

    def count(
        self,
        connection: Connection,
        selection: SuppressionFilter,
        *,
        at: datetime,
        after: Position = START,
    ) -> int:
        """Return the number of reasons after a position."""
        statement = _COUNT.format(reasons=self._union(selection))
        address, skip = after
        values = _values(selection, at, address)
        number: int = connection.execute(text(statement), values).scalar_one()
        return number - skip

    def every(
        self,
        reading: Reading,
        selection: SuppressionFilter,
        *,
        at: datetime,
        after: Position = START,
        at_once: int = AT_ONCE,
    ) -> Iterator[SuppressedAddress]:
        """Yield all reasons; no transaction stays open between pages, however slow the reader."""
        while True:
            with reading() as connection:
                reasons = self.page(connection, selection, at=at, after=after, limit=at_once)
            yield from reasons
            if len(reasons) < at_once:
                return
            after = position_after(reasons, after)

    def behind_all_of(
        self, connection: Connection, selection: SuppressionFilter, address: str, *, at: datetime
    ) -> Position:
        """Return the position after all reasons of an address (in lookup form)."""
        reasons = self.page(connection, selection, at=at, after=(address, 0), limit=AT_ONCE)
        return address, sum(1 for reason in reasons if reason.address == address)

    def _union(self, selection: SuppressionFilter) -> str:
        """Return the statements for the listed sources, as a union."""
        source = selection.source
        branches = []
        if source in (None, ListedSource.STATUS):
            has_tag = f"s.tag IN ({self._tags(selection, 'status', '')})"
            may_be = "p.status_unread_since IS NOT NULL"
            is_any = _covers(Scope.BULK, selection.scope)
            condition = f"({has_tag} OR {may_be})" if is_any else has_tag
            if selection.since is not None:
                condition += " AND (p.status_since >= :since OR p.status_unread_since >= :since)"
            branches.append(self._statement(OF_STATUS, condition))
        if source in (None, ListedSource.GROUP, ListedSource.MAILCHIMP):
            tags_of_mailchimp = self._tags(selection, "group", MAILCHIMP)
            others = self._tags(selection, "group", "")
            by_mailchimp = f"(m.source = '{MAILCHIMP}' AND g.tag IN ({tags_of_mailchimp}))"
            by_others = f"(m.source <> '{MAILCHIMP}' AND g.tag IN ({others}))"
            is_all = source is not ListedSource.MAILCHIMP
            condition = f"({by_mailchimp} OR {by_others})" if is_all else by_mailchimp
            if selection.since is not None:
                condition += " AND m.since >= :since"
            branches.append(self._statement(OF_GROUP, condition))
        if source is None or source in _OWN:
            scopes = [scope for scope in Scope if _covers(scope, selection.scope)]
            condition = f"o.scope IN ({_sql_list(scopes)})"
            if source is not None:
                condition += f" AND o.source = '{source}'"
            if selection.since is not None:
                condition += " AND o.since >= :since"
            branches += [self._statement(rows, condition) for rows in (OF_PERSON, OF_STAFF)]
        return " UNION ALL ".join(branches)

    def _statement(self, rows: str, condition: str) -> str:
        filled = rows.format(
            value="a.address",
            own_value="o.address",
            wanted="",
            join=self._join,
            where_person="a.address >= :after",
            where_own="o.address >= :after",
            lowest=self._lowest,
            now=":now",
            number=", o.id",
            no_number=", CAST(NULL AS BIGINT)",
        )
        return f"{filled} AND {condition}"

    def _tags(self, selection: SuppressionFilter, source: str, origin: str) -> str:
        """Return the tags whose effect is listed."""
        tags = self._effects.tag_scopes
        return _sql_list(
            tag
            for tag in tags
            if _covers(self._effects.scope(source, tag, origin), selection.scope)
        )


def position_after(page: Sequence[SuppressedAddress], after: Position) -> Position:
    """Return the position after a page that followed another position."""
    if not page:
        return after
    last = page[-1].address
    count = sum(1 for reason in page if reason.address == last)
    return last, count + (after[1] if after[0] == last else 0)


def _values(selection: SuppressionFilter, at: datetime, after: str) -> dict[str, object]:
    values: dict[str, object] = {"now": microseconds(at), "after": after}
    return values if selection.since is None else values | {"since": microseconds(selection.since)}


def _covers(scope: Scope, asked_scope: Scope | None) -> bool:
    return asked_scope is None or scope.includes(asked_scope)


def _sql_list(words: Iterable[str]) -> str:
    """Return words of the settings for an IN; NULL, which matches nothing, for none."""
    return ", ".join(f"'{word}'" for word in words) or "NULL"
