"""Postfix before the gateway parts a mailing, and tries again for single people."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest

from gateway.core.journal.message import Message
from gateway.store.journal import messages
from tests.rig import faults
from tests.rig.client import RawClient
from tests.rig.postfix import Postfix
from tests.rig.process import LOOPBACK, wait_until
from tests.smtp_proxy.crm import NO_BULK, SENDER, Crm, Person, mail, open_crm

pytestmark = pytest.mark.system

COUNT, PART = 59, 50  #: Recipients, and how many Postfix names at once as shipped.


@dataclass(frozen=True, slots=True)
class Chain:
    """A gateway of two workers behind Postfix, set up in the ways docs/topology.md has it."""

    crm: Crm
    one_by_one: Postfix  #: Parts of fifty, one after another.
    whole: Postfix  #: No parts.
    whole_by_lmtp: Postfix


@pytest.fixture(scope="module")
async def shared_chain(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chain]:
    async with AsyncExitStack() as stack:
        changes = {"notices": {"from": "gateway@crm.example"}, "smtp": {"workers": 2}}
        crm = await stack.enter_async_context(
            open_crm(
                tmp_path_factory.mktemp("before"),
                changes,
                listeners={"crm": {}, "lmtp": {"protocol": "lmtp"}},
            )
        )
        port, lmtp = crm.port("crm"), f"lmtp:inet:{LOOPBACK}:{crm.port('lmtp')}"
        fronts = (
            Postfix.forwarding(port, "parts", smtp_destination_concurrency_limit="1"),
            Postfix.forwarding(port, "whole", smtp_destination_recipient_limit="10000"),
            Postfix.forwarding(
                port, "lmtp", relayhost="", default_transport=lmtp,
                lmtp_destination_recipient_limit="10000",
            ),
        )  # fmt: skip
        yield Chain(crm, *[await stack.enter_async_context(front) for front in fronts])


@pytest.fixture
async def chain(shared_chain: Chain) -> Chain:
    """The same, with nothing seen yet."""
    await shared_chain.crm.forget()
    return shared_chain


def people(member: Person) -> list[bytes]:
    """Return recipients in the order Postfix names them in: sorted, so the member comes last."""
    return [*(b"a%02d@example.org" % number for number in range(COUNT - 1)), member.mailbox]


async def hand_in(front: Postfix, to: list[bytes], content: bytes) -> None:
    async with await RawClient.connect(front.port) as client:
        await client.ehlo()
        assert 250 == (await client.transaction(SENDER, to, content)).end.code


async def records(crm: Crm, content_id: str, count: int) -> list[Message]:
    """Return the transactions of a message in the journal, the first one first."""
    found: list[Message] = []

    def are_there() -> bool:
        nonlocal found
        with crm.database.reading() as connection:
            listed = messages.list_messages(connection, limit=100)
        found = [one for one in reversed(listed) if one.message_id == content_id]
        return len(found) == count

    try:
        await wait_until(are_there, f"{count} transactions of {content_id}")
    except AssertionError as error:
        for one in found:
            error.add_note(f"{one.kind} by {one.rule}: {[*map(str, one.deliveries)]}")
        raise
    return found


def reached(crm: Crm, member: Person) -> bool:
    return any(member.mailbox in one.recipients for one in crm.relayed)


async def test_the_second_part_of_a_mailing_is_bulk_as_the_first(chain: Chain) -> None:
    member = chain.crm.person(NO_BULK, address="z-second-part@example.org")
    known_as = "<parts@crm.example>"
    await hand_in(chain.one_by_one, people(member), mail("Nieuws", f"Message-ID: {known_as}"))

    parts = await records(chain.crm, known_as, 2)

    assert [PART, COUNT - PART] == [len(one.deliveries) for one in parts]
    assert [("bulk", "many-recipients")] * 2 == [(one.kind, one.rule) for one in parts]
    assert "send_failed" == parts[1].deliveries[-1].state
    await chain.one_by_one.wait_for(COUNT - 1)
    assert not reached(chain.crm, member)


@pytest.mark.parametrize("way", ["whole", "whole_by_lmtp"])
async def test_a_mailing_is_one_transaction_where_postfix_is_told_so(
    chain: Chain, way: str
) -> None:
    member = chain.crm.person(NO_BULK, address=f"z-{way}@example.org")
    known_as = f"<{way}@crm.example>"
    await hand_in(getattr(chain, way), people(member), mail("Nieuws", f"Message-ID: {known_as}"))

    (only,) = await records(chain.crm, known_as, 1)

    assert (COUNT, "bulk") == (len(only.deliveries), only.kind)
    assert not reached(chain.crm, member)


async def test_who_alone_was_greylisted_is_kept_out_of_the_retry(chain: Chain) -> None:
    member = chain.crm.person(NO_BULK, address="a-greylisted@example.org")
    # Postfix names it first: behind ten others it may be refused before the relay is asked.
    known_as, front = "<greylisted@crm.example>", chain.whole
    chain.crm.sink.fault(
        "RCPT", faults.reply(b"450 4.2.0 Greylisted"), address=member.mailbox, times=1
    )
    await hand_in(front, people(member)[-12:], mail("Nieuws", f"Message-ID: {known_as}"))

    first, retry = await records(chain.crm, known_as, 2)
    await front.wait_for(1, "bounced")

    assert ("deferred", "send_failed") == (first.deliveries[0].state, retry.deliveries[0].state)
    assert (12, 1) == (len(first.deliveries), len(retry.deliveries))
    assert ("bulk", "many-recipients") == (retry.kind, retry.rule)
    (bounced,) = [one for one in front.deliveries("bounced") if one.recipient == member.address]
    assert "550 5.7.1" in bounced.reply
    assert not reached(chain.crm, member)
