"""Suppression: the current standing of addresses, and suppressions of single addresses."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import starmap
from typing import Any, Self

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    TextClause,
    insert,
    or_,
    select,
    text,
    update,
)

from gateway.core.batches import batched
from gateway.core.decision.decide import never_mailed
from gateway.core.kinds import Scope
from gateway.core.mail.address import lookup_form
from gateway.core.people.erased_names import KEYS
from gateway.core.people.people import (
    AddressHolder,
    PersonKind,
    PersonRef,
    RefOrAddress,
    Standing,
    Suppression,
    SuppressionSource,
)
from gateway.store.engine.database import Database, StoreUnavailable
from gateway.store.engine.quick_reader import QuickReader
from gateway.store.people import erasure_keys
from gateway.store.people.effects import (
    OF_GROUP,
    OF_PERSON,
    OF_STAFF,
    OF_STATUS,
    EffectRow,
    TagEffects,
    is_own,
)
from gateway.store.schema.columns import microseconds
from gateway.store.schema.suppressions import person_suppressions, suppressions

#: Above this number, addresses are looked up on a thread, to keep the event loop free.
_AT_ONCE = 100
_CHUNK = 1_000
_KNOWN_AT_MOST = 10_000


def _rows_of(
    *,
    address_rows: str,
    value: str,
    lowest: str,
    now: str,
    sources: Sequence[str] = (OF_STATUS, OF_GROUP, OF_PERSON, OF_STAFF),
) -> str:
    """Return the statement that yields all rows of some addresses.

    `address_rows` yields rows whose `value` is an address, or is empty for a single address.
    """
    return " UNION ALL ".join(sources).format(
        value=value,
        own_value=value,
        wanted=address_rows,
        join="JOIN",
        where_person=f"a.address = {value}",
        where_own=f"o.address = {value}",
        lowest=lowest,
        now=now,
        number="",
        no_number="",
    )


_ONE = _rows_of(address_rows="", value="?1", lowest="?2", now="?3")
_SEVERAL = _rows_of(
    address_rows="json_each(?1) w CROSS JOIN", value="w.value", lowest="?2", now="?3"
)
#: Nobody has the name of an erased address, so a quarter of the query is enough.
_ONE_NAME = _rows_of(address_rows="", value="?1", lowest="?2", now="?3", sources=(OF_STAFF,))

#: Whether any address is suppressed by its hash alone: most stores have none, and need no hashes.
_HAS_ERASED = """
SELECT 1 FROM suppressions WHERE source = 'erased'
UNION ALL SELECT 1 FROM topic_opt_outs WHERE kind = 'erased'
LIMIT 1
"""

#: In each part, what is rare comes first, and is joined in this order: SQLite has no statistics,
#: and would begin with the addresses of everybody.
_NEVER_MAILED = """
SELECT a.address FROM people p
{join} addresses a ON a.kind = p.kind AND a.person = p.crm_id
WHERE a.position >= :lowest
AND (p.kind, p.status) IN (SELECT kind, crm_id FROM statuses WHERE tag IN ({tags}))
UNION
SELECT a.address FROM "groups" g
{join} memberships m ON m.kind = g.kind AND m.group_id = g.crm_id
{join} addresses a ON a.kind = m.kind AND a.person = m.person
WHERE a.position >= :lowest AND g.active AND g.tag IN ({tags})
UNION
SELECT a.address FROM person_suppressions o
{join} addresses a ON a.kind = o.kind AND a.person = o.person
WHERE a.position >= :lowest AND o.released_at IS NULL AND o.scope = 'all'
UNION
SELECT address FROM suppressions WHERE released_at IS NULL AND scope = 'all'
ORDER BY 1
"""


def utc_now() -> datetime:
    """Return the current time."""
    return datetime.now(UTC)


class Standings:
    """The current standing of addresses; what was read is valid until the next commit.

    `tag_scopes` gives tags their effect; `optout_scope` is the scope of a group somebody is in
    because of Mailchimp, if that is wider. With `plus_addresses`, `ann+x@example.org` means
    `ann@example.org`, both in the store and in the query. `erased_names` gives the names under
    which an address may stay suppressed after its person was erased.
    """

    def __init__(
        self,
        database: Database,
        *,
        tag_scopes: Mapping[str, Scope],
        plus_addresses: bool = False,
        optout_scope: Scope = Scope.MAILCHIMP,
        erased_names: Callable[[str], Sequence[str]] | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._effects = TagEffects(dict(tag_scopes), optout_scope)
        self._plus_addresses = plus_addresses
        self._lowest = -1 if plus_addresses else 0
        self._erased_names = erased_names
        self._has_erased = False  #: Once there are any, this is no longer queried.
        self._clock = clock
        self._reader = QuickReader(database)
        self._version: bytes | None = None
        self._cache: dict[str, Standing | None] = {}  #: As read from that version of the store.
        self._statement = _statement(is_sqlite=database.is_sqlite)

    def now(self, addresses: Sequence[str]) -> dict[str, Standing]:
        """Return the standing of each known address (in lookup form), using one statement.

        Nothing is known of addresses left out. Raises `StoreUnavailable` if the store fails; the
        next call reconnects.
        """
        if not self._database.is_sqlite:
            with self._database.reading() as connection:
                return self.within(connection, addresses)
        version = self._reader.version()
        if version is None or version != self._version or len(self._cache) > _KNOWN_AT_MOST:
            self._version, self._cache = version, {}
            if not self._has_erased and self._erased_names is not None:
                self._has_erased = bool(self._reader.rows_now(_HAS_ERASED, ()))
        cache, standings = self._cache, dict[str, Standing]()
        unknown = [address for address in addresses if address not in cache]
        if unknown:
            standings = self._standings(
                unknown,
                self._ask_at_once,
                has_erased=self._has_erased,
                ask_names=self._ask_names,
            )
        for address in unknown:
            standing = standings.get(address)
            if standing is None or not _ends_by_itself(standing):
                cache[address] = standing
        for address in addresses:
            if (standing := cache.get(address)) is not None:
                standings[address] = standing
        return standings

    async def of(self, addresses: Sequence[str]) -> dict[str, Standing]:
        """Return the same without blocking the event loop."""
        if self._database.is_sqlite and len(addresses) <= _AT_ONCE:
            return self.now(addresses)
        return await self._database.read(lambda connection: self.within(connection, addresses))

    def within(self, connection: Connection, addresses: Sequence[str]) -> dict[str, Standing]:
        """Return the same as seen by a transaction."""

        def ask(spellings: Sequence[str]) -> Sequence[Sequence[Any]]:
            parameter = _as_json(spellings) if self._database.is_sqlite else list(spellings)
            values = {"wanted": parameter, "lowest": self._lowest, "now": self._microseconds()}
            return connection.execute(self._statement, values).all()

        if self._erased_names is not None and not self._database.is_sqlite:
            # A server's answer costs more than the hashes: it is queried only if they can't
            # be made, because a store in which nobody was erased needs no key.
            with suppress(StoreUnavailable):
                return self._standings(addresses, ask, has_erased=True)
        has_erased = (
            self._erased_names is not None
            and connection.execute(text(_HAS_ERASED)).first() is not None
        )
        return self._standings(addresses, ask, has_erased=has_erased)

    def names_if_erased(
        self, connection: Connection, ref_or_address: RefOrAddress
    ) -> tuple[str, ...]:
        """Return the names under which an address may stay suppressed, if any address does."""
        if isinstance(ref_or_address, PersonRef) or self._erased_names is None:
            return ()
        if connection.execute(text(_HAS_ERASED)).first() is None:
            return ()
        return tuple(self._erased_names(ref_or_address))

    def of_staff(self, connection: Connection, ref: PersonRef) -> tuple[Suppression, ...]:
        """Return what currently suppresses a person themselves, with or without an address."""
        now = self._clock()
        return tuple(
            Suppression(
                scope=entry.scope,
                source=entry.source,
                origin=entry.by,
                since=entry.since,
                until=entry.until,
                remark=entry.remark,
                public=entry.public,
                person=ref,
            )
            for entry in history(connection, ref)
            if entry.released_at is None and (entry.until is None or entry.until > now)
        )

    def never_mailed_addresses(self) -> Iterator[list[str]]:
        """Yield the addresses no mail may go to at all, to remember while the store is away.

        This includes the names of erased addresses, and the keys used for them
        (`erased:keys:MARK`). They come a thousand at a time, each thousand read by itself: no read
        of a large store lasts long.
        """
        tags = [tag for tag, scope in self._effects.tag_scopes.items() if scope is Scope.ALL]
        names = {f"tag{number}": tag for number, tag in enumerate(tags)}
        marks = ", ".join(f":{name}" for name in names) or "NULL"
        join = "CROSS JOIN" if self._database.is_sqlite else "JOIN"
        statement = text(_NEVER_MAILED.format(tags=marks, join=join))
        with self._database.reading() as connection:
            key_marks = erasure_keys.marks(connection)
            addresses = connection.scalars(statement, {"lowest": self._lowest, **names}).all()
        yield [f"{KEYS}:{mark}" for mark in key_marks]
        for chunk in batched(addresses, _CHUNK):
            with self._database.reading() as connection:
                standings = self.within(connection, chunk)
            yield [address for address, standing in standings.items() if never_mailed(standing)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the held connection; the next query opens another."""
        self._reader.close()

    def _ask_at_once(self, spellings: Sequence[str]) -> Sequence[Sequence[Any]]:
        lowest, now = self._lowest, self._microseconds()
        if len(spellings) == 1:  # The usual case, at half the cost.
            return self._reader.rows_now(_ONE, (spellings[0], lowest, now))
        return self._reader.rows_now(_SEVERAL, (_as_json(spellings), lowest, now))

    def _ask_names(self, names: Sequence[str]) -> Sequence[Sequence[Any]]:
        lowest, now = self._lowest, self._microseconds()
        return [
            row for name in names for row in self._reader.rows_now(_ONE_NAME, (name, lowest, now))
        ]

    def _microseconds(self) -> int:
        return microseconds(self._clock())

    def _standings(
        self,
        addresses: Sequence[str],
        ask: Callable[[Sequence[str]], Sequence[Sequence[Any]]],
        *,
        has_erased: bool,
        ask_names: Callable[[Sequence[str]], Sequence[Sequence[Any]]] | None = None,
    ) -> dict[str, Standing]:
        forms = {address: address for address in addresses}
        if self._plus_addresses:
            forms = {address: lookup_form(address, plus_addresses=True) for address in addresses}
        spellings = list({*forms, *forms.values()} if self._plus_addresses else forms)
        if has_erased and self._erased_names is not None:
            by_erased_name = {
                name: address for address in spellings for name in self._erased_names(address)
            }
            rows = (
                [*ask(spellings), *ask_names(list(by_erased_name))]
                if ask_names
                else ask([*spellings, *by_erased_name])
            )
        else:
            by_erased_name, rows = {}, ask(spellings)
        by_address: dict[str, _Findings] = {}
        for row in starmap(EffectRow, rows):
            address = by_erased_name.get(row.address, row.address)
            findings = by_address.get(address)
            if findings is None:
                findings = by_address[address] = _Findings(self._effects)
            findings.add(row)
        standings = {address: findings.standing() for address, findings in by_address.items()}
        if not self._plus_addresses:
            return standings
        pairs = (
            (address, (standings.get(address), standings.get(base)))
            for address, base in forms.items()
        )
        return {address: _merge(pair) for address, pair in pairs if any(pair)}


