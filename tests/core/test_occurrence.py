"""When a trigger is due for whom: every condition of every event as a table, and the times."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway.core import ids
from gateway.core.kinds import Kind
from gateway.core.people.applications import Application, KnownApplication
from gateway.core.people.people import Person, PersonKind, PersonRef
from gateway.core.people.training import Qualification
from gateway.core.sending.backoff import MAX_ATTEMPTS
from gateway.core.sending.outbox import Deferred, Refused, Result, Sent, Unknown
from gateway.core.triggers.occurrence import (
    CATCH_UP,
    Ending,
    Occurrence,
    OccurrenceFacts,
    OccurrenceState,
    anniversaries,
    ending,
    first_day_to_look_at,
    in_quiet_hours,
    is_birthday,
    latest_moment,
    local_moment,
    notice_day,
    told_earlier,
    unmet,
    waits,
)
from gateway.core.triggers.trigger import LATENESS, StoredDates, Trigger, TriggerEvent
from gateway.core.triggers.unread_fields import UnreadField

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
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
MARCH = StoredDates(dates=(TODAY,))


def trigger(
    event: TriggerEvent,
    *,
    stored: StoredDates = MARCH,
    status: str = "",
    latest: timedelta | None = None,
) -> Trigger:
    return Trigger(
        name="t", event=event, template="letter", kind=Kind.BULK, latest=latest,
        stored=stored, status=status,
    )  # fmt: skip


# Conditions

BIRTHDAY = trigger(TriggerEvent.BIRTHDAY)
EXPIRED = trigger(TriggerEvent.QUALIFICATION_EXPIRED)
EXPIRING = trigger(TriggerEvent.QUALIFICATION_EXPIRING)
SET_DATE = trigger(TriggerEvent.SET_DATE)
FIRST_DELIVERY = trigger(TriggerEvent.FIRST_DELIVERY)
STATUS_CHANGED = trigger(TriggerEvent.STATUS_CHANGED, status="offer")
SUBMITTED = trigger(TriggerEvent.SUBMITTED)

KNOWN = OccurrenceFacts(
    person=PERSON,
    qualification=QUALIFICATION,
    first_closing=date(2027, 2, 1),
    application=KnownApplication(application=APPLICATION),
)


def person(**changes: object) -> OccurrenceFacts:
    return replace(KNOWN, person=replace(PERSON, **changes))  # type: ignore[arg-type]


def qualification(**changes: object) -> OccurrenceFacts:
    changed = replace(QUALIFICATION, **changes)  # type: ignore[arg-type]
    return replace(KNOWN, qualification=changed)


def in_days(days: int) -> date:
    return TODAY + timedelta(days=days)


#: A trigger, what is known, the occurrence's day, and the condition that isn't met on TODAY.
CONDITIONS = {
    # Of every event
    "nobody is there": (BIRTHDAY, replace(KNOWN, person=None), TODAY, "the person is gone"),
    "not active": (BIRTHDAY, person(active=False), TODAY, "not active"),
    # Birthday
    "birthday": (BIRTHDAY, KNOWN, TODAY, ""),
    "a birthday that was taken away": (
        BIRTHDAY, person(birthday=None), TODAY, "the birthday is another day now",
    ),
    "a birthday that was corrected": (
        BIRTHDAY, person(birthday=date(1980, 3, 2)), TODAY, "the birthday is another day now",
    ),
    "born on 29 February, told on the 28th": (
        BIRTHDAY, person(birthday=date(1980, 2, 29)), date(2027, 2, 28), "",
    ),
    "has left": (
        BIRTHDAY, person(finance_status="Gekündigt"), TODAY, "finance status: Gekündigt",
    ),
    "another finance status": (BIRTHDAY, person(finance_status="Aktiv"), TODAY, ""),
    "a birthday without consent": (
        BIRTHDAY, person(consent_email=False), TODAY, "no consent to e-mail",
    ),
    # A qualification has ended
    "ended today": (EXPIRED, KNOWN, TODAY, ""),
    "ended a while ago": (EXPIRED, qualification(expires_on=in_days(-9)), in_days(-9), ""),
    "the qualification is gone": (
        EXPIRED, replace(KNOWN, qualification=None), TODAY, "the qualification is gone",
    ),
    "the qualification is somebody else's now": (
        EXPIRED, qualification(person=BOB), TODAY, "the qualification is gone",
    ),
    "it has no end any more": (
        EXPIRED, qualification(expires_on=None), TODAY, "the qualification ends another day now",
    ),
    "its end has moved": (
        EXPIRED, qualification(expires_on=in_days(-1)), TODAY,
        "the qualification ends another day now",
    ),
    "it ends tomorrow": (
        EXPIRED, qualification(expires_on=in_days(1)), in_days(1),
        "the qualification has not ended",
    ),
    "ended without consent": (
        EXPIRED, person(consent_email=False), TODAY, "no consent to e-mail",
    ),
    # A qualification will end
    "the first day of notice": (EXPIRING, qualification(expires_on=in_days(30)), in_days(30), ""),
    "the last day of notice": (EXPIRING, qualification(expires_on=in_days(1)), in_days(1), ""),
    "no notice on the day itself": (EXPIRING, KNOWN, TODAY, "the qualification has ended"),
    "no notice yet": (
        EXPIRING, qualification(expires_on=in_days(31)), in_days(31), "it is too early for notice",
    ),
    "no notice at all": (
        EXPIRING, qualification(expires_on=in_days(9), notice_days=None), in_days(9),
        "it is too early for notice",
    ),
    "notice without consent": (
        EXPIRING,
        replace(
            qualification(expires_on=in_days(9)), person=replace(PERSON, consent_email=False)
        ),
        in_days(9), "no consent to e-mail",
    ),
    # A date stored in the trigger
    "a stored date": (SET_DATE, KNOWN, TODAY, ""),
    "a date that was taken out": (
        SET_DATE, KNOWN, in_days(1), "the date is no longer stored in the trigger",
    ),
    "a date nobody asked for": (
        SET_DATE, person(mail_on_set_date=False), TODAY, "mail on set dates is not wanted",
    ),
    # The first stored date after the first closing
    "a stored date after the closing": (FIRST_DELIVERY, KNOWN, TODAY, ""),
    "none wanted after the closing": (
        FIRST_DELIVERY, person(mail_after_first_delivery=False), TODAY,
        "mail after the first delivery is not wanted",
    ),
    "no closing": (
        FIRST_DELIVERY, replace(KNOWN, first_closing=None), TODAY, "there is no closing",
    ),
    "closed on the stored date": (
        FIRST_DELIVERY, replace(KNOWN, first_closing=TODAY), TODAY,
        "no stored date has come since the closing",
    ),
    "a stored date to come": (
        trigger(TriggerEvent.FIRST_DELIVERY, stored=StoredDates(dates=(in_days(1),))),
        KNOWN, TODAY, "no stored date has come since the closing",
    ),
    # An application
    "submitted": (SUBMITTED, KNOWN, TODAY, ""),
    "the status it is about": (STATUS_CHANGED, KNOWN, TODAY, ""),
    "the application is gone": (
        SUBMITTED, replace(KNOWN, application=None), TODAY, "the application is gone",
    ),
    "another status meanwhile": (
        STATUS_CHANGED,
        replace(
            KNOWN, application=KnownApplication(application=replace(APPLICATION, status="hired"))
        ),
        TODAY, "the application has another status now",
    ),
}  # fmt: skip


@pytest.mark.parametrize("why", CONDITIONS)
def test_what_keeps_a_mail_back(why: str) -> None:
    rule, facts, day, reason = CONDITIONS[why]

    assert reason == unmet(rule, day.isoformat(), facts, TODAY)


@pytest.mark.parametrize(
    ("to_person", "reason"), [(True, "not active"), (False, "")], ids=["the person", "staff"]
)
def test_staff_are_told_of_who_is_not_active(to_person: bool, reason: str) -> None:
    facts = person(active=False)

    assert reason == unmet(SUBMITTED, "once", facts, TODAY, to_person=to_person)


UNREAD = UnreadField(
    what="people", kind="candidate", key="ann", field="birthday", text="not a date: '1980-13-01'",
    source="crm", file="people.csv", line=5,
    since=datetime(2027, 2, 1, tzinfo=UTC), at=datetime(2027, 2, 2, tzinfo=UTC),
)  # fmt: skip


@pytest.mark.parametrize(
    ("event", "field", "to_person", "waited_for"),
    [
        (TriggerEvent.BIRTHDAY, "birthday", True, True),
        (TriggerEvent.BIRTHDAY, "last_name", True, False),
        (TriggerEvent.SET_DATE, "birthday", True, False),
        (TriggerEvent.SUBMITTED, "emails", True, True),
        (TriggerEvent.SUBMITTED, "emails", False, False),
    ],
)
def test_a_mail_waits_for_the_fields_that_decide_about_it(
    event: TriggerEvent, field: str, to_person: bool, waited_for: bool
) -> None:
    facts = replace(KNOWN, unread=(replace(UNREAD, field=field),))
    told = f"can't be read: {field} of people candidate:ann (people.csv:5: {UNREAD.text})"

    assert (told if waited_for else "") == waits(trigger(event), facts, to_person=to_person)


@pytest.mark.parametrize(
    ("event", "status", "is_waited_for"),
    [
        (TriggerEvent.BIRTHDAY, "Ovrleden", True),
        (TriggerEvent.BIRTHDAY, "Overleden", False),
        (TriggerEvent.BIRTHDAY, "Actief", False),
        (TriggerEvent.SET_DATE, "Ovrleden", False),
    ],
)
def test_a_birthday_mail_waits_where_somebody_may_be_called_deceased(
    event: TriggerEvent, status: str, is_waited_for: bool
) -> None:
    told = waits(trigger(event), person(finance_status=status))

    assert is_waited_for == told.startswith("can't be read: finance_status of people candidate:")


@pytest.mark.parametrize(
    ("earlier", "reason"),
    [
        (None, ""),
        (
            OccurrenceState.SENT,
            "the mail of an earlier change to this status left after this one was made",
        ),
        (
            OccurrenceState.UNKNOWN,
            "the mail of an earlier change to this status may have left",
        ),
        (OccurrenceState.FAILED, ""),
        (OccurrenceState.DUE, ""),
    ],
)
def test_a_status_that_comes_twice_is_mailed_once(
    earlier: OccurrenceState | None, reason: str
) -> None:
    assert reason == told_earlier(replace(KNOWN, earlier=earlier))


# What becomes of an attempt

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)

#: The result, the attempts so far, when it is of no use any more, and what becomes of it.
ENDINGS: dict[str, tuple[Result, int, datetime | None, Ending]] = {
    "sent": (Sent("250 ok"), 1, None, Ending(state=OccurrenceState.SENT)),
    "refused": (
        Refused("550 no"), 1, None, Ending(state=OccurrenceState.FAILED, reason="550 no"),
    ),
    "E5: nobody can tell": (
        Unknown("silence"), 1, None, Ending(state=OccurrenceState.UNKNOWN, reason="silence"),
    ),
    "tried again": (
        Deferred("450 busy"), 1, None,
        Ending(state=OccurrenceState.DUE, reason="450 busy", next_at=LATER),
    ),
    "tried again in time": (
        Deferred("450 busy"), 1, LATER + timedelta(seconds=1),
        Ending(state=OccurrenceState.DUE, reason="450 busy", next_at=LATER),
    ),
    "too late to be tried again": (
        Deferred("450 busy"), 1, LATER,
        Ending(state=OccurrenceState.EXPIRED, reason="too late for another try: 450 busy"),
    ),
    "tried often enough": (
        Deferred("450 busy"), MAX_ATTEMPTS, None,
        Ending(state=OccurrenceState.FAILED, reason="given up: 450 busy"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("why", ENDINGS)
def test_what_becomes_of_an_attempt(why: str) -> None:
    result, attempts, latest_at, expected = ENDINGS[why]

    assert expected == ending(result, attempts, NOW, 0.0, latest_at)


# Days and times


@pytest.mark.parametrize(
    ("born", "day", "is_one"),
    [
        ("1980-03-01", "2027-03-01", True),
        ("1980-03-01", "2027-03-02", False),
        ("1980-02-29", "2027-02-28", True),
        ("1980-02-29", "2028-02-28", False),
        ("1980-02-29", "2028-02-29", True),
        ("1981-02-28", "2028-02-29", False),
    ],
)
def test_a_birthday_comes_once_a_year(born: str, day: str, is_one: bool) -> None:
    looked_at = date.fromisoformat(day)

    assert is_one == is_birthday(date.fromisoformat(born), looked_at)
    # What the store selects by and what is asked once more are of one mind.
    month_and_day = int(born[5:7]) * 100 + int(born[8:])
    assert is_one == (month_and_day in anniversaries(looked_at))


@pytest.mark.parametrize(
    ("expires_on", "notice_days", "day"),
    [
        (date(2027, 3, 31), 30, date(2027, 3, 1)),
        (date(2027, 3, 31), 0, date(2027, 3, 31)),
        (date(2027, 3, 31), None, None),
        (None, 30, None),
        (date(1, 1, 2), 3_000, date.min),
    ],
)
def test_notice_begins_so_many_days_before_the_end(
    expires_on: date | None, notice_days: int | None, day: date | None
) -> None:
    one = replace(QUALIFICATION, expires_on=expires_on, notice_days=notice_days)

    assert day == notice_day(one)


def midnight(day: str) -> datetime:
    """Return when a day of winter begins in Amsterdam."""
    return datetime.fromisoformat(f"{day}T00:00+01:00").astimezone(UTC)


#: The event, how late it may leave, the end of a qualification; after when a mail of TODAY is late.
LATEST = {
    "by the end of the day": (TriggerEvent.BIRTHDAY, timedelta(0), None, midnight("2027-03-02")),
    "a week later": (TriggerEvent.SET_DATE, timedelta(days=7), None, midnight("2027-03-09")),
    "whenever": (TriggerEvent.SET_DATE, None, None, None),
    "notice, before the end": (
        TriggerEvent.QUALIFICATION_EXPIRING, None, date(2027, 3, 20), midnight("2027-03-20"),
    ),
    "notice, sooner than the end": (
        TriggerEvent.QUALIFICATION_EXPIRING, timedelta(days=2), date(2027, 3, 20),
        midnight("2027-03-04"),
    ),
    "notice, the end is sooner": (
        TriggerEvent.QUALIFICATION_EXPIRING, timedelta(days=90), date(2027, 3, 20),
        midnight("2027-03-20"),
    ),
    "notice, no end known": (TriggerEvent.QUALIFICATION_EXPIRING, None, None, None),
    "an end is of no matter for others": (
        TriggerEvent.QUALIFICATION_EXPIRED, timedelta(0), date(2027, 2, 1), midnight("2027-03-02"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("why", LATEST)
def test_after_when_a_mail_is_of_no_use(why: str) -> None:
    event, latest, end, expected = LATEST[why]

    assert expected == latest_moment(trigger(event, latest=latest), TODAY, AMSTERDAM, end)


@pytest.mark.parametrize(
    ("day", "at", "moment"),
    [
        ("2027-03-01", "08:00", "2027-03-01T07:00+00:00"),
        ("2027-07-01", "08:00", "2027-07-01T06:00+00:00"),
        # E1: an hour that doesn't come is as much later; of one that comes twice it is the first.
        ("2026-03-29", "02:30", "2026-03-29T01:30+00:00"),
        ("2026-10-25", "02:30", "2026-10-25T00:30+00:00"),
    ],
)
def test_a_local_time_is_one_moment(day: str, at: str, moment: str) -> None:
    expected = datetime.fromisoformat(moment)

    assert expected == local_moment(date.fromisoformat(day), time.fromisoformat(at), AMSTERDAM)


#: The event, how late a mail may leave, the last day looked at, and the first day to look at.
FIRST_DAYS = {
    "never looked": (TriggerEvent.BIRTHDAY, timedelta(0), None, TODAY),
    "looked today": (TriggerEvent.BIRTHDAY, timedelta(0), TODAY, TODAY),
    "E3: after an outage": (TriggerEvent.BIRTHDAY, timedelta(0), in_days(-3), in_days(-3)),
    "E3: a clock that was ahead": (TriggerEvent.BIRTHDAY, timedelta(0), in_days(5), TODAY),
    "a long outage": (TriggerEvent.BIRTHDAY, timedelta(0), in_days(-400), TODAY - CATCH_UP),
    "facts that come late": (
        TriggerEvent.QUALIFICATION_EXPIRED, timedelta(days=30), TODAY, in_days(-30),
    ),
    "of use for ever": (TriggerEvent.QUALIFICATION_EXPIRING, None, in_days(-2), in_days(-2)),
    "a set date that was looked at is over": (
        TriggerEvent.SET_DATE, timedelta(days=7), in_days(-3), in_days(-2),
    ),
    "set dates, looked yesterday": (TriggerEvent.SET_DATE, timedelta(7), in_days(-1), TODAY),
    "set dates, looked today": (TriggerEvent.SET_DATE, timedelta(days=7), TODAY, TODAY),
    "set dates, never looked": (TriggerEvent.SET_DATE, timedelta(days=7), None, TODAY),
}  # fmt: skip


@pytest.mark.parametrize("why", FIRST_DAYS)
def test_from_which_day_on_occurrences_are_looked_for(why: str) -> None:
    event, latest, looked, expected = FIRST_DAYS[why]

    assert expected == first_day_to_look_at(trigger(event, latest=latest), looked, TODAY)


@pytest.mark.parametrize(
    ("hours", "at", "is_quiet"),
    [
        (None, "03:00", False),
        ("21:00-07:00", "20:59", False),
        ("21:00-07:00", "21:00", True),
        ("21:00-07:00", "00:00", True),
        ("21:00-07:00", "06:59", True),
        ("21:00-07:00", "07:00", False),
        ("12:00-13:00", "11:59", False),
        ("12:00-13:00", "12:00", True),
        ("12:00-13:00", "13:00", False),
        ("08:00-08:00", "08:00", False),
    ],
)
def test_quiet_hours_may_pass_midnight(hours: str | None, at: str, is_quiet: bool) -> None:
    first, _, last = (hours or "").partition("-")
    quiet = (time.fromisoformat(first), time.fromisoformat(last)) if hours else None

    assert is_quiet == in_quiet_hours(quiet, time.fromisoformat(at))


def test_every_event_says_how_late_its_mail_may_leave() -> None:
    assert set(TriggerEvent) == set(LATENESS)


def test_an_occurrence_knows_when_it_was_written_down_by_its_id() -> None:
    row = Occurrence(
        id=ids.first_id_at(NOW), trigger="t", event=TriggerEvent.BIRTHDAY, person=ANN,
        occurrence=TODAY.isoformat(), about="", recipient="", run=None, state=OccurrenceState.DUE,
        reason="", due_at=NOW, latest_at=None, next_at=None, facts="", address="", subject="",
        message_id="", body=None, message=None, attempts=0, settled_at=None,
    )  # fmt: skip

    assert NOW == row.at
