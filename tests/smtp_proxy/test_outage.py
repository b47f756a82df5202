"""Who is never mailed, as last known, and the local record of what passed without a store."""

import asyncio
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.journal.message import Delivery
from gateway.core.kinds import By, Kind, State
from gateway.core.people.erased_names import KEYS, ErasedNames
from gateway.core.people.people import PersonRef
from gateway.core.signing import SigningKeys
from gateway.smtp_proxy.journaling.local_record import (
    LocalRecord,
    NotRecorded,
    json_of_message,
    message_of_json,
)
from gateway.smtp_proxy.journaling.never_mailed import NeverMailed
from gateway.store.engine.database import StoreUnavailable
from tests.rig.tmpfs import small_disk
from tests.store.holders import seen_ended
from tests.store.journaling import ANN, BEN, ended, going, message, suppressed

US, GONE, NEIGHBOUR = f"here {os.getpid()}.98213.1f0c8a77", "here 2.17.1f0c8a77", "here 3"
AWAY = "else/where 2.17.1f0c8a77"
FULL = replace(
    message(
        0,
        replace(going(ANN), would="send_failed", persons=(PersonRef.parse("candidate:17"),)),
        suppressed(BEN),
        subject='Straße "x" \\ \x1f €',
    ),
    login="crm",
    client="127.0.0.1",
    kind=Kind.INDIVIDUAL,
    burst_key=2**62 + 1,
    bulk_identities=(2**62 + 2, 7),
    attempt_of=7,
)

#: Its deliveries lack what may come after `note_facts`.
RECORD_OF_30_NOVEMBER = """
{"message": {"id": 4711, "at": "2026-11-28T10:00:00+00:00", "listener": "crm", "login": null,
"client": "", "sender": "crm@office.example", "subject": "", "message_id": "", "kind": "individual",
"rule": "", "relay": "", "size": 0, "burst_key": null, "attempt_of": null, "bulk_identities": [],
"deliveries": [["Ann@example.org", "ann@example.org", "send_failed", "gateway", "", "why", "",
["candidate:17", "contact:3"], "{}"],
["ben@example.org", "ben@example.org", "sending", "relay", "", "", "", [], ""]]}}
""".replace("\n", "")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "outage"


@pytest.fixture
def local(folder: Path) -> LocalRecord:
    return LocalRecord(folder, US)


def file_of(folder: Path, holder: str = US) -> Path:
    return folder / f"messages-{quote(holder, safe='')}.jsonl"


# Who is never mailed


def test_nobody_can_be_mailed_who_was_never_asked_about(folder: Path) -> None:
    never = NeverMailed(folder / "never-mailed")

    assert (False, True) == (never.is_known, ANN in never)


def test_what_is_remembered_outlives_the_process(folder: Path) -> None:
    NeverMailed(folder / "never-mailed").replace([ANN])
    never = NeverMailed(folder / "never-mailed")

    assert (True, True, False) == (never.is_known, ANN in never, BEN in never)


@settings(max_examples=30)
@given(st.sets(st.emails(), max_size=30), st.emails())
def test_exactly_those_told_are_never_mailed(
    tmp_path_factory: pytest.TempPathFactory, barred: set[str], other: str
) -> None:
    never = NeverMailed(tmp_path_factory.mktemp("never") / "mailed")
    never.replace(barred)

    assert all(address in never for address in barred)
    assert (other in barred) == (other in never)


@pytest.mark.parametrize("octets", [0, 1, 31, 32, 40, 47], ids=str)
def test_K3_a_list_that_was_cut_off_says_of_nobody_that_they_can_be_mailed(
    folder: Path, octets: int
) -> None:
    """A power failure may leave a new file empty, or a part of it."""
    file = folder / "never-mailed"
    NeverMailed(file).replace([ANN, BEN])
    os.truncate(file, octets)
    never = NeverMailed(file)
    cut = (never.is_known, never.as_of, ANN in never, BEN in never, "eve@example.org" in never)
    never.replace([ANN])

    assert (False, None, True, True, True) == cut
    assert (True, False) == (ANN in NeverMailed(file), BEN in NeverMailed(file))


def test_nobody_is_known_to_be_barred_where_nobody_is(folder: Path) -> None:
    never = NeverMailed(folder / "never-mailed")
    never.replace([ANN])
    never.replace([])

    assert (True, False) == (never.is_known, ANN in never)


