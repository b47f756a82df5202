"""Every wait for a client ends: seen with a clock that runs sixty times as fast."""

import asyncio
from collections.abc import AsyncIterator

import argon2
import pytest

from tests.rig.certificates import Certificates
from tests.rig.client import RawClient
from tests.rig.process import program
from tests.smtp_proxy.crm import INDIVIDUAL, SENDER, Crm, open_crm, states

pytestmark = pytest.mark.system

HURRY = 60  #: Seconds of the gateway's in one of ours.


@pytest.fixture(scope="module")
async def hurried_crm(
    tmp_path_factory: pytest.TempPathFactory, certificates: Certificates
) -> AsyncIterator[Crm]:
    """A gateway that lives fast."""
    folder = tmp_path_factory.mktemp("hurried")
    users = folder / "users"
    users.write_text(f"crm:{argon2.PasswordHasher().hash('geheim')}\n")
    pair = {"cert": str(certificates.server.cert), "key": str(certificates.server.key)}
    listeners: dict[str, dict[str, str]] = {
        "crm": {},
        "login": {"users": str(users)},
        "implicit": {"tls": "implicit", **pair},
        "starttls": {"tls": "starttls", **pair},
    }
    wrapper = (program("faketime", "faketime"), "-f", f"+0 x{HURRY}")
    async with open_crm(folder, listeners=listeners, roles=("smtp",), wrapper=wrapper) as crm:
        yield crm


async def dribble(client: RawClient, octets: bytes, seconds: float) -> bytes:
    """Send an octet every so many seconds until the other side has enough; return its words."""
    heard = asyncio.create_task(client.rest(timeout=30))
    for octet in octets:
        done, _ = await asyncio.wait({heard}, timeout=seconds)
        if done:
            break
        client.writer.write(bytes([octet]))
    return await heard


async def test_S32_a_client_that_says_nothing_is_sent_away_after_five_minutes(
    hurried_crm: Crm,
) -> None:
    client = await hurried_crm.client()

    assert (await client.rest(timeout=15)).startswith(b"421 4.4.2 ")


async def test_S32_an_octet_now_and_then_is_no_command(hurried_crm: Crm) -> None:
    client = await hurried_crm.client()

    assert (await dribble(client, b"MAIL FROM:<" + b"a" * 100, 0.5)).startswith(b"421 4.4.2 ")


async def test_S32_an_octet_now_and_then_is_no_content(hurried_crm: Crm) -> None:
    person = hurried_crm.person()
    client = await hurried_crm.client()
    to = b"RCPT TO:<%s>" % person.mailbox
    await client.pipeline(b"MAIL FROM:<%s>" % SENDER, to, b"DATA")

    said = await dribble(client, INDIVIDUAL * 10, 0.5)

    record = await hurried_crm.record(person)
    assert said.startswith(b"421 4.4.2 ")
    assert {person.address: "aborted by client"} == states(record)
    assert [] == hurried_crm.sink.messages


@pytest.mark.parametrize("listener", ["implicit", "starttls"])
async def test_S32_a_handshake_that_never_comes_is_not_waited_for(
    hurried_crm: Crm, listener: str
) -> None:
    client = await hurried_crm.raw(listener, greeted=listener == "starttls")
    if listener == "starttls":
        await client.ehlo()
        await client.command(b"STARTTLS")

    assert b"" == await client.rest(timeout=15)


async def test_who_guesses_passwords_waits_longer_each_time_and_is_sent_away(
    hurried_crm: Crm,
) -> None:
    client = await hurried_crm.client("login")

    replies = [await client.login("crm", f"guess {number}") for number in range(5)]

    assert {535} == {reply.code for reply in replies}
    assert (await client.rest()).startswith(b"421 4.7.0 ")
