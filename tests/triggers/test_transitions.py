"""Submitted applications and changed statuses as stories (seed S5), on each store."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from gateway.app.common import now
from gateway.app.triggers.transitions import carry_out
from gateway.config import load
from gateway.core.kinds import Kind, State
from gateway.core.people.applications import Application, Programme
from gateway.core.people.people import PersonKind, Staff, Status, StatusKind
from gateway.core.sending.event import EventType
from gateway.core.sending.outbox import Deferred, Refused, Result, Sent, Unknown
from gateway.core.triggers.application_change import ChangeResult
from gateway.core.triggers.events.status_changed import STATUS_CHANGED
from gateway.core.triggers.events.submitted import SUBMITTED
from gateway.documents.events import oldest_tellings
from gateway.documents.triggers import state_of
from gateway.store.journal import messages
from gateway.store.triggers import ledger, status_mail, transitions
from gateway.triggers.transitions import ChangeRequest
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


def submit(office: Office, *, dry_run: bool = False) -> ChangeResult:
    wish = ChangeRequest(event=SUBMITTED, references=("4711",), status=None)
    return _do(office, wish, dry_run=dry_run)


def change(
    office: Office, status: str, *references: str, dry_run: bool = False, **more: Any
) -> ChangeResult:
    wish = ChangeRequest(
        event=STATUS_CHANGED,
        references=references or ("4711",),
        status=status,
        actor="s1",
        **{"is_confirmed": True, **more},
    )
    return _do(office, wish, dry_run=dry_run)


def _do(office: Office, wish: ChangeRequest, *, dry_run: bool) -> ChangeResult:
    settings = load(office.folder / "gateway.toml", {})
    return carry_out(settings, office.database, wish, dry_run=dry_run)


async def sent(office: Office) -> list[str]:
    before = len(office.relay.recipients)
    await office.engine.sender.send_due()
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


def test_each_reader_is_told_the_status_as_their_language_calls_it(office: Office) -> None:
    status = Status(
        kind=StatusKind.APPLICATION,
        crm_id="accepted",
        name="Aangenomen",
        names=(("de", "Angenommen"),),
    )
    tell(office.database, "statuses", status)
    tell(office.database, "staff", Staff(crm_id="s1", email="eva@crm.example", language="de"))
    office.person(language="nl")
    text = "Subject: x\n\n{{ application.status }}\n"
    office.template("letter", nl=text, de=text)
    office.flush()

    shown = change(office, "accepted", dry_run=True)

    told = [one.text.strip() for one in shown.preview.mails]
    assert ["Aangenomen", "Angenommen"] == told


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
    done = change(office, "accepted", "4712", "nope", "4711", is_partial=True)
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


EVERY_STATUS = 'event = "status_changed"\nrecipients = ["candidate", "actor"]\n'
BOTH = ["ann@example.org", "eva@crm.example"]


def told_by_feed(office: Office, status: str) -> None:
    tell(office.database, "applications", applied(status=status))


@pytest.mark.parametrize(
    ("statuses", "mailed"),
    [
        ("accepted new accepted", 1),
        ("accepted new accepted new accepted", 1),
        ("accepted refused accepted", 1),
        ("accepted feed:new accepted", 1),
        ("accepted feed:new feed:accepted", 1),
        ("accepted refused feed:accepted", 0),
        ("accepted new", 0),
        ("accepted feed:new", 0),
        ("accepted refused", 0),
    ],
)
async def test_a_status_set_and_taken_back_while_mail_waited_mails_once(
    office: Office, statuses: str, mailed: int
) -> None:
    for status in statuses.split():
        if status.startswith("feed:"):
            told_by_feed(office, status.removeprefix("feed:"))
        else:
            change(office, status)
    now_is_real(office)

    assert BOTH * mailed == await sent(office)
    assert [] == await sent(office)


async def test_a_trigger_for_every_status_tells_only_of_the_one_that_stands(
    office: Office,
) -> None:
    office.trigger("accepted", EVERY_STATUS)
    for status in ("accepted", "new", "refused"):
        change(office, status)
    now_is_real(office)

    assert BOTH == await sent(office)


async def test_of_those_a_relay_put_off_each_gets_the_last_change_once(office: Office) -> None:
    office.relay.answer = lambda to: Deferred("451 later") if "eva" in to else Sent("250 ok")
    change(office, "accepted")
    now_is_real(office)
    await sent(office)
    office.relay.answer = lambda _: Sent("250 ok")
    change(office, "new")
    office.now += timedelta(hours=1)
    taken_back = await sent(office)
    change(office, "accepted")
    office.now = now() + timedelta(hours=2)
    again = await sent(office)

    assert ([], BOTH) == (taken_back, again)


@pytest.mark.parametrize(
    ("ended", "mails"),
    [(Sent("250 ok"), 2), (Unknown("no answer"), 2), (Deferred("451 later"), 4)],
    ids=["sent", "unknown", "deferred"],
)
async def test_mail_on_its_way_while_the_status_was_taken_back_and_set_again_counts(
    office: Office, ended: Result, mails: int
) -> None:
    def answer(_: str) -> Result:
        if len(office.relay.recipients) == 1:
            change(office, "new")
            change(office, "accepted")
        return ended if len(office.relay.recipients) <= 2 else Sent("250 ok")

    office.relay.answer = answer
    change(office, "accepted")
    now_is_real(office)
    await sent(office)
    office.now = now() + timedelta(hours=1)
    await sent(office)
    office.now += timedelta(hours=1)
    await sent(office)

    assert mails == len(office.relay.recipients)
    assert 2 == len({*office.relay.recipients})


async def test_held_mail_of_a_status_taken_back_is_not_let_go(office: Office) -> None:
    await office.work()
    with office.database.writing() as connection:
        ledger.hold(connection, "a copy")
    change(office, "accepted")
    change(office, "new")
    change(office, "accepted")
    await office.engine.resume()
    now_is_real(office)

    assert BOTH == await sent(office)


async def test_two_workers_and_a_restart_make_no_second_mail(office: Office) -> None:
    other = Office(office.folder, office.database, office.relay)
    for status in ("accepted", "new", "accepted"):
        change(office, status)
    now_is_real(office)
    other.now = office.now
    await asyncio.gather(office.engine.sender.send_due(), other.engine.sender.send_due())
    office.restart()
    await sent(office)
    other.close()

    assert BOTH == sorted(office.relay.recipients)


async def test_what_is_undone_in_time_mails_nobody(office: Office) -> None:
    office.configure('undo = "2m"\n')
    office.trigger("back", 'event = "status_changed"\nstatus = "new"\n')
    first = change(office, "accepted")
    back = change(office, "new", is_confirmed=False)
    office.now = now() + timedelta(minutes=3)

    assert (2, 2) == (len(first.preview.mails), back.changes[0].withdrawn)
    assert ([], True) == (list(back.preview.mails), back.changes[0].undone)
    assert [] == await sent(office)
    assert [transitions.TAKEN_BACK] * 2 == office.reasons()


async def test_mail_waits_as_long_as_it_can_be_undone_and_no_longer(office: Office) -> None:
    office.configure('undo = "2m"\n')
    change(office, "accepted")
    office.now = now() + timedelta(minutes=1)
    early = await sent(office)
    office.now += timedelta(minutes=1, seconds=1)

    assert ([], BOTH) == (early, await sent(office))


async def test_what_was_undone_and_done_again_mails_once(office: Office) -> None:
    office.configure('undo = "2m"\n')
    for status in ("accepted", "new", "accepted"):
        change(office, status)
    office.now = now() + timedelta(minutes=3)

    assert BOTH == await sent(office)


async def test_a_submission_made_again_before_it_was_acknowledged_is_acknowledged_once(
    office: Office,
) -> None:
    submit(office)
    change(office, "refused")
    change(office, "new")
    submit(office)
    now_is_real(office)

    assert ["ann@example.org"] == await sent(office)


def waiting(office: Office) -> list[tuple[str, str]]:
    with office.database.reading() as connection:
        found = status_mail.waiting(connection)
    return [(one.recipient, one.state.value) for one in found[::-1]]


def history(office: Office) -> list[tuple[str, list[str]]]:
    """Return the status of each change, and where its mails stand."""
    with office.database.reading() as connection:
        found = status_mail.listed(connection)
    return [(one.status, [state_of(mail.row) for mail in one.mails]) for one in found[::-1]]


async def test_mail_that_waits_is_in_the_outbox_and_the_history_until_it_leaves(
    office: Office,
) -> None:
    office.configure('undo = "2m"\n')
    change(office, "accepted")
    before = waiting(office), history(office)
    office.now = now() + timedelta(minutes=3)
    await sent(office)

    assert [(one, "queued") for one in BOTH] == before[0]
    assert [("accepted", ["waiting", "waiting"])] == before[1]
    assert [] == waiting(office)
    assert [("accepted", ["sent", "sent"])] == history(office)


async def test_the_history_tells_what_was_undone_and_what_was_replaced(office: Office) -> None:
    office.trigger("accepted", EVERY_STATUS)
    for status in ("accepted", "refused", "new", "refused"):
        change(office, status)

    assert [
        ("accepted", ["skipped", "skipped"]),
        ("refused", ["skipped", "skipped"]),
        ("new", ["undone", "undone"]),
        ("refused", ["waiting", "waiting"]),
    ] == history(office)


async def test_mail_that_waits_can_be_given_up(office: Office) -> None:
    change(office, "accepted")
    with office.database.writing() as connection:
        for one in status_mail.waiting(connection):
            status_mail.cancel_entry(connection, one.id, now())
    now_is_real(office)

    assert ([], []) == (waiting(office), await sent(office))
    assert [status_mail.CANCELLED] * 2 == office.reasons()


async def test_that_all_mail_of_a_change_has_ended_is_told_once(office: Office) -> None:
    office.relay.answer = lambda to: Deferred("451 later") if "eva" in to else Sent("250 ok")
    change(office, "accepted")
    now_is_real(office)
    await sent(office)
    await office.engine.reporter.report()
    early = ends(office)
    office.relay.answer = lambda _: Refused("550 no")
    office.now += timedelta(hours=1)
    await sent(office)
    await office.engine.reporter.report()
    await office.engine.reporter.report()

    assert [] == early
    wanted = {"trigger": "accepted", "event": "status_changed", "reference": "4711"}
    assert [{**wanted, "status": "accepted", "sent": 1, "failed": 1, "skipped": 0}] == [
        {key: one[key] for key in (*wanted, "status", "sent", "failed", "skipped")}
        for one in ends(office)
    ]


def ends(office: Office) -> list[Any]:
    with office.database.reading() as connection:
        told = oldest_tellings(connection, 100)
    wanted = EventType.TRIGGER_RUN_FINISHED
    return [one.data for each in told.values() for one in each if one.type is wanted]


async def test_a_trigger_for_every_status_does_not_tell_what_a_feed_changed_since(
    office: Office,
) -> None:
    office.trigger("accepted", EVERY_STATUS)
    change(office, "accepted")
    told_by_feed(office, "refused")
    now_is_real(office)

    assert [] == await sent(office)
    assert [transitions.ANOTHER_STATUS] * 2 == office.reasons()
