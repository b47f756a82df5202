"""Mails that listeners took, and what goes wrong around the importer."""

import asyncio
import contextlib
import hashlib
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection
from structlog.testing import capture_logs

from gateway.core.replies.inbox import AttentionReason, InboxRow, InboxState
from gateway.inbound.bounce_keeping import JournalBehind
from gateway.inbound.filing_decision import FilingDecider
from gateway.inbound.inbox_worker import InboxWorker
from gateway.inbound.verdict import Filed, Ignored, ImportVerdict, NeedsAttention
from gateway.store.engine.blobs import Blobs, BlobsUnavailable
from gateway.store.engine.database import StoreUnavailable
from gateway.store.replies import inbox
from tests.inbound.importer_rig import MAILBOX, ImporterRig
from tests.inbound.mails import forward, with_file
from tests.store.holders import seen_ended

UNREADABLE = (
    b"From: eva@office.example\r\nSubject: 4711 x\r\n"
    + b"Content-Type: message/rfc822\r\n\r\n" * 3000
)


async def put(rig: ImporterRig, mail: bytes) -> int:
    """Put a mail into the inbox as a listener does; return its number."""
    row = InboxRow(
        id=rig.new_id(),
        content=await rig.blobs.put(mail),
        size=len(mail),
        state=InboxState.WAITING,
        origin=MAILBOX.name,
        envelope_sender="eva@office.example",
    )
    with rig.database.writing() as connection:
        inbox.put(connection, row)
    return row.id


def claim(connection: Connection, holder: str, now: datetime) -> list[InboxRow]:
    lease = timedelta(minutes=1)
    return inbox.claim(connection, holder, now, lease, 10, is_gone=seen_ended("gone"))


async def work(rig: ImporterRig, mails: int) -> None:
    """Let the worker work until nothing waits any more."""
    stopping = asyncio.Event()
    worker = InboxWorker(
        rig.database,
        rig.importer,
        holder="this",
        stopping=stopping,
        clock=lambda: rig.now,
        is_gone=seen_ended("gone"),
    )
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(worker.run())
        while len(rig.verdicts) < mails:
            await asyncio.sleep(0.02)
        stopping.set()


async def test_what_a_listener_took_is_filed(each_rig: ImporterRig) -> None:
    number = await put(each_rig, with_file(forward()).as_bytes())

    await work(each_rig, 1)

    row = each_rig.mail(number)
    assert InboxState.FILED == row.state
    assert [row.entry] == [one.id for one in each_rig.entries()]


async def test_I18_one_bad_mail_does_not_keep_the_next_from_being_filed(rig: ImporterRig) -> None:
    bad = await put(rig, UNREADABLE)
    good = await put(rig, forward().as_bytes())

    await work(rig, 2)

    assert [InboxState.NEEDS_ATTENTION, InboxState.FILED] == [
        rig.mail(number).state for number in (bad, good)
    ]


async def test_a_mail_that_another_process_holds_is_left_to_it(rig: ImporterRig) -> None:
    await put(rig, forward().as_bytes())
    with rig.database.writing() as connection:
        held = claim(connection, "other", rig.now)
        left = claim(connection, "this", rig.now)
        later = rig.now + timedelta(minutes=2)
        again = claim(connection, "this", later)

    assert (1, 0, 1) == (len(held), len(left), len(again))


async def test_I18_a_mail_that_a_process_held_which_has_ended_is_filed_at_once(
    rig: ImporterRig,
) -> None:
    number = await put(rig, forward().as_bytes())
    with rig.database.writing() as connection:
        assert [number] == [row.id for row in claim(connection, "gone", rig.now)]

    await work(rig, 1)

    assert InboxState.FILED == rig.mail(number).state


@pytest.mark.parametrize("end", ["stop", "away"])
async def test_what_was_claimed_and_not_begun_is_left_to_others_at_once(
    rig: ImporterRig, end: str
) -> None:
    class Importer:
        async def take_waiting(self, row: InboxRow) -> ImportVerdict:
            if end == "away":
                raise BlobsUnavailable("away")
            stopping.set()
            return Ignored("automatic", row.id)

    numbers = [await put(rig, forward(subject=f"4711 {n}").as_bytes()) for n in range(3)]
    stopping = asyncio.Event()
    worker = InboxWorker(
        rig.database, Importer(), holder="this", stopping=stopping, clock=lambda: rig.now
    )

    with contextlib.suppress(BlobsUnavailable):
        await worker.work_off()

    # What came to an end is nobody else's, whatever came of it.
    expected = numbers if end == "away" else numbers[1:]
    with rig.database.writing() as connection:
        assert expected == [row.id for row in claim(connection, "other", rig.now)]


