"""Finds the people for whom a date event is due, through indexes and without a full scan.

Each event itself says what it selects (`gateway.core.triggers.selection`); this module looks up
each form of selection.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, assert_never

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Row,
    Select,
    Text,
    and_,
    cast,
    func,
    literal,
    null,
    or_,
    select,
)

from gateway.core.batches import batched
from gateway.core.feed.unread_fields import (
    APPLICATIONS,
    DELIVERIES,
    PEOPLE,
    QUALIFICATIONS,
    UnreadField,
)
from gateway.core.people.people import Person, PersonKind, PersonRef, Staff
from gateway.core.people.training import Qualification
from gateway.core.triggers.events.registry import EVENTS
from gateway.core.triggers.occurrence import (
    MAY_HAVE_LEFT,
    ONCE,
    SETTLED,
    STAFF_RECIPIENT,
    Occurrence,
    OccurrenceState,
)
from gateway.core.triggers.occurrence_facts import OccurrenceFacts
from gateway.core.triggers.reasons import SAME_ADDRESS
from gateway.core.triggers.selection import (
    ClosingSelection,
    Condition,
    DueSelection,
    IsAhead,
    IsAmong,
    IsBefore,
    IsBetween,
    IsTrue,
    PeopleSelection,
    QualificationSelection,
)
from gateway.core.triggers.trigger import DateEvent, Trigger
from gateway.store.engine.database import VALUES_AT_ONCE
from gateway.store.feed import unread
from gateway.store.people import applications
from gateway.store.people.people import from_row
from gateway.store.schema.feed import closings, feeds, people, qualifications, staff
from gateway.store.schema.triggers import occurrences
from gateway.store.triggers import transitions

OccurrenceKey = tuple[PersonRef, str, str]  #: Person, occurrence, about: as in the ledger.
_SAME_ADDRESS = SAME_ADDRESS.removesuffix("{}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DuePerson:
    """A person selected by an event, before its conditions are checked."""

    facts: OccurrenceFacts
    day: date  #: The day it is due.
    occurrence: str
    about: str = ""
    ledger_state: OccurrenceState | None = None  #: Its state in the ledger.

    @property
    def person(self) -> Person:
        """The person; an event selects only known people."""
        if self.facts.person is None:
            raise AssertionError("a candidate is somebody")
        return self.facts.person

    @property
    def key(self) -> OccurrenceKey:
        """Its key in the ledger, among those of a trigger."""
        return self.person.ref, self.occurrence, self.about


def candidates(
    connection: Connection, trigger: Trigger, first: date, today: date, *, fresh: bool
) -> Iterator[DuePerson]:
    """Yield the people a date event selects on the days from `first` to `today`.

    With `fresh`, only those not in the ledger yet.
    """
    if not isinstance(trigger.event, DateEvent):
        return
    selections = trigger.event.selections(trigger, first, today)
    yield from _of_selections(connection, trigger, selections, fresh=fresh)


def upcoming_people(
    connection: Connection, trigger: Trigger, first: date, today: date, last: date
) -> Iterator[DuePerson]:
    """Yield the people a date event selects from `first` to today, and on the days up to `last`.

    The ledger isn't queried: see `settled_keys`.
    """
    if isinstance(trigger.event, DateEvent):
        selections = trigger.event.upcoming_selections(trigger, first, today, last)
        yield from _of_selections(connection, trigger, selections, fresh=None)


def settled_keys(
    connection: Connection, triggers: Sequence[str], refs: Iterable[PersonRef]
) -> dict[str, set[OccurrenceKey]]:
    """Return settled occurrences of these people, by trigger: person, occurrence, about."""
    keys: dict[str, set[OccurrenceKey]] = {}
    for name, key in _keys(connection, triggers, refs, occurrences.c.state.in_(SETTLED)):
        keys.setdefault(name, set()).add(key)
    return keys


def mailed_keys(
    connection: Connection, event: str, triggers: Sequence[str], refs: Iterable[PersonRef]
) -> dict[OccurrenceKey, str]:
    """Return what some triggers of an event have mailed to these people, or may have, by whom.

    Whoever was left out because the address had the mail already counts as mailed.
    """
    o = occurrences.c
    may_have_it = or_(o.state.in_(MAY_HAVE_LEFT), o.reason.startswith(_SAME_ADDRESS))
    rows = _keys(connection, triggers, refs, o.event == event, may_have_it)
    return {key: name for name, key in rows}


def _keys(
    connection: Connection,
    triggers: Sequence[str],
    refs: Iterable[PersonRef],
    *where: ColumnElement[bool],
) -> Iterator[tuple[str, OccurrenceKey]]:
    """Yield the rows of these people in the ledger, each with its trigger."""
    o = occurrences.c
    by_kind: dict[PersonKind, set[str]] = {}
    for ref in refs:
        by_kind.setdefault(ref.kind, set()).add(ref.crm_id)
    for kind, persons in by_kind.items():
        for batch in batched(sorted(persons), VALUES_AT_ONCE):
            query = select(o.trigger, o.person, o.occurrence, o.about).where(
                o.trigger.in_(triggers),
                o.recipient == "",
                *where,
                o.kind == kind.value,
                o.person.in_(batch),
            )
            for name, person, occurrence, about in connection.execute(query):
                yield name, (PersonRef(kind, person), occurrence, about)


def _of_selections(
    connection: Connection,
    trigger: Trigger,
    selections: Iterable[DueSelection],
    *,
    fresh: bool | None,
) -> Iterator[DuePerson]:
    fields: unread.EventFields | None = None
    for selection in selections:
        if fields is None:
            fields = unread.EventFields(connection, trigger.event)
        match selection:
            case PeopleSelection():
                yield from of_people(connection, trigger, selection, fields, fresh=fresh)
            case QualificationSelection():
                yield from of_qualifications(connection, trigger, selection, fields, fresh=fresh)
            case ClosingSelection():
                yield from of_closings(connection, trigger, selection, fields, fresh=fresh)
            case _:
                assert_never(selection)


def of_people(
    connection: Connection,
    trigger: Trigger,
    selection: PeopleSelection,
    fields: unread.EventFields,
    *,
    fresh: bool | None,
) -> Iterator[DuePerson]:
    """Yield people for whom an event falls on a day, once for each such day."""
    day = selection.day
    query = _query(trigger, people, literal(day.isoformat()), fresh=fresh)
    for where in conditions(connection, people, selection.where):
        for row in connection.execute(query.where(where)):
            person = _person(row)
            facts = OccurrenceFacts(person=person, unread=fields.of(person.ref))
            yield _with_ledger_state(
                row, DuePerson(facts=facts, day=day, occurrence=day.isoformat())
            )


def of_closings(
    connection: Connection,
    trigger: Trigger,
    selection: ClosingSelection,
    fields: unread.EventFields,
    *,
    fresh: bool | None,
) -> Iterator[DuePerson]:
    """Yield people whose first closing is between two days, once only."""
    c, earlier = closings.c, closings.alias("earlier")
    closed = select(c.kind, c.person, func.min(c.closed_on).label("first_closing"))
    closed = closed.where(c.closed_on < selection.day).group_by(c.kind, c.person)
    if selection.since is not None:
        same = and_(earlier.c.kind == c.kind, earlier.c.person == c.person)
        older = select(earlier.c.crm_id).where(same, earlier.c.closed_on < selection.since)
        closed = closed.where(c.closed_on >= selection.since, ~older.exists())
    firsts = closed.subquery("firsts")
    same_person = and_(firsts.c.kind == people.c.kind, firsts.c.person == people.c.crm_id)
    source = people.join(firsts, same_person)
    query = _query(trigger, source, literal(ONCE), firsts.c.first_closing, fresh=fresh)
    for where in conditions(connection, people, selection.where):
        for row in connection.execute(query.where(where)):
            person = _person(row)
            missing = fields.of(person.ref, DELIVERIES)
            facts = OccurrenceFacts(person=person, first_closing=row.first_closing, unread=missing)
            yield _with_ledger_state(
                row, DuePerson(facts=facts, day=selection.day, occurrence=ONCE)
            )


def of_qualifications(
    connection: Connection,
    trigger: Trigger,
    selection: QualificationSelection,
    fields: unread.EventFields,
    *,
    fresh: bool | None,
) -> Iterator[DuePerson]:
    """Yield qualifications with their people, once for each value of the column they depend on."""
    c = qualifications.c
    day_of_it = c[selection.occurrence]
    is_sqlite = connection.dialect.name == "sqlite"
    occurrence = cast(day_of_it, Text) if is_sqlite else func.to_char(day_of_it, "YYYY-MM-DD")
    same_person = and_(c.kind == people.c.kind, c.person == people.c.crm_id)
    source = qualifications.join(people, same_person).outerjoin(
        staff, staff.c.crm_id == c.created_by
    )
    query = _query(trigger, source, occurrence, *_QUALIFIED, about=c.crm_id, fresh=fresh)
    for where in conditions(connection, qualifications, selection.where):
        for row in connection.execute(query.where(where)):
            qualification = _qualification(row)
            keyed_by = getattr(qualification, selection.occurrence)
            day = selection.day_of(qualification)
            if keyed_by is None or day is None:
                continue
            about = qualification.crm_id
            facts = OccurrenceFacts(
                person=_person(row),
                qualification=qualification,
                issuer=row.issuer or "",
                unread=fields.of(qualification.person, QUALIFICATIONS, about),
            )
            selected = DuePerson(facts=facts, day=day, occurrence=keyed_by.isoformat(), about=about)
            yield _with_ledger_state(row, selected)


def conditions(
    connection: Connection, table: FromClause, where: tuple[Condition, ...]
) -> Iterator[ColumnElement[bool]]:
    """Yield a selection's conditions in SQL, as parts that have no row in common.

    There are several parts if an index has to be queried part by part.
    """
    c = table.c
    ahead: list[IsAhead] = []
    all_of: list[ColumnElement[bool]] = []
    for condition in where:
        match condition:
            case IsTrue(column):
                all_of.append(c[column])
            case IsAmong(column, values):
                all_of.append(c[column].in_(values))
            case IsBefore(column, day):
                all_of.append(c[column] < day)
            case IsBetween(column, first, last):
                all_of.append(c[column].between(first, last))
            case IsAhead():
                ahead.append(condition)
            case _:
                assert_never(condition)
    if not ahead:
        yield and_(*all_of)
        return
    (looked_ahead,) = ahead  # Two would need the product of their parts.
    end, days, today = c[looked_ahead.column], c[looked_ahead.days], looked_ahead.today
    # One part of the index on both columns for each number of days that occurs.
    last = looked_ahead.last or today
    number = 0  # What ends today or earlier is never ahead.
    while True:
        larger = connection.scalar(select(func.min(days)).where(days > number))
        if larger is None:
            return
        number = larger
        until = date.fromordinal(min(date.max.toordinal(), last.toordinal() + number))
        yield and_(days == number, end > today, end <= until, *all_of)


#: Columns of a qualification besides those of its person.
_QUALIFIED = (
    *(column.label(f"own_{column.name}") for column in qualifications.c),
    staff.c.name.label("issuer"),
)


def _query(
    trigger: Trigger,
    source: FromClause,
    occurrence: ColumnElement[str],
    *columns: ColumnElement[Any],
    fresh: bool | None,
    about: ColumnElement[str] | str = "",
) -> Select[Any]:
    """Return a query for people, each with the occurrence's row in the ledger.

    With `fresh`, only those that have none; if it is None, the ledger isn't queried.
    """
    if fresh is None:
        query = select(*people.c, null().label("known"), *columns).select_from(source)
        return query.order_by(people.c.kind, people.c.crm_id)
    o = occurrences.c
    same = and_(
        o.trigger == trigger.name,
        o.kind == people.c.kind,
        o.person == people.c.crm_id,
        o.occurrence == occurrence,
        o.about == about,
        o.recipient == "",
    )
    query = select(*people.c, o.state.label("known"), *columns)
    query = query.select_from(source.outerjoin(occurrences, same))
    query = query.order_by(people.c.kind, people.c.crm_id)
    return query.where(o.id.is_(None)) if fresh else query


def _with_ledger_state(row: Row[Any], candidate: DuePerson) -> DuePerson:
    if row.known is None:
        return candidate
    return replace(candidate, ledger_state=OccurrenceState(row.known))


def _person(row: Row[Any]) -> Person:
    return from_row(PersonRef(PersonKind(row.kind), row.crm_id), row)


def _qualification(row: Row[Any]) -> Qualification:
    return Qualification(
        crm_id=row.own_crm_id,
        person=PersonRef(PersonKind(row.own_kind), row.own_person),
        name=row.own_name,
        licence_number=row.own_licence_number,
        examiner_number=row.own_examiner_number,
        examiner=row.own_examiner,
        created_by=row.own_created_by,
        acquired_on=row.own_acquired_on,
        expires_on=row.own_expires_on,
        notice_days=row.own_notice_days,
    )


def facts(connection: Connection, occurrence: Occurrence) -> OccurrenceFacts:
    """Return the current data of an occurrence's person and subject."""
    return facts_of(connection, [occurrence])[0]


