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
from gateway.core.sending.outbox import AttemptResult, Deferred, Refused, Sent, Unknown
from gateway.core.triggers import reasons
from gateway.core.triggers.application_change import ChangeResult
from gateway.core.triggers.events.status_changed import STATUS_CHANGED
from gateway.core.triggers.events.submitted import SUBMITTED
from gateway.documents.events import oldest_webhook_events
from gateway.documents.triggers.triggers import state_of
from gateway.store.journal import messages
from gateway.store.triggers import ledger, status_mail
from gateway.triggers.transitions import ChangeRequest
from tests.store.feeding import member, no_bulk, person, tell
from tests.triggers.node import ANN, TriggerNode

ACCEPTED = """\
event = "status_changed"
status = "accepted"
recipients = ["candidate", "actor"]
"""


@pytest.fixture
def node(node: TriggerNode) -> TriggerNode:
    """A node with one application of Ann's and a trigger for the status accepted."""
    statuses = (
        Status(kind=StatusKind.APPLICATION, crm_id=one, initial=one == "new")
        for one in ("new", "accepted", "refused")
    )
    tell(node.database, "statuses", *statuses)
    tell(node.database, "staff", Staff(crm_id="s1", email="eva@crm.example"))
    tell(node.database, "programmes", Programme(crm_id="p1"))
    tell(node.database, "applications", applied())
    node.trigger("accepted", ACCEPTED)
    node.person(consent_email=False)
    node.flush()
    return node


def applied(reference: str = "4711", status: str = "new") -> Application:
    return Application(reference=reference, person=ANN, programme="p1", status=status)


def submit(node: TriggerNode, *, dry_run: bool = False) -> ChangeResult:
    wish = ChangeRequest(event=SUBMITTED, references=("4711",), status=None)
    return _do(node, wish, dry_run=dry_run)


def change(
    node: TriggerNode, status: str, *references: str, dry_run: bool = False, **more: Any
) -> ChangeResult:
    wish = ChangeRequest(
        event=STATUS_CHANGED,
        references=references or ("4711",),
        status=status,
        actor="s1",
        **{"is_confirmed": True, **more},
    )
    return _do(node, wish, dry_run=dry_run)


def _do(node: TriggerNode, wish: ChangeRequest, *, dry_run: bool) -> ChangeResult:
    settings = load(node.folder / "gateway.toml", {})
    return carry_out(settings, node.database, wish, dry_run=dry_run)


async def sent(node: TriggerNode) -> list[str]:
    before = len(node.relay.recipients)
    await node.engine.sender.send_due()
    return sorted(node.relay.recipients[before:])


def now_is_real(node: TriggerNode) -> None:
    """Let the node's clock stand after what was just done."""
    node.now = now() + timedelta(seconds=1)


async def test_a_submission_is_acknowledged_at_once_without_consent_or_hours(
    node: TriggerNode,
) -> None:
    node.configure('daily_at = "23:59"\nquiet_hours = "00:00-23:59"\n')
    submit(node)
    now_is_real(node)

    assert ["ann@example.org"] == await sent(node)
    assert ["sent"] == node.states()
    assert [] == await sent(node)


@pytest.mark.parametrize("before", ["", ACCEPTED + "enabled = false\n"], ids=["made", "on"])
async def test_what_a_trigger_owes_leaves_however_lately_it_was_made_or_switched_on(
    node: TriggerNode, before: str
) -> None:
    file = node.folder / "triggers" / "accepted.toml"
    file.unlink()
    if before:
        node.trigger("accepted", before)
    assert [] == await sent(node)  # It has read the files, and looks again in some seconds.
    node.trigger("accepted", ACCEPTED)
    change(node, "accepted")
    now_is_real(node)

    assert ["ann@example.org", "eva@crm.example"] == await sent(node)


async def test_a_dry_run_leaves_nothing_behind(node: TriggerNode) -> None:
    shown = change(node, "accepted", dry_run=True)
    now_is_real(node)

    assert 2 == len(shown.preview.mails)
    assert [] == await sent(node)
    assert [] == node.ledger()
    assert change(node, "accepted").changes[0].changed