async def test_a_bounce_quicker_than_the_journal_stops_no_other_and_is_anybodys(
    rig: ImporterRig,
) -> None:
    taken: list[int] = []

    class Importer:
        async def take_waiting(self, row: InboxRow) -> ImportVerdict:
            taken.append(row.id)
            if row.id == numbers[0]:
                raise JournalBehind("not in the journal yet")
            with rig.database.writing() as connection:
                inbox.QUEUE.settle(connection, row.id, InboxState.IGNORED, holder="this")
            return Ignored("automatic", row.id)

    numbers = [await put(rig, forward(subject=f"4711 {n}").as_bytes()) for n in range(6)]
    worker = InboxWorker(
        rig.database, Importer(), holder="this", stopping=asyncio.Event(), clock=lambda: rig.now
    )

    with capture_logs() as logged:
        await worker.work_off()
    at_first = list(taken)
    with rig.database.writing() as connection:
        left = claim(connection, "other", rig.now)
        inbox.give_back(connection, "other", [row.id for row in left])
    rig.now += timedelta(seconds=5)
    await worker.work_off()

    assert numbers == at_first
    assert [("bounce_put_off", "info")] == [
        (entry["event"], entry["log_level"]) for entry in logged
    ]
    assert [numbers[0]] == [row.id for row in left]
    assert [*numbers, numbers[0]] == taken


async def test_P14_a_mail_that_nobody_can_read_waits_whole_with_its_reason(
    each_rig: ImporterRig,
) -> None:
    mail = UNREADABLE

    verdict = await each_rig.take(mail)

    assert NeedsAttention(AttentionReason.UNREADABLE, verdict.inbox) == verdict
    row = each_rig.mail(verdict.inbox)
    assert ("eva@office.example", "4711 x") == (row.sender, row.subject)
    assert row.detail
    assert mail == await each_rig.blobs.get(row.content)


async def test_P14_it_can_be_assigned_with_itself_as_the_document(rig: ImporterRig) -> None:
    mail = UNREADABLE
    waiting = await rig.take(mail)

    verdict = await rig.importer.assign(waiting.inbox, "4711")

    assert isinstance(verdict, Filed)
    (document,) = rig.entry(verdict.entry).documents
    assert ("message.eml", len(mail)) == (document.filename, document.size)
    assert mail == await rig.blobs.get(document.sha256)


async def test_P14_a_mail_that_breaks_the_importer_waits_and_the_next_is_filed(
    rig: ImporterRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle = FilingDecider.settle

    def broken(self: FilingDecider, connection: Any, case: Any, *rest: Any, **options: Any) -> Any:
        if case.reading is not None and "broken" in case.reading.header.subject:
            raise ZeroDivisionError("nobody thought of this")
        return settle(self, connection, case, *rest, **options)

    monkeypatch.setattr(FilingDecider, "settle", broken)

    verdict = await rig.take(forward(subject="4711 broken"))

    assert NeedsAttention(AttentionReason.UNREADABLE, verdict.inbox) == verdict
    assert "ZeroDivisionError: nobody thought of this" == rig.mail(verdict.inbox).detail
    assert isinstance(await rig.take(forward()), Filed)


async def test_P15_while_the_blob_store_is_away_a_mail_is_given_back(
    rig: ImporterRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    (rig.folder / "no-folder").write_text("")
    monkeypatch.setattr(rig.importer, "_blobs", Blobs(f"file://{rig.folder}/no-folder/x"))

    with pytest.raises(BlobsUnavailable):
        await rig.take(forward())

    assert [] == rig.mails()


async def test_P15_while_the_store_is_away_a_mail_is_given_back(rig: ImporterRig) -> None:
    path = rig.folder / "gateway.db"
    path.rename(rig.folder / "away.db")

    with pytest.raises(StoreUnavailable):
        await rig.take(forward())

    (rig.folder / "away.db").rename(path)
    assert isinstance(await rig.take(forward()), Filed)


async def test_a_mail_whose_octets_are_lost_waits_for_a_person(rig: ImporterRig) -> None:
    number = await put(rig, forward().as_bytes())
    digest = hashlib.sha256(forward().as_bytes()).hexdigest()
    (rig.folder / "blobs" / digest[:2] / digest).unlink()

    await work(rig, 1)

    row = rig.mail(number)
    assert (AttentionReason.UNREADABLE, f"the blob store lacks {digest}") == (
        row.reason,
        row.detail,
    )
