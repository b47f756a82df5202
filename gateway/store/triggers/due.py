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
            for number in range((today - first).days + 1):
                day = first + timedelta(days=number)
                born = and_(people.c.anniversary.in_(anniversaries(day)), people.c.birthday < day)
                yield from of_people(connection, trigger, day, born, fresh=fresh)
        case TriggerEvent.QUALIFICATION_EXPIRED:
            ended = qualifications.c.expires_on.between(first, today)
            yield from of_qualifications(connection, trigger, ended, fresh=fresh)
        case TriggerEvent.QUALIFICATION_EXPIRING:
            # Of each lead time there is, its part of the index.
            days = qualifications.c.notice_days
            lead_time = -1
            while True:
                longer = connection.scalar(select(func.min(days)).where(days > lead_time))
                if longer is None:
                    return
                lead_time = longer
                until = date.fromordinal(min(date.max.toordinal(), today.toordinal() + lead_time))
                end = qualifications.c.expires_on
                ends = and_(days == lead_time, end > today, end <= until)
                yield from of_qualifications(connection, trigger, ends, fresh=fresh)
        case TriggerEvent.SET_DATE:
            for day in trigger.stored.between(first, today):
                yield from of_people(
                    connection, trigger, day, people.c.mail_on_set_date, fresh=fresh
                )
        case TriggerEvent.FIRST_DELIVERY:
            for day in trigger.stored.between(first, today):
                yield from of_first_deliveries(connection, trigger, day, fresh=fresh)


def of_people(
    connection: Connection,
    trigger: Trigger,
    day: date,
    which: ColumnElement[bool],
    *,
    fresh: bool,
) -> Iterator[DuePerson]:
    """Yield people for whom an event falls on a day, once for each such day."""
    query = _query(trigger, people, literal(day.isoformat()), fresh=fresh).where(which)
    fields = unread.EventFields(connection, trigger.event)
    for row in connection.execute(query):
        person = _person(row)
        facts = OccurrenceFacts(person=person, unread=fields.of(person.ref))
        yield _known(row, DuePerson(facts=facts, day=day, occurrence=day.isoformat()))


def of_first_deliveries(
    connection: Connection, trigger: Trigger, day: date, *, fresh: bool
) -> Iterator[DuePerson]:
    """Yield those whose first closing lies between the stored date before and this one."""
    c, earlier = closings.c, closings.alias("earlier")
    before = trigger.stored.before(day)
    closed = select(c.kind, c.person, func.min(c.closed_on).label("first_closing"))
    closed = closed.where(c.closed_on < day).group_by(c.kind, c.person)
    if before is not None:
        same = and_(earlier.c.kind == c.kind, earlier.c.person == c.person)
        older = select(earlier.c.crm_id).where(same, earlier.c.closed_on < before)
        closed = closed.where(c.closed_on >= before, ~older.exists())
    firsts = closed.subquery("firsts")
    theirs = and_(firsts.c.kind == people.c.kind, firsts.c.person == people.c.crm_id)
    source = people.join(firsts, theirs)
    query = _query(trigger, source, literal(ONCE), firsts.c.first_closing, fresh=fresh)
    fields = unread.EventFields(connection, trigger.event)
    for row in connection.execute(query.where(people.c.mail_after_first_delivery)):
        person = _person(row)
        missing = fields.of(person.ref, DELIVERIES)
        facts = OccurrenceFacts(person=person, first_closing=row.first_closing, unread=missing)
        yield _known(row, DuePerson(facts=facts, day=day, occurrence=ONCE))


def of_qualifications(
    connection: Connection, trigger: Trigger, which: ColumnElement[bool], *, fresh: bool
) -> Iterator[DuePerson]:
    """Yield those whose qualifications end, or of which notice is due."""
    is_notice = trigger.event is TriggerEvent.QUALIFICATION_EXPIRING
    c = qualifications.c
    is_sqlite = connection.dialect.name == "sqlite"
    end = cast(c.expires_on, Text) if is_sqlite else func.to_char(c.expires_on, "YYYY-MM-DD")
    theirs = and_(c.kind == people.c.kind, c.person == people.c.crm_id)
    source = qualifications.join(people, theirs).outerjoin(staff, staff.c.crm_id == c.created_by)
    query = _query(trigger, source, end, *_QUALIFIED, about=c.crm_id, fresh=fresh).where(which)
    fields = unread.EventFields(connection, trigger.event)
    for row in connection.execute(query):
        one = _qualification(row)
        day = notice_day(one) if is_notice else one.expires_on
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
    its_person = (people.c.kind == ref.kind.value, people.c.crm_id == ref.crm_id)
    row = connection.execute(select(people).where(*its_person)).first()
    person = None if row is None else from_row(ref, row)
    theirs = unread.of_person(connection, ref)
    if occurrence.event in QUALIFICATION_EVENTS:
        c = qualifications.c
        source = qualifications.outerjoin(staff, staff.c.crm_id == c.created_by)
        query = select(*_QUALIFIED).select_from(source).where(c.crm_id == about)
        row = connection.execute(query).first()
        missing = (*theirs, *unread.of_record(connection, QUALIFICATIONS, about))
        return OccurrenceFacts(
            person=person,
            qualification=None if row is None else _qualification(row),
            issuer="" if row is None else row.issuer or "",
            unread=missing,
        )
    if occurrence.event is TriggerEvent.FIRST_DELIVERY:
        closed = closings.c
        of_person = (closed.kind == ref.kind.value, closed.person == ref.crm_id)
        first_closing = connection.scalar(select(func.min(closed.closed_on)).where(*of_person))
        missing = (*theirs, *unread.of_closings(connection, ref))
        return OccurrenceFacts(person=person, first_closing=first_closing, unread=missing)
    if occurrence.event in DATE_EVENTS:
        return OccurrenceFacts(person=person, unread=theirs)
    brought = orjson.loads(occurrence.facts or "{}")
    application = applications.find(connection, about)
    superseded = application and transitions.superseded(connection, occurrence, application)
    earlier = brought.get("earlier")
    state = None
    if earlier is not None:
        its_state = select(occurrences.c.state).where(occurrences.c.id == earlier)
        state = connection.scalar(its_state)
    recipient = occurrence.recipient
    member = recipient.removeprefix(STAFF) if recipient.startswith(STAFF) else ""
    return OccurrenceFacts(
        person=person,
        application=application,
        actor=_staff(connection, brought.get("actor", "")),
        staff=_staff(connection, member),
        unread=(*theirs, *unread.of_record(connection, APPLICATIONS, about)),
        superseded=superseded or "",
        earlier=None if state is None else OccurrenceState(state),
    )


def _staff(connection: Connection, crm_id: str) -> Staff | None:
    return next(iter(applications.staff_of(connection, [crm_id])), None) if crm_id else None


def never_fed(connection: Connection, what: str) -> bool:
    """Whether no source has ever told of a kind of record."""
    return connection.scalar(select(feeds.c.source).where(feeds.c.what == what).limit(1)) is None