async def test_each_change_is_an_occurrence_of_its_own(node: TriggerNode) -> None:
    change(node, "accepted")
    now_is_real(node)
    first = await sent(node)
    change(node, "refused")
    change(node, "accepted")
    now_is_real(node)
    second = await sent(node)

    assert ["ann@example.org", "eva@crm.example"] == first == second


def test_each_reader_is_told_the_status_as_their_language_calls_it(node: TriggerNode) -> None:
    status = Status(
        kind=StatusKind.APPLICATION,
        crm_id="accepted",
        name="Aangenomen",
        names=(("de", "Angenommen"),),
    )
    tell(node.database, "statuses", status)
    tell(node.database, "staff", Staff(crm_id="s1", email="eva@crm.example", language="de"))
    node.person(language="nl")
    text = "Subject: x\n\n{{ application.status }}\n"
    node.template("letter", nl=text, de=text)
    node.flush()

    shown = change(node, "accepted", dry_run=True)

    told = [one.text.strip() for one in shown.preview.mails]
    assert ["Aangenomen", "Angenommen"] == told


async def test_what_changed_again_before_it_left_is_not_mailed(node: TriggerNode) -> None:
    """RELIABILITY E6: the conditions are looked at again in the moment of sending."""
    change(node, "accepted")
    change(node, "refused")
    now_is_real(node)

    assert [] == await sent(node)
    assert ["the application has another status now"] * 2 == node.reasons()


async def test_a_relay_that_puts_off_gets_it_later_and_once(node: TriggerNode) -> None:
    node.relay.answer = lambda _: Deferred("451 later")
    change(node, "accepted")
    now_is_real(node)
    await sent(node)
    node.relay.answer = lambda _: Sent("250 ok")
    node.now += timedelta(hours=1)
    again = await sent(node)

    assert ["ann@example.org", "eva@crm.example"] == again
    assert [] == await sent(node)


async def test_who_is_out_of_mailings_gets_it_and_who_gets_no_mail_does_not(
    node: TriggerNode,
) -> None:
    tell(node.database, "groups", no_bulk("g"))
    tell(node.database, "memberships", member("ann", "g"))
    change(node, "accepted")
    now_is_real(node)
    in_group = await sent(node)
    dead = Status(kind=StatusKind.CANDIDATE, crm_id="dead", tag="NoMailTag")
    tell(node.database, "statuses", dead)
    node.person(status="dead")
    node.flush()
    change(node, "refused")
    change(node, "accepted")
    now_is_real(node)
    of_dead = await sent(node)

    assert "ann@example.org" in in_group
    assert ["eva@crm.example"] == of_dead


async def test_it_is_in_the_journal_as_individual_mail(node: TriggerNode) -> None:
    change(node, "accepted")
    now_is_real(node)
    await sent(node)

    with node.database.reading() as connection:
        found = messages.list_messages(connection)
    told: list[Any] = [(one.kind, one.rule, one.deliveries[0].state) for one in found]
    assert [(Kind.INDIVIDUAL, "trigger:accepted", State.RELAYED)] * 2 == told


async def test_several_applications_at_once_and_one_that_is_unknown(node: TriggerNode) -> None:
    tell(node.database, "people", person("bob", "bob@example.org"))
    tell(node.database, "applications", applied(), applied("4712"))
    done = change(node, "accepted", "4712", "nope", "4711", is_partial=True)
    now_is_real(node)

    assert [("4712", True), ("nope", False), ("4711", True)] == [
        (one.reference, one.changed) for one in done.changes
    ]
    assert done.has_failed
    assert ["ann@example.org"] * 2 + ["eva@crm.example"] * 2 == await sent(node)


async def test_a_contacts_application_is_mailed_to_the_contact(node: TriggerNode) -> None:
    contact = person("c1", "carl@example.org", kind=PersonKind.CONTACT)
    tell(node.database, "people", contact)
    one = Application(reference="9", person=contact.ref, programme="p1", status="new")
    tell(node.database, "applications", applied(), one)
    change(node, "accepted", "9")
    now_is_real(node)

    assert ["carl@example.org", "eva@crm.example"] == await sent(node)


