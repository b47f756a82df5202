"""Silence after the dot: 451 to the CRM, and its retry hears what became of the first attempt."""

import pytest

from gateway.core.journal.message import Message
from gateway.core.kinds import State
from tests.rig import faults
from tests.rig.client import Conversation
from tests.rig.process import wait_until
from tests.smtp_proxy.crm import NO_BULK, SENDER, mail, states
from tests.system.relay.side import BUDGET, RelaySide

pytestmark = pytest.mark.system

LATE = BUDGET + 1.0
NEWEST_ATTEMPT = """
SELECT a.state FROM attempts a JOIN deliveries d ON d.message = a.message
WHERE d.address = ? ORDER BY a.message DESC LIMIT 1
"""


class Mail:
    """One mail that a CRM sends again and again until it is taken."""

    def __init__(self, side: RelaySide, name: str, body: bytes = b"Dag!\r\n") -> None:
        self.side = side
        self.to = f"{name}@example.org"
        self.content = mail("Retry", f"Message-ID: <{name}@crm.example>", body=body)

    async def send(self) -> Conversation:
        return await self.side.crm.send([self.to.encode()], self.content)

    async def records(self, count: int) -> list[Message]:
        """Return the attempts in the journal, the first one first."""
        return (await self.side.crm.records(count, to=self.to))[::-1]

    async def is_remembered(self, state: str) -> None:
        """Wait until this is what is remembered of the newest attempt."""

        def has_state() -> bool:
            with self.side.crm.database.reading() as connection:
                rows = connection.exec_driver_sql(NEWEST_ATTEMPT, (self.to,))
                return rows.scalar() == state

        await wait_until(has_state, f"an attempt that is {state}")

    @property
    def dots(self) -> int:
        """How often the relay got the whole message."""
        seen = self.side.sink.messages
        return sum(self.to.encode() in message.recipients for message in seen)


async def test_R7_R12_P2_a_late_250_answers_the_retry_instead_of_a_second_delivery(
    side: RelaySide,
) -> None:
    late = Mail(side, "late-250")
    side.sink.fault("dot", faults.delay(LATE), times=1)
    first = await late.send()
    await late.is_remembered("pending")
    (unknown,) = await late.records(1)
    pending = await late.send()
    await late.is_remembered("verdict")
    retried = await late.send()
    records = await late.records(3)

    assert ["451 4.4.2", "451 4.4.2", "250 2.0.0"] == [
        f"{one.end.code} {one.end.enhanced}" for one in (first, pending, retried)
    ]
    assert "awaited" in pending.end.text
    assert {late.to: "unknown by relay"} == states(unknown)
    assert ["relayed by relay", "deferred by gateway", "relayed by gateway"] == [
        states(record)[late.to] for record in records
    ]
    assert [None, records[0].id, records[0].id] == [record.attempt_of for record in records]
    assert 1 == late.dots


async def test_R7_a_retry_that_comes_at_once_is_known_as_one(side: RelaySide) -> None:
    quick = Mail(side, "quick")
    side.sink.fault("dot", faults.hang(), times=1)
    await quick.send()
    retried = await quick.send()

    assert "451 4.4.2" == f"{retried.end.code} {retried.end.enhanced}"
    assert 1 == quick.dots


async def test_R7_a_late_550_answers_the_retry(side: RelaySide) -> None:
    late = Mail(side, "late-550")
    side.sink.fault("dot", faults.delay(LATE, faults.reply(b"550 5.7.1 spam")), times=1)
    await late.send()
    await late.is_remembered("verdict")
    retried = await late.send()
    records = await late.records(2)

    assert "550 5.7.1 spam" == str(retried.end)
    assert ["rejected by relay", "rejected by gateway"] == [
        states(record)[late.to] for record in records
    ]
    assert 1 == late.dots


async def test_R7_after_a_late_450_the_retry_is_delivered(side: RelaySide) -> None:
    late = Mail(side, "late-450")
    side.sink.fault("dot", faults.delay(LATE, faults.reply(b"450 4.2.0 later")), times=1)
    await late.send()
    await late.is_remembered("open")
    retried = await late.send()
    first, second = await late.records(2)

    assert 250 == retried.end.code
    assert {late.to: "deferred by relay"} == states(first)
    assert {late.to: "relayed by relay"} == states(second)
    assert first.id == second.attempt_of


async def test_R7_without_a_verdict_the_retry_is_a_new_attempt(side: RelaySide) -> None:
    lost = Mail(side, "lost")
    side.sink.fault("dot", faults.hang(), times=1)
    await lost.send()
    await lost.is_remembered("pending")
    side.sink.drop_connections()
    await lost.is_remembered("open")
    retried = await lost.send()
    first, second = await lost.records(2)

    assert 250 == retried.end.code
    assert ["unknown by relay", "relayed by relay"] == [
        states(record)[lost.to] for record in (first, second)
    ]
    assert first.id == second.attempt_of
    assert 2 == lost.dots


