"""Which relay gets a mail, and what a reload of the settings changes."""

import pytest

from tests.rig.client import RawClient
from tests.smtp_proxy.crm import INDIVIDUAL, NO_BULK, SENDER
from tests.smtp_proxy.secured_gateway import PASSWORD, SecuredGateway, install

pytestmark = pytest.mark.system


# Relays


@pytest.mark.parametrize(
    ("listener", "login", "sender", "relay"),
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
    secured: SecuredGateway, listener: str, login: str, sender: bytes, relay: str
) -> None:
    client = await secured.crm.client(listener)
    if login:
        await client.login(login, PASSWORD)

    sent = await client.transaction(sender, [b"bob@example.org"], INDIVIDUAL)

    (record,) = await secured.crm.records()
    assert 250 == sent.end.code
    assert [relay] == secured.taken_by
    assert relay == record.relay


# A reload


def serial(client: RawClient) -> str:
    certificate = client.writer.get_extra_info("ssl_object").getpeercert()
    return str(certificate["serialNumber"])


@pytest.mark.parametrize("listener", ["starttls", "implicit"])
async def test_a_reload_shows_the_new_certificate_and_keeps_sessions_open(
    secured: SecuredGateway, listener: str
) -> None:
    old = await secured.encrypted(listener)
    before = serial(old)

    install(secured.certificates.renewed, secured.pair)
    await secured.reload()
    new = await secured.encrypted(listener)
    install(secured.certificates.server, secured.pair)
    await secured.reload()

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
    secured: SecuredGateway, broken: str, named: str
) -> None:
    gateway = secured.crm.gateway
    good = gateway.file.read_text()
    before = len(gateway.log_lines("reload_refused"))

    gateway.file.write_text(broken)
    gateway.reload()
    await gateway.wait_for_log("reload_refused", before + 1)
    reply = (await secured.crm.send([b"bob@example.org"])).end
    gateway.file.write_text(good)

    assert 250 == reply.code
    assert named in str(gateway.log_lines("reload_refused")[-1]["reason"])


async def test_a_bad_certificate_keeps_the_old_one(secured: SecuredGateway) -> None:
    gateway = secured.crm.gateway
    before = len(gateway.log_lines("reload_refused"))

    secured.pair.cert.write_text("no certificate")
    gateway.reload()
    await gateway.wait_for_log("reload_refused", before + 1)
    client = await secured.encrypted("starttls")
    install(secured.certificates.server, secured.pair)

    assert 250 == (await client.ehlo()).code


async def test_a_reload_binds_from_the_next_message_on(secured: SecuredGateway) -> None:
    crm, member = secured.crm, secured.crm.person(NO_BULK)
    client = await crm.client()
    before = await client.transaction(SENDER, [member.mailbox], INDIVIDUAL)

    crm.gateway.change({"smtp": {"default_kind": "bulk"}})
    await secured.reload()
    during = await client.transaction(SENDER, [member.mailbox], INDIVIDUAL)
    crm.gateway.change({"smtp": {"default_kind": "individual"}})
    await secured.reload()
    after = await client.transaction(SENDER, [member.mailbox], INDIVIDUAL)

    assert [250, 550, 250] == [conversation.end.code for conversation in (before, during, after)]


async def test_a_reload_changes_who_may_connect(secured: SecuredGateway) -> None:
    crm = secured.crm
    listeners_before = crm.gateway.config["smtp"]["listeners"]
    inside = await crm.client()
    closed = [
        {**settings, "networks": ["192.0.2.0/24"]} if settings["name"] == "crm" else settings
        for settings in listeners_before
    ]

    crm.gateway.change({"smtp": {"listeners": closed}})
    await secured.reload()
    outside = await crm.raw()
    crm.gateway.change({"smtp": {"listeners": listeners_before}})
    await secured.reload()

    assert outside.greeting is not None
    assert (554, "5.7.1") == (outside.greeting.code, outside.greeting.enhanced)
    assert b"" == await outside.rest()
    assert 250 == (await inside.command(b"NOOP")).code
    assert 250 == (await crm.send([b"bob@example.org"])).end.code
