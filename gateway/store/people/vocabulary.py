"""The CRM's words a trigger can use: statuses and programmes of applications, roles."""

from sqlalchemy import Boolean, ColumnElement, Connection, func, select

from gateway.core.feed.unread_fields import DELIVERIES, PEOPLE, QUALIFICATIONS
from gateway.core.people.people import StatusKind
from gateway.core.triggers.events.registry import EVENTS
from gateway.core.triggers.vocabulary import Vocabulary
from gateway.store.schema.feed import (
    applications,
    closings,
    people,
    programmes,
    qualifications,
    staff,
    statuses,
)

_TABLES = {PEOPLE: people, QUALIFICATIONS: qualifications, DELIVERIES: closings}


def read(connection: Connection) -> Vocabulary:
    """Read the words triggers may use: statuses, programmes and roles.

    If a kind of record was never fed, the values that applications refer to are used instead.
    """
    is_of_applications = statuses.c.kind == StatusKind.APPLICATION.value
    rows = connection.execute(
        select(statuses).where(is_of_applications).order_by(statuses.c.crm_id)
    ).all()
    status_names = {row.crm_id: row.name for row in rows} or _referenced_ids(
        connection, applications.c.status
    )
    query = select(programmes.c.crm_id, programmes.c.name).order_by(programmes.c.crm_id)
    offered = {row.crm_id: row.name for row in connection.execute(query)}
    return Vocabulary(
        statuses=status_names,
        initial=frozenset(row.crm_id for row in rows if row.initial),
        programmes=offered or _referenced_ids(connection, applications.c.programme),
        roles=_roles(connection),
        filled=frozenset(
            event.needs
            for event in EVENTS.values()
            if event.needs is not None and _is_filled(connection, *event.needs)
        ),
    )


def _referenced_ids(connection: Connection, column: ColumnElement[str]) -> dict[str, str]:
    query = select(column).where(column != "").distinct().order_by(column)
    return dict.fromkeys(connection.scalars(query), "")


def _roles(connection: Connection) -> dict[str, int]:
    reached: dict[str, int] = {}
    query = select(staff.c.roles, staff.c.address, func.count().label("staff"))
    for row in connection.execute(query.group_by(staff.c.roles, staff.c.address)):
        for role in filter(None, row.roles.split(";")):
            reached[role] = reached.get(role, 0) + (row.staff if row.address else 0)
    return reached


def _is_filled(connection: Connection, what: str, column: str) -> bool:
    """Whether any record of a kind has a value in a column, true if it is a flag."""
    cell = _TABLES[what].c[column]
    has_it = cell if isinstance(cell.type, Boolean) else cell.is_not(None)
    return connection.scalar(select(1).where(has_it).limit(1)) is not None
