"""Changes to applications by hand: submitted by the candidate, or given a status by staff."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update

from gateway.core import ids
from gateway.core.errors import GatewayError
from gateway.core.feed.unread_fields import APPLICATIONS
from gateway.core.people.applications import KnownApplication
from gateway.core.people.people import Staff, StatusKind
from gateway.core.triggers.events.registry import application_event
from gateway.core.triggers.occurrence import MAY_HAVE_LEFT, Occurrence
from gateway.core.triggers.reasons import GIVEN_AGAIN, OTHER_STATUS, SUBMITTED_AGAIN
from gateway.core.triggers.transition import ApplicationStaff, PastChange, Transition
from gateway.core.triggers.trigger import ApplicationEvent
from gateway.store.feed import unread
from gateway.store.people.applications import find, staff_of
from gateway.store.schema.feed import applications, people, statuses
from gateway.store.schema.triggers import occurrences, transitions

_AT_ONCE = 50  #: How many changes of an application are searched for undone ones.


class NoSuchApplication(GatewayError):
    """There is no application with this reference."""

    cure = "gateway applications list WORD finds those there are"


class NoSuchStatus(GatewayError):
    """The CRM has sent the statuses of applications, and this isn't one of them."""


def lock_application(connection: Connection, reference: str) -> KnownApplication:
    """Return an application, locked against changes by other transactions."""
    query = select(applications.c.reference).where(applications.c.reference == reference)
    connection.execute(query.with_for_update())
    known_application = find(connection, reference)
    if known_application is None:
        raise NoSuchApplication(f"no application has the reference {reference}")
    return known_application


@dataclass(frozen=True, slots=True)
class LastTransition:
    """The last thing done to an application through the gateway."""

    id: int
    event: ApplicationEvent
    before: str  #: crm_id of the previous status.


def last_transition(connection: Connection, reference: str) -> LastTransition | None:
    """Return the last thing done to an application through the gateway; None if nothing was."""
    c = transitions.c
    query = select(c.id, c.event, c.before).where(c.reference == reference)
    row = connection.execute(query.order_by(c.id.desc()).limit(1)).first()
    return None if row is None else LastTransition(row.id, application_event(row.event), row.before)


def past_changes(
    connection: Connection, reference: str, *, at: datetime, undo: timedelta
) -> Iterator[PastChange]:
    """Yield the last changes of an application, newest first, as many as can count for `is_undone`.

    Call this after removing what they owe from the sender's reach (`ledger.supersede`): then it is
    certain what has been sent.
    """
    c = transitions.c
    query = select(transitions).where(
        c.reference == reference, c.id >= ids.first_id_at(at - _AT_ONCE * undo)
    )
    for row in connection.execute(query.order_by(c.id.desc()).limit(_AT_ONCE)):
        left = select(occurrences.c.id).where(
            occurrences.c.about == reference,
            occurrences.c.occurrence == ids.show(row.id),
            occurrences.c.state.in_(MAY_HAVE_LEFT),
        )
        by_candidate = application_event(row.event).by_candidate
        yield PastChange(
            at=ids.moment_of(row.id),
            before=row.before,
            is_announced=by_candidate or connection.scalar(left.limit(1)) is not None,
        )


def why_superseded(
    connection: Connection, row: Occurrence, known_application: KnownApplication
) -> str:
    """Return why mail about a transition is no longer due; empty if it still is.

    Changes by a feed since then count too: mail about a status says what the status is.
    """
    if application_event(row.event).by_candidate:
        o = occurrences.c
        same = (o.about == row.about, o.event == row.event, o.trigger == row.trigger)
        owed = select(o.id).where(*same, o.recipient == row.recipient)
        is_owed_again = connection.scalar(owed.where(o.occurrence > row.occurrence).limit(1))
        return "" if is_owed_again is None else SUBMITTED_AGAIN
    c, application, number = transitions.c, known_application.application, ids.read(row.occurrence)
    status = connection.scalar(select(c.status).where(c.id == number))
    if status is not None and status != application.status:
        return OTHER_STATUS
    later = select(c.id).where(c.reference == application.reference, c.id > number)
    is_again = connection.scalar(later.where(c.before != c.status).limit(1)) is not None
    return GIVEN_AGAIN if is_again else ""


def open_for(connection: Connection, number: int) -> None:
    """Record that mail is owed for a transition, whose end will be reported."""
    query = update(transitions).where(transitions.c.id == number)
    connection.execute(query.values(is_open=True))


def note(connection: Connection, transition: Transition) -> None:
    """Record what was done, and by whom."""
    application = transition.application.application
    row = {
        "id": transition.id,
        "reference": application.reference,
        "event": transition.event.name,
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
    """Give an application a status, and the time it was submitted; return the changed one."""
    values: dict[str, Any] = {"status": status}
    if submitted_at is not None:
        values["submitted_at"] = submitted_at
    query = update(applications).where(applications.c.reference == reference)
    connection.execute(query.values(**values))
    return lock_application(connection, reference)


def status_named(connection: Connection, id_or_name: str) -> str:
    """Return the crm_id of the application status that has it, or that alone has this name.

    If the CRM has sent no statuses, it is taken as given; otherwise raises `NoSuchStatus`.
    """
    query = select(statuses.c.crm_id, statuses.c.name)
    query = query.where(statuses.c.kind == StatusKind.APPLICATION.value)
    names: dict[str, str] = {row.crm_id: row.name for row in connection.execute(query)}
    if not names or id_or_name in names:
        return id_or_name
    of_name = [status for status, name in names.items() if name.casefold() == id_or_name.casefold()]
    if len(of_name) == 1:
        return of_name[0]
    known_statuses = sorted(
        crm_id if name.casefold() in ("", crm_id.casefold()) else f"{crm_id} ({name})"
        for crm_id, name in names.items()
    )
    fault = "several statuses are called" if of_name else "applications have no status"
    raise NoSuchStatus(f"{fault} {id_or_name}; known: {', '.join(known_statuses)}")


def is_initial(connection: Connection, status: str) -> bool:
    """Whether a status belongs to the first phase: it is marked so, or it is unknown.

    If none is marked, all belong to it, except known ones while some marks can't be read.
    """
    query = select(statuses.c.crm_id, statuses.c.initial)
    rows = connection.execute(query.where(statuses.c.kind == StatusKind.APPLICATION.value))
    marks: dict[str, bool] = {row.crm_id: row.initial for row in rows}
    if any(marks.values()):
        return marks.get(status, True)
    # If none is marked, it may be one whose mark can't be read.
    return status not in marks or not unread.is_any(connection, "statuses", "initial")


def staff_around(
    connection: Connection, known_application: KnownApplication, actor: str
) -> ApplicationStaff:
    """Return the staff around an application; `actor` is the crm_id of the acting member."""
    application = known_application.application
    person = (
        people.c.kind == application.person.kind.value,
        people.c.crm_id == application.person.crm_id,
    )
    owner = connection.scalar(select(people.c.owner).where(*person)) or ""
    return ApplicationStaff(
        responsible=staff_of(connection, application.responsible),
        owner=_first_of(staff_of(connection, (owner,))),
        actor=_first_of(staff_of(connection, (actor,))),
    )


def _first_of(staff: tuple[Staff, ...]) -> Staff | None:
    return next(iter(staff), None)
