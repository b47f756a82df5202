"""For whom a date event is due: found through indexes, never by looking at everybody."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

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
    select,
)

from gateway.core.people.people import Person, PersonKind, PersonRef, Staff
from gateway.core.people.training import Qualification
from gateway.core.triggers.occurrence import (
    ONCE,
    Occurrence,
    OccurrenceFacts,
    OccurrenceState,
    anniversaries,
    notice_day,
)
from gateway.core.triggers.trigger import (
    DATE_EVENTS,
    QUALIFICATION_EVENTS,
    StoredDates,
    Trigger,
    TriggerEvent,
)
from gateway.core.triggers.unread_fields import APPLICATIONS, DELIVERIES, QUALIFICATIONS
from gateway.store.feed import unread
from gateway.store.people import applications
from gateway.store.people.people import from_row
from gateway.store.schema import closings, feeds, occurrences, people, qualifications, staff
from gateway.store.triggers import transitions

STAFF = "staff:"  #: Begins the recipient of an occurrence who is a member of staff.


@dataclass(frozen=True, slots=True, kw_only=True)
class DuePerson:
    """Somebody an event selects, before its conditions are looked at."""

    facts: OccurrenceFacts
    day: date  #: On which it is due.
    occurrence: str
    about: str = ""
    known: OccurrenceState | None = None  #: Its state in the ledger.

    @property
    def person(self) -> Person:
        """The person; the event selects nobody who isn't known."""
        if self.facts.person is None:
            raise AssertionError("a candidate is somebody")
        return self.facts.person


def candidates(
    connection: Connection, trigger: Trigger, first: date, today: date, *, fresh: bool
) -> Iterator[DuePerson]:
    """Yield whom a date event selects on the days from `first` to `today`.

    With `fresh`, those that are not in the ledger yet.
    """
    match trigger.event:
        case TriggerEvent.BIRTHDAY:
            for day in _days(first, today):
                yield from _birthdays(connection, trigger, day, fresh=fresh)
        case TriggerEvent.QUALIFICATION_EXPIRED:
            ended = qualifications.c.expires_on.between(first, today)
            yield from _qualified(connection, trigger, ended, fresh=fresh)
        case TriggerEvent.QUALIFICATION_EXPIRING:
            yield from _expiring(connection, trigger, today, fresh=fresh)
        case TriggerEvent.SET_DATE:
            for day in trigger.stored.between(first, today):
                yield from _set_date(connection, trigger, day, fresh=fresh)
        case TriggerEvent.FIRST_DELIVERY:
            for day in trigger.stored.between(first, today):
                yield from _first_deliveries(connection, trigger, day, fresh=fresh)


def _days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def _birthdays(
    connection: Connection, trigger: Trigger, day: date, *, fresh: bool
) -> Iterator[DuePerson]:
    born = and_(people.c.anniversary.in_(anniversaries(day)), people.c.birthday < day)
    query = _query(trigger, people, literal(day.isoformat()), fresh=fresh).where(born)
    fields = unread.EventFields(connection, trigger.event)
    for row in connection.execute(query):
        yield _candidate(row, day, day.isoformat(), fields)


def _set_date(
    connection: Connection, trigger: Trigger, day: date, *, fresh: bool
) -> Iterator[DuePerson]:
    query = _query(trigger, people, literal(day.isoformat()), fresh=fresh)
    fields = unread.EventFields(connection, trigger.event)
    for row in connection.execute(query.where(people.c.mail_on_set_date)):
        yield _candidate(row, day, day.isoformat(), fields)


def _first_deliveries(
    connection: Connection, trigger: Trigger, day: date, *, fresh: bool
) -> Iterator[DuePerson]:
    """Yield those whose first closing lies between the stored date before and this one."""
    firsts = _first_closings(trigger.stored, day)
    same = and_(firsts.c.kind == people.c.kind, firsts.c.person == people.c.crm_id)
    source = people.join(firsts, same)
    query = _query(trigger, source, literal(ONCE), firsts.c.first_closing, fresh=fresh)
    fields = unread.EventFields(connection, trigger.event)
    for row in connection.execute(query.where(people.c.mail_after_first_delivery)):
        person = _person(row)
        missing = fields.of(person.ref, DELIVERIES)
        facts = OccurrenceFacts(person=person, first_closing=row.first_closing, unread=missing)
        yield _known(row, DuePerson(facts=facts, day=day, occurrence=ONCE))


def _first_closings(stored: StoredDates, day: date) -> FromClause:
    c, earlier = closings.c, closings.alias("earlier")
    before = stored.before(day)
    query = select(c.kind, c.person, func.min(c.closed_on).label("first_closing"))
    query = query.where(c.closed_on < day).group_by(c.kind, c.person)
    if before is not None:
        same = and_(earlier.c.kind == c.kind, earlier.c.person == c.person)
        older = select(earlier.c.crm_id).where(same, earlier.c.closed_on < before)
        query = query.where(c.closed_on >= before, ~older.exists())
    return query.subquery("firsts")


def _expiring(
    connection: Connection, trigger: Trigger, today: date, *, fresh: bool
) -> Iterator[DuePerson]:
    """Yield those whose notice has come: of each lead time there is, its part of the index."""
    c = qualifications.c
    for days in _lead_times(connection):
        until = date.fromordinal(min(date.max.toordinal(), today.toordinal() + days))
        ends = and_(c.notice_days == days, c.expires_on > today, c.expires_on <= until)
        yield from _qualified(connection, trigger, ends, fresh=fresh)


def _lead_times(connection: Connection) -> Iterator[int]:
    c, last = qualifications.c, -1
    while True:
        found = connection.scalar(select(func.min(c.notice_days)).where(c.notice_days > last))
        if found is None:
            return
        yield found
        last = found