def test_K3_what_could_not_be_written_down_counts_and_is_written_later(folder: Path) -> None:
    folder.write_text("in the way")
    never = NeverMailed(folder / "never-mailed")
    with pytest.raises(OSError, match="exists"):
        never.replace([ANN])
    counted = ANN in never
    folder.unlink()
    never.replace([ANN])

    assert counted
    assert ANN in NeverMailed(folder / "never-mailed")


def test_a_file_that_was_deleted_is_written_anew(folder: Path) -> None:
    never = NeverMailed(folder / "never-mailed")
    for _ in range(2):
        never.replace([ANN])
        (folder / "never-mailed").unlink()
    never.replace([ANN])

    assert ANN in NeverMailed(folder / "never-mailed")


# The local record


async def test_what_was_recorded_is_read_as_it_was(local: LocalRecord) -> None:
    await local.begin(FULL)
    await local.finish(FULL.id, tuple(ended(FULL)))
    recorded = local.read()

    assert ((FULL,), tuple(ended(FULL)), frozenset()) == (
        recorded.messages,
        recorded.outcomes,
        recorded.left,
    )


async def test_a_message_whose_outcome_is_awaited_is_not_left(local: LocalRecord) -> None:
    await local.begin(FULL)
    waiting = local.holds(FULL.id), local.read().left
    local.forget(FULL.id)
    forgotten = local.holds(FULL.id), local.read().left

    assert ((True, frozenset()), (False, frozenset({FULL.id}))) == (waiting, forgotten)


async def test_K1_a_message_of_an_earlier_life_is_left(local: LocalRecord, folder: Path) -> None:
    await local.begin(FULL)

    assert {FULL.id} == LocalRecord(folder, US).read().left


async def test_K1_half_a_line_of_a_killed_process_harms_no_other(
    local: LocalRecord, folder: Path
) -> None:
    first, second = message(0), message(1)
    await local.begin(first)
    whole = file_of(folder).read_bytes()
    for length in range(0, len(whole), 7):
        file_of(folder).write_bytes(whole + whole[:length])
        later = LocalRecord(folder, US)
        await later.begin(second)
        assert {first.id, second.id} == {message_read.id for message_read in later.read().messages}


def test_a_record_of_before_a_field_of_a_delivery_came_is_read(
    folder: Path, local: LocalRecord
) -> None:
    folder.mkdir()
    file_of(folder).write_text(RECORD_OF_30_NOVEMBER)
    (recorded,) = local.read().messages

    assert (
        Delivery(
            recipient="Ann@example.org",
            address="ann@example.org",
            state=State.SEND_FAILED,
            by=By.GATEWAY,
            reply="",
            note="why",
            would="",
            persons=(PersonRef.parse("candidate:17"), PersonRef.parse("contact:3")),
            note_facts="{}",
        ),
        going(BEN),
    ) == recorded.deliveries


def test_a_delivery_is_recorded_in_the_same_places_as_before() -> None:
    recorded = json.loads(RECORD_OF_30_NOVEMBER)["message"]
    again = json.loads(orjson.dumps(json_of_message(message_of_json(recorded))))

    assert recorded["deliveries"] == [row[:9] for row in again["deliveries"]]


async def test_what_comes_while_it_is_taken_in_is_kept(local: LocalRecord) -> None:
    first, second = message(0), message(1)
    await local.begin(first)
    length = local.read().length
    await local.begin(second)
    local.drop(length)
    kept = local.read()
    local.drop(kept.length)

    assert ({first.id, second.id}, True) == (
        {kept_message.id for kept_message in kept.messages},
        local.is_empty,
    )


async def test_many_may_record_at_once(local: LocalRecord) -> None:
    several = [message(minute) for minute in range(50)]
    await asyncio.gather(*map(local.begin, several))

    assert {recorded.id for recorded in several} == {
        recorded.id for recorded in local.read().messages
    }