def facts_of(connection: Connection, several: Sequence[Occurrence]) -> list[OccurrenceFacts]:
    """Return the same for several occurrences, with one query for their people."""
    refs = {occurrence.person for occurrence in several}
    persons: dict[PersonRef, Person] = {}
    for kind in {ref.kind for ref in refs}:
        ids = [ref.crm_id for ref in refs if ref.kind is kind]
        of_kind = select(people).where(people.c.kind == kind.value, people.c.crm_id.in_(ids))
        for row in connection.execute(of_kind):
            ref = PersonRef(kind, row.crm_id)
            persons[ref] = from_row(ref, row)
    unread_fields = unread.of_people(connection, refs)
    return [
        _facts(
            connection,
            occurrence,
            persons.get(occurrence.person),
            unread_fields.get(occurrence.person, ()),
        )
        for occurrence in several
    ]


def _facts(
    connection: Connection,
    occurrence: Occurrence,
    person: Person | None,
    unread_fields: tuple[UnreadField, ...],
) -> OccurrenceFacts:
    about, ref = occurrence.about, occurrence.person
    subject = EVENTS[occurrence.event].subject
    if subject == PEOPLE:
        return OccurrenceFacts(person=person, unread=unread_fields)
    if subject == QUALIFICATIONS:
        c = qualifications.c
        source = qualifications.outerjoin(staff, staff.c.crm_id == c.created_by)
        query = select(*_QUALIFIED).select_from(source).where(c.crm_id == about)
        row = connection.execute(query).first()
        missing = (*unread_fields, *unread.of_record(connection, QUALIFICATIONS, about))
        return OccurrenceFacts(
            person=person,
            qualification=None if row is None else _qualification(row),
            issuer="" if row is None else row.issuer or "",
            unread=missing,
        )
    if subject == DELIVERIES:
        closed = closings.c
        of_person = (closed.kind == ref.kind.value, closed.person == ref.crm_id)
        first_closing = connection.scalar(select(func.min(closed.closed_on)).where(*of_person))
        missing = (*unread_fields, *unread.of_closings(connection, ref))
        return OccurrenceFacts(person=person, first_closing=first_closing, unread=missing)
    brought = orjson.loads(occurrence.facts or "{}")
    application = applications.find(connection, about)
    superseded = application and transitions.why_superseded(connection, occurrence, application)
    earlier = brought.get("earlier")
    state = None
    if earlier is not None:
        its_state = select(occurrences.c.state).where(occurrences.c.id == earlier)
        state = connection.scalar(its_state)
    recipient = occurrence.recipient
    member = (
        recipient.removeprefix(STAFF_RECIPIENT) if recipient.startswith(STAFF_RECIPIENT) else ""
    )
    return OccurrenceFacts(
        person=person,
        application=application,
        actor=_staff(connection, brought.get("actor", "")),
        staff=_staff(connection, member),
        unread=(*unread_fields, *unread.of_record(connection, APPLICATIONS, about)),
        superseded=superseded or "",
        earlier=None if state is None else OccurrenceState(state),
    )