class _Findings:
    """The rows of one address."""

    __slots__ = ("_effects", "_own", "_people", "_rows")

    def __init__(self, effects: TagEffects) -> None:
        self._effects = effects
        self._people: dict[tuple[str, str], EffectRow] = {}
        self._rows: list[EffectRow] = []
        self._own: list[EffectRow] = []

    def add(self, row: EffectRow) -> None:
        if is_own(row) and not row.kind:
            self._own.append(row)
            return
        if row.source == "status":
            self._people[row.kind, row.person] = row
        if self._effects.suppresses(row):
            self._rows.append(row)

    def standing(self) -> Standing:
        holders = []
        for key in sorted(self._people):
            person_row = self._people[key]
            ref = PersonRef(PersonKind(person_row.kind), person_row.person)
            their_rows = [row for row in self._rows if (row.kind, row.person) == key]
            holders.append(
                AddressHolder(
                    ref=ref,
                    name=f"{person_row.first_name} {person_row.last_name}".strip(),
                    active=person_row.active is None or bool(person_row.active),
                    doubtful=person_row.active is None,
                    suppressions=tuple(self._effects.suppression(row, ref) for row in their_rows),
                )
            )
        return Standing(
            holders=tuple(holders),
            own=tuple(self._effects.suppression(row, None) for row in self._own),
        )


