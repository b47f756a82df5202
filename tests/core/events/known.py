"""A person of whom everything is known that an event may ask, on a day that suits all events."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from gateway.core.kinds import Kind
from gateway.core.people.applications import Application, KnownApplication
from gateway.core.people.people import Person, PersonKind, PersonRef
from gateway.core.people.training import Qualification
from gateway.core.triggers.conditions import unmet_condition
from gateway.core.triggers.occurrence_facts import OccurrenceFacts
from gateway.core.triggers.selection import DueSelection
from gateway.core.triggers.stored_dates import StoredDates
from gateway.core.triggers.trigger import DateEvent, Trigger, TriggerEvent

TODAY = date(2027, 3, 1)
ANN = PersonRef(PersonKind.CANDIDATE, "ann")
BOB = PersonRef(PersonKind.CANDIDATE, "bob")
PERSON = Person(
    ref=ANN,
    birthday=date(1980, 3, 1),
    consent_email=True,
    mail_on_set_date=True,
    mail_after_first_delivery=True,
)
QUALIFICATION = Qualification(crm_id="q1", person=ANN, expires_on=TODAY, notice_days=30)
APPLICATION = Application(reference="4711", person=ANN, status="offer")
KNOWN = OccurrenceFacts(
    person=PERSON,
    qualification=QUALIFICATION,
    first_closing=date(2027, 2, 1),
    application=KnownApplication(application=APPLICATION),
)


def trigger(event: TriggerEvent, **keys: Any) -> Trigger:
    """Return a trigger on an event, with the date of today stored in it."""
    plain = Trigger(
        name="t", event=event, template="letter", kind=Kind.BULK, latest=None,
        stored=StoredDates(dates=(TODAY,)),
    )  # fmt: skip
    return replace(plain, **keys)


def person(**changes: Any) -> OccurrenceFacts:
    """Return what is known, with something else of the person."""
    return replace(KNOWN, person=replace(PERSON, **changes))


def qualification(**changes: Any) -> OccurrenceFacts:
    """Return what is known, with something else of the qualification."""
    return replace(KNOWN, qualification=replace(QUALIFICATION, **changes))


def in_days(days: int) -> date:
    return TODAY + timedelta(days=days)


def reason(rule: Trigger, facts: OccurrenceFacts, day: date = TODAY) -> str:
    """Return which condition isn't met today of an occurrence keyed by a day."""
    return unmet_condition(rule, day.isoformat(), facts, TODAY)


def selected(rule: Trigger, first: date, today: date) -> list[DueSelection]:
    """Return whom a trigger's event selects."""
    assert isinstance(rule.event, DateEvent)
    return list(rule.event.selections(rule, first, today))