def _staff(connection: Connection, crm_id: str) -> Staff | None:
    return next(iter(applications.staff_of(connection, [crm_id])), None) if crm_id else None


def never_fed(connection: Connection, what: str) -> bool:
    """Whether no source has ever sent a kind of record."""
    return connection.scalar(select(feeds.c.source).where(feeds.c.what == what).limit(1)) is None


def facts_for_preview(connection: Connection, ref: PersonRef, subject: str) -> OccurrenceFacts:
    """Return the values for previewing a template with a person.

    Of several qualifications or applications, it uses the one that ends, or came in, last. The
    person may be unknown.
    """
    row = connection.execute(
        select(people).where(people.c.kind == ref.kind.value, people.c.crm_id == ref.crm_id)
    ).first()
    person = None if row is None else from_row(ref, row)
    if subject == QUALIFICATIONS:
        c = qualifications.c
        source = qualifications.outerjoin(staff, staff.c.crm_id == c.created_by)
        query = select(*_QUALIFIED).select_from(source)
        query = query.where(c.kind == ref.kind.value, c.person == ref.crm_id)
        last = connection.execute(query.order_by(c.expires_on.desc(), c.crm_id).limit(1)).first()
        if last is not None:
            qualification = _qualification(last)
            return OccurrenceFacts(
                person=person, qualification=qualification, issuer=last.issuer or ""
            )
    if subject == APPLICATIONS and (their_applications := applications.of_person(connection, ref)):
        return OccurrenceFacts(person=person, application=their_applications[-1])
    return OccurrenceFacts(person=person)