async def test_P1_a_record_is_synced_before_anything_happens(
    local: LocalRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    await local.begin(message(0))
    both = len(synced)
    await local.begin(message(1))

    assert (2, 3) == (both, len(synced))  # the file, its folder; the file


@pytest.mark.system
async def test_K3_a_record_that_finds_no_room_leaves_nothing_behind(tmp_path: Path) -> None:
    first, second = message(0), message(1, subject="x" * 400)
    with small_disk(tmp_path / "disk", "64k") as disk:
        local = LocalRecord(disk.folder, US)
        await local.begin(first)
        disk.fill()
        with pytest.raises(NotRecorded, match="No space left"):
            await record_many(local)
        held = local.holds(second.id)
        disk.free()
        await local.begin(second)
        whole = file_of(disk.folder).read_bytes()
        recorded = local.read()

    assert not held
    assert (first.id, second.id) == (recorded.messages[0].id, recorded.messages[-1].id)
    assert whole.count(b"\n") == 2 * len(recorded.messages)


async def record_many(local: LocalRecord) -> None:
    for minute in range(2, 50):
        await local.begin(message(minute, subject="x" * 400))


async def test_an_outcome_that_can_not_be_recorded_says_so(
    local: LocalRecord, folder: Path
) -> None:
    await local.begin(FULL)
    file_of(folder).rename(folder.parent / "aside")
    folder.rmdir()
    folder.write_text("in the way")
    with pytest.raises(NotRecorded, match="exists"):
        await local.finish(FULL.id, tuple(ended(FULL)))


# Records of others


async def test_records_of_the_dead_are_found_and_those_of_the_living_left_alone(
    folder: Path, local: LocalRecord
) -> None:
    for process, minute in ((US, 0), (GONE, 1), (NEIGHBOUR, 2)):
        await LocalRecord(folder, process).begin(message(minute))
    (folder / "messages-of-somebody.jsonl").touch()
    of_the_dead = local.of_the_dead(seen_ended(GONE))
    seen = [(record.read().messages, record.read().left) for record in of_the_dead]
    for record in of_the_dead:
        record.drop(record.read().length)
        record.remove()

    assert [((message(1),), frozenset({message(1).id}))] == seen
    assert [] == local.of_the_dead(seen_ended(GONE))
    assert file_of(folder, NEIGHBOUR).exists()


async def test_a_record_of_a_container_that_shares_the_folder_is_its_own_until_it_is_silent(
    folder: Path, local: LocalRecord
) -> None:
    """What runs there can't be seen from here."""
    await LocalRecord(folder, AWAY).begin(message(1))
    at_once = local.of_the_dead(seen_ended(GONE))
    minute_ago = time.time() - 61
    os.utime(file_of(folder, AWAY), (minute_ago, minute_ago))
    later = local.of_the_dead(seen_ended(GONE))

    assert ([], [(message(1),)]) == (at_once, [record.read().messages for record in later])


async def test_what_came_while_a_record_was_taken_in_stays(
    folder: Path, local: LocalRecord
) -> None:
    writer = LocalRecord(folder, GONE)
    await writer.begin(message(1))
    (record,) = local.of_the_dead(seen_ended(GONE))
    read = record.read()
    await writer.begin(message(2))
    record.drop(read.length)
    record.remove()

    assert {message(1).id, message(2).id} == {m.id for m in record.read().messages}


WRITER = """\
import asyncio, sys
from pathlib import Path
from gateway.smtp_proxy.journaling.local_record import LocalRecord
from tests.store.journaling import message
from tests.store.holders import seen_ended

async def main():
    local = LocalRecord(Path(sys.argv[1]), "here 7")
    for minute in range(10_000):
        await local.begin(message(minute))
        print(minute, flush=True)

asyncio.run(main())
"""


def test_K1_killed_while_writing_it_has_recorded_all_it_said_it_had(folder: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        said = [int(writer.stdout.readline()) for _ in range(30)]
        writer.kill()
        said += map(int, writer.stdout.read().split())
    ids = {message_read.id for message_read in LocalRecord(folder, "here 7").read().messages}

    assert {message(minute).id for minute in said} <= ids


def test_the_key_file_is_asked_for_only_where_somebody_was_erased(tmp_path: Path) -> None:
    def gone() -> SigningKeys:
        raise StoreUnavailable("no key file")

    lost = ErasedNames(gone)
    never = NeverMailed(tmp_path / "mailed", lost)
    never.replace([ANN])
    assert "other@example.org" not in never
    assert ANN in never

    never.replace([ANN, "erased:5f0c"])
    assert "other@example.org" in never  # Nobody can tell.
    assert "other@example.org" in NeverMailed(tmp_path / "mailed", lost)


def test_an_erased_address_is_known_by_its_name(tmp_path: Path) -> None:
    names = ErasedNames(lambda: SigningKeys((b"k" * 32,)))
    never = NeverMailed(tmp_path / "mailed", names)

    never.replace([f"{KEYS}:{names.key_marks[0]}", names.new_name(ANN)])

    assert ANN in never
    assert "other@example.org" not in never
