"""A clock that jumps: K8."""

from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

from gateway.core.ids import first_id_at
from tests.rig.moved_clock import MovedClock
from tests.smtp_proxy.crm import BULK, NO_BULK
from tests.system.conftest import StartCrm
from tests.system.traffic import Traffic, accounted, copies, journal

JUMPS = [timedelta(days=2), timedelta(hours=-1), timedelta(hours=1), timedelta(days=-2)]

pytestmark = pytest.mark.system


async def test_all_that_was_accepted_in_an_hour_is_told_at_its_end_whatever_restarts_meanwhile(
    start_crm: StartCrm, tmp_path: Path
) -> None:
    clock = MovedClock(tmp_path / "clock")
    now = datetime.now(UTC)
    half_past = now.replace(minute=30, second=0) - now
    clock.move(half_past)
    changes = {"suppression": {"reply": "accept"}, "smtp": {"workers": 2}}
    crm = await start_crm(changes, listeners={"crm": {}}, wrapper=clock.wrapper)
    members = [crm.person(NO_BULK) for _ in range(5)]

    def reports() -> list[Message]:
        sent = [one.content for one in crm.sink.accepted if not one.sender]
        return [message_from_bytes(octets) for octets in sent]

    def named(report: Message) -> set[str]:
        return {one.address for one in members if one.address in report.as_string()}

    await crm.send([members[0]], BULK)
    await crm.sink.wait_until(lambda: len(reports()) == 1, "the report at once")
    await crm.send([members[1]], BULK)
    await crm.send([b"free@example.org", members[2], members[3]], BULK)
    await crm.record("free@example.org")  # Of a mail without a recorded verdict nothing is told.
    await crm.gateway.kill()
    await crm.gateway.start()
    await crm.send([members[4]], BULK)
    await crm.record(members[4])
    clock.move(half_past + timedelta(minutes=31))
    await crm.sink.wait_until(lambda: len(reports()) == 2, "the report at the hour's end")
    clock.move(half_past + timedelta(hours=3))
    await crm.send([members[0]], BULK)
    await crm.sink.wait_until(lambda: len(reports()) == 3, "the next hour's report")

    assert [
        {members[0].address},
        {one.address for one in members[1:]},
        {members[0].address},
    ] == [named(report) for report in reports()]


async def test_K8_a_clock_that_jumps_costs_no_session_and_no_record(
    start_crm: StartCrm, tmp_path: Path
) -> None:
    clock = MovedClock(tmp_path / "clock")
    crm = await start_crm(roles=("smtp",), listeners={"crm": {}}, wrapper=clock.wrapper)
    idle = await crm.client()
    async with Traffic(lambda: crm.gateway.port, clients=3) as traffic:
        for jump in JUMPS:
            clock.move(jump)
            await traffic.go_on()
            await traffic.go_on()
        await traffic.finish()
    alive = await idle.command(b"NOOP")
    found = await accounted(traffic, crm.sink, crm.database)

    assert {250} == {int(reply[:3]) for reply in traffic.replies}
    assert (frozenset(), frozenset(), 250) == (found.lost, found.unlogged, alive.code)
    assert len(traffic.taken) == len({number for _, number in copies(crm.sink)})
    assert max(journal(crm.database)) > first_id_at(datetime.now(UTC) + timedelta(days=1))
