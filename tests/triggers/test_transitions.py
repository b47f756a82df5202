"""Submitted applications and changed statuses as stories (seed S5), on each store."""

from datetime import timedelta
from typing import Any

import pytest

from gateway.app.common import now
from gateway.app.transitions import carry_out
from gateway.config import load
from gateway.core.applications import Application, Programme
from gateway.core.kinds import Kind, State
from gateway.core.outbox import Deferred, Sent
from gateway.core.people import PersonKind, Staff, Status, StatusKind
from gateway.core.trigger import TriggerEvent
from gateway.store import messages
from gateway.triggers.transitions import Done, Wish
from tests.store.feeding import member, no_bulk, person, tell
from tests.triggers.office import ANN, Office

ACCEPTED = """\
event = "status_changed"
status = "accepted"
recipients = ["candidate", "actor"]
"""


@pytest.fixture
def office(office: Office) -> Office:
    """An office with one application of Ann's and a trigger for the status accepted."""
    statuses = (
        Status(kind=StatusKind.APPLICATION, crm_id=one, initial=one == "new")
        for one in ("new", "accepted", "refused")
    )
    tell(office.database, "statuses", *statuses)
    tell(office.database, "staff", Staff(crm_id="s1", email="eva@crm.example"))
    tell(office.database, "programmes", Programme(crm_id="p1"))
    tell(office.database, "applications", applied())
    office.trigger("accepted", ACCEPTED)
    office.person(consent_email=False)
    office.flush()
    return office


def applied(reference: str = "4711", status: str = "new") -> Application:
    return Application(reference=reference, person=ANN, programme="p1", status=status)


def submit(office: Office, *, dry_run: bool = False) -> Done:
    wish = Wish(event=TriggerEvent.SUBMITTED, references=("4711",), status=None)
    return _do(office, wish, dry_run=dry_run)


def change(office: Office, status: str, *references: str, dry_run: bool = False) -> Done:
    wish = Wish(
        event=TriggerEvent.STATUS_CHANGED,
        references=references or ("4711",),
        status=status,
        actor="s1",
    )
    return _do(office, wish, dry_run=dry_run)


def _do(office: Office, wish: Wish, *, dry_run: bool) -> Done:
    settings = load(office.folder / "gateway.toml", {})
    return carry_out(settings, office.database, wish, dry_run=dry_run)


async def sent(office: Office) -> list[str]:
    before = len(office.relay.recipients)
    await office.desk.sender.send_due()
    return sorted(office.relay.recipients[before:])


def now_is_real(office: Office) -> None:
    """Let the office's clock stand after what was just done."""
    office.now = now() + timedelta(seconds=1)


async def test_a_submission_is_acknowledged_at_once_without_consent_or_hours(
    office: Office,
) -> None:
    office.configure('daily_at = "23:59"\nquiet_hours = "00:00-23:59"\n')
    submit(office)
    now_is_real(office)

    assert ["ann@example.org"] == await sent(office)
    assert ["sent"] == office.states()
    assert [] == await sent(office)


async def test_a_dry_run_leaves_nothing_behind(office: Office) -> None:
    shown = change(office, "accepted", dry_run=True)
    now_is_real(office)

    assert 2 == len(shown.preview.mails)
    assert [] == await sent(office)
    assert [] == office.ledger()
    assert change(office, "accepted").changes[0].changed


async def test_each_change_is_an_occurrence_of_its_own(office: Office) -> None:
    change(office, "accepted")
    now_is_real(office)
    first = await sent(office)
    change(office, "refused")
    change(office, "accepted")
    now_is_real(office)
    second = await sent(office)

    assert ["ann@example.org", "eva@crm.example"] == first == second


async def test_what_changed_again_before_it_left_is_not_mailed(office: Office) -> None:
    """RELIABILITY E6: the conditions are looked at again in the moment of sending."""
    change(office, "accepted")
    change(office, "refused")
    now_is_real(office)

    assert [] == await sent(office)
    assert ["the application has another status now"] * 2 == office.reasons()


async def test_a_relay_that_puts_off_gets_it_later_and_once(office: Office) -> None:
    office.relay.answer = lambda _: Deferred("451 later")
    change(office, "accepted")
    now_is_real(office)
    await sent(office)
    office.relay.answer = lambda _: Sent("250 ok")
    office.now += timedelta(hours=1)
    again = await sent(office)

    assert ["ann@example.org", "eva@crm.example"] == again
    assert [] == await sent(office)


async def test_who_is_out_of_mailings_gets_it_and_who_gets_no_mail_does_not(
    office: Office,
) -> None:
    tell(office.database, "groups", no_bulk("g"))
    tell(office.database, "memberships", member("ann", "g"))
    change(office, "accepted")
    now_is_real(office)
    in_group = await sent(office)
    dead = Status(kind=StatusKind.CANDIDATE, crm_id="dead", tag="NoMailTag")
    tell(office.database, "statuses", dead)
    office.person(status="dead")
    office.flush()
    change(office, "refused")
    change(office, "accepted")
    now_is_real(office)
    of_dead = await sent(office)

    assert "ann@example.org" in in_group
    assert ["eva@crm.example"] == of_dead


async def test_it_is_in_the_journal_as_individual_mail(office: Office) -> None:
    change(office, "accepted")
    now_is_real(office)
    await sent(office)

    with office.database.reading() as connection:
        found = messages.listed(connection)
    told: list[Any] = [(one.kind, one.rule, one.deliveries[0].state) for one in found]
    assert [(Kind.INDIVIDUAL, "trigger:accepted", State.RELAYED)] * 2 == told


async def test_several_applications_at_once_and_one_that_is_unknown(office: Office) -> None:
    tell(office.database, "people", person("bob", "bob@example.org"))
    tell(office.database, "applications", applied(), applied("4712"))
    done = change(office, "accepted", "4712", "nope", "4711")
    now_is_real(office)

    assert [("4712", True), ("nope", False), ("4711", True)] == [
        (one.reference, one.changed) for one in done.changes
    ]
    assert done.failed
    assert ["ann@example.org"] * 2 + ["eva@crm.example"] * 2 == await sent(office)


async def test_a_contacts_application_is_mailed_to_the_contact(office: Office) -> None:
    contact = person("c1", "carl@example.org", kind=PersonKind.CONTACT)
    tell(office.database, "people", contact)
    one = Application(reference="9", person=contact.ref, programme="p1", status="new")
    tell(office.database, "applications", applied(), one)
    change(office, "accepted", "9")
    now_is_real(office)

    assert ["carl@example.org", "eva@crm.example"] == await sent(office)
