"""Each occurrence once, whatever clocks, nodes, relays and people do meanwhile."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Never

import pytest
from structlog.testing import capture_logs

from gateway.core.journal.message import Delivery
from gateway.core.kinds import Scope, State
from gateway.core.people.people import Person, Staff
from gateway.core.sending.event import EventType
from gateway.core.sending.outbox import AttemptResult, Deferred, Refused, Sent, Unknown
from gateway.core.triggers.due_times import local_moment
from gateway.core.triggers.occurrence import OccurrenceState
from gateway.store.engine.database import Database, StoreUnavailable
from gateway.store.feed.feed import ImportTerms, feed
from gateway.store.journal import message_lookup, messages
from gateway.store.people import suppression
from gateway.store.sending import events
from gateway.store.triggers import due, epochs
from gateway.triggers.epoch import EpochFile, EpochFileUnusable, RestoreDetector
from gateway.triggers.sender import SenderLimits
from tests.store.feeding import NOW, member, no_bulk, person, tell
from tests.triggers.node import ZONE, TriggerNode

BIRTHDAY = 'event = "birthday"'
BORN = date(1980, 3, 1)


@pytest.fixture
def other(tmp_path: Path, node: TriggerNode, database: Database) -> Iterator[TriggerNode]:
    """A second node on the same store, with the same files and the same relay."""
    other = TriggerNode(node.folder, database, node.relay)
    other.now = node.now
    yield other
    other.close()


def deliveries(node: TriggerNode, to: str = "ann@example.org") -> list[Delivery]:
    with node.database.reading() as connection:
        found = messages.list_messages(connection, to=to)[::-1]
    return [message.deliveries[0] for message in found]


# E1: both nights in which clocks are changed


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
async def test_e1_there_is_one_mail_a_day_in_the_nights_when_clocks_change(
    engine: TriggerNode, day: str
) -> None:
    engine.configure('daily_at = "02:30"\n')
    engine.trigger("birthday", BIRTHDAY)
    engine.person(birthday=date(1980, *date.fromisoformat(day).timetuple()[1:3]))
    midnight = datetime.combine(date.fromisoformat(day), datetime.min.time(), ZONE)
    sent = []

    for quarter in range(0, 16):
        engine.now = midnight.astimezone(UTC) + timedelta(minutes=15 * quarter)
        if await engine.work():
            sent.append(engine.now)

    # The first of the two times that there are, or as much later as the clocks jump: the same.
    assert [datetime(2026, *date.fromisoformat(day).timetuple()[1:3], 1 if "03" in day else 0, 30,
                     tzinfo=UTC)] == sent  # fmt: skip


def test_e1_an_hour_the_clocks_skip_is_later_and_of_two_it_is_the_first() -> None:
    at = time(2, 30)

    assert datetime(2026, 3, 29, 1, 30, tzinfo=UTC) == local_moment(date(2026, 3, 29), at, ZONE)
    assert datetime(2026, 10, 25, 0, 30, tzinfo=UTC) == local_moment(date(2026, 10, 25), at, ZONE)


# E3: clocks that jump, and days that were missed


async def test_e3_a_clock_that_jumps_makes_no_second_mail_and_skips_no_day(
    node: TriggerNode,
) -> None:
    node.trigger("birthday", BIRTHDAY)
    for day in range(1, 6):
        node.person(f"p{day}", birthday=date(1980, 3, day))

    sent = []
    for number in (1, 3, 2, 3, 9, 4, 5, 1):
        sent += [(number, one) for one in await node.work(f"2027-03-0{number}")]

    assert [(day, f"p{day}@example.org") for day in (1, 3, 2, 4, 5)] == sent


async def test_e3_after_an_outage_what_is_in_time_is_sent_and_the_rest_is_expired(
    node: TriggerNode,
) -> None:
    node.trigger("birthday", BIRTHDAY + '\nlatest = "2d"')
    for day in range(1, 7):
        node.person(f"p{day}", birthday=date(1980, 3, day))
    await node.work("2027-03-01")

    sent = await node.work("2027-03-06")

    assert [f"p{day}@example.org" for day in (4, 5, 6)] == sorted(sent)
    assert [["expired"], ["expired"], ["sent"]] == [node.states(f"p{day}") for day in (2, 3, 4)]
    counts = node.runs()[-1].counts
    assert (3, 2) == (counts[OccurrenceState.SENT], counts[OccurrenceState.EXPIRED])


async def test_e3_a_birthday_mail_never_leaves_after_the_end_of_its_day(
    engine: TriggerNode,
) -> None:
    engine.trigger("birthday", BIRTHDAY)
    engine.person(birthday=BORN)
    engine.relay.answer = lambda _: Deferred("450 later")
    await engine.work("2027-03-01", 8)
    engine.relay.answer = lambda _: Sent("250 ok")

    late = await engine.work("2027-03-02", 0)

    assert [] == late
    assert engine.states() == ["expired"]


async def test_e9_a_birthday_mail_leaves_in_the_evening_if_the_relay_is_back_by_then(
    engine: TriggerNode,
) -> None:
    """Six hours after the sixth attempt it would be too late."""
    engine.trigger("birthday", BIRTHDAY)
    engine.person(birthday=BORN)
    engine.relay.answer = lambda _: Deferred("450 later")
    for hour, minute in ((8, 0), (8, 2), (8, 10), (8, 30), (9, 50), (13, 20), (20, 0)):
        engine.at("2027-03-01", hour, minute)
        await engine.work()
    engine.relay.answer = lambda _: Sent("250 ok")

    assert ["ann@example.org"] == await engine.work("2027-03-01", 23)


# E4: two nodes


async def test_e4_two_nodes_send_each_mail_once(node: TriggerNode, other: TriggerNode) -> None:
    node.trigger("birthday", BIRTHDAY)
    for number in range(40):
        node.person(f"p{number}", birthday=BORN)
    node.flush()

    await asyncio.gather(node.work("2027-03-01"), other.work("2027-03-01"))

    assert sorted(f"p{number}@example.org" for number in range(40)) == sorted(node.relay.recipients)


async def test_e4_what_a_node_could_not_prepare_is_anothers_at_once(
    node: TriggerNode, other: TriggerNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.trigger("birthday", BIRTHDAY)
    node.person(birthday=BORN)

    def away(*_: object) -> Never:
        raise StoreUnavailable("away for a moment")

    with monkeypatch.context() as patch:
        patch.setattr(due, "facts_of", away)
        with pytest.raises(StoreUnavailable):
            await node.work("2027-03-01")

    assert ["ann@example.org"] == await other.work("2027-03-01")


async def test_e4_where_the_answer_to_the_commit_is_lost_a_mail_is_told_of_once(
    node: TriggerNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.trigger("birthday", BIRTHDAY)
    node.person(birthday=BORN)
    write, lost = node.database.write, list[object]()

    async def answer_lost(work: Callable[..., object], *args: object, **more: object) -> object:
        answer = await write(work, *args, **more)
        if node.relay.recipients and not lost:
            lost.append(answer)
            raise StoreUnavailable("the connection broke")
        return answer

    monkeypatch.setattr(node.database, "write", answer_lost)
    monkeypatch.setattr(node.engine.sender, "_limits", SenderLimits(away=timedelta(0)))
    sent = await node.work("2027-03-01")

    with node.database.reading() as connection:
        told = [event.type for event in events.oldest(connection, 10)]
    assert (["ann@example.org"], ["sent"], [[True]]) == (sent, node.states(), lost)
    assert 1 == told.count(EventType.TRIGGER_SENT)


async def test_e4_two_nodes_make_one_report(node: TriggerNode, other: TriggerNode) -> None:
    node.configure('report_to = "boss@example.org"\n')
    node.trigger("birthday", BIRTHDAY)
    node.person(birthday=BORN)

    await node.work("2027-03-01")
    await other.work("2027-03-01")
    await node.engine.reporter.report()

    [report] = node.queued()
    assert ("trigger_report", "boss@example.org") == (report.type, report.recipient)


# E5: a crash in the middle


async def test_e5_what_was_being_sent_when_the_process_died_is_unknown_and_never_sent_again(
    node: TriggerNode,
) -> None:
    node.trigger("birthday", BIRTHDAY)
    node.person(birthday=BORN)
    node.relay.answer = _die

    with pytest.raises(BaseExceptionGroup):
        await node.work("2027-03-01")
    node.relay.answer = lambda _: Sent("250 ok")
    node.restart()
    again = await node.work("2027-03-01", 10) + await node.work("2027-03-01", 20)

    assert [] == again
    assert node.states() == ["unknown"]
    assert [State.UNKNOWN] == [one.state for one in deliveries(node)]
    assert node.runs()[0].counts == {OccurrenceState.UNKNOWN: 1}


def _die(_: str) -> AttemptResult:
    raise Killed


class Killed(BaseException):
    """Stands for the end of the process: nothing after it is done."""


async def test_e5_a_retry_sends_the_same_octets_under_the_same_message_id(
    node: TriggerNode,
) -> None:
    node.trigger("birthday", BIRTHDAY)
    node.person(birthday=BORN)
    node.relay.answer = lambda _: Deferred("450 later")
    await node.work("2027-03-01", 8)
    node.template("letter", de="Subject: Another one\n\nText\n")
    node.relay.answer = lambda _: Sent("250 ok")

    await node.work("2027-03-01", 9)

    first, second = node.relay.contents
    assert first == second
    assert node.states() == ["sent"]
    assert [State.DEFERRED, State.RELAYED] == [one.state for one in deliveries(node)]


@pytest.mark.parametrize(
    ("answer", "state"),
    [(Refused("550 no"), "failed"), (Unknown("silence"), "unknown"), (Sent("250"), "sent")],
)
async def test_e5_what_is_settled_is_not_sent_again(
    engine: TriggerNode, answer: AttemptResult, state: str
) -> None:
    engine.trigger("birthday", BIRTHDAY)
    engine.person(birthday=BORN)
    engine.relay.answer = lambda _: answer

    sent = await engine.work("2027-03-01", 8) + await engine.work("2027-03-01", 12)

    assert ["ann@example.org"] == sent
    assert [state] == engine.states()


# E6: people change between queueing and sending


async def test_e6_conditions_are_looked_at_again_in_the_moment_of_sending(
    node: TriggerNode,
) -> None:
    node.configure('quiet_hours = "07:00-10:00"\n')
    node.trigger("birthday", BIRTHDAY)
    for who in ("ann", "bob", "cat", "dan", "eva", "fay"):
        node.person(who, birthday=BORN)
    quiet = await node.work("2027-03-01", 9)
    node.person("ann", birthday=BORN, consent_email=False)
    node.person("bob", birthday=date(1980, 3, 2))
    node.person("cat", birthday=BORN, active=False)
    tell(node.database, "groups", no_bulk())
    tell(node.database, "memberships", member("dan"))
    node.flush()
    with feed(node.database, "people") as under_way:
        under_way.keep_all([(2, ("candidate", "eva"))])
        under_way.apply(ImportTerms(source="crm", now=NOW, remove=True))

    sent = await node.work("2027-03-01", 10)

    assert ([], ["fay@example.org"]) == (quiet, sent)
    assert ["no consent to e-mail"] == node.reasons("ann")
    assert ["the birthday is another day now"] == node.reasons("bob")
    assert ["not active"] == node.reasons("cat")
    assert ['suppressed: group "Geen bulk-mail"'] == node.reasons("dan")
    assert ["the person is gone"] == node.reasons("eva")
    [failed] = deliveries(node, "dan@example.org")
    assert State.SEND_FAILED is failed.state
    assert "Geen bulk-mail" in failed.note


async def test_e6_a_new_address_is_written_to_not_the_old_one(engine: TriggerNode) -> None:
    engine.trigger("birthday", BIRTHDAY)
    engine.person(birthday=BORN)
    engine.relay.answer = lambda _: Deferred("450 later")
    await engine.work("2027-03-01", 8)
    engine.relay.answer = lambda _: Sent("250 ok")
    engine.people(_moved())

    sent = await engine.work("2027-03-01", 9)

    assert ["new@example.org"] == sent
    assert "new@example.org" in str(engine.relay.mails[-1]["To"])
    assert engine.relay.mails[0]["Message-ID"] == engine.relay.mails[1]["Message-ID"]


def _moved() -> Person:
    return person("ann", "new@example.org", birthday=BORN, consent_email=True, language="de")


async def test_e6_a_suppression_added_a_moment_before_counts(engine: TriggerNode) -> None:
    engine.trigger("birthday", BIRTHDAY + '\nkind = "individual"')
    engine.person(birthday=BORN)
    with engine.database.writing() as connection:
        suppression.add(
            connection, id=1, ref_or_address="ann@example.org", scope=Scope.ALL, remark="",
            public=False, by="eva", since=NOW, until=None,
        )  # fmt: skip

    assert [] == await engine.work("2027-03-01")
    assert ["suppressed: staff"] == engine.reasons()


async def test_a_pause_holds_mail_back_until_it_is_lifted(engine: TriggerNode) -> None:
    engine.trigger("birthday", BIRTHDAY)
    engine.person(birthday=BORN)
    with engine.database.writing() as connection:
        message_lookup.pause(connection, "bulk", now=NOW, by="ops")

    paused = await engine.work("2027-03-01", 8)
    with engine.database.writing() as connection:
        message_lookup.resume(connection)

    assert ([], ["ann@example.org"]) == (paused, await engine.work("2027-03-01", 9))


# E7: the rule changes while mail is due


@pytest.mark.parametrize(
    ("edited", "reason"),
    [
        (BIRTHDAY + "\nenabled = false", "the trigger is switched off"),
        ('event = "set_date"\ndates = ["2027-03-01"]', "the trigger is gone"),
        ("", "the trigger is gone"),
    ],
)
async def test_e7_mail_due_under_a_rule_that_is_gone_or_off_is_skipped(
    engine: TriggerNode, edited: str, reason: str
) -> None:
    engine.configure('quiet_hours = "07:00-10:00"\n')
    engine.trigger("birthday", BIRTHDAY)
    engine.person(birthday=BORN)
    await engine.work("2027-03-01", 9)
    if edited:
        engine.trigger("birthday", edited)
    else:
        (engine.folder / "triggers" / "birthday.toml").unlink()

    assert [] == await engine.work("2027-03-01", 10)
    assert [reason] == engine.reasons()


async def test_e7_mail_due_under_a_rule_that_can_not_be_used_waits_until_it_is_mended(
    engine: TriggerNode,
) -> None:
    """A process that begins now has never read the file, and must not take it for deleted."""
    engine.configure('quiet_hours = "07:00-10:00"\n')
    engine.trigger("birthday", BIRTHDAY)
    engine.person(birthday=BORN)
    await engine.work("2027-03-01", 9)
    engine.trigger("birthday", "event = ")
    engine.restart()

    assert [] == await engine.work("2027-03-01", 10)
    assert ["the trigger's file can't be used: gateway check says why"] == engine.reasons()

    engine.trigger("birthday", BIRTHDAY)
    assert ["ann@example.org"] == await engine.work("2027-03-01", 11)


HAD = "had it from a trigger that is off or gone: diplomas"
ENDS = 'event = "qualification_expired"'


@pytest.mark.parametrize("old", ["gone", "off"])
async def test_e7_a_trigger_that_takes_the_place_of_another_mails_nothing_again(
    node: TriggerNode, old: str
) -> None:
    """Renaming its file, or writing another and switching the old one off, is no new event."""
    node.trigger("diplomas", ENDS)
    node.person("ann")
    node.people(person("ben", "ann@example.org", consent_email=True, language="de"))
    node.qualification("q1", "ann", expires_on="2027-02-20")
    node.qualification("q2", "ben", expires_on="2027-02-20")
    assert ["ann@example.org"] == await node.work("2027-03-01")
    if old == "gone":
        (node.folder / "triggers" / "diplomas.toml").unlink()
    else:
        node.trigger("diplomas", f"enabled = false\n{ENDS}")
    node.trigger("certificates", ENDS)
    node.person("cat")
    node.qualification("q3", "cat", expires_on="2027-02-20")
    node.at("2027-03-02")
    shown = node.preview("certificates", "2027-03-02")

    assert ["cat@example.org"] == [mail.to for mail in shown.mails]
    assert [HAD, HAD] == [skip.reason for skip in shown.skipped]
    assert ["cat@example.org"] == await node.work("2027-03-02")
    assert ["sent", "skipped"] == node.states("ann")
    assert HAD == node.reasons("ann")[-1]
    assert [] == await node.work("2027-03-03")


async def test_e7_a_trigger_beside_another_that_is_on_mails_too(engine: TriggerNode) -> None:
    engine.trigger("diplomas", ENDS)
    engine.person("ann")
    engine.qualification(expires_on="2027-02-20")
    await engine.work("2027-03-01")
    engine.trigger("certificates", ENDS)

    assert ["ann@example.org"] == await engine.work("2027-03-02")

    # What has looked before took nobody's place: it mails on when the other ends.
    (engine.folder / "triggers" / "diplomas.toml").unlink()
    engine.qualification(expires_on="2027-03-02")
    assert ["ann@example.org"] == await engine.work("2027-03-03")


async def test_e7_what_was_due_when_a_trigger_was_renamed_is_mailed_under_its_new_name(
    engine: TriggerNode,
) -> None:
    engine.configure('quiet_hours = "07:00-10:00"\n')
    engine.trigger("birthday", BIRTHDAY)
    engine.person(birthday=BORN)
    await engine.work("2027-03-01", 9)
    folder = engine.folder / "triggers"
    (folder / "birthday.toml").rename(folder / "wishes.toml")

    assert ["ann@example.org"] == await engine.work("2027-03-01", 10)


async def test_e7_a_date_taken_out_of_the_trigger_is_not_mailed_any_more(
    engine: TriggerNode,
) -> None:
    engine.configure('quiet_hours = "07:00-10:00"\n')
    engine.trigger("dates", 'event = "set_date"\ndates = ["2027-03-01"]')
    engine.person(mail_on_set_date=True)
    await engine.work("2027-03-01", 9)
    engine.trigger("dates", 'event = "set_date"\ndates = ["2027-03-02"]')

    assert [] == await engine.work("2027-03-01", 10)
    assert ["the date is no longer stored in the trigger"] == engine.reasons()


async def test_e7_a_file_that_has_become_wrong_leaves_the_trigger_as_it_was(
    engine: TriggerNode,
) -> None:
    engine.trigger("birthday", BIRTHDAY)
    engine.person(birthday=BORN)
    await engine.work("2027-02-28")
    engine.trigger("birthday", 'event = "birthdy"')

    with capture_logs() as lines:
        sent = await engine.work("2027-03-01")

    assert ["ann@example.org"] == sent
    assert "trigger_refused" in [line["event"] for line in lines]


async def test_e7_a_new_file_counts_without_a_restart(engine: TriggerNode) -> None:
    engine.person(birthday=BORN)
    await engine.work("2027-02-28")
    engine.trigger("birthday", BIRTHDAY)

    assert ["ann@example.org"] == await engine.work("2027-03-01")


# E8: one template that fails


async def test_e8_a_template_that_fails_for_one_person_fails_for_nobody_else(
    engine: TriggerNode,
) -> None:
    engine.template("letter", de="Subject: x\n\n{{ 1 // (person.first_name | length - 3) }}\n")
    engine.trigger("birthday", BIRTHDAY)
    for who in ("anna", "bob", "carl"):
        engine.person(who, birthday=BORN)

    sent = await engine.work("2027-03-01")

    assert ["anna@example.org", "carl@example.org"] == sorted(sent)
    assert (["failed"], ["sent"]) == (engine.states("bob"), engine.states("carl"))
    assert "it divides by 0" in engine.reasons("bob")[0]


async def test_e8_a_mail_that_cannot_be_written_stops_nobody_elses(engine: TriggerNode) -> None:
    broken = '{% if person.first_name == "Bob" %}{{ "\\ud800" }}{% endif %}'
    engine.template("letter", de=f"Subject: x\n\n{broken}\n")
    engine.trigger("birthday", BIRTHDAY)
    for who in ("anna", "bob", "carl"):
        engine.person(who, birthday=BORN)

    sent = await engine.work("2027-03-01")

    assert ["anna@example.org", "carl@example.org"] == sorted(sent)
    assert ["failed"] == engine.states("bob")


# E9: many at once


async def test_e9_a_4xx_in_the_middle_puts_off_that_mail_alone(engine: TriggerNode) -> None:
    engine.trigger("birthday", BIRTHDAY)
    for number in range(30):
        engine.person(f"p{number:02}", birthday=BORN)
    engine.relay.answer = lambda to: Deferred("450 busy") if to.startswith("p1") else Sent("250")
    await engine.work("2027-03-01", 8)
    engine.relay.answer = lambda _: Sent("250 ok")

    again = await engine.work("2027-03-01", 9)

    assert [f"p{number}@example.org" for number in range(10, 20)] == sorted(again)
    assert {"sent"} == {engine.states(f"p{number:02}")[0] for number in range(30)}


# Quiet hours


async def test_date_mail_waits_for_the_end_of_quiet_hours(engine: TriggerNode) -> None:
    engine.configure('daily_at = "06:00"\nquiet_hours = "21:00-07:00"\n')
    engine.trigger("birthday", BIRTHDAY)
    engine.person(birthday=BORN)

    quiet = await engine.work("2027-03-01", 6)
    loud = await engine.work("2027-03-01", 7)

    assert ([], ["ann@example.org"]) == (quiet, loud)


# What looks like a copy, and what is far more than usual


async def test_a_restored_store_holds_its_mail_until_it_is_let_go(node: TriggerNode) -> None:
    node.trigger("birthday", BIRTHDAY)
    node.person(birthday=BORN)
    await node.work("2027-03-01")
    file = node.folder / "outage" / "epoch"
    mark = file.read_text()
    node.person("bob", birthday=date(1980, 3, 2))
    # The file has seen a mail the store knows nothing of any more.
    file.write_text(mark.replace('"high":', '"high":1'))

    held = await node.work("2027-03-02")
    let_go = await node.resume()
    sent = await node.work("2027-03-02", 10)

    assert ([], 1) == (held, let_go)
    assert ["bob@example.org"] == sent
    assert ["finished", "finished"] == [run.state for run in node.runs()]


@pytest.mark.parametrize("mark", ["", '{"epoch":"other","high":1}'])
async def test_a_cloned_store_holds_its_mail(
    engine: TriggerNode, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.triggers.epoch.JOIN_SECONDS", 0.01)
    engine.trigger("birthday", BIRTHDAY)
    engine.person(birthday=BORN)
    await engine.work("2027-03-01")
    file = engine.folder / "outage" / "epoch"
    file.unlink()
    if mark:
        file.write_text(mark)
    engine.person("bob", birthday=date(1980, 3, 2))

    held = await engine.work("2027-03-02")

    assert [] == held
    assert engine.states("bob") == ["held"]
    assert ["held"] == [run.state for run in engine.runs()][-1:]


async def test_a_node_that_joins_a_store_at_work_needs_no_ado(
    node: TriggerNode, tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.triggers.epoch.JOIN_SECONDS", 0.05)
    node.trigger("birthday", BIRTHDAY)
    node.person(birthday=BORN)
    await node.work("2027-03-01")
    joining = TriggerNode(tmp_path / "second", database, node.relay)
    joining.trigger("birthday", BIRTHDAY)
    joining.person("bob", birthday=date(1980, 3, 2))

    async def live() -> None:
        while True:
            await node.engine.restore_detector.show_life()
            await asyncio.sleep(0.02)

    life = asyncio.create_task(live())
    sent = await joining.work("2027-03-02")
    life.cancel()
    joining.close()

    assert ["bob@example.org"] == sent


async def test_a_run_far_larger_than_usual_is_held_and_reported_at_once(node: TriggerNode) -> None:
    node.configure('report_to = "boss@example.org"\n')
    node.trigger("birthday", BIRTHDAY)
    node.person(birthday=BORN)
    await node.work("2027-03-01")
    for number in range(100):
        node.person(f"p{number}", birthday=date(1980, 3, 2))

    held = await node.work("2027-03-02")
    reports = len(node.queued())
    await node.resume()
    sent = await node.work("2027-03-02", 10)

    assert ([], 2) == (held, reports)
    assert len(sent) == 100
    assert len(node.queued()) == 3


async def test_a_first_run_is_never_far_more_than_usual(engine: TriggerNode) -> None:
    engine.trigger("birthday", BIRTHDAY)
    for number in range(120):
        engine.person(f"p{number}", birthday=BORN)

    assert len(await engine.work("2027-03-01")) == 120


# Reports


async def test_a_run_that_sent_is_reported_by_mail_and_kept(engine: TriggerNode) -> None:
    engine.configure('report_to = "boss@example.org"\n')
    engine.trigger("birthday", BIRTHDAY + '\nreport_to = "own@example.org"')
    engine.person("ann", birthday=BORN)
    engine.person("bob", birthday=BORN, consent_email=False)

    await engine.work("2027-03-01")

    [report] = engine.queued()
    [run] = engine.runs()
    assert report.recipient == "own@example.org"
    assert b"candidate:bob: geen toestemming voor e-mail" in report.body
    assert ("finished", 1, 1) == (run.state, run.counts[OccurrenceState.SENT], run.left_out)


@pytest.mark.parametrize(("asked", "told"), [(False, 0), (True, 1)])
async def test_a_run_without_mail_is_reported_only_when_asked(
    engine: TriggerNode, asked: bool, told: int
) -> None:
    engine.configure(f'report_to = "boss@example.org"\nreport_empty = {str(asked).lower()}\n')
    engine.trigger("birthday", BIRTHDAY)
    engine.person()

    await engine.work("2027-03-01")

    assert told == len(engine.queued()) == len(engine.runs())


async def test_a_run_whose_mail_failed_is_reported_with_the_reason(engine: TriggerNode) -> None:
    engine.configure('report_to = "boss@example.org"\n')
    engine.trigger("birthday", BIRTHDAY)
    engine.person(birthday=BORN)
    engine.relay.answer = lambda _: Refused("550 5.1.1 unknown")

    await engine.work("2027-03-01")

    [report] = engine.queued()
    assert b"candidate:ann: mislukt: 550 5.1.1 unknown" in report.body


async def test_a_run_whose_mail_is_put_off_for_long_is_reported_meanwhile_and_at_its_end(
    engine: TriggerNode,
) -> None:
    engine.configure('report_to = "boss@example.org"\n')
    engine.trigger("birthday", BIRTHDAY)
    engine.person(birthday=date(1980, 3, 1))
    engine.relay.answer = lambda _: Deferred("451 4.3.0 later")

    await engine.work("2027-03-01", 9)
    await engine.work("2027-03-01", 11)
    meanwhile = engine.queued()
    engine.relay.answer = lambda _: Sent("250 ok")
    await engine.work("2027-03-01", 18)

    [report] = meanwhile
    assert b"candidate:ann: uitgesteld: 451 4.3.0 later" in report.body
    assert (["sent"], 2) == (engine.states(), len(engine.queued()))


async def test_a_report_is_all_in_the_language_of_the_staff_who_reads_it(
    engine: TriggerNode,
) -> None:
    engine.configure('report_to = "Boss@example.org"\n')
    tell(engine.database, "staff", Staff(crm_id="1", email="boss@example.org", language="de"))
    engine.trigger("birthday", BIRTHDAY)
    engine.person("ann", birthday=BORN)
    engine.person("bob", birthday=BORN, consent_email=False)

    await engine.work("2027-03-01")

    [report] = engine.queued()
    assert b"Content-Language: de" in report.body
    assert b"candidate:bob: keine Zustimmung zum E-Mail-Versand" in report.body


async def test_mail_that_leaves_meanwhile_makes_no_store_look_like_a_copy(
    node: TriggerNode,
) -> None:
    node.trigger("birthday", BIRTHDAY)
    node.person(birthday=BORN)
    await node.work("2027-03-01")
    other = RestoreDetector(node.database, node.folder / "outage" / "epoch")
    with node.database.reading() as connection:
        known = epochs.read(connection)
    assert known is not None
    sent = asyncio.Event()

    async def send() -> None:
        for number in range(known.high + 1, known.high + 60):
            await node.database.write(partial(epochs.reach, message=number))
            await other.reach(number)
        sent.set()

    async def look() -> list[bool]:
        found = []
        while not sent.is_set():
            found.append(await node.engine.restore_detector.may_send())
        return found

    _, found = await asyncio.gather(send(), look())

    assert {True} == set(found)


class TestOncePerAddress:
    async def test_one_person_fed_under_two_ids_gets_one_mail_and_history_says_why(
        self, engine: TriggerNode
    ) -> None:
        engine.trigger("birthday", BIRTHDAY)
        engine.person("ann", birthday=BORN)
        engine.people(person("ann2", "Ann@EXAMPLE.org", birthday=BORN, consent_email=True))

        shown = engine.preview("birthday", "2027-03-01")
        sent = await engine.work("2027-03-01")

        assert ["ann@example.org"] == sent
        assert ["the address had it once today, for candidate:ann"] == engine.reasons("ann2")
        assert ["skipped"] == engine.states("ann2")
        assert ["candidate:ann"] == [str(one.person) for one in shown.mails]
        assert engine.reasons("ann2") == [one.reason for one in shown.skipped]
        assert ["ann@example.org"] == await engine.work("2028-03-01")

    async def test_who_gets_none_leaves_it_to_the_other(self, engine: TriggerNode) -> None:
        engine.trigger("birthday", BIRTHDAY)
        engine.person("ann", birthday=BORN, consent_email=False)
        engine.people(person("ann2", "ann@example.org", birthday=BORN, consent_email=True))

        await engine.work("2027-03-01")

        assert ["sent"] == engine.states("ann2")

    @pytest.mark.parametrize(("name", "mails"), [("Trainer", 1), ("Coach", 2)])
    async def test_about_different_qualifications_all_goes(
        self, engine: TriggerNode, name: str, mails: int
    ) -> None:
        engine.trigger("ended", 'event = "qualification_expired"')
        engine.person("ann")
        engine.people(person("ann2", "ann@example.org", consent_email=True))
        engine.qualification("q1", "ann", expires_on="2027-03-01")
        engine.qualification("q2", "ann2", expires_on="2027-03-01", name=name)

        assert mails == len(await engine.work("2027-03-01"))

    async def test_the_setting_and_other_triggers_let_it_go(self, engine: TriggerNode) -> None:
        engine.trigger("birthday", BIRTHDAY)
        engine.trigger("wishes", BIRTHDAY)
        engine.person("ann", birthday=BORN)
        engine.people(person("ann2", "ann@example.org", birthday=BORN, consent_email=True))

        assert 2 == len(await engine.work("2027-03-01"))
        engine.configure("once_per_address = false\n")
        assert 4 == len(await engine.work("2028-03-01"))

    async def test_two_nodes_at_once_send_one(self, node: TriggerNode, other: TriggerNode) -> None:
        node.trigger("birthday", BIRTHDAY)
        for number in range(12):
            one = person(f"n{number}", "ann@example.org", birthday=BORN, consent_email=True)
            node.people(one)
        node.flush()
        node.at("2027-03-01")
        other.at("2027-03-01")

        await asyncio.gather(node.work(), other.work())

        assert ["ann@example.org"] == node.relay.recipients


async def test_mail_is_due_again_that_the_epoch_file_could_not_say_was_sent(
    node: TriggerNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.trigger("birthday", BIRTHDAY)
    node.person(birthday=BORN)
    await node.work("2027-02-28")  # The store and the file have begun.
    with monkeypatch.context() as patch:

        def full(*_: object) -> None:
            raise EpochFileUnusable("epoch: No space left on device")

        patch.setattr(EpochFile, "write", full)
        with pytest.raises(EpochFileUnusable):
            await node.work("2027-03-01")
    told = node.states(), list(node.relay.recipients)
    node.now += timedelta(minutes=6)
    await node.work()

    assert (["due"], []) == told
    assert ["ann@example.org"] == node.relay.recipients
