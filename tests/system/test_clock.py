"""A clock that jumps: K8."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.core.ids import first_id_at
from tests.rig.process import needs
from tests.system.conftest import StartCrm
from tests.system.traffic import Traffic, accounted, copies, journal

JUMPS = [timedelta(days=2), timedelta(hours=-1), timedelta(hours=1), timedelta(days=-2)]

pytestmark = pytest.mark.system


class Clock:
    """The time of day as processes see it that were started with `wrapper`."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(timedelta())

    def set(self, offset: timedelta) -> None:
        """Jump to so much before or after the true time."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{offset.total_seconds():+.0f}")
        fresh.replace(self._file)

    @property
    def wrapper(self) -> tuple[str, ...]:
        """What is put before a command."""
        libraries = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
        if not libraries:
            needs("faketime", "libfaketime is not installed")
        return (
            "env",
            f"LD_PRELOAD={libraries[0]}",
            f"FAKETIME_TIMESTAMP_FILE={self._file}",
            "FAKETIME_NO_CACHE=1",
            "FAKETIME_DONT_FAKE_MONOTONIC=1",
        )


async def test_K8_a_clock_that_jumps_costs_no_session_and_no_record(
    start_crm: StartCrm, tmp_path: Path
) -> None:
    clock = Clock(tmp_path / "clock")
    crm = await start_crm(roles=("smtp",), doors={"crm": {}}, wrapper=clock.wrapper)
    idle = await crm.client()
    async with Traffic(lambda: crm.gateway.port, clients=3) as traffic:
        for jump in JUMPS:
            clock.set(jump)
            await traffic.go_on()
            await traffic.go_on()
        await traffic.finish()
    alive = await idle.command(b"NOOP")
    found = await accounted(traffic, crm.sink, crm.database)

    assert {250} == {int(reply[:3]) for reply in traffic.replies}
    assert (frozenset(), frozenset(), 250) == (found.lost, found.unlogged, alive.code)
    assert len(traffic.taken) == len({number for _, number in copies(crm.sink)})
    assert max(journal(crm.database)) > first_id_at(datetime.now(UTC) + timedelta(days=1))