EVERY_STATUS = 'event = "status_changed"\nrecipients = ["candidate", "actor"]\n'
BOTH = ["ann@example.org", "eva@crm.example"]


def told_by_feed(node: TriggerNode, status: str) -> None:
    tell(node.database, "applications", applied(status=status))


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
    node: TriggerNode, statuses: str, mailed: int
) -> None:
    for status in statuses.split():
        if status.startswith("feed:"):
            told_by_feed(node, status.removeprefix("feed:"))
        else:
            change(node, status)
    now_is_real(node)

    assert BOTH * mailed == await sent(node)
    assert [] == await sent(node)


async def test_a_trigger_for_every_status_tells_only_of_the_one_that_stands(
    node: TriggerNode,
) -> None:
    node.trigger("accepted", EVERY_STATUS)
    for status in ("accepted", "new", "refused"):
        change(node, status)
    now_is_real(node)

    assert BOTH == await sent(node)


async def test_of_those_a_relay_put_off_each_gets_the_last_change_once(node: TriggerNode) -> None:
    node.relay.answer = lambda to: Deferred("451 later") if "eva" in to else Sent("250 ok")
    change(node, "accepted")
    now_is_real(node)
    await sent(node)
    node.relay.answer = lambda _: Sent("250 ok")
    change(node, "new")
    node.now += timedelta(hours=1)
    taken_back = await sent(node)
    change(node, "accepted")
    node.now = now() + timedelta(hours=2)
    again = await sent(node)

    assert ([], BOTH) == (taken_back, again)


@pytest.mark.parametrize(
    ("ended", "mails"),
    [(Sent("250 ok"), 2), (Unknown("no answer"), 2), (Deferred("451 later"), 4)],
    ids=["sent", "unknown", "deferred"],
)
async def test_mail_on_its_way_while_the_status_was_taken_back_and_set_again_counts(
    node: TriggerNode, ended: AttemptResult, mails: int
) -> None:
    def answer(_: str) -> AttemptResult:
        if len(node.relay.recipients) == 1:
            change(node, "new")
            change(node, "accepted")
        return ended if len(node.relay.recipients) <= 2 else Sent("250 ok")

    node.relay.answer = answer
    change(node, "accepted")
    now_is_real(node)
    await sent(node)
    node.now = now() + timedelta(hours=1)
    await sent(node)
    node.now += timedelta(hours=1)
    await sent(node)

    assert mails == len(node.relay.recipients)
    assert 2 == len({*node.relay.recipients})


async def test_held_mail_of_a_status_taken_back_is_not_let_go(node: TriggerNode) -> None:
    await node.work()
    with node.database.writing() as connection:
        ledger.hold(connection, "a copy")
    change(node, "accepted")
    change(node, "new")
    change(node, "accepted")
    await node.resume()
    now_is_real(node)

    assert BOTH == await sent(node)


async def test_two_workers_and_a_restart_make_no_second_mail(node: TriggerNode) -> None:
    other = TriggerNode(node.folder, node.database, node.relay)
    for status in ("accepted", "new", "accepted"):
        change(node, status)
    now_is_real(node)
    other.now = node.now
    await asyncio.gather(node.engine.sender.send_due(), other.engine.sender.send_due())
    node.restart()
    await sent(node)
    other.close()

    assert BOTH == sorted(node.relay.recipients)


async def test_what_is_undone_in_time_mails_nobody(node: TriggerNode) -> None:
    node.configure('undo = "2m"\n')
    node.trigger("back", 'event = "status_changed"\nstatus = "new"\n')
    first = change(node, "accepted")
    back = change(node, "new", is_confirmed=False)
    node.now = now() + timedelta(minutes=3)

    assert (2, 2) == (len(first.preview.mails), back.changes[0].withdrawn)
    assert ([], True) == (list(back.preview.mails), back.changes[0].undone)
    assert [] == await sent(node)
    assert [reasons.TAKEN_BACK] * 2 == node.reasons()


async def test_mail_waits_as_long_as_it_can_be_undone_and_no_longer(node: TriggerNode) -> None:
    node.configure('undo = "2m"\n')
    change(node, "accepted")
    node.now = now() + timedelta(minutes=1)
    early = await sent(node)
    node.now += timedelta(minutes=1, seconds=1)

    assert ([], BOTH) == (early, await sent(node))


