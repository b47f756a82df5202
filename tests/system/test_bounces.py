"""Bounces of real servers, from the CRM's mail to what is known of the person."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from tests.conftest import Connect
from tests.rig.certificates import Certificates
from tests.rig.client import stuff
from tests.rig.dovecot import Dovecot
from tests.rig.faults import Fault, reply
from tests.rig.gateway import GatewayProcess, gateway_config
from tests.rig.postfix import Postfix
from tests.rig.process import LOOPBACK, free_port, wait_until
from tests.rig.sink import RawSink
from tests.system.test_mailbox import mailbox

pytestmark = pytest.mark.system

GONE, FULL, LATE, LOOP = (
    "gone@local.example",
    "full@people.example",
    "late@slow.example",
    "round@local.example",
)
OFFICE = "office@crm.example"  #: Whom the CRM sends as: nobody but its owner reads that mailbox.
RETURNS = "returns@crm.example"  #: The gateway reads this one.
BOUNCES = "bounces@bounces.example"
ALIASES = "inline:{{round=there@local.example}, {there=round@local.example}}"
#: Dovecot lets the last mail be a tenth over it.
QUOTA = """
mail_plugins = quota
plugin {
  quota = maildir:User quota
  quota_rule = *:storage=150K
}
"""
#: What came back, by address: proof is left out.
EXPECTED = {
    GONE: ("bounce", "userunknown", True),
    FULL: ("bounce", "mailboxfull", False),
    LATE: ("bounce", "expired", False),
    LOOP: ("bounce", "networkerror", False),
}


@dataclass(frozen=True, slots=True)
class Chain:
    """A gateway, its relay and the mailboxes behind."""

    gateway: GatewayProcess
    relay: Postfix
    dovecot: Dovecot
    slow: RawSink

    async def kept(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Return what came back by address and proof."""
        entries = await self.gateway.cli_json("bounces", "list")
        return {(entry["address"], entry["proof"]): entry for entry in entries}


@pytest.fixture(scope="module", params=["listener", "mailbox"])
async def chain(
    request: pytest.FixtureRequest,
    certificates: Certificates,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Chain]:
    """What comes to return addresses goes to a listener over LMTP, or to a mailbox."""
    listeners = [
        {"name": "crm", "bind": f"{LOOPBACK}:{free_port()}", "envelope": "rewrite"},
        {"name": "plain", "bind": f"{LOOPBACK}:{free_port()}"},
        {
            "name": "bounces",
            "bind": f"{LOOPBACK}:{free_port()}",
            "purpose": "bounces",
            "protocol": "lmtp",
        },
    ]
    port = listeners[2]["bind"].rpartition(":")[2]
    async with AsyncExitStack() as stack:
        dovecot = await stack.enter_async_context(
            Dovecot(certificates, takes_mail=True, more=QUOTA)
        )
        slow = await stack.enter_async_context(RawSink())
        to_dovecot = f"lmtp:inet:[{LOOPBACK}]:{dovecot.lmtp_port}"
        transports = {
            "people.example": to_dovecot,
            "crm.example": to_dovecot,
            "slow.example": f"smtp:[{LOOPBACK}]:{slow.port}",
            "bounces.example": (
                f"lmtp:inet:[{LOOPBACK}]:{port}" if request.param == "listener" else to_dovecot
            ),
        }
        entries = ", ".join(f"{{{domain}={to}}}" for domain, to in transports.items())
        relay = await stack.enter_async_context(
            Postfix(
                "relay",
                {
                    "mydestination": "local.example",
                    "alias_maps": ALIASES,
                    "recipient_delimiter": "+",
                    "transport_maps": f"inline:{{{entries}}}",
                    "maximal_queue_lifetime": "2s",
                    "bounce_queue_lifetime": "60s",
                },
            )
        )
        folder = tmp_path_factory.mktemp("bounces")
        mailboxes = [mailbox(dovecot, RETURNS, name="returns", purpose="bounces")]
        if request.param == "mailbox":
            mailboxes.append(mailbox(dovecot, BOUNCES, name="bounces-read", purpose="bounces"))
        for settings in mailboxes:
            del settings["trust"], settings["authserv_id"]
        config = gateway_config(
            store_url=f"sqlite:///{folder}/gateway.db",
            relay_port=relay.port,
            changes={
                "smtp": {"listeners": listeners},
                "inbound": {"mailboxes": mailboxes, "every": "1s"},
                "bounces": {"address": BOUNCES, "suppress_after": 1},
                "notices": {"from": "gateway@crm.example"},
            },
        )
        gateway = GatewayProcess(folder, config, roles=("smtp", "inbound", "sender"))
        await stack.enter_async_context(gateway)
        people = "".join(f"{n},{a}\n" for n, a in enumerate((GONE, FULL, LATE, LOOP), 1))
        await gateway.feed("people", f"crm_id,emails\n{people}")
        dovecot.deliver(FULL, b"Subject: much\r\n\r\n" + b"x" * 120_000)
        slow.faults.add(Fault(stage="RCPT", action=reply(b"450 4.2.0 Please come again")))
        yield Chain(gateway, relay, dovecot, slow)


