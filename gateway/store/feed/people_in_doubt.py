"""People whose status or groups may keep mail away, but can't be read well enough to say."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    Column,
    CompoundSelect,
    Connection,
    MetaData,
    Select,
    Table,
    Text,
    cast,
    exists,
    func,
    literal,
    null,
    select,
    tuple_,
    union_all,
    update,
)

from gateway.core.feed.unread_fields import PEOPLE
from gateway.core.kinds import Scope
from gateway.core.people.people import PersonKind
from gateway.store.engine.upsert import insert_into
from gateway.store.feed.staging_tables import load, make
from gateway.store.feed.unread import is_undecided
from gateway.store.schema.columns import UtcTime, microseconds
from gateway.store.schema.feed import groups, memberships, people, statuses, unread_fields
from gateway.store.schema.references import open_references


def mark_people(connection: Connection, tag_scopes: Mapping[str, Scope]) -> int:
    """Mark the people in doubt, and no others, with the time since when; return their number.

    A person is in doubt if their status can't be read, is unknown though others of its kind are
    known, or has a tag that can't be read; or if they are in a group of which that is true.
    """
    p, m = people.c, memberships.c
    marked = p.status_unread_since.is_not(None)
    # A tag that can't be read keeps its old value. If that keeps bulk mail away, there is no doubt.
    covering = tuple(tag for tag, scope in tag_scopes.items() if scope.includes(Scope.BULK))
    in_doubt = connection.execute(_all_in_doubt(covering)).all()
    if not in_doubt:
        connection.execute(_UNMARKING)
        return 0
    all_things = [
        (what, f"{kind}:{crm_id}", None if since is None else microseconds(since))
        for what, kind, crm_id, since in in_doubt
        if what != PEOPLE
    ]
    things, doubtful = _doubt_tables()
    make(connection, things, doubtful)
    for table in (things, doubtful):
        connection.execute(table.delete())
    load(connection, things, all_things)
    # One text `candidate:s1`, not two columns: SQLite would use its index of the kind, and scan all
    # people of that kind for each of these statuses and groups.
    statements: list[Select[Any]] = [_unread_statuses()]
    for table, kind, person, crm_id, usual in (
        (statuses, p.kind, p.crm_id, p.status, None),
        (groups, m.kind, m.person, m.group_id, m.since),
    ):
        key = kind + ":" + crm_id
        keys = select(things.c.key).where(things.c.what == table.name)
        since = (
            select(things.c.since)
            .where(things.c.what == table.name, things.c.key == key)
            .scalar_subquery()
        )
        first = func.coalesce(since, usual)
        if connection.scalar(select(keys.exists())):
            statements.append(select(kind, person, first).where(key.in_(keys)))
    names = ["kind", "person", "since"]
    for rows in statements:
        statement = insert_into(connection, doubtful).from_select(names, rows)
        connection.execute(statement.on_conflict_do_nothing())

    d = doubtful.c
    of_person = (d.kind == p.kind, d.person == p.crm_id)
    is_doubtful = exists().where(*of_person)
    connection.execute(update(people).where(marked, ~is_doubtful).values(status_unread_since=None))
    since = select(d.since).where(*of_person).scalar_subquery()
    key = tuple_(p.kind, p.crm_id)
    connection.execute(
        update(people)
        .where(~marked, key.in_(select(d.kind, d.person)))
        .values(status_unread_since=since)
    )
    return connection.scalar(select(func.count()).select_from(people).where(marked)) or 0


_UNMARKING = (
    update(people).where(people.c.status_unread_since.is_not(None)).values(status_unread_since=None)
)


def _unread_statuses() -> Select[tuple[str, str, datetime]]:
    u = unread_fields.c
    return select(u.kind, u.key, u.since).where(
        u.what == PEOPLE, u.field == "status", is_undecided(u.text)
    )


@cache  # Every import needs it; making it takes longer than running it.
def _all_in_doubt(covering: tuple[str, ...]) -> CompoundSelect[Any]:
    """Return a query of statuses and groups that may keep mail away: table, kind, id, since when.

    If some person's status can't be read, there is also a row of `people`.
    """
    u, o, m = unread_fields.c, open_references.c, memberships.c
    queries = []
    for table, reference in ((statuses, "people.status"), (groups, "memberships.group")):
        c, what = table.c, literal(table.name)
        tags = select(what, u.kind, u.key, u.since).where(
            *(u.what == table.name, u.field == "tag", is_undecided(u.text)),
            *(c.kind == u.kind, c.crm_id == u.key, c.tag.not_in(covering)),
        )
        if table is groups:
            tags = tags.where(c.active)
        open_ones = select(what, o.kind, o.given, o.since).where(
            o.reference == reference, exists().where(c.kind == o.kind)
        )
        queries += [tags, open_ones]
    nothing, no_time = literal(""), cast(null(), UtcTime)
    for kind in PersonKind:
        # Not `*`: SQLite would scan the memberships instead of using its index of groups.
        unreadable = select(m.group_id).where(m.kind == kind, m.group_id == "").exists()
        # The time is that of each membership.
        one_row = select(literal(groups.name), literal(kind.value), nothing, no_time)
        queries.append(one_row.where(unreadable))
    one_row = select(literal(PEOPLE), nothing, nothing, no_time)
    return union_all(*queries, one_row.where(_unread_statuses().exists()))


@cache
def _doubt_tables() -> tuple[Table, Table]:
    def table(name: str, *keys: str) -> Table:
        columns = (Column(key, Text, primary_key=True) for key in keys)
        return Table(name, MetaData(), *columns, Column("since", UtcTime), prefixes=["TEMPORARY"])

    return table("things_in_doubt", "what", "key"), table("people_in_doubt", "kind", "person")
