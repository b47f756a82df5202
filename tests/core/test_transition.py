"""Which triggers a submission or a changed status fires, and whom they mail (seed S5)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.core.kinds import Kind
from gateway.core.people.applications import Application, KnownApplication
from gateway.core.people.people import PersonKind, PersonRef, Staff
from gateway.core.triggers.events.status_changed import STATUS_CHANGED
from gateway.core.triggers.events.submitted import SUBMITTED
from gateway.core.triggers.transition import (
    ApplicationStaff,
    Transition,
    fired_triggers,
    is_yes,
    question,
    recipients,
    warning,
)
from gateway.core.triggers.trigger import ApplicationEvent, Trigger

ANN = PersonRef(PersonKind.CANDIDATE, "17")
MANAGER = Staff(crm_id="1", email="mia@crm.example", roles=("manager",))
EVALUATOR = Staff(crm_id="2", email="eva@crm.example", roles=("evaluator",))
OWNER = Staff(crm_id="3", email="Otto@crm.example")


def trigger(name: str, event: ApplicationEvent = SUBMITTED, **keys: Any) -> Trigger:
    plain = Trigger(
        name=name,
        event=event,
        template="t",
        kind=Kind.INDIVIDUAL,
        latest=timedelta(days=2),
        recipients=("candidate",),
    )
    return replace(plain, **keys)


SHIPPED = trigger("acknowledgement", initial_phase=True)


def transition(
    event: ApplicationEvent = SUBMITTED, *, status: str = "new", initial: bool = True
) -> Transition:
    application = Application(reference="4711", person=ANN, programme="p1", status=status)
    return Transition(
        id=1,
        at=datetime(2026, 3, 1, tzinfo=UTC),
        event=event,
        application=KnownApplication(application=application),
        before="",
        is_initial=initial,
    )


def names(triggers: tuple[Trigger, ...]) -> list[str]:
    return [one.name for one in triggers]


def test_a_submission_is_acknowledged_for_every_programme() -> None:
    assert ["acknowledgement"] == names(fired_triggers([SHIPPED], transition()))


def test_only_in_the_initial_phase() -> None:
    assert [] == names(fired_triggers([SHIPPED], transition(initial=False)))


def test_a_programmes_own_replaces_it_there() -> None:
    own = trigger("own", programme="p1")
    other = trigger("other", programme="p2")

    assert ["own"] == names(fired_triggers([SHIPPED, own, other], transition()))


def test_one_for_every_programme_replaces_it_too() -> None:
    assert ["all"] == names(fired_triggers([SHIPPED, trigger("all")], transition()))


def test_one_that_only_tells_staff_replaces_nothing() -> None:
    staff = trigger("staff", recipients=("responsible:manager",), programme="p1")

    assert ["acknowledgement", "staff"] == names(fired_triggers([SHIPPED, staff], transition()))


def test_one_that_does_not_fit_the_status_replaces_nothing() -> None:
    own = trigger("own", programme="p1", status="second")

    assert ["acknowledgement"] == names(fired_triggers([SHIPPED, own], transition()))
    assert ["own"] == names(fired_triggers([SHIPPED, own], transition(status="second")))


def test_what_is_switched_off_fires_nothing() -> None:
    assert [] == names(fired_triggers([trigger("off", enabled=False)], transition()))


def test_a_submission_fires_no_trigger_of_staff_and_the_other_way_round() -> None:
    changed = trigger("changed", STATUS_CHANGED, status="new")

    assert [] == names(fired_triggers([changed], transition()))
    assert ["changed"] == names(fired_triggers([SHIPPED, changed], transition(STATUS_CHANGED)))


@pytest.mark.parametrize(("status", "wanted"), [("accepted", ["t"]), ("new", [])])
def test_a_changed_status_fires_what_names_it(status: str, wanted: list[str]) -> None:
    rule = trigger("t", STATUS_CHANGED, status="accepted")

    assert wanted == names(fired_triggers([rule], transition(STATUS_CHANGED, status=status)))


def test_every_fitting_trigger_of_a_changed_status_fires() -> None:
    rules = [
        trigger("any", STATUS_CHANGED),
        trigger("own", STATUS_CHANGED, programme="p1", status="new"),
    ]

    assert ["any", "own"] == names(fired_triggers(rules, transition(STATUS_CHANGED)))


def test_recipients_are_who_the_trigger_names_nobody_twice() -> None:
    around = ApplicationStaff(responsible=(MANAGER, EVALUATOR), owner=OWNER, actor=MANAGER)
    wanted = (
        "candidate",
        "responsible:manager",
        "owner",
        "actor",
        "OTTO@crm.example",
        "x@a.example",
    )

    assert ["", "staff:1", "staff:3", "x@a.example"] == list(
        recipients(trigger("t", recipients=wanted), around)
    )


def test_who_is_not_there_is_not_mailed() -> None:
    wanted = ("responsible:manager", "owner", "actor")

    assert [] == list(recipients(trigger("t", recipients=wanted), ApplicationStaff()))


def test_the_warning_is_the_callers_and_french_to_the_letter() -> None:
    assert "Cette action enverra un e-mail aux candidats sélectionnés" == warning("fr")
    assert warning("en") == warning("pl")
    assert 4 == len({warning(language) for language in ("nl", "de", "fr", "en")})


@pytest.mark.parametrize(
    ("language", "asked", "yes", "no"),
    [
        ("nl", "Doorgaan? [j/N]", ("j", "Ja ", "y"), ("n", "nee", "", "o")),
        ("de-AT", "Fortfahren? [j/N]", ("J", "ja", "yes"), ("nein", "jein", "")),
        ("fr", "Continuer ? [o/N]", ("o", "OUI", "y"), ("non", "ou", "j")),
        ("pl", "Go on? [y/N]", ("y", "Yes"), ("t", "no", "j", "o")),
    ],
)
def test_the_question_is_in_the_language_of_the_warning(
    language: str, asked: str, yes: Sequence[str], no: Sequence[str]
) -> None:
    assert asked == question(language)
    assert [True] * len(yes) == [is_yes(answer, language) for answer in yes]
    assert [False] * len(no) == [is_yes(answer, language) for answer in no]