async def send(chain: Chain, connect: Connect, listener: int, sender: str, *to: str) -> None:
    """Send each a mail of its own that is larger than what is left in a full mailbox."""
    client = await connect(chain.gateway.ports[listener])
    await client.ehlo()
    for recipient in to:
        mail = f"From: {sender}\r\nTo: {recipient}\r\nSubject: Vacature {listener}\r\n\r\n"
        for line in (f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>"):
            assert 250 == (await client.command(line.encode())).code
        assert 354 == (await client.command(b"DATA")).code
        await client.send(stuff(mail.encode() + (b"x" * 70 + b"\r\n") * 1000))
        (last,) = await client.replies(1)
        assert 250 == last.code


async def told(chain: Chain, proof: str) -> Mapping[str, dict[str, Any]]:
    """Wait until everything came back, and return it by address."""
    kept: dict[tuple[str, str], dict[str, Any]] = {}

    async def is_all_there() -> bool:
        nonlocal kept
        kept = await chain.kept()
        return all((address, proof) in kept for address in EXPECTED)

    await wait_until(is_all_there, f"what came back of {', '.join(EXPECTED)}", 60)
    return {address: kept[address, proof] for address in EXPECTED}


async def test_with_return_addresses_bounces_are_known_and_passed_on_to_the_crm(
    chain: Chain, connect: Connect
) -> None:
    await send(chain, connect, 0, OFFICE, *EXPECTED)

    kept = await told(chain, "token")

    assert EXPECTED == {
        address: (one["kind"], one["reason"], one["hard"]) for address, one in kept.items()
    }
    await wait_until(
        lambda: chain.dovecot.count(OFFICE) == len(EXPECTED), "bounces in the office's mailbox", 60
    )
    passed_on = b"".join(chain.dovecot.mails(OFFICE))
    assert [True] * 4 == [address.encode() in passed_on for address in EXPECTED]


async def test_what_came_back_stands_at_the_person(chain: Chain) -> None:
    people = {
        address: await chain.gateway.cli_json("person", "show", f"candidate:{number}")
        for number, address in enumerate(EXPECTED, 1)
    }

    suppressed = {
        address: [(one["source"], one["scope"]) for one in person["suppressions"]]
        for address, person in people.items()
    }
    assert {GONE: [("bounce", "all")], FULL: [], LATE: [], LOOP: []} == suppressed
    assert "userunknown" in json.dumps(people[GONE]["timeline"])
    assert "mailboxfull" in json.dumps(people[FULL]["timeline"])
    shown = await chain.gateway.do("suppress", "show", GONE)
    assert "bounce" in shown
    await chain.gateway.do("suppress", "release", GONE, "--by", "eva")


async def test_without_return_addresses_bounces_are_known_by_our_trace(
    chain: Chain, connect: Connect
) -> None:
    await send(chain, connect, 1, RETURNS, *EXPECTED)

    kept = await told(chain, "trace")

    assert EXPECTED == {
        address: (one["kind"], one["reason"], one["hard"]) for address, one in kept.items()
    }
    assert len(EXPECTED) == chain.dovecot.count(RETURNS, "Ignored")
