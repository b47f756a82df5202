"""Triggers that can never mail, told with the nearest of the words there are."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from gateway.core.kinds import Kind
from gateway.core.triggers.events.birthday import BIRTHDAY
from gateway.core.triggers.events.first_delivery import FIRST_DELIVERY
from gateway.core.triggers.events.qualification_expired import QUALIFICATION_EXPIRED
from gateway.core.triggers.events.qualification_expiring import QUALIFICATION_EXPIRING
from gateway.core.triggers.events.registry import EVENTS
from gateway.core.triggers.events.set_date import SET_DATE
from gateway.core.triggers.events.status_changed import STATUS_CHANGED
from gateway.core.triggers.stored_dates import StoredDates
from gateway.core.triggers.trigger import Trigger, TriggerEvent
from gateway.core.triggers.vocabulary import Vocabulary, doubts

TODAY = date(2026, 3, 4)
KNOWN = Vocabulary(
    statuses={"s1": "Neu", "s2": "Abgelehnt", "accepted": "Aangenomen"},
    initial=frozenset({"s1"}),
    programmes={"p1": "Lehrkräfte 2026", "p2": "Verwaltung"},
    roles={"manager": 2, "evaluator": 1, "board": 0},
    filled=frozenset(event.needs for event in EVENTS.values() if event.needs),
)


def trigger(event: TriggerEvent = STATUS_CHANGED, **fields: Any) -> Trigger:
    made = Trigger(name="t", event=event, template="t", kind=Kind.INDIVIDUAL, latest=None)
    return replace(made, **fields)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"status": "s2"}, ()),
        ({"status": "S2"}, ('status = "S2" never mails', 'write "s2" (Abgelehnt)')),
        ({"status": "Abgelehnt"}, ('write "s2" (Abgelehnt)',)),
        ({"status": "abgelent"}, ('write "s2" (Abgelehnt)',)),
        ({"status": "akcepted"}, ('write "accepted" (Aangenomen)',)),
        ({"status": "hired"}, ('known: "s1" (Neu), "s2" (Abgelehnt), "accepted"',)),
        ({"programme": "p1"}, ()),
        ({"programme": "Lehrkraefte 2026"}, ('programme = "L', 'write "p1" (Lehrkräfte 2026)')),
        ({"programme": "p9"}, ('known: "p1" (Lehrkräfte 2026), "p2" (Verwaltung)',)),
        ({"recipients": ("candidate", "owner", "actor", "x@example.org")}, ()),
        ({"recipients": ("responsible:manager",)}, ()),
        (
            {"recipients": ("candidate", "responsible:Manager")},
            ('recipients = "responsible:Manager" reaches nobody', 'write "responsible:manager"'),
        ),
        ({"recipients": ("responsible: manager",)}, ('write "responsible:manager"',)),
        ({"recipients": ("responsible:evaluattor",)}, ('write "responsible:evaluator"',)),
        ({"recipients": ("responsible:jury",)}, ('"manager", "evaluator", "board"',)),
        ({"recipients": ("responsible:board",)}, ("no staff with that role have an e-mail",)),
        ({"status": "s1", "initial_phase": True}, ()),
        ({"status": "s2", "initial_phase": True}, ("not marked initial", "remove one of the two")),
    ],
)
def test_what_a_trigger_of_applications_names_is_looked_up(
    fields: dict[str, Any], said: tuple[str, ...]
) -> None:
    told = list(doubts(trigger(**fields), KNOWN, TODAY))

    assert bool(said) == bool(told)
    for part in said:
        assert part in told[0]


def test_where_nothing_was_fed_that_is_said() -> None:
    (told,) = doubts(trigger(status="s1"), Vocabulary(), TODAY)

    assert 'status = "s1" never mails: there is no such status of applications, none was' in told


@pytest.mark.parametrize(
    ("event", "dates", "known", "said"),
    [
        (SET_DATE, StoredDates(dates=(TODAY,)), KNOWN, ""),
        (SET_DATE, StoredDates(dates=(date(2025, 1, 1),)), KNOWN, "2025-01-01, is pa"),
        (SET_DATE, StoredDates(monthly=(1,)), KNOWN, ""),
        (SET_DATE, StoredDates(monthly=(1,)), Vocabulary(), "mail_on_set_date"),
        (FIRST_DELIVERY, StoredDates(yearly=((3, 1),)), KNOWN, ""),
        (FIRST_DELIVERY, StoredDates(dates=(date(2025, 1, 1),)), KNOWN, "is past"),
        (FIRST_DELIVERY, StoredDates(monthly=(1,)), Vocabulary(), "first_delivery"),
        (QUALIFICATION_EXPIRING, StoredDates(), KNOWN, ""),
        (QUALIFICATION_EXPIRING, StoredDates(), Vocabulary(), "notice_days"),
        (QUALIFICATION_EXPIRED, StoredDates(), Vocabulary(), ""),
        (BIRTHDAY, StoredDates(), Vocabulary(), ""),
    ],
)
def test_dates_that_never_come_again_and_facts_nobody_has(
    event: TriggerEvent, dates: StoredDates, known: Vocabulary, said: str
) -> None:
    told = " ".join(doubts(trigger(event, stored=dates), known, TODAY))

    assert bool(said) == bool(told)
    assert said in told
