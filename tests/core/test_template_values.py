"""The values a template gets, in the language of its reader."""

from dataclasses import replace
from datetime import date

import pytest

from gateway.core.people.applications import KnownApplication
from gateway.core.people.people import Staff
from gateway.core.triggers.events.qualification_expired import QUALIFICATION_EXPIRED
from gateway.core.triggers.events.registry import TEMPLATE_VALUES
from gateway.core.triggers.events.status_changed import STATUS_CHANGED
from gateway.core.triggers.events.submitted import SUBMITTED
from gateway.core.triggers.occurrence_facts import OccurrenceFacts
from gateway.core.triggers.values import format_date, values
from tests.core.events.known import APPLICATION, KNOWN, TODAY, trigger

MIA = Staff(crm_id="s1", name="Mia", email="mia@crm.example")
OFFER = KnownApplication(
    application=APPLICATION,
    status_name="Offer",
    status_names=(("de", "Angebot"),),
    programme_name="Teachers",
)


@pytest.mark.parametrize(
    ("language", "day"),
    [
        ("nl", "01-03-2027"),
        ("de", "01.03.2027"),
        ("fr", "01/03/2027"),
        ("en", "1 March 2027"),
        ("pl", "2027-03-01"),
    ],
)
def test_a_date_is_written_as_people_of_the_language_do(language: str, day: str) -> None:
    assert (day, "") == (format_date(TODAY, language), format_date(None, language))


@pytest.mark.parametrize(
    ("known", "language", "status"),
    [
        (OFFER, "de", "Angebot"),
        (OFFER, "nl", "Offer"),
        (KnownApplication(application=APPLICATION), "de", "offer"),
    ],
    ids=["in the language", "by its name", "by its crm_id"],
)
def test_a_status_is_named_as_its_reader_knows_it(
    known: KnownApplication, language: str, status: str
) -> None:
    facts = replace(KNOWN, application=known)
    told = values(trigger(STATUS_CHANGED).values, facts, TODAY, language)

    application = told["application"]
    assert isinstance(application, dict)
    assert status == application["status"]
    assert {*TEMPLATE_VALUES["application"]} == {*application}


@pytest.mark.parametrize(
    ("actor", "name"), [(MIA, "Mia"), (None, "")], ids=["staff", "the candidate"]
)
def test_who_acted_is_named_where_it_is_staff(actor: Staff | None, name: str) -> None:
    facts = replace(KNOWN, application=OFFER, actor=actor)
    told = values(trigger(SUBMITTED).values, facts, TODAY, "en")

    assert {"name": name, "email": actor.email if actor else ""} == told["actor"]


@pytest.mark.parametrize(
    ("is_asked_for", "names"),
    [
        (True, {"person", "date", "unsubscribe_url", "qualification"}),
        (False, {"person", "date", "unsubscribe_url"}),
    ],
)
def test_a_qualifications_values_are_there_where_the_trigger_asks_for_them(
    is_asked_for: bool, names: set[str]
) -> None:
    rule = trigger(QUALIFICATION_EXPIRED, qualification_data=is_asked_for)

    assert names == values(rule.values, KNOWN, TODAY, "nl").keys()


def test_what_is_gone_has_no_values() -> None:
    gone = replace(KNOWN, application=None, qualification=None)
    asking = trigger(QUALIFICATION_EXPIRED, qualification_data=True)

    assert {"person", "date", "unsubscribe_url"} == values(
        trigger(SUBMITTED).values, gone, TODAY, "nl"
    ).keys()
    assert {"person", "date", "unsubscribe_url"} == values(asking.values, gone, TODAY, "nl").keys()


def test_nobody_is_written_to_about_nobody() -> None:
    with pytest.raises(AssertionError, match="nobody"):
        values(trigger(SUBMITTED).values, OccurrenceFacts(person=None), date(2027, 3, 1), "nl")
