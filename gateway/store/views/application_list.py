"""Finding applications: by reference, title, programme, or person."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from gateway.core.ids import moment_of
from gateway.core.people.applications import KnownApplication
from gateway.core.people.people import Status, StatusKind
from gateway.store.engine.any_case import reads_as
from gateway.store.people.applications import known_applications
from gateway.store.schema.feed import applications, people, programmes, staff, statuses
from gateway.store.schema.triggers import transitions

_MOST_TRANSITIONS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedApplication:
    """An application with its person's name."""

    known_application: KnownApplication
    person_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PastTransition:
    """Something done to an application through the gateway."""

    id: int
    event: str  #: `submitted`, `status_changed`.
    before: str  #: crm_id of the previous status.
    status: str
    actor: str  #: The name or else the crm_id of the member of staff; empty: the candidate.

    @property
    def at(self) -> datetime:
        """When it was done."""
        return moment_of(self.id)


def list_applications(
    connection: Connection,
    *,
    words: str = "",
    status: str = "",
    after: str = "",
    limit: int = 50,
) -> list[ListedApplication]:
    """Return applications in order of reference, after a given one.

    Each of the `words` must be the beginning of the reference, or be part of the title, the
    programme's name, or the person's name or address; `status` is a crm_id.
    """
    a, p = applications.c, people.c
    name = (p.first_name + " " + p.last_name).label("person_name")
    texts: tuple[ColumnElement[str], ...] = (a.title, programmes.c.name, name, p.emails)
    query = (
        select(a.reference, name)
        .select_from(
            applications.outerjoin(people, and_(p.kind == a.kind, p.crm_id == a.person)).outerjoin(
                programmes, programmes.c.crm_id == a.programme
            )
        )
        .where(a.reference > after)
        .order_by(a.reference)
        .limit(limit)
    )
    for word in words.split():
        is_in = [reads_as(connection, text, word) for text in texts]
        query = query.where(or_(a.reference.istartswith(word, autoescape=True), *is_in))
    if status:
        query = query.where(a.status == status)
    rows = connection.execute(query).all()
    entries = known_applications(connection, [row.reference for row in rows])
    return [
        ListedApplication(
            known_application=entries[row.reference], person_name=(row.person_name or "").strip()
        )
        for row in rows
    ]


def by_reference(connection: Connection, reference: str) -> ListedApplication | None:
    """Return the application with a reference, with its person's name."""
    known_application = known_applications(connection, [reference]).get(reference)
    if known_application is None:
        return None
    person = known_application.application.person
    its = (people.c.kind == person.kind.value, people.c.crm_id == person.crm_id)
    row = connection.execute(select(people.c.first_name, people.c.last_name).where(*its)).first()
    name = f"{row.first_name} {row.last_name}".strip() if row else ""
    return ListedApplication(known_application=known_application, person_name=name)


def statuses_of_applications(connection: Connection) -> list[Status]:
    """Return the statuses applications can have, those of the first phase first."""
    query = select(statuses).where(statuses.c.kind == StatusKind.APPLICATION.value)
    in_order = query.order_by(statuses.c.initial.desc(), statuses.c.closed, statuses.c.name)
    return [
        Status(
            kind=StatusKind.APPLICATION,
            crm_id=row.crm_id,
            name=row.name,
            initial=row.initial,
            closed=row.closed,
        )
        for row in connection.execute(in_order)
    ]


def past_transitions(connection: Connection, reference: str) -> Iterator[PastTransition]:
    """Yield the last changes made to an application through the gateway, newest first."""
    t = transitions.c
    query = (
        select(transitions, func.coalesce(staff.c.name, "").label("actor_name"))
        .select_from(transitions.outerjoin(staff, staff.c.crm_id == t.actor))
        .where(t.reference == reference)
        .order_by(t.id.desc())
        .limit(_MOST_TRANSITIONS)
    )
    for row in connection.execute(query):
        yield PastTransition(
            id=row.id,
            event=row.event,
            before=row.before,
            status=row.status,
            actor=row.actor_name or row.actor,
        )
