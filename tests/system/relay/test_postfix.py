"""Postfix on both sides: the CRM's own sender in front, the relay behind, every mail counted."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path

import pytest

from tests.rig.client import RawClient
from tests.rig.postfix import Postfix
from tests.rig.process import LOOPBACK, wait_until
from tests.rig.sink import RawSink
from tests.rig.tools import smtp_source, swaks
from tests.smtp_proxy.crm import NO_BULK, SENDER, Crm, mail, open_crm

pytestmark = pytest.mark.system

FAST = {"in_flow_delay": "0", "smtp_connection_cache_on_demand": "yes"}
#: What the relay refuses by itself.
REFUSED = (
    "inline:{{nobody@example.org=550 5.1.1 No such user}, {grey@example.org=450 4.2.0 Greylisted}}"
)


@dataclass(frozen=True, slots=True)
class Chain:
    """Two Postfix instances with a gateway between them."""

    sender: Postfix  #: Sends by the listener for all mail.
    mailings: Postfix  #: Sends by the listener for mailings.
    crm: Crm
    relay: Postfix


@pytest.fixture(scope="module")
async def chain(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chain]:
    """Postfix, gateway, Postfix."""
    async with AsyncExitStack() as stack:
        relay = await stack.enter_async_context(
            Postfix.discarding(
                **FAST, smtpd_recipient_restrictions=f"check_recipient_access {REFUSED}, permit"
            )
        )
        address = {"name": "relay", "host": LOOPBACK, "port": relay.port}
        changes = {"relays": [address], "log": {"level": "info"}}
        crm = await stack.enter_async_context(
            open_crm(tmp_path_factory.mktemp("chain"), changes, roles=("smtp",))
        )
        senders = [
            await stack.enter_async_context(Postfix.forwarding(crm.port(listener), name, **FAST))
            for listener, name in (("crm", "crm"), ("mailings", "mass"))
        ]
        yield Chain(senders[0], senders[1], crm, relay)


def journal(chain: Chain) -> Counter[tuple[str, str]]:
    """Return how many deliveries the journal has by recipient and state."""
    with chain.crm.database.reading() as connection:
        rows = connection.exec_driver_sql(
            "SELECT recipient, state, count(*) FROM deliveries GROUP BY recipient, state"
        )
        return Counter({(recipient, state): count for recipient, state, count in rows})


async def has(chain: Chain, what: tuple[str, str], count: int) -> None:
    """Wait until the journal has exactly so many deliveries to a recipient in a state."""
    await wait_until(lambda: journal(chain)[what] == count, f"{count} x {what} in the journal")


@pytest.mark.timeout(400)
@pytest.mark.parametrize("count", [2_000, pytest.param(10_000, marks=pytest.mark.soak)])
async def test_thousands_of_mails_arrive_once_each_and_stand_in_the_journal(
    chain: Chain, count: int
) -> None:
    recipient = f"{count}@example.org"
    sent, arrived = (postfix.counts()["sent"] for postfix in (chain.sender, chain.relay))
    await smtp_source(
        chain.sender.port,
        messages=count,
        sessions=20,
        length=400,
        to=recipient,
        keeps_connection=True,
        timeout=300,
    )
    await chain.sender.wait_for(sent + count, timeout=200)
    await chain.relay.wait_for(arrived + count, timeout=60)
    await has(chain, (recipient, "relayed"), count)

    for postfix in (chain.sender, chain.relay):
        seen = [one.status for one in postfix.deliveries() if one.recipient == recipient]
        assert {"sent": count} == Counter(seen)
    assert 0 == chain.sender.queue_length()
    found = {state: n for (to, state), n in journal(chain).items() if to == recipient}
    assert {"relayed": count} == found


async def test_a_mailing_bounces_for_the_suppressed_and_arrives_for_the_others(
    chain: Chain,
) -> None:
    out = chain.crm.person(NO_BULK)
    before = chain.relay.counts()["sent"]
    for to in (out.address, "free@example.org"):
        await smtp_source(chain.mailings.port, messages=50, sessions=2, to=to)
    await chain.mailings.wait_for(50, "bounced")
    await chain.relay.wait_for(before + 50)

    assert all("550 5.7.1" in one.reply for one in chain.mailings.deliveries("bounced"))
    await has(chain, (out.address, "send_failed"), 50)
    await has(chain, ("free@example.org", "relayed"), 50)
    assert 50 + before == chain.relay.counts()["sent"]


async def test_swaks_sends_through(chain: Chain) -> None:
    content = b"Subject: Hello\nFrom: ann@crm.example\n\n.dot\n..two\n"
    done = await swaks(chain.crm.port("crm"), to="swaks@example.org", data=content)

    assert 0 == done.returncode, done.stdout
    assert "queued as" in done.stdout
    await has(chain, ("swaks@example.org", "relayed"), 1)


async def test_R3_R4_R9_a_real_relay_s_refusals_come_through(chain: Chain) -> None:
    said = {}
    for name in ("nobody", "grey"):
        done = await swaks(chain.crm.port("crm"), to=f"{name}@example.org", data=b"Subject: x\n\n")
        said[name] = done.stdout
        assert 24 == done.returncode  # swaks: no recipient was taken

    assert (
        "550 5.1.1 <nobody@example.org>: Recipient address rejected: No such user"
        in (said["nobody"])
    )
    assert "450 4.2.0 <grey@example.org>: Recipient address rejected: Greylisted" in said["grey"]
    await has(chain, ("nobody@example.org", "rejected"), 1)
    await has(chain, ("grey@example.org", "deferred"), 1)


async def test_one_refused_recipient_among_others_keeps_its_own_reply(chain: Chain) -> None:
    to = "nobody@example.org,one@example.org,two@example.org"
    done = await swaks(chain.crm.port("crm"), to=to, data=b"Subject: x\n\n")

    assert 0 == done.returncode
    for name in ("one", "two"):
        await has(chain, (f"{name}@example.org", "relayed"), 1)


async def test_a_mail_with_the_line_of_an_mbox_file_on_top_keeps_its_header(tmp_path: Path) -> None:
    line = b"From nobody Mon Nov 30 10:00:00 2026\r\n"
    content = line + mail("Uw afspraak", "Content-Type: text/html", body=b"<b>Dag!</b>\r\n")
    async with AsyncExitStack() as stack:
        reader = await stack.enter_async_context(await RawSink.start())
        relay = await stack.enter_async_context(Postfix.forwarding(reader.port, "relay"))
        address = {"name": "relay", "host": LOOPBACK, "port": relay.port}
        crm = await stack.enter_async_context(
            open_crm(tmp_path / "crm", {"relays": [address]}, roles=("smtp",))
        )
        for port, to in ((relay.port, b"direct"), (crm.port("crm"), b"through")):
            client = await stack.enter_async_context(await RawClient.connect(port))
            await client.ehlo()
            done = await client.transaction(SENDER, [b"%s@example.org" % to], content)
            assert 250 == done.end.code, done.end
        arrived = {
            str(message.rcpts): message_from_bytes(message.content)
            for message in await reader.wait_for(2)
        }

    direct, through = (arrived[key] for key in sorted(arrived))
    assert "From nobody Mon Nov 30 10:00:00 2026" == direct["X-Mailbox-Line"]
    for name in ("X-Mailbox-Line", "From", "Subject", "Content-Type"):
        assert direct[name] == through[name], name
    assert direct.get_payload() == through.get_payload() == "<b>Dag!</b>\r\n"
    assert [] == direct.get_all("X-Gateway-Loop", [])
    assert 1 == len(through.get_all("X-Gateway-Loop", []))
