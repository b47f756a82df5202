"""Counts what an import does to suppressions, before it is committed.

An import that takes Ann and Bob out of the group "no bulk mail", and puts Clo into it:

    touched           ann, bob, clo             everybody it may concern, by `changes` and `removed`
    effects before    ann bulk, bob bulk        which of them are suppressed: address and scope
    (the differences are written)
    effects after     clo bulk

What is only in the first was lifted, what is only in the second was added. Somebody who is also
suppressed by another group is in both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Column, Connection, CursorResult, MetaData, Table, Text, TextClause, text

from gateway.core.feed.unread_fields import COUNTS_AS_ACTIVE
from gateway.core.kinds import Scope
from gateway.store.feed.staging_tables import make

#: An import that lifts at least this many suppressions, and more than one in five of those that its
#: source holds, isn't applied until a person confirms it.
LEAST = 20
ONE_IN = 5

# The joins run in the order they are written, outwards from the people an import touches: left to
# itself, SQLite may start with everybody.
_TOUCHED = {
    "people": """
        SELECT c.kind, c.crm_id FROM changes c
        LEFT JOIN people p ON p.kind = c.kind AND p.crm_id = c.crm_id
        WHERE (c.is_moved OR p.status <> c.status) {who}
        UNION SELECT kind, crm_id FROM removed""",
    "memberships": """
        SELECT c.kind, c.person FROM changes c
        {join} "groups" g ON g.kind = c.kind AND g.crm_id = c.group_id AND g.tag <> ''
        UNION SELECT r.kind, r.person FROM removed r
        {join} "groups" g ON g.kind = r.kind AND g.crm_id = r.group_id AND g.tag <> ''""",
    "groups": """
        SELECT m.kind, m.person FROM changes c
        {join} memberships m ON m.kind = c.kind AND m.group_id = c.crm_id
        UNION SELECT m.kind, m.person FROM removed r
        {join} memberships m ON m.kind = r.kind AND m.group_id = r.crm_id""",
    "statuses": """
        SELECT p.kind, p.crm_id FROM changes c
        {join} people p ON p.kind = c.kind AND p.status = c.crm_id
        UNION SELECT p.kind, p.crm_id FROM removed r
        {join} people p ON p.kind = r.kind AND p.status = r.crm_id""",
}
#: People who are suppressed, before or after: only a few of many new people.
_SUPPRESSED = """AND (
    (c.kind, c.status) IN (SELECT kind, crm_id FROM statuses WHERE tag IN ({tags}))
    OR (p.kind, p.status) IN (SELECT kind, crm_id FROM statuses WHERE tag IN ({tags}))
    OR (c.kind, c.crm_id) IN (
        SELECT m.kind, m.person FROM "groups" e
        {join} memberships m ON m.kind = e.kind AND m.group_id = e.crm_id
        WHERE e.tag IN ({tags})))"""
#: People concerned because an open reference leads somewhere now.
_ARRIVED = {
    "groups": """
        UNION SELECT m.kind, m.person FROM arrived_references a
        {join} memberships m ON m.kind = a.kind AND m.group_id = a.given""",
    "statuses": """
        UNION SELECT p.kind, p.crm_id FROM arrived_references a
        {join} people p ON p.kind = a.kind AND p.status = a.given""",
}

_EFFECTS = """
SELECT a.address, a.kind, a.person, {scope} FROM touched t
{join} people p ON p.kind = t.kind AND p.crm_id = t.person
{join} statuses e ON e.kind = p.kind AND e.crm_id = p.status AND e.tag IN ({tags})
{join} addresses a ON a.kind = p.kind AND a.person = p.crm_id AND a.position >= 0
UNION
SELECT a.address, a.kind, a.person, {scope} FROM touched t
{join} memberships m ON m.kind = t.kind AND m.person = t.person
{join} "groups" e ON e.kind = m.kind AND e.crm_id = m.group_id AND e.active AND e.tag IN ({tags})
       {and_certain}
{join} addresses a ON a.kind = m.kind AND a.person = m.person AND a.position >= 0
"""

_HELD = """
SELECT count(*) FROM (
SELECT a.address, a.kind, a.person, {scope} FROM statuses e
{join} people p ON p.kind = e.kind AND p.status = e.crm_id AND p.source = :source
{join} addresses a ON a.kind = p.kind AND a.person = p.crm_id AND a.position >= 0
WHERE e.tag IN ({tags})
UNION
SELECT a.address, a.kind, a.person, {scope} FROM "groups" e
{join} memberships m ON m.kind = e.kind AND m.group_id = e.crm_id AND m.source = :source
{join} addresses a ON a.kind = m.kind AND a.person = m.person AND a.position >= 0
WHERE e.active AND e.tag IN ({tags})
) AS held
"""


#: Groups known to be inactive that count as active only because that can't be read now. Nothing is
#: lifted when a file says again that they are inactive.
_ASSUMED = """
SELECT 1 FROM unread_fields u
WHERE u.what = 'groups' AND u.field = 'active' AND u.text LIKE :assumed"""
_AND_CERTAIN = f'AND NOT EXISTS ({_ASSUMED} AND u.kind = e.kind AND u."key" = e.crm_id)'

_ONLY_IN = """
SELECT count(*) FROM (
SELECT address, kind, person, scope FROM effects WHERE moment = :first
EXCEPT SELECT address, kind, person, scope FROM effects WHERE moment = :second
) AS only_in_one"""
_TEMPORARY = MetaData()
_TOUCHED_PEOPLE = Table(
    "touched",
    _TEMPORARY,
    *(Column(name, Text, primary_key=True) for name in ("kind", "person")),
    prefixes=["TEMPORARY"],
)
_NOTED_EFFECTS = Table(
    "effects",
    _TEMPORARY,
    *(Column(name, Text) for name in ("moment", "address", "kind", "person", "scope")),
    prefixes=["TEMPORARY"],
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionChanges:
    """How many suppressions an import adds and lifts, each counted by address, person and scope."""

    added: int = 0
    lifted: int = 0
    #: How many the source held before; counted only if the guard may need it.
    held_before: int | None = None

    @property
    def is_alarming(self) -> bool:
        """Whether so much is lifted that a person has to confirm it."""
        return self.lifted >= LEAST and self.lifted * ONE_IN > (self.held_before or 0)


def is_halved(rows: int, before: int | None) -> bool:
    """Whether a listing has at most half as many rows as the previous one."""
    return before is not None and before >= LEAST and rows * 2 <= before


class SuppressionGuard:
    """Compares the suppressions of the people an import touches, before and after."""

    def __init__(self, connection: Connection, what: str, tag_scopes: Mapping[str, Scope]) -> None:
        self._connection = connection
        self._what = what
        self._touched = _TOUCHED.get(what)
        self._tags = {f"tag{number}": tag for number, tag in enumerate(tag_scopes)}
        scopes = (scope.value for scope in tag_scopes.values())
        self._scopes = {f"scope{number}": scope for number, scope in enumerate(scopes)}
        self._has_touched = False
        self._held: int | None = None
        self._liftable = "before"  #: The recorded effects that count when lifted.

    def look_before(self, source: str, *, has_arrived: bool) -> None:
        """Record what is suppressed before the import; `changes` and `removed` must be filled.

        `has_arrived`: some open references lead somewhere now. If not, `arrived_references` needn't
        exist, and no new person is a member of a group that waited for them.
        """
        if self._touched is None:
            return
        arrived = _ARRIVED.get(self._what, "") if has_arrived else ""
        make(self._connection, _TOUCHED_PEOPLE)
        touched = self._touched.replace("{who}", "" if has_arrived else _SUPPRESSED)
        if not self._run(f"INSERT INTO touched {touched}{arrived}").rowcount:
            return
        self._has_touched = True
        make(self._connection, _NOTED_EFFECTS)
        if self._note("before") >= LEAST:
            self._held = self._run(_HELD, source=source).scalar_one()
        assumed = {"assumed": f"%{COUNTS_AS_ACTIVE}"}
        if self._what == "groups" and self._connection.scalar(text(_ASSUMED), assumed):
            self._liftable = "certain before"
            self._note(self._liftable, and_certain=_AND_CERTAIN, **assumed)

    def look_after(self) -> SuppressionChanges:
        """Return what the import does, once it is written but not yet committed."""
        if not self._has_touched:
            return SuppressionChanges()
        self._note("after")
        return SuppressionChanges(
            added=self._only_in("after", "before"),
            lifted=self._only_in(self._liftable, "after"),
            held_before=self._held,
        )

    def _note(self, moment: str, *, and_certain: str = "", **values: str) -> int:
        effects = _EFFECTS.replace("{and_certain}", and_certain)
        insert = f"INSERT INTO effects SELECT :moment, held.* FROM ({effects}) AS held"  # noqa: S608
        return self._run(insert, moment=moment, **values).rowcount

    def _only_in(self, first: str, second: str) -> int:
        count = self._connection.execute(text(_ONLY_IN), {"first": first, "second": second})
        return int(count.scalar_one())

    def _run(self, sql: str, **values: str) -> CursorResult[Any]:
        """Run a statement, with tags, scopes and this database's kind of join filled in."""
        statement = _statement(sql, tuple(self._tags), self._connection.dialect.name)
        return self._connection.execute(statement, {**self._tags, **self._scopes, **values})


@cache  # Making it takes longer than running it for a few rows.
def _statement(sql: str, tags: tuple[str, ...], dialect: str) -> TextClause:
    cases = (f"WHEN :{tag} THEN :scope{number}" for number, tag in enumerate(tags))
    return text(
        sql.format(
            scope=f"CASE e.tag {' '.join(cases)} END",
            tags=", ".join(f":{tag}" for tag in tags),
            join="CROSS JOIN" if dialect == "sqlite" else "JOIN",
        )
    )
