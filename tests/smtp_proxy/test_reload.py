"""Which relay gets a mail, and what a reload of the settings changes."""

import pytest

from tests.rig.client import RawClient
from tests.smtp_proxy.crm import INDIVIDUAL, NO_BULK, SENDER
from tests.smtp_proxy.doors import PASSWORD, Doors, install

pytestmark = pytest.mark.system


# Relays


@pytest.mark.parametrize(
    ("door", "login", "sender", "relay"),
    [
        ("crm", "", SENDER, "relay"),
        ("crm", "", b"", "relay"),
        ("second", "", SENDER, "by-listener"),
        ("login", "chef", SENDER, "relay"),
        ("login", "crm", SENDER, "by-login"),
        ("crm", "", b"a@other.example", "by-domain"),
        ("crm", "", b"a@OTHER.Example", "by-domain"),
        ("crm", "", b"a@xn--mller-kva.example", "by-domain"),
        ("crm", "", b"a@sub.other.example", "relay"),
        ("login", "crm", b"a@other.example", "by-login"),
        ("second", "", b"a@other.example", "by-domain"),
    ],
)
async def test_the_first_relay_that_matches_gets_the_mail(
    doors: Doors, door: str, login: str, sender: bytes, relay: str
) -> None:
    client = await doors.crm.client(door)
    if login:
        await client.login(login, PASSWORD)

    sent = await client.transaction(sender, [b"bob@example.org"], INDIVIDUAL)

    (record,) = await doors.crm.records()
    assert 250 == sent.end.code
    assert [relay] == doors.taken_by
    assert relay == record.relay


# A reload


def serial(client: RawClient) -> str:
    certificate = client.writer.get_extra_info("ssl_object").getpeercert()
    return str(certificate["serialNumber"])


@pytest.mark.parametrize("door", ["starttls", "implicit"])
async def test_a_reload_shows_the_new_certificate_and_keeps_sessions_open(
    doors: Doors, door: str
) -> None:
    old = await doors.encrypted(door)
    before = serial(old)

    install(doors.certificates.renewed, doors.pair)
    await doors.reload()
    new = await doors.encrypted(door)
    install(doors.certificates.server, doors.pair)
    await doors.reload()

    assert before != serial(new)
    assert 250 == (await old.command(b"NOOP")).code


@pytest.mark.parametrize(
    ("broken", "named"),
    [
        ("[smtp]\nworkers = 'many'\n", "workers"),
        ("no toml at all", "gateway.toml"),
        ("[[relays]]\nname = 'r'\nhost = 'localhost'\nca = 'missing.pem'\n", "missing.pem"),
    ],
)
async def test_a_bad_config_keeps_the_old_one_and_is_told_in_the_log(
    doors: Doors, broken: str, named: str
) -> None:
    gateway = doors.crm.gateway
    good = gateway.file.read_text()
    before = len(gateway.log_lines("reload_refused"))

    gateway.file.write_text(broken)
    gateway.reload()
    await gateway.wait_for_log("reload_refused", before + 1)
    reply = (await doors.crm.send([b"bob@example.org"])).end
    gateway.file.write_text(good)

    assert 250 == reply.code
    assert named in str(gateway.log_lines("reload_refused")[-1]["reason"])


async def test_a_bad_certificate_keeps_the_old_one(doors: Doors) -> None:
    gateway = doors.crm.gateway
    before = len(gateway.log_lines("reload_refused"))

    doors.pair.cert.write_text("no certificate")
    gateway.reload()
    await gateway.wait_for_log("reload_refused", before + 1)
    client = await doors.encrypted("starttls")
    install(doors.certificates.server, doors.pair)

    assert 250 == (await client.ehlo()).code


async def test_a_reload_binds_from_the_next_message_on(doors: Doors) -> None:
    crm, member = doors.crm, doors.crm.person(NO_BULK)
    client = await crm.client()
    before = await client.transaction(SENDER, [member.mailbox], INDIVIDUAL)

    crm.gateway.change({"smtp": {"default_kind": "bulk"}})
    await doors.reload()
    during = await client.transaction(SENDER, [member.mailbox], INDIVIDUAL)
    crm.gateway.change({"smtp": {"default_kind": "individual"}})
    await doors.reload()
    after = await client.transaction(SENDER, [member.mailbox], INDIVIDUAL)

    assert [250, 550, 250] == [one.end.code for one in (before, during, after)]


async def test_a_reload_changes_who_may_connect(doors: Doors) -> None:
    crm = doors.crm
    doors_before = crm.gateway.config["smtp"]["listeners"]
    inside = await crm.client()
    closed = [
        {**one, "networks": ["192.0.2.0/24"]} if one["name"] == "crm" else one
        for one in doors_before
    ]

    crm.gateway.change({"smtp": {"listeners": closed}})
    await doors.reload()
    outside = await crm.raw()
    crm.gateway.change({"smtp": {"listeners": doors_before}})
    await doors.reload()

    assert outside.greeting is not None
    assert (554, "5.7.1") == (outside.greeting.code, outside.greeting.enhanced)
    assert b"" == await outside.rest()
    assert 250 == (await inside.command(b"NOOP")).code
    assert 250 == (await crm.send([b"bob@example.org"])).end.code
