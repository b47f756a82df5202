"""Statuses and groups missing from a listing that people still have."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, and_, delete, func, select, true, tuple_

from gateway.core.kinds import Scope
from gateway.core.written import counted
from gateway.store.feed.staging import StagingTables
from gateway.store.schema.feed import groups, memberships, people, statuses


@dataclass(frozen=True, slots=True, kw_only=True)
class StillReferred:
    """A status or group that keeps mail away and stays because people have it."""

    kind: str  #: candidate, contact
    crm_id: str
    name: str
    people: int

    def __str__(self) -> str:
        called = f"{self.crm_id} {self.name!r}" if self.name else self.crm_id
        have = counted(self.people, "person has", "people have")
        return (
            f"{called} of {self.kind}s is missing, and {have} it still: it stays, "
            "with its effect, until it is back or nobody has it"
        )


def still_referred(
    connection: Connection, stage: StagingTables, tag_scopes: Mapping[str, Scope]
) -> tuple[StillReferred, ...]:
    """Return which of the rows to be removed keep mail away from somebody."""
    table = stage.layout.table
    if table is statuses:
        bears = and_(people.c.kind == table.c.kind, people.c.status == table.c.crm_id)
        bearers = people
    elif table is groups:
        of_it = (memberships.c.kind == table.c.kind, memberships.c.group_id == table.c.crm_id)
        bearers, bears = memberships, and_(*of_it)
    else:
        return ()
    has_effect = table.c.active if table is groups else true()
    columns = (table.c.kind, table.c.crm_id, table.c.name)
    statement = (
        select(*columns, func.count())
        .join_from(stage.removed, table, stage.same_key(stage.removed, table))
        .join(bearers, bears)
        .where(has_effect, table.c.tag.in_(tag_scopes))
        .group_by(*columns)
        .order_by(*columns)
    )
    return tuple(
        StillReferred(kind=kind, crm_id=crm_id, name=name, people=count)
        for kind, crm_id, name, count in connection.execute(statement)
    )


def keep(connection: Connection, stage: StagingTables, rows: tuple[StillReferred, ...]) -> None:
    """Keep rows that were to be deleted."""
    key = tuple_(stage.removed.c.kind, stage.removed.c.crm_id)
    stay = [(row.kind, row.crm_id) for row in rows]
    connection.execute(delete(stage.removed).where(key.in_(stay)))
