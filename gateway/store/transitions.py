"""What is done to applications by hand: submitted by the candidate, given a status by staff."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from gateway.core.applications import KnownApplication
from gateway.core.errors import GatewayError
from gateway.core.people import Staff, StatusKind
from gateway.core.transition import Around, Transition
from gateway.core.trigger import TriggerEvent
from gateway.core.unread import APPLICATIONS
from gateway.store import unread
from gateway.store.applications import find, staff_of
from gateway.store.schema import applications, people, statuses, transitions


class NoSuchApplication(GatewayError):
    """No application has a reference."""


class NoSuchStatus(GatewayError):
    """The CRM told of the statuses of applications, and this is none of them."""


def locked(connection: Connection, reference: str) -> KnownApplication:
    """Return an application that nobody else changes in this transaction."""
    query = select(applications.c.reference).where(applications.c.reference == reference)
    connection.execute(query.with_for_update())
    found = find(connection, reference)
    if found is None:
        raise NoSuchApplication(f"no application has the reference {reference}")
    return found


def last_event(connection: Connection, reference: str) -> TriggerEvent | None:
    """Return what was done last to an application through the gateway."""
    query = select(transitions.c.event).where(transitions.c.reference == reference)
    found = connection.scalar(query.order_by(transitions.c.id.desc()).limit(1))
    return None if found is None else TriggerEvent(found)


def note(connection: Connection, transition: Transition) -> None:
    """Keep what was done, and by whom."""
    application = transition.application.application
    row = {
        "id": transition.id,
        "reference": application.reference,
        "event": transition.event.value,
        "before": transition.before,
        "status": application.status,
        "actor": transition.actor,
    }
    connection.execute(insert(transitions).values(row))
    if transition.before != application.status:
        unread.forget(connection, APPLICATIONS, application.reference, "status")


def change(
    connection: Connection, reference: str, *, status: str, submitted_at: datetime | None = None
) -> KnownApplication:
    """Give an application a status, and the time it was submitted; return it as it is now."""
    values: dict[str, Any] = {"status": status}
    if submitted_at is not None:
        values["submitted_at"] = submitted_at
    query = update(applications).where(applications.c.reference == reference)
    connection.execute(query.values(**values))
    return locked(connection, reference)


def check_status(connection: Connection, status: str) -> None:
    """Raise NoSuchStatus where the CRM told of statuses and not of this one."""
    known = _statuses(connection)
    if known and status not in known:
        raise NoSuchStatus(
            f"applications have no status {status}; there are {', '.join(sorted(known))}"
        )


def is_initial(connection: Connection, status: str) -> bool:
    """Whether a status is of the first phase: it is marked so, or nothing tells phases apart."""
    known = _statuses(connection)
    if any(known.values()):
        return known.get(status, True)
    # Where none is marked it may be one whose mark can't be read.
    return status not in known or not unread.is_any(connection, "statuses", "initial")


def around(connection: Connection, known: KnownApplication, actor: str) -> Around:
    """Return the staff around an application; `actor` is the crm_id of the one who acts."""
    application = known.application
    person = (
        people.c.kind == application.person.kind.value,
        people.c.crm_id == application.person.crm_id,
    )
    owner = connection.scalar(select(people.c.owner).where(*person)) or ""
    return Around(
        responsible=staff_of(connection, application.responsible),
        owner=_one(staff_of(connection, (owner,))),
        actor=_one(staff_of(connection, (actor,))),
    )


def _one(found: tuple[Staff, ...]) -> Staff | None:
    return next(iter(found), None)


def _statuses(connection: Connection) -> Mapping[str, bool]:
    """Return the statuses of applications, each with whether it is of the first phase."""
    query = select(statuses.c.crm_id, statuses.c.initial)
    rows = connection.execute(query.where(statuses.c.kind == StatusKind.APPLICATION.value))
    return {row.crm_id: row.initial for row in rows}