def _merge(pair: tuple[Standing | None, Standing | None]) -> Standing:
    standings = [standing for standing in dict.fromkeys(pair) if standing is not None]
    holders = {holder.ref: holder for standing in standings for holder in standing.holders}
    own = dict.fromkeys(entry for standing in standings for entry in standing.own)
    return Standing(holders=tuple(holders[ref] for ref in sorted(holders)), own=tuple(own))


def _ends_by_itself(standing: Standing) -> bool:
    of_people = (entry for holder in standing.holders for entry in holder.suppressions)
    return any(entry.until is not None for entry in (*standing.own, *of_people))


def _as_json(addresses: Sequence[str]) -> str:
    return orjson.dumps(addresses).decode()


def _statement(*, is_sqlite: bool) -> TextClause:
    rows = "json_each(:wanted) w" if is_sqlite else "unnest(CAST(:wanted AS text[])) w(value)"
    address_rows = f"{rows} CROSS JOIN"
    return text(_rows_of(address_rows=address_rows, value="w.value", lowest=":lowest", now=":now"))


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionEntry:
    """A suppression of a single address or a person, whether in force or past."""

    id: int
    address: str  #: In lookup form; for a person `candidate:17`.
    scope: Scope
    source: SuppressionSource
    remark: str
    public: bool
    by: str
    since: datetime
    until: datetime | None
    released_at: datetime | None
    released_by: str
    released_remark: str = ""  #: Why; for staff only.