async def test_what_was_undone_and_done_again_mails_once(node: TriggerNode) -> None:
    node.configure('undo = "2m"\n')
    for status in ("accepted", "new", "accepted"):
        change(node, status)
    node.now = now() + timedelta(minutes=3)

    assert BOTH == await sent(node)


async def test_a_submission_made_again_before_it_was_acknowledged_is_acknowledged_once(
    node: TriggerNode,
) -> None:
    submit(node)
    change(node, "refused")
    change(node, "new")
    submit(node)
    now_is_real(node)

    assert ["ann@example.org"] == await sent(node)


def waiting(node: TriggerNode) -> list[tuple[str, str]]:
    with node.database.reading() as connection:
        found = status_mail.list_waiting_mail(connection)
    return [(one.recipient, one.state.value) for one in found[::-1]]


def history(node: TriggerNode) -> list[tuple[str, list[str]]]:
    """Return the status of each change, and where its mails stand."""
    with node.database.reading() as connection:
        found = status_mail.list_mailed_transitions(connection)
    return [(one.status, [state_of(mail.row) for mail in one.mails]) for one in found[::-1]]


async def test_mail_that_waits_is_in_the_outbox_and_the_history_until_it_leaves(
    node: TriggerNode,
) -> None:
    node.configure('undo = "2m"\n')
    change(node, "accepted")
    before = waiting(node), history(node)
    node.now = now() + timedelta(minutes=3)
    await sent(node)

    assert [(one, "queued") for one in BOTH] == before[0]
    assert [("accepted", ["waiting", "waiting"])] == before[1]
    assert [] == waiting(node)
    assert [("accepted", ["sent", "sent"])] == history(node)


async def test_the_history_tells_what_was_undone_and_what_was_replaced(node: TriggerNode) -> None:
    node.trigger("accepted", EVERY_STATUS)
    for status in ("accepted", "refused", "new", "refused"):
        change(node, status)

    assert [
        ("accepted", ["skipped", "skipped"]),
        ("refused", ["skipped", "skipped"]),
        ("new", ["undone", "undone"]),
        ("refused", ["waiting", "waiting"]),
    ] == history(node)


async def test_mail_that_waits_can_be_given_up(node: TriggerNode) -> None:
    change(node, "accepted")
    with node.database.writing() as connection:
        for one in status_mail.list_waiting_mail(connection):
            status_mail.cancel_entry(connection, one.id, now())
    now_is_real(node)

    assert ([], []) == (waiting(node), await sent(node))
    assert [reasons.CANCELLED] * 2 == node.reasons()


async def test_that_all_mail_of_a_change_has_ended_is_told_once(node: TriggerNode) -> None:
    node.relay.answer = lambda to: Deferred("451 later") if "eva" in to else Sent("250 ok")
    change(node, "accepted")
    now_is_real(node)
    await sent(node)
    await node.engine.reporter.report()
    early = ends(node)
    node.relay.answer = lambda _: Refused("550 no")
    node.now += timedelta(hours=1)
    await sent(node)
    await node.engine.reporter.report()
    await node.engine.reporter.report()

    assert [] == early
    wanted = {"trigger": "accepted", "event": "status_changed", "reference": "4711"}
    assert [{**wanted, "status": "accepted", "sent": 1, "failed": 1, "skipped": 0}] == [
        {key: one[key] for key in (*wanted, "status", "sent", "failed", "skipped")}
        for one in ends(node)
    ]


def ends(node: TriggerNode) -> list[Any]:
    with node.database.reading() as connection:
        told = oldest_webhook_events(connection, 100)
    wanted = EventType.TRIGGER_RUN_FINISHED
    return [one.data for each in told.values() for one in each if one.type is wanted]


async def test_a_trigger_for_every_status_does_not_tell_what_a_feed_changed_since(
    node: TriggerNode,
) -> None:
    node.trigger("accepted", EVERY_STATUS)
    change(node, "accepted")
    told_by_feed(node, "refused")
    now_is_real(node)

    assert [] == await sent(node)
    assert [reasons.OTHER_STATUS] * 2 == node.reasons()
