"""People whose status or groups are read too poorly to rule out that they keep mail away."""

from collections.abc import Iterator, Mapping
from functools import cache

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    Table,
    Text,
    exists,
    func,
    select,
    tuple_,
    update,
)

from gateway.core.kinds import Scope
from gateway.core.people.people import PersonKind
from gateway.core.triggers.unread_fields import PEOPLE
from gateway.store.engine.upsert import insert_into
from gateway.store.feed.staging_tables import load, make
from gateway.store.feed.unread import is_undecided
from gateway.store.schema.columns import UtcTime, microseconds
from gateway.store.schema.feed import groups, memberships, people, statuses, unread_fields
from gateway.store.schema.references import open_references


def mark_people(connection: Connection, tag_scopes: Mapping[str, Scope]) -> int:
    """Mark them, with the time since when, and no others; return how many there are.

    In doubt is whose status can't be read, is unknown though others of its kind are known, or has
    a tag that can't be read; and who is in a group of which that is so.
    """
    p, m, u = people.c, memberships.c, unread_fields.c
    marked = p.status_unread_since.is_not(None)
    unread_statuses = select(u.kind, u.key, u.since).where(
        u.what == PEOPLE, u.field == "status", is_undecided(u.text)
    )
    all_things = list(_things_in_doubt(connection, tag_scopes))
    if not all_things and not connection.scalar(select(unread_statuses.exists())):
        connection.execute(update(people).where(marked).values(status_unread_since=None))
        return 0
    things, doubtful = _doubt_tables()
    make(connection, things, doubtful)
    for table in (things, doubtful):
        connection.execute(table.delete())
    load(connection, things, all_things)
    # `candidate:s1` and not two columns: SQLite has an index by the kind, and would go through all
    # people of the kind once for each of these things.
    statements = [unread_statuses]
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


def _things_in_doubt(
    connection: Connection, tag_scopes: Mapping[str, Scope]
) -> Iterator[tuple[str, str, int | None]]:
    """Yield statuses and groups that may keep mail away: table, `candidate:s1`, since when."""
    u, o, m = unread_fields.c, open_references.c, memberships.c
    # A tag that keeps bulk mail away already keeps it away while it can't be read.
    covering = [tag for tag, scope in tag_scopes.items() if scope.includes(Scope.BULK)]
    for table, reference in ((statuses, "people.status"), (groups, "memberships.group")):
        c = table.c
        tags = select(u.kind, u.key, u.since).where(
            *(u.what == table.name, u.field == "tag", is_undecided(u.text)),
            *(c.kind == u.kind, c.crm_id == u.key, c.tag.not_in(covering)),
        )
        if table is groups:
            tags = tags.where(c.active)
        open_ones = select(o.kind, o.given, o.since).where(
            o.reference == reference, exists().where(c.kind == o.kind)
        )
        for query in (tags, open_ones):
            for kind, crm_id, since in connection.execute(query).all():
                yield table.name, f"{kind}:{crm_id}", microseconds(since)
    for kind in PersonKind:
        unreadable = (m.kind == kind, m.group_id == "")
        if connection.scalar(select(exists().where(*unreadable))):
            yield groups.name, f"{kind}:", None  # since each of the memberships


@cache
def _doubt_tables() -> tuple[Table, Table]:
    def table(name: str, *keys: str) -> Table:
        columns = (Column(key, Text, primary_key=True) for key in keys)
        return Table(name, MetaData(), *columns, Column("since", UtcTime), prefixes=["TEMPORARY"])

    return table("things_in_doubt", "what", "key"), table("people_in_doubt", "kind", "person")
