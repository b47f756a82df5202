"""What every event says of itself, whichever it is: a new one is tested here by being named."""

import ast
import inspect
from dataclasses import fields as fields_of
from datetime import timedelta

import pytest

from gateway.core.kinds import Kind
from gateway.core.people.people import Person
from gateway.core.people.training import Closing, Qualification
from gateway.core.triggers.events.registry import APPLICATION_EVENTS, EVENTS, application_event
from gateway.core.triggers.reasons import NO_CONSENT
from gateway.core.triggers.run_report import REASONS
from gateway.core.triggers.trigger import DateEvent, TriggerEvent
from tests.core.events.known import trigger

#: As trigger files, the ledger, webhooks and the API have them: what is written once stays.
NAMES = (
    *("birthday", "qualification_expired", "qualification_expiring", "set_date", "first_delivery"),
    *("submitted", "status_changed"),
)


def test_no_event_loses_its_name() -> None:
    assert NAMES == tuple(EVENTS)[: len(NAMES)]
    assert {"submitted", "status_changed"} == APPLICATION_EVENTS
    assert len(EVENTS) == len({event.place for event in EVENTS.values()})


@pytest.mark.parametrize("event", EVENTS.values(), ids=str)
def test_an_event_says_all_that_is_asked_of_it(event: TriggerEvent) -> None:
    assert event.name == str(event)
    assert [{"en", "nl", "de", "fr"}] * 2 == [set(event.title), set(event.summary)]
    assert all((*event.documented, *event.title.values(), *event.summary.values()))
    assert event.lateness is None or event.lateness >= timedelta(0)
    assert isinstance(event, DateEvent) != event.is_of_application
    assert (Kind.INDIVIDUAL if event.is_of_application else Kind.BULK) is event.kind
    assert trigger(event).is_of_date != event.is_of_application


@pytest.mark.parametrize("event", EVENTS.values(), ids=str)
def test_what_decides_about_an_event_are_facts_of_records_it_goes_by(event: TriggerEvent) -> None:
    known = {"people": Person, "qualifications": Qualification, "deliveries": Closing}
    for what, fields in event.deciding.items():
        if what in known:
            assert fields <= {field.name for field in fields_of(known[what])}
        assert what in ("people", event.subject)


@pytest.mark.parametrize("event", EVENTS.values(), ids=str)
def test_no_condition_of_an_event_gives_a_reason_without_words(event: TriggerEvent) -> None:
    # Every text that one of its classes returns, be it written there or named.
    returned = {
        part
        for owner in type(event).__mro__
        if issubclass(owner, TriggerEvent) and owner is not TriggerEvent
        for part in texts_returned(owner, ("unmet", "wrong_day"))
    }

    known = {reason.partition("{}")[0] for reason in REASONS.values()}
    assert {text.partition("{}")[0] for text in returned} - {""} <= known
    assert NO_CONSENT in known


def texts_returned(owner: type, methods: tuple[str, ...]) -> set[str]:
    """Return the texts that some methods of a class return."""
    module = inspect.getmodule(owner)
    texts: set[str] = set()
    for method in methods:
        if method not in vars(owner):
            continue
        for statement in ast.walk(ast.parse(inspect.getsource(owner))):
            if not isinstance(statement, ast.FunctionDef) or statement.name != method:
                continue
            for found in ast.walk(statement):
                if isinstance(found, ast.Return) and found.value is not None:
                    for part in ast.walk(found.value):
                        if isinstance(part, ast.Constant) and isinstance(part.value, str):
                            texts.add(part.value)
                        if isinstance(part, ast.Name) and part.id.isupper():
                            texts.add(str(getattr(module, part.id)))
    return texts


@pytest.mark.parametrize("name", sorted(APPLICATION_EVENTS))
def test_an_event_of_applications_is_found_by_its_name(name: str) -> None:
    assert name == application_event(name).name


@pytest.mark.parametrize("name", ["birthday", "unheard_of"])
def test_no_other_event_is_done_to_an_application(name: str) -> None:
    with pytest.raises(KeyError, match=name):
        application_event(name)