def _qualified(
    connection: Connection, trigger: Trigger, which: ColumnElement[bool], *, fresh: bool
) -> Iterator[DuePerson]:
    c = qualifications.c
    is_sqlite = connection.dialect.name == "sqlite"
    end = cast(c.expires_on, Text) if is_sqlite else func.to_char(c.expires_on, "YYYY-MM-DD")
    theirs = and_(c.kind == people.c.kind, c.person == people.c.crm_id)
    source = qualifications.join(people, theirs).outerjoin(staff, staff.c.crm_id == c.created_by)
    query = _query(trigger, source, end, *_QUALIFIED, about=c.crm_id, fresh=fresh).where(which)
    fields = unread.EventFields(connection, trigger.event)
    for row in connection.execute(query):
        one = _qualification(row)
        day = _due_day(trigger, one)
        if one.expires_on is None or day is None:
            continue
        yield _known(
            row,
            DuePerson(
                facts=OccurrenceFacts(
                    person=_person(row),
                    qualification=one,
                    issuer=row.issuer or "",
                    unread=fields.of(one.person, QUALIFICATIONS, one.crm_id),
                ),
                day=day,
                occurrence=one.expires_on.isoformat(),
                about=one.crm_id,
            ),
        )


def _due_day(trigger: Trigger, one: Qualification) -> date | None:
    is_notice = trigger.event is TriggerEvent.QUALIFICATION_EXPIRING
    return notice_day(one) if is_notice else one.expires_on


#: The columns of a qualification beside those of its person.
_QUALIFIED = (
    *(column.label(f"own_{column.name}") for column in qualifications.c),
    staff.c.name.label("issuer"),
)


def _query(
    trigger: Trigger,
    source: FromClause,
    occurrence: ColumnElement[str],
    *columns: ColumnElement[Any],
    fresh: bool,
    about: ColumnElement[str] | str = "",
) -> Select[Any]:
    """Return a query for people, each beside the occurrence's row in the ledger."""
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


def _candidate(row: Row[Any], day: date, occurrence: str, fields: unread.EventFields) -> DuePerson:
    person = _person(row)
    facts = OccurrenceFacts(person=person, unread=fields.of(person.ref))
    return _known(row, DuePerson(facts=facts, day=day, occurrence=occurrence))


def _known(row: Row[Any], candidate: DuePerson) -> DuePerson:
    if row.known is None:
        return candidate
    return replace(candidate, known=OccurrenceState(row.known))


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
    """Return what is known now of an occurrence's person and subject."""
    about, ref = occurrence.about, occurrence.person
    person = _find(connection, ref)
    theirs = unread.of_person(connection, ref)
    if occurrence.event in QUALIFICATION_EVENTS:
        qualification, issuer = _find_qualification(connection, about)
        missing = (*theirs, *unread.of_record(connection, QUALIFICATIONS, about))
        return OccurrenceFacts(
            person=person, qualification=qualification, issuer=issuer, unread=missing
        )
    if occurrence.event is TriggerEvent.FIRST_DELIVERY:
        missing = (*theirs, *unread.of_closings(connection, ref))
        return OccurrenceFacts(
            person=person, first_closing=_first_closing(connection, ref), unread=missing
        )
    if occurrence.event in DATE_EVENTS:
        return OccurrenceFacts(person=person, unread=theirs)
    brought = orjson.loads(occurrence.facts or "{}")
    application = applications.find(connection, about)
    superseded = application and transitions.superseded(connection, occurrence, application)
    return OccurrenceFacts(
        person=person,
        application=application,
        actor=_staff(connection, brought.get("actor", "")),
        staff=_staff(connection, _staff_of(occurrence.recipient)),
        unread=(*theirs, *unread.of_record(connection, APPLICATIONS, about)),
        superseded=superseded or "",
        earlier=_state(connection, brought.get("earlier")),
    )


def _state(connection: Connection, number: int | None) -> OccurrenceState | None:
    if number is None:
        return None
    query = select(occurrences.c.state).where(occurrences.c.id == number)
    found = connection.scalar(query)
    return None if found is None else OccurrenceState(found)


def _staff_of(recipient: str) -> str:
    return recipient.removeprefix(STAFF) if recipient.startswith(STAFF) else ""


def _staff(connection: Connection, crm_id: str) -> Staff | None:
    return next(iter(applications.staff_of(connection, [crm_id])), None) if crm_id else None


def _find(connection: Connection, ref: PersonRef) -> Person | None:
    key = (people.c.kind == ref.kind.value, people.c.crm_id == ref.crm_id)
    row = connection.execute(select(people).where(*key)).first()
    return None if row is None else from_row(ref, row)


def _find_qualification(connection: Connection, crm_id: str) -> tuple[Qualification | None, str]:
    c = qualifications.c
    source = qualifications.outerjoin(staff, staff.c.crm_id == c.created_by)
    query = select(*_QUALIFIED).select_from(source).where(c.crm_id == crm_id)
    row = connection.execute(query).first()
    return (None, "") if row is None else (_qualification(row), row.issuer or "")


def _first_closing(connection: Connection, ref: PersonRef) -> date | None:
    c = closings.c
    theirs = (c.kind == ref.kind.value, c.person == ref.crm_id)
    found: date | None = connection.scalar(select(func.min(c.closed_on)).where(*theirs))
    return found


def never_fed(connection: Connection, what: str) -> bool:
    """Whether no source has ever told of a kind of record."""
    return connection.scalar(select(feeds.c.source).where(feeds.c.what == what).limit(1)) is None
