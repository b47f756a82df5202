"""The gateway's own mail: it leaves through the relay, is tried again, and is never sent twice."""

from datetime import UTC, datetime, timedelta
from email import message_from_bytes

import pytest

from gateway.core import ids
from gateway.core.sending.outbox import OutboxRow, OutboxState
from gateway.store import schema
from tests.rig import faults
from tests.rig.process import wait_until
from tests.rig.records import Transaction
from tests.smtp_proxy.crm import NO_BULK, SENDER, Person, mail
from tests.system.relay.side import RelaySide

pytestmark = pytest.mark.system


class Notice:
    """The notice owed for one mailing that left somebody out."""

    def __init__(self, side: RelaySide) -> None:
        self.side = side
        self.out: Person = side.crm.person(NO_BULK)
        self.bob: Person = side.crm.person()

    async def owe(self) -> None:
        """Send the mailing."""
        content = mail("Mailing", bulk=True)
        conversation = await self.side.crm.send([self.out, self.bob], content)
        assert 250 == conversation.end.code

    async def row(self, state: OutboxState, attempts: int = 1) -> OutboxRow:
        """Wait until it has this state after so many attempts; return it."""
        record = await self.side.crm.record(self.bob)
        found: list[OutboxRow] = []

        def is_there() -> bool:
            found[:] = self.side.crm.notices(record)
            return [(state, attempts)] == [(row.state, row.attempts) for row in found]

        await wait_until(is_there, f"a notice that is {state} after {attempts} attempts", 20)
        return found[0]

    def hurry(self, row: OutboxRow) -> None:
        """Let the next attempt be due now."""
        table = schema.outbox.outbox
        with self.side.crm.database.writing() as connection:
            due = table.update().where(table.c.id == row.id)
            connection.execute(due.values(next_at=datetime.now(UTC)))

    @property
    def dots(self) -> list[Transaction]:
        """What the relay got of it."""
        return [one for one in self.side.sink.messages if one.recipients == [SENDER]]


async def test_P13_a_notice_reaches_the_sender_through_the_relay(side: RelaySide) -> None:
    notice = Notice(side)
    await notice.owe()
    await notice.row(OutboxState.SENT)
    (sent,) = notice.dots
    parsed = message_from_bytes(sent.content)

    assert (b"", [SENDER]) == (sent.sender, sent.recipients)
    assert ("multipart/report", "delivery-status") == (
        parsed.get_content_type(),
        parsed.get_param("report-type"),
    )
    assert notice.out.address in sent.content.decode()
    assert notice.bob.address not in sent.content.decode()


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "dot"])
async def test_a_notice_refused_for_now_is_tried_again_later(
    side: RelaySide, stage: faults.Stage
) -> None:
    notice = Notice(side)
    skip = 0 if stage == "RCPT" else 2 if stage == "MAIL" else 1
    address = SENDER if stage == "RCPT" else None
    later = faults.reply(b"450 4.2.0 later")
    side.sink.fault(stage, later, address=address, times=1, skip=skip)
    await notice.owe()
    row = await notice.row(OutboxState.QUEUED)
    waits = (row.next_at or row.at) - datetime.now(UTC)
    notice.hurry(row)
    await notice.row(OutboxState.SENT, attempts=2)

    assert "450 4.2.0 later" == row.error
    assert timedelta(seconds=30) < waits < timedelta(seconds=70)
    assert 1 == sum(one.is_accepted for one in notice.dots)


async def test_R7_a_notice_whose_answer_is_lost_is_unknown_and_only_resent_by_hand(
    side: RelaySide,
) -> None:
    notice = Notice(side)
    side.sink.fault("dot", faults.disconnect(), times=1, skip=1)
    await notice.owe()
    row = await notice.row(OutboxState.UNKNOWN)
    next_one = Notice(side)
    await next_one.owe()
    await next_one.row(OutboxState.SENT)
    assert 2 == len(notice.dots)
    done = await side.gateway.cli("outbox", "retry", ids.show(row.id))
    await notice.row(OutboxState.SENT)

    assert 0 == done.returncode
    assert 3 == len(notice.dots)


async def test_a_notice_refused_for_good_is_given_up_loudly(side: RelaySide) -> None:
    notice = Notice(side)
    side.sink.fault("RCPT", faults.reply(b"550 5.1.1 nobody"), address=SENDER)
    await notice.owe()
    row = await notice.row(OutboxState.FAILED)

    assert "550 5.1.1 nobody" == row.error
    assert ids.show(row.id) in [line["entry"] for line in side.gateway.log_lines("outbox_given_up")]


async def test_a_notice_waits_while_the_relay_is_away(side: RelaySide) -> None:
    notice = Notice(side)
    side.sink.fault("MAIL", faults.disconnect(), address=b"")
    await notice.owe()
    row = await notice.row(OutboxState.QUEUED)
    side.sink.faults.clear()
    notice.hurry(row)

    await notice.row(OutboxState.SENT, attempts=2)
    assert 1 == len(notice.dots)
