"""What the calendar tells: the same as if each day were looked at by itself, at one price."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import event

from gateway.app.triggers import triggers
from gateway.config import load
from gateway.core.people.people import PersonKind, PersonRef, RefOrAddress
from gateway.core.triggers.due_times import first_day_to_look_at
from gateway.core.triggers.occurrence import SETTLED
from gateway.core.triggers.trigger_preview import DueDay
from gateway.store.engine.database import StoreTransaction
from gateway.store.people import topic_opt_outs
from gateway.store.people.topic_opt_outs import Decliners, TopicOptOut
from gateway.store.triggers import due, trigger_runs
from gateway.store.triggers.due import DuePerson
from gateway.triggers.calendar import NAMED, calendar
from gateway.triggers.last_look import why_declined
from gateway.triggers.preview import mail_of, standings_of, why_left_out
from gateway.triggers.templates import CheckedTrigger
from gateway.triggers.trigger_settings import TriggerSettings
from tests.store.feeding import person
from tests.triggers.node import TriggerNode

TODAY = date(2027, 2, 25)
DAYS = 40  #: With the end of February, and the first of two months.
TRIGGERS = {
    "birthday": 'event = "birthday"',
    "birthday-late": 'event = "birthday"\nlatest = "9d"',
    "birthday-topic": 'event = "birthday"\ntopic = "News"',
    "birthday-twin": 'event = "birthday"',
    "expired": 'event = "qualification_expired"',
    "expiring": 'event = "qualification_expiring"',
    "expiring-twin": 'event = "qualification_expiring"\nkind = "individual"',
    "first": 'event = "first_delivery"\nmonthly = [1, 31]',
    "set": 'event = "set_date"\nmonthly = [1]\nyearly = ["02-28", "02-29"]\nlatest = "3d"',
}


@contextmanager
def opened(node: TriggerNode) -> Iterator[tuple[StoreTransaction, TriggerSettings]]:
    node.flush()
    config = load(node.folder / "gateway.toml", {})
    with (
        triggers.opened_settings(config, node.database) as settings,
        node.database.reading() as connection,
    ):
        yield connection, settings


def day_by_day(
    connection: StoreTransaction,
    settings: TriggerSettings,
    checked_triggers: Sequence[CheckedTrigger],
    today: date,
    days: int,
) -> list[DueDay]:
    """Return the calendar, each day selected by itself."""
    due_days = []
    for checked in checked_triggers:
        looked = trigger_runs.last_look(connection, checked.trigger.name)
        for number in range(days):
            day = today + timedelta(days=number)
            first = first_day_to_look_at(checked.trigger, looked, today) if not number else day
            candidates = [
                candidate
                for candidate in due.candidates(
                    connection, checked.trigger, first, day, fresh=False
                )
                if candidate.ledger_state not in SETTLED and (not number or candidate.day == day)
            ]
            standings = standings_of(connection, settings, candidates)
            mailed: dict[object, DuePerson] = {}
            for candidate in candidates:
                asked = (connection, settings, checked.trigger)
                if not (
                    why_left_out(*asked, candidate, day, standings=standings, decliners=Decliners())
                    or why_declined(*asked, candidate.person.ref, candidate.person.emails[0])
                ):
                    is_shared = settings.once_per_address
                    mail = mail_of(settings, candidate) if is_shared else (len(mailed),)
                    mailed.setdefault(mail, candidate)
            people = [candidate.person for candidate in list(mailed.values())[:NAMED]]
            if candidates:
                due_days.append(
                    DueDay(
                        trigger=checked.trigger.name,
                        day=day,
                        mails=len(mailed),
                        left_out=len(candidates) - len(mailed),
                        people=tuple((person.ref, person.name) for person in people),
                    )
                )
    return due_days


def fill(node: TriggerNode, people: int) -> None:
    """Tell of people with birthdays, qualifications and closings around some weeks."""
    for n in range(people):
        who = f"p{n:03}"
        emails = () if n % 17 == 0 else (f"{who}@example.org",)
        node.people(
            person(
                who,
                *emails,
                birthday=date(1960 + n % 40, 2, 1) + timedelta(days=n * 7 % 80),
                consent_email=n % 5 != 0,
                mail_on_set_date=n % 3 == 0,
                mail_after_first_delivery=n % 4 != 0,
                active=n % 11 != 0,
                finance_status="Overleden" if n % 13 == 0 else "",
                first_name=who,
                language="de",
            )
        )
        node.qualification(
            f"q{n}",
            who,
            name="First aid",
            expires_on=TODAY + timedelta(days=n * 3 % 90 - 20),
            notice_days=(None, 0, 10, 30, 60)[n % 5],
        )
        node.closing(f"c{n}", str(TODAY + timedelta(days=n * 5 % 60 - 35)), who)


@pytest.fixture
async def filled(engine: TriggerNode) -> TriggerNode:
    """A node whose triggers ran yesterday, so that something is settled."""
    for name, text in TRIGGERS.items():
        engine.trigger(name, text)
    fill(engine, 100)
    ref = PersonRef(PersonKind.CANDIDATE, "p018")
    refs_or_addresses: tuple[RefOrAddress, ...] = (
        ref,
        "p019@example.org",
        PersonRef(PersonKind.CANDIDATE, "p061"),
    )
    with engine.database.writing() as connection:
        for number, one in enumerate(refs_or_addresses, 1):
            since = datetime(2027, 1, 1, tzinfo=UTC)
            topic = "NEWS" if number % 2 else "News"
            choice = TopicOptOut(id=number, topic=topic, ref_or_address=one, remark="", since=since)
            topic_opt_outs.add(connection, choice)
    await engine.work(str(TODAY - timedelta(days=1)))
    return engine


@pytest.mark.parametrize("once", [True, False])
async def test_the_days_are_as_if_each_were_looked_at_by_itself(
    filled: TriggerNode, *, once: bool
) -> None:
    filled.configure(f"once_per_address = {str(once).lower()}\n")
    # Two of one mailbox, on one day.
    for who in ("x", "y"):
        filled.people(person(who, "x@example.org", birthday=date(1980, 2, 26), consent_email=True))
    with opened(filled) as (connection, settings):
        checked_triggers = settings.active()
        expected = day_by_day(connection, settings, checked_triggers, TODAY, DAYS)
        told = calendar(connection, settings, checked_triggers, TODAY, DAYS)
        of_today = calendar(connection, settings, checked_triggers, TODAY, 1)

    assert expected == told
    assert [day for day in expected if day.day == TODAY] == of_today
    assert {*TRIGGERS} == {day.trigger for day in told}
    # Three of the birthdays are of people who want no mail of the topic.
    left_out = {name: sum(d.left_out for d in told if d.trigger == name) for name in TRIGGERS}
    assert left_out["birthday"] + 3 == left_out["birthday-topic"]


async def test_what_one_of_two_like_triggers_has_sent_is_due_of_the_other(
    node: TriggerNode,
) -> None:
    node.trigger("birthday", TRIGGERS["birthday"])
    node.person(birthday=date(1980, TODAY.month, TODAY.day))
    assert ["ann@example.org"] == await node.work(str(TODAY))
    node.trigger("birthday-twin", TRIGGERS["birthday-twin"])

    with opened(node) as (connection, settings):
        told = calendar(connection, settings, settings.active(), TODAY, 14)

    assert [("birthday-twin", TODAY, 1)] == [(day.trigger, day.day, day.mails) for day in told]


def test_more_people_and_more_like_triggers_ask_the_store_no_more(engine: TriggerNode) -> None:
    def asked() -> int:
        statements: list[str] = []
        with opened(engine) as (connection, settings):
            listening = (
                engine.database.engine,
                "before_cursor_execute",
                lambda _, __, statement, *___: statements.append(statement),
            )
            event.listen(*listening)
            calendar(connection, settings, settings.active(), TODAY, 14)
            event.remove(*listening)
        return len(statements)

    for name in ("birthday", "expired", "expiring", "birthday-topic"):
        engine.trigger(name, TRIGGERS[name])
    fill(engine, 10)
    few = asked()
    fill(engine, 200)
    for n in range(5):
        engine.trigger(f"more-{n}", TRIGGERS["birthday"])

    assert few >= asked()
