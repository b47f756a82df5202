"""The event `birthday`."""

from datetime import date

import pytest

from gateway.core.triggers.conditions import why_waiting
from gateway.core.triggers.events.birthday import BIRTHDAY, anniversaries, is_birthday
from gateway.core.triggers.occurrence_facts import OccurrenceFacts
from gateway.core.triggers.selection import IsAmong, IsBefore, PeopleSelection
from tests.core.events.known import KNOWN, TODAY, in_days, person, reason, selected, trigger

RULE = trigger(BIRTHDAY)

#: What is known, the occurrence's day, and the condition that isn't met.
CONDITIONS = {
    "a birthday": (KNOWN, TODAY, ""),
    "taken away": (person(birthday=None), TODAY, "the birthday is another day now"),
    "corrected": (person(birthday=date(1980, 3, 2)), TODAY, "the birthday is another day now"),
    "born on 29 February, told on the 28th": (
        person(birthday=date(1980, 2, 29)), date(2027, 2, 28), "",
    ),
    "has left": (person(finance_status="Gekündigt"), TODAY, "finance status: Gekündigt"),
    "another finance status": (person(finance_status="Aktiv"), TODAY, ""),
    "without consent": (person(consent_email=False), TODAY, "no consent to e-mail"),
}  # fmt: skip


@pytest.mark.parametrize("why", CONDITIONS)
def test_what_keeps_a_mail_back(why: str) -> None:
    facts, day, expected = CONDITIONS[why]

    assert expected == reason(RULE, facts, day)


def test_nobody_has_a_birthday_where_nobody_is_known() -> None:
    nobody = OccurrenceFacts(person=None)

    assert BIRTHDAY.unmet_condition(RULE, TODAY.isoformat(), nobody, TODAY)
    assert "" == BIRTHDAY.in_doubt(nobody)


def test_whose_birthday_each_day_is_gets_selected() -> None:
    assert [
        PeopleSelection(
            day=date(2027, 2, 28),
            where=(
                IsAmong("anniversary", (228, 229)), IsBefore("birthday", date(2027, 2, 28)),
            ),
        ),
        PeopleSelection(
            day=TODAY, where=(IsAmong("anniversary", (301,)), IsBefore("birthday", TODAY))
        ),
    ] == selected(RULE, in_days(-1), TODAY)  # fmt: skip


@pytest.mark.parametrize(
    ("status", "is_waited_for"), [("Ovrleden", True), ("Overleden", False), ("Actief", False)]
)
def test_a_mail_waits_where_somebody_may_be_called_deceased(
    status: str, is_waited_for: bool
) -> None:
    told = why_waiting(RULE, person(finance_status=status))

    assert is_waited_for == told.startswith("can't be read: finance_status of people candidate:")


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
