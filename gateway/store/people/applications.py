"""Applications as currently known, and the staff around them."""

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, bindparam, false, func, select, tuple_

from gateway.core.people.applications import Application, KnownApplication
from gateway.core.people.people import (
    NAME_LANGUAGES,
    PersonKind,
    PersonRef,
    Staff,
    StatusKind,
    role_key,
)
from gateway.core.written import as_read
from gateway.store.schema.feed import applications, people, programmes, staff, statuses

_NEAREST = 5  #: How many staff are suggested for a name nobody has.

#: Built once: every mail runs these, and building one takes longer than running it.
_ITS_STATUS = and_(
    statuses.c.kind == StatusKind.APPLICATION.value,
    statuses.c.crm_id == applications.c.status,
)
_KNOWN: Select[Any] = select(
    *applications.c,
    programmes.c.name.label("programme_name"),
    statuses.c.name.label("status_name"),
    *(statuses.c[f"name_{language}"].label(f"status_{language}") for language in NAME_LANGUAGES),
    statuses.c.closed,
).select_from(
    applications.outerjoin(programmes, programmes.c.crm_id == applications.c.programme).outerjoin(
        statuses, _ITS_STATUS
    )
)
_OF_REFERENCE = _KNOWN.where(applications.c.reference == bindparam("wanted"))
_STAFF_AT = select(staff).where(staff.c.address == bindparam("wanted"))
_STAFF_OF = select(staff).where(staff.c.crm_id.in_(bindparam("wanted", expanding=True)))


def find(connection: Connection, reference: str) -> KnownApplication | None:
    """Return the application with a reference."""
    row = connection.execute(_OF_REFERENCE, {"wanted": reference}).first()
    return None if row is None else _application(row)


def known_applications(
    connection: Connection, references: Iterable[str]
) -> dict[str, KnownApplication]:
    """Return those of several applications that exist, by reference."""
    has_reference = applications.c.reference.in_(list(references))
    rows = connection.execute(_KNOWN.where(has_reference))
    return {row.reference: _application(row) for row in rows}


def of_person(connection: Connection, ref: PersonRef) -> tuple[KnownApplication, ...]:
    """Return a person's applications, by reference."""
    of_person = (applications.c.kind == ref.kind.value, applications.c.person == ref.crm_id)
    rows = connection.execute(_KNOWN.where(*of_person).order_by(applications.c.reference))
    return tuple(map(_application, rows))


def by_references(
    connection: Connection, references: Sequence[str]
) -> tuple[KnownApplication, ...]:
    """Return those of several references that exist, in that order."""
    if not references:
        return ()
    rows = connection.execute(_KNOWN.where(applications.c.reference.in_(references)))
    by_reference = {row.reference: _application(row) for row in rows}
    return tuple(by_reference[reference] for reference in references if reference in by_reference)


def of_people(
    connection: Connection, people: Sequence[PersonRef], limit: int = 200
) -> tuple[KnownApplication, ...]:
    """Return the applications of several people, last submitted first."""
    if not people:
        return ()
    c = applications.c
    keys = [(person.kind.value, person.crm_id) for person in people]
    rows = connection.execute(
        _KNOWN.where(tuple_(c.kind, c.person).in_(keys))
        .order_by(c.submitted_at.desc(), c.reference)
        .limit(limit)
    )
    return tuple(map(_application, rows))


def staff_at(connection: Connection, address: str) -> tuple[Staff, ...]:
    """Return the staff with an address (in lookup form)."""
    rows = connection.execute(_STAFF_AT, {"wanted": address})
    return tuple(map(_staff, rows))


def staff_of(connection: Connection, crm_ids: Iterable[str]) -> tuple[Staff, ...]:
    """Return those of several members of staff who exist, in that order."""
    ids = list(dict.fromkeys(filter(None, crm_ids)))
    if not ids:
        return ()
    rows = connection.execute(_STAFF_OF, {"wanted": ids})
    by_id = {row.crm_id: _staff(row) for row in rows}
    return tuple(by_id[crm_id] for crm_id in ids if crm_id in by_id)


def staff_named(connection: Connection, name: str) -> tuple[Staff, ...]:
    """Return the staff with a name, whatever its spelling."""
    name_as_read = as_read(name)
    if not name_as_read:
        return ()
    rows = connection.execute(select(staff).where(staff.c.name != ""))
    return tuple(_staff(row) for row in rows if as_read(row.name) == name_as_read)


def nearest_staff(connection: Connection, text: str) -> tuple[Staff, ...]:
    """Return the staff whose id, name, part of it, or address is most similar to a text."""
    all_staff = [_staff(row) for row in connection.execute(select(staff).order_by(staff.c.crm_id))]
    text_as_read = as_read(text)

    def likeness(staff_member: Staff) -> float:
        words = (
            staff_member.crm_id,
            staff_member.name,
            staff_member.email,
            staff_member.email.partition("@")[0],
            *staff_member.name.split(),
        )
        return max(SequenceMatcher(None, text_as_read, as_read(word)).ratio() for word in words)

    return tuple(sorted(all_staff, key=likeness, reverse=True)[:_NEAREST])


def count(connection: Connection) -> int:
    """Return the number of applications."""
    return connection.scalar(select(func.count()).select_from(applications)) or 0


def count_unattended(connection: Connection) -> int:
    """Return the number of open applications with no responsible, and no owner of their person."""
    its_person = and_(
        people.c.kind == applications.c.kind, people.c.crm_id == applications.c.person
    )
    query = (
        select(func.count())
        .select_from(applications.outerjoin(people, its_person).outerjoin(statuses, _ITS_STATUS))
        .where(
            applications.c.responsible == "",
            func.coalesce(people.c.owner, "") == "",
            func.coalesce(statuses.c.closed, false()).is_(false()),
        )
    )
    return connection.scalar(query) or 0


def count_staff(connection: Connection, roles: Iterable[str]) -> int:
    """Return the number of staff with an address and at least one of some roles, in any case."""
    keys = frozenset(map(role_key, roles))
    role_texts = connection.scalars(select(staff.c.roles).where(staff.c.address != ""))
    return sum(not keys.isdisjoint(map(role_key, _items(text))) for text in role_texts)


def _application(row: Row[Any]) -> KnownApplication:
    application = Application(
        reference=row.reference,
        person=PersonRef(PersonKind(row.kind), row.person),
        programme=row.programme,
        title=row.title,
        status=row.status,
        responsible=_items(row.responsible),
        submitted_at=row.submitted_at,
    )
    return KnownApplication(
        application=application,
        programme_name=row.programme_name or "",
        status_name=row.status_name or "",
        status_names=tuple(
            (language, name)
            for language in NAME_LANGUAGES
            if (name := getattr(row, f"status_{language}"))
        ),
        closed=bool(row.closed),
    )


def _staff(row: Row[Any]) -> Staff:
    return Staff(
        crm_id=row.crm_id,
        name=row.name,
        email=row.email,
        roles=_items(row.roles),
        language=row.language,
    )


def _items(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split(";")))
