"""Mail that rests on a field that can't be read waits until it can."""

from datetime import date, timedelta
from typing import Any

import pytest

from gateway.core.feed.unread_fields import OF_RECIPIENT
from gateway.core.people.applications import Application
from gateway.core.people.people import Status, StatusKind
from gateway.core.people.training import Closing, Qualification
from gateway.core.triggers.events.birthday import BIRTHDAY
from gateway.core.triggers.events.first_delivery import FIRST_DELIVERY
from gateway.core.triggers.events.qualification_expired import QUALIFICATION_EXPIRED
from gateway.core.triggers.events.qualification_expiring import QUALIFICATION_EXPIRING
from gateway.core.triggers.events.set_date import SET_DATE
from gateway.core.triggers.trigger import TriggerEvent
from tests.store.feeding import person, tell, tell_unread
from tests.triggers.node import ANN, TriggerNode
from tests.triggers.test_transitions import ACCEPTED, change, now_is_real, submit

DAY = "2027-03-01"
TODAY = date.fromisoformat(DAY)
WILLING: dict[str, Any] = {
    "consent_email": True,
    "mail_on_set_date": True,
    "mail_after_first_delivery": True,
}
TRIGGERS: dict[TriggerEvent, str] = {
    BIRTHDAY: "",
    QUALIFICATION_EXPIRED: "",
    QUALIFICATION_EXPIRING: "",
    SET_DATE: f'dates = ["{DAY}"]',
    FIRST_DELIVERY: f'dates = ["{DAY}"]',
}
ENDS: dict[TriggerEvent, date] = {
    QUALIFICATION_EXPIRED: TODAY,
    QUALIFICATION_EXPIRING: TODAY + timedelta(days=30),
}


def records(event: TriggerEvent) -> dict[str, object]:
    """Return what the CRM tells so that an event is due on the day."""
    return {
        "people": person("ann", "ann@example.org", birthday=date(1980, 3, 1), **WILLING),
        "qualifications": Qualification(
            crm_id="q1", person=ANN, expires_on=ENDS.get(event), notice_days=30
        ),
        "deliveries": Closing(crm_id="d1", person=ANN, closed_on=date(2027, 2, 20)),
    }


def cases() -> list[tuple[TriggerEvent, str, str]]:
    """Return each field that decides about an event of a date."""
    found = []
    for event in TRIGGERS:
        fields = {**event.deciding}
        fields["people"] = fields["people"] | OF_RECIPIENT
        found += [(event, what, one) for what in fields for one in sorted(fields[what])]
    return found


@pytest.mark.parametrize(("event", "what", "field"), cases())
async def test_mail_waits_while_a_field_that_decides_can_not_be_read(
    engine: TriggerNode, event: TriggerEvent, what: str, field: str
) -> None:
    engine.trigger("one", f'event = "{event}"\n{TRIGGERS[event]}')
    told = records(event)
    for kind, record in told.items():
        tell(engine.database, kind, record)
    tell_unread(engine.database, what, told[what], field)

    before = await engine.work(DAY)
    waiting = (engine.states(), engine.reasons()[0])
    tell(engine.database, what, told[what])
    after = await engine.work(DAY, 10)

    assert ([], ["due"]) == (before, waiting[0])
    assert f"can't be read: {field} of {what} " in waiting[1]
    assert ["ann@example.org"] == after
    assert ["sent"] == engine.states()


async def test_a_field_that_decides_nothing_lets_mail_go(engine: TriggerNode) -> None:
    engine.trigger("one", 'event = "birthday"')
    told = records(BIRTHDAY)["people"]
    tell(engine.database, "people", told)
    tell_unread(engine.database, "people", told, "owner", "mail_on_set_date")

    assert ["ann@example.org"] == await engine.work(DAY)


async def test_mail_that_waited_does_not_go_by_the_old_value(node: TriggerNode) -> None:
    node.trigger("ended", 'event = "qualification_expired"')
    told = records(QUALIFICATION_EXPIRED)
    renewed = Qualification(crm_id="q1", person=ANN, expires_on=date(2029, 3, 1))
    for kind in ("people", "qualifications"):
        tell(node.database, kind, told[kind])
    tell_unread(node.database, "qualifications", told["qualifications"], "expires_on")

    first = await node.work(DAY)
    tell(node.database, "qualifications", renewed)
    second = await node.work("2027-03-02")

    assert ([], []) == (first, second)
    assert ["the qualification ends another day now"] == node.reasons()


async def test_mail_that_waits_too_long_is_too_late(engine: TriggerNode) -> None:
    engine.trigger("one", 'event = "birthday"')
    told = records(BIRTHDAY)["people"]
    tell(engine.database, "people", told)
    tell_unread(engine.database, "people", told, "birthday")

    await engine.work(DAY)
    await engine.work("2027-03-02", 0)

    assert (["expired"], []) == (engine.states(), engine.relay.recipients)


async def test_a_preview_says_what_mail_would_wait_for(engine: TriggerNode) -> None:
    engine.trigger("one", 'event = "birthday"')
    told = records(BIRTHDAY)["people"]
    tell(engine.database, "people", told)
    tell_unread(engine.database, "people", told, "consent_email")

    [skip] = engine.preview("one", DAY).skipped

    assert "can't be read: consent_email of people candidate:ann (" in skip.reason


async def test_an_application_given_a_status_here_no_longer_waits_for_the_unread_one(
    node: TriggerNode,
) -> None:
    node.trigger("accepted", ACCEPTED)
    node.trigger("received", 'event = "submitted"\nrecipients = ["candidate"]')
    node.person()
    node.flush()
    known = Application(reference="4711", person=ANN, status="new")
    tell(node.database, "applications", known)
    tell_unread(node.database, "applications", known, "status")

    submit(node)
    now_is_real(node)
    await node.engine.sender.send_due()
    waiting = (node.states(), list(node.relay.recipients))
    change(node, "accepted")
    now_is_real(node)
    await node.engine.sender.send_due()

    assert (["due"], []) == waiting
    assert ["sent", "sent"] == node.states()


def test_no_status_is_initial_by_default_where_the_mark_of_one_can_not_be_read(
    node: TriggerNode,
) -> None:
    node.person()
    node.flush()
    one = Status(kind=StatusKind.APPLICATION, crm_id="new")
    tell_unread(node.database, "statuses", one, "initial")
    tell(node.database, "applications", Application(reference="4711", person=ANN, status="new"))

    before = submit(node, dry_run=True).preview
    tell(node.database, "statuses", one)
    after = submit(node, dry_run=True).preview

    assert ("", 0) == (before.trigger, len(before.mails))
    assert ("acknowledgement", 1) == (after.trigger, len(after.mails))
