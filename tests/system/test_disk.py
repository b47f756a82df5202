"""The disk: what must be on it before the CRM hears 250, and what happens when it fails."""

import re
from pathlib import Path

import pytest

from tests.rig.process import wait_until
from tests.rig.tmpfs import small_disk
from tests.smtp_proxy.crm import BULK, INDIVIDUAL, SENDER, Crm, states
from tests.system.conftest import StartCrm
from tests.system.tracing import calls, traced

SYNCS = ("fsync", "fdatasync")
WRITES = ("write", "writev", "sendto", "sendmsg")
#: As strace shows them.
GO_AHEAD, FINAL_DOT, TAKEN = '"354 ', r'(?:"|\\n)\.\\r\\n"', '"250 2.0.0 taken'
FAILING_SYNCS = ("-e", f"inject={','.join(SYNCS)}:error=EIO")
LISTENERS = {"crm": {}, "personal": {"kind": "individual"}}

pytestmark = pytest.mark.system


def worker_of(crm: Crm) -> int:
    """Return the one process that takes mail."""
    (worker,) = crm.gateway.processes_of("smtp")
    return worker


async def codes(crm: Crm) -> dict[str, int]:
    """Send a mailing and a personal mail; return what the CRM hears."""
    return {
        "bulk": (await crm.send([b"ann@example.org"], BULK)).end.code,
        "personal": (await crm.send([b"ann@example.org"], listener="personal")).end.code,
    }


async def store_is_used(crm: Crm) -> None:
    async def is_used() -> bool:
        return not await is_missed(crm)

    await wait_until(is_used, "the store to be used again", 20)


async def is_missed(crm: Crm) -> bool:
    """Whether the gateway goes without its store."""
    return (await crm.send([b"probe@example.org"], BULK)).end.code == 451


# P1, what is on the disk before the CRM hears 250


@pytest.mark.parametrize("place", ["store", "local record"])
async def test_P1_the_record_is_on_disk_before_the_final_dot_and_the_250_comes_after_both(
    start_crm: StartCrm, tmp_path: Path, place: str
) -> None:
    crm = await start_crm(roles=("smtp",), listeners=LISTENERS)
    await crm.send([b"ann@example.org"])  # the relay has been seen, the files are open
    store, output = crm.gateway.folder / "gateway.db", tmp_path / "trace"
    client = await crm.client("personal")
    if place == "local record":
        known = crm.gateway.folder / "outage" / "never-mailed"
        await wait_until(known.exists, "what is remembered for bad days")
        store.rename(store.with_suffix(".away"))
        await wait_until(lambda: is_missed(crm), "the gateway to miss the store")
    async with traced(
        worker_of(crm), "-s", "2000", "-e", f"trace={','.join(SYNCS + WRITES)}", output=output
    ):
        sent = await client.transaction(SENDER, [b"ann@example.org"], INDIVIDUAL)
    seen = calls(output)
    told, dot, said = (position(seen, text) for text in (GO_AHEAD, FINAL_DOT, TAKEN))
    syncs = [n for n, (name, rest) in enumerate(seen) if name in SYNCS and rest.endswith("= 0")]

    assert 250 == sent.end.code
    assert told < dot < said
    assert any(told < sync < dot for sync in syncs)


def position(seen: list[tuple[str, str]], pattern: str) -> int:
    """Return when something was written that looks so."""
    found = [
        n for n, (name, rest) in enumerate(seen) if name in WRITES and re.search(pattern, rest)
    ]
    assert found, f"no {pattern} in {seen}"
    return found[0]


# K3, a disk that fails


async def test_K3_with_the_stores_disk_full_only_personal_mail_passes_until_there_is_room(
    start_crm: StartCrm, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", "4m") as disk:
        url = f"sqlite:///{disk.folder}/gateway.db"
        crm = await start_crm(roles=("smtp",), listeners=LISTENERS, store_url=url)
        worker = worker_of(crm)
        disk.fill()
        full = await codes(crm)
        disk.free()
        await store_is_used(crm)
        connection_limit = await codes(crm)
        records = await crm.records(4, to="ann@example.org")
        await crm.gateway.kill()
        crm.database.close()

    assert {"bulk": 451, "personal": 250} == full
    assert {"bulk": 250, "personal": 250} == connection_limit
    became = sorted(states(one)["ann@example.org"] for one in records)
    assert ["deferred by gateway", *["relayed by relay"] * 3] == became
    assert [worker] == [one["pid"] for one in crm.gateway.log_lines("started")]


async def test_K3_with_every_disk_full_nothing_passes_until_there_is_room(
    start_crm: StartCrm, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", "4m") as disk:
        url, outage = f"sqlite:///{disk.folder}/gateway.db", str(disk.folder / "outage")
        crm = await start_crm(
            {"store": {"outage": outage}}, roles=("smtp",), listeners=LISTENERS, store_url=url
        )
        worker = worker_of(crm)
        disk.fill()
        full = await codes(crm)
        disk.free()
        await store_is_used(crm)
        connection_limit = await codes(crm)
        await crm.gateway.kill()
        crm.database.close()

    assert {"bulk": 451, "personal": 451} == full
    assert {"bulk": 250, "personal": 250} == connection_limit
    assert [worker] == [one["pid"] for one in crm.gateway.log_lines("started")]


async def test_K3_a_sync_that_fails_is_a_451_and_passes(start_crm: StartCrm) -> None:
    crm = await start_crm(roles=("smtp",), listeners=LISTENERS)
    async with traced(worker_of(crm), *FAILING_SYNCS):
        broken = await codes(crm)
    relayed_meanwhile = len(crm.sink.messages)
    await store_is_used(crm)
    mended = await codes(crm)

    assert ({"bulk": 451, "personal": 451}, 0) == (broken, relayed_meanwhile)
    assert {"bulk": 250, "personal": 250} == mended


# K7, no room for the log


async def test_K7_a_full_disk_for_the_log_stops_no_mail(start_crm: StartCrm) -> None:
    to_nowhere = ("/bin/sh", "-c", 'exec "$@" >/dev/full 2>&1', "sh")
    crm = await start_crm(roles=("smtp",), listeners=LISTENERS, wrapper=to_nowhere)
    heard = [await codes(crm) for _ in range(3)]

    assert [{"bulk": 250, "personal": 250}] * 3 == heard
    assert "" == crm.gateway.log_text()