def add(
    connection: Connection,
    *,
    id: int,  # noqa: A002
    ref_or_address: RefOrAddress,
    scope: Scope,
    remark: str,
    public: bool,
    by: str,
    since: datetime,
    until: datetime | None,
    source: SuppressionSource = SuppressionSource.STAFF,
) -> SuppressionEntry:
    """Suppress an address (in lookup form), or a person, from the next message on.

    A person is suppressed at every address they have now or get later.
    """
    values = {"remark": remark, "public": public, "by": by, "since": since, "until": until}
    row = {"id": id, "scope": scope.value, "source": source.value, **values}
    if isinstance(ref_or_address, PersonRef):
        columns = {"kind": ref_or_address.kind.value, "person": ref_or_address.crm_id}
        connection.execute(insert(person_suppressions).values(row | columns))
    else:
        connection.execute(insert(suppressions).values(row | {"address": ref_or_address}))
    return SuppressionEntry(
        id=id,
        address=str(ref_or_address),
        scope=scope,
        source=source,
        remark=remark,
        public=public,
        by=by,
        since=since,
        until=until,
        released_at=None,
        released_by="",
    )


def add_once(
    connection: Connection,
    *,
    id: int,  # noqa: A002
    ref_or_address: RefOrAddress,
    scope: Scope,
    remark: str,
    public: bool,
    by: str,
    since: datetime,
    until: datetime | None,
) -> tuple[SuppressionEntry, bool]:
    """Suppress as `add` does, unless staff did so before and it was not lifted.

    Such a suppression has the same scope, remark, publicity and end, whoever made it. Returns the
    suppression in force, and whether it is new, so pressing a button twice adds nothing.
    """
    table, of_address = _entries_of(ref_or_address, ())
    c = table.c
    known_id = connection.scalar(
        select(c.id)
        .where(of_address, c.released_at.is_(None), c.source == SuppressionSource.STAFF.value)
        .where(c.scope == scope.value, c.remark == remark, c.public == public)
        .where(c.until.is_(None) if until is None else c.until == until)
        .limit(1)
    )
    if known_id is not None:
        return next(
            entry for entry in history(connection, ref_or_address) if entry.id == known_id
        ), False
    entry = add(
        connection,
        id=id,
        ref_or_address=ref_or_address,
        scope=scope,
        remark=remark,
        public=public,
        by=by,
        since=since,
        until=until,
    )
    return entry, True


def release(
    connection: Connection,
    ref_or_address: RefOrAddress,
    *,
    by: str,
    at: datetime,
    remark: str = "",
    erased: Sequence[str] = (),
    source: SuppressionSource | None = None,
) -> int:
    """Lift the suppressions in force of an address or a person; return how many there were.

    Whoever made them, staff or a bounce, they are kept as lifted. For an address, only suppressions
    of the address itself are lifted, not those of its holders; `erased` are the names under which
    it stays suppressed if its person was erased. With `source`, only suppressions from that source
    are lifted.
    """
    table, of_address = _entries_of(ref_or_address, erased)
    c = table.c
    in_force = c.released_at.is_(None) & or_(c.until.is_(None), c.until > at)
    if source is not None:
        in_force &= c.source == source.value
    statement = update(table).where(in_force, of_address)
    released = statement.values(released_at=at, released_by=by, released_remark=remark)
    return connection.execute(released).rowcount


def history(
    connection: Connection, ref_or_address: RefOrAddress, *, erased: Sequence[str] = ()
) -> tuple[SuppressionEntry, ...]:
    """Return all suppressions of an address (in lookup form) or person, newest first.

    They are those stored here, in force or past, whatever their source. `erased` are the names
    under which the address may stay suppressed.
    """
    table, of_address = _entries_of(ref_or_address, erased)
    rows = connection.execute(select(table).where(of_address).order_by(table.c.id.desc()))
    entries = []
    for row in rows.mappings():
        values = {name: value for name, value in row.items() if name not in ("kind", "person")}
        values |= {
            "address": str(ref_or_address),
            "scope": Scope(row["scope"]),
            "source": SuppressionSource(row["source"]),
        }
        entries.append(SuppressionEntry(**values))
    return tuple(entries)


def _entries_of(
    ref_or_address: RefOrAddress, erased: Sequence[str]
) -> tuple[Table, ColumnElement[bool]]:
    if isinstance(ref_or_address, PersonRef):
        c = person_suppressions.c
        return person_suppressions, (c.kind == ref_or_address.kind.value) & (
            c.person == ref_or_address.crm_id
        )
    return suppressions, suppressions.c.address.in_((ref_or_address, *erased))
