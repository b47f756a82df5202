"""Mails that listeners took, and what goes wrong around the importer."""

import asyncio
import contextlib
import hashlib
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from gateway.core.replies.inbox import AttentionReason, InboxRow, InboxState
from gateway.inbound.filing_decision import FilingDecider
from gateway.inbound.inbox_worker import InboxWorker
from gateway.inbound.verdict import Filed, Ignored, NeedsAttention, Verdict
from gateway.store.engine.blobs import Blobs, BlobsUnavailable
from gateway.store.engine.database import StoreUnavailable
from gateway.store.replies import inbox
from tests.inbound.mails import forward, with_file
from tests.inbound.office import MAILBOX, Office

UNREADABLE = (
    b"From: eva@office.example\r\nSubject: 4711 x\r\n"
    + b"Content-Type: message/rfc822\r\n\r\n" * 3000
)


async def put(office: Office, mail: bytes) -> int:
    """Put a mail into the inbox as a listener does; return its number."""
    row = InboxRow(
        id=office.new_id(),
        content=await office.blobs.put(mail),
        size=len(mail),
        state=InboxState.WAITING,
        origin=MAILBOX.name,
        envelope_sender="eva@office.example",
    )
    with office.database.writing() as connection:
        inbox.put(connection, row)
    return row.id


def claim(connection: Connection, holder: str, now: datetime) -> list[InboxRow]:
    lease = timedelta(minutes=1)
    return inbox.claim(connection, holder, now, lease, 10, is_gone="gone".__eq__)


async def work(office: Office, mails: int) -> None:
    """Let the desk work until nothing waits any more."""
    stopping = asyncio.Event()
    desk = InboxWorker(
        office.database,
        office.importer,
        holder="this",
        stopping=stopping,
        clock=lambda: office.now,
        is_gone="gone".__eq__,
    )
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(desk.run())
        while len(office.heard) < mails:
            await asyncio.sleep(0.02)
        stopping.set()


async def test_what_a_listener_took_is_filed(each_office: Office) -> None:
    number = await put(each_office, with_file(forward()).as_bytes())

    await work(each_office, 1)

    row = each_office.mail(number)
    assert InboxState.FILED == row.state
    assert [row.entry] == [one.id for one in each_office.entries()]


async def test_I18_one_bad_mail_does_not_keep_the_next_from_being_filed(office: Office) -> None:
    bad = await put(office, UNREADABLE)
    good = await put(office, forward().as_bytes())

    await work(office, 2)

    assert [InboxState.NEEDS_ATTENTION, InboxState.FILED] == [
        office.mail(number).state for number in (bad, good)
    ]


async def test_a_mail_that_another_process_holds_is_left_to_it(office: Office) -> None:
    await put(office, forward().as_bytes())
    with office.database.writing() as connection:
        held = claim(connection, "other", office.now)
        left = claim(connection, "this", office.now)
        later = office.now + timedelta(minutes=2)
        again = claim(connection, "this", later)

    assert (1, 0, 1) == (len(held), len(left), len(again))


async def test_I18_a_mail_that_a_process_held_which_has_ended_is_filed_at_once(
    office: Office,
) -> None:
    number = await put(office, forward().as_bytes())
    with office.database.writing() as connection:
        assert [number] == [row.id for row in claim(connection, "gone", office.now)]

    await work(office, 1)

    assert InboxState.FILED == office.mail(number).state


@pytest.mark.parametrize("end", ["stop", "away"])
async def test_what_was_claimed_and_not_begun_is_left_to_others_at_once(
    office: Office, end: str
) -> None:
    class Importer:
        async def take_waiting(self, row: InboxRow) -> Verdict:
            if end == "away":
                raise BlobsUnavailable("away")
            stopping.set()
            return Ignored("automatic", row.id)

    numbers = [await put(office, forward(subject=f"4711 {n}").as_bytes()) for n in range(3)]
    stopping = asyncio.Event()
    desk = InboxWorker(
        office.database, Importer(), holder="this", stopping=stopping, clock=lambda: office.now
    )

    with contextlib.suppress(BlobsUnavailable):
        await desk.take_some()

    with office.database.writing() as connection:
        assert numbers[1:] == [row.id for row in claim(connection, "other", office.now)]


async def test_P14_a_mail_that_nobody_can_read_waits_whole_with_its_reason(
    each_office: Office,
) -> None:
    mail = UNREADABLE

    verdict = await each_office.take(mail)

    assert NeedsAttention(AttentionReason.UNREADABLE, verdict.inbox) == verdict
    row = each_office.mail(verdict.inbox)
    assert ("eva@office.example", "4711 x") == (row.sender, row.subject)
    assert row.detail
    assert mail == await each_office.blobs.get(row.content)


async def test_P14_it_can_be_assigned_with_itself_as_the_document(office: Office) -> None:
    mail = UNREADABLE
    waiting = await office.take(mail)

    verdict = await office.importer.assign(waiting.inbox, "4711")

    assert isinstance(verdict, Filed)
    (document,) = office.entry(verdict.entry).documents
    assert ("message.eml", len(mail)) == (document.filename, document.size)
    assert mail == await office.blobs.get(document.sha256)


async def test_P14_a_mail_that_breaks_the_importer_waits_and_the_next_is_filed(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle = FilingDecider.settle

    def broken(self: FilingDecider, connection: Any, case: Any, *rest: Any, **options: Any) -> Any:
        if case.reading is not None and "broken" in case.reading.header.subject:
            raise ZeroDivisionError("nobody thought of this")
        return settle(self, connection, case, *rest, **options)

    monkeypatch.setattr(FilingDecider, "settle", broken)

    verdict = await office.take(forward(subject="4711 broken"))

    assert NeedsAttention(AttentionReason.UNREADABLE, verdict.inbox) == verdict
    assert "ZeroDivisionError: nobody thought of this" == office.mail(verdict.inbox).detail
    assert isinstance(await office.take(forward()), Filed)


async def test_P15_while_the_blob_store_is_away_a_mail_is_given_back(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    (office.folder / "no-folder").write_text("")
    monkeypatch.setattr(office.importer, "_blobs", Blobs(f"file://{office.folder}/no-folder/x"))

    with pytest.raises(BlobsUnavailable):
        await office.take(forward())

    assert [] == office.mails()


async def test_P15_while_the_store_is_away_a_mail_is_given_back(office: Office) -> None:
    path = office.folder / "gateway.db"
    path.rename(office.folder / "away.db")

    with pytest.raises(StoreUnavailable):
        await office.take(forward())

    (office.folder / "away.db").rename(path)
    assert isinstance(await office.take(forward()), Filed)


async def test_a_mail_whose_octets_are_lost_waits_for_a_person(office: Office) -> None:
    number = await put(office, forward().as_bytes())
    digest = hashlib.sha256(forward().as_bytes()).hexdigest()
    (office.folder / "blobs" / digest[:2] / digest).unlink()

    await work(office, 1)

    row = office.mail(number)
    assert (AttentionReason.UNREADABLE, f"the blob store lacks {digest}") == (
        row.reason,
        row.detail,
    )