async def test_R7_other_content_is_another_mail(side: RelaySide) -> None:
    first, other = Mail(side, "same-id"), Mail(side, "same-id", b"Iets anders.\r\n")
    side.sink.fault("dot", faults.hang(), times=1)
    await first.send()
    await first.is_remembered("pending")

    assert 250 == (await other.send()).end.code


async def test_R7_a_notice_waits_for_the_late_verdict(side: RelaySide) -> None:
    crm = side.crm
    out, bob = crm.person(NO_BULK), crm.person()
    side.sink.fault("dot", faults.delay(LATE), times=1)
    await crm.send([out, bob], mail("Mailing", bulk=True))
    record = await crm.record(bob)
    (armed,) = crm.notices(record)
    assert armed.next_at is None
    await side.sink.wait_until(lambda: len(side.sink.accepted) == 2, "the notice")

    (notice,) = [message for message in side.sink.accepted if not message.sender]
    assert [SENDER] == notice.recipients
    assert out.mailbox in notice.content
    assert bob.mailbox not in notice.content


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_R7_K1_a_verdict_nobody_listens_for_any_more_blocks_no_retry(
    side: RelaySide, end: str
) -> None:
    crm = side.crm
    out = crm.person(NO_BULK)
    lost = Mail(side, f"stopped-by-{end}")
    lost.content = mail("Mailing", f"Message-ID: <{end}@crm.example>", bulk=True)
    to = [out.mailbox, lost.to.encode()]
    side.sink.fault("dot", faults.hang(), times=1)
    await crm.send(to, lost.content)
    await lost.is_remembered("pending")
    await (side.gateway.stop() if end == "stop" else side.gateway.kill())
    await side.gateway.start()
    retried = await crm.send(to, lost.content)
    first, second = await lost.records(2)
    await side.sink.wait_until(lambda: len(side.sink.accepted) == 2, "mail and notice")

    assert 250 == retried.end.code
    assert State.UNKNOWN == first.deliveries[1].state
    assert first.id == second.attempt_of
    assert 1 == sum(not message.sender for message in side.sink.accepted)


async def test_R7_the_relay_s_own_refusal_after_the_dot_is_no_doubt(side: RelaySide) -> None:
    busy = Mail(side, "busy")
    side.sink.fault("dot", faults.disconnect(b"421 4.3.2 shutting down"), times=1)
    refused = await busy.send()
    await busy.is_remembered("open")
    retried = await busy.send()

    assert "451 4.3.2 shutting down" == str(refused.end)
    assert 250 == retried.end.code


async def test_R12_a_relay_slower_than_usual_is_waited_for(side: RelaySide) -> None:
    slow = Mail(side, "slow")
    side.sink.fault("dot", faults.delay(BUDGET / 2), times=1)

    assert 250 == (await slow.send()).end.code


async def test_P4_R12_the_dot_stays_here_once_the_budget_is_spent(side: RelaySide) -> None:
    slow = Mail(side, "spent")
    out = side.crm.person(NO_BULK)
    slow.content = mail("Mailing", bulk=True)
    side.sink.fault("RSET", faults.delay(BUDGET * 0.6))
    side.sink.fault("DATA", faults.delay(BUDGET * 0.6))
    conversation = await side.crm.send([out.mailbox, slow.to.encode()], slow.content)
    record = await side.crm.record(slow.to)

    assert "451 4.4.1" == f"{conversation.end.code} {conversation.end.enhanced}"
    assert 0 == slow.dots
    assert {slow.to: "deferred by relay"}.items() <= states(record).items()
    assert [] == side.crm.notices(record)


async def test_P4_S33_a_client_that_has_gone_gets_no_dot_sent(side: RelaySide) -> None:
    gone = Mail(side, "gone")
    side.sink.fault("DATA", faults.delay(BUDGET / 2))
    client = await side.crm.client()

    def has_data() -> bool:
        return any(b"DATA" in connection.commands[-1:] for connection in side.sink.connections)

    await client.pipeline(b"MAIL FROM:<ann@crm.example>", b"RCPT TO:<%s>" % gone.to.encode())
    await client.send(b"DATA\r\n" + gone.content + b".\r\n")
    await wait_until(has_data, "DATA at the relay")
    await client.reset()
    (record,) = await gone.records(1)

    assert {gone.to: "aborted by client"} == states(record)
    await side.sink.wait_until(lambda: side.sink.open_connections == 0)
    assert 0 == gone.dots
