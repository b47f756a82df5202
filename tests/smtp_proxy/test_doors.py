"""Who may come in and how: logins, encryption, networks; to which relay; and a reload of it all."""

import base64
import shutil
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.rig.certificates import Certificates, Pair
from tests.rig.client import RawClient
from tests.rig.gateway import COMMAND
from tests.rig.process import LOOPBACK, run, wait_until
from tests.rig.sink import RawSink
from tests.smtp_proxy.crm import (
    BULK,
    INDIVIDUAL,
    NO_BULK,
    SENDER,
    Crm,
    as_sent,
    listeners,
    mail,
    open_crm,
)

pytestmark = pytest.mark.system

PASSWORD = "geheim \N{SNOWMAN}"
MAIL = b"MAIL FROM:<%s>" % SENDER


@dataclass(frozen=True, slots=True)
class Doors:
    """A gateway with locked and encrypted doors, and the relays it chooses from."""

    crm: Crm
    sinks: Mapping[str, RawSink]
    pair: Pair  #: What the encrypted listeners show; read again at a reload.
    certificates: Certificates

    @property
    def tls(self) -> ssl.SSLContext:
        """A client's settings."""
        return self.certificates.client_context()

    async def encrypted(self, door: str) -> RawClient:
        """Connect with TLS, greeted."""
        if door == "implicit":
            return await self.crm.client(door, tls=self.tls)
        client = await self.crm.client(door)
        assert 220 == (await client.starttls(self.tls)).code
        await client.ehlo()
        return client

    def forget(self) -> None:
        """Empty what the relays saw."""
        for sink in self.sinks.values():
            sink.forget()

    @property
    def taken_by(self) -> list[str]:
        """The relays that got mail."""
        return [name for name, sink in self.sinks.items() if sink.accepted]


@pytest.fixture(scope="module")
async def open_doors(
    tmp_path_factory: pytest.TempPathFactory, certificates: Certificates
) -> AsyncIterator[Doors]:
    """Start the gateway of this module."""
    folder = tmp_path_factory.mktemp("doors")
    pair = Pair(cert=folder / "listener.pem", key=folder / "listener.key")
    install(certificates.server, pair)
    users = folder / "users"
    line = await hashed("crm")
    users.write_text(f"# who may send\n\n{line}{line.replace('crm', 'chef', 1)}")
    names = ("by-login", "by-domain", "by-listener")
    async with AsyncExitStack() as stack:
        sinks = {name: await stack.enter_async_context(RawSink()) for name in names}
        opened = open_crm(folder, settings(pair, users), relays=relays(sinks), roles=("smtp",))
        crm = await stack.enter_async_context(opened)
        yield Doors(crm, {**sinks, "relay": crm.sink}, pair, certificates)


async def hashed(login: str) -> str:
    """Return a line for the users file as the command prints it."""
    done = await run(str(COMMAND), "users", "hash", login, stdin=f"{PASSWORD}\n".encode())
    assert 0 == done.returncode, done.stderr
    return done.stdout


def install(source: Pair, target: Pair) -> None:
    shutil.copy(source.cert, target.cert)
    shutil.copy(source.key, target.key)


def settings(pair: Pair, users: Path) -> dict[str, Any]:
    shown = {"cert": str(pair.cert), "key": str(pair.key)}
    doors: dict[str, dict[str, Any]] = {
        "crm": {},
        "second": {},
        "starttls": {"tls": "starttls", **shown},
        "implicit": {"tls": "implicit", "users": str(users), **shown},
        "login": {"users": str(users)},
        "login-starttls": {"tls": "starttls", "users": str(users), **shown},
    }
    return {"smtp": {"listeners": listeners(doors), "override": {"login": "chef"}}}


def relays(sinks: Mapping[str, RawSink]) -> list[dict[str, Any]]:
    match: dict[str, dict[str, Any]] = {
        "by-login": {"login": "crm"},
        "by-domain": {"sender_domain": ["müller.example", "other.example"]},
        "by-listener": {"listener": "second"},
    }
    return [
        {"name": name, "host": LOOPBACK, "port": sinks[name].port, "match": fits}
        for name, fits in match.items()
    ]


@pytest.fixture
async def doors(open_doors: Doors) -> Doors:
    """The same, with nothing seen yet."""
    await open_doors.crm.forget()
    open_doors.forget()
    return open_doors


def plain(login: str, password: str = PASSWORD) -> bytes:
    return base64.b64encode(f"\0{login}\0{password}".encode())


def encoded(text: str) -> bytes:
    return base64.b64encode(text.encode())


# Logins


LOGINS = {
    "plain": [b"AUTH PLAIN " + plain("crm")],
    "plain-asked": [b"auth plain", plain("crm")],
    "login": [b"AUTH LOGIN", encoded("crm"), encoded(PASSWORD)],
    "login-begun": [b"AUTH LOGIN " + encoded("crm"), encoded(PASSWORD)],
}


@pytest.mark.parametrize("door", ["login", "implicit", "login-starttls"])
@pytest.mark.parametrize("lines", LOGINS.values(), ids=LOGINS)
async def test_a_right_password_opens_the_door(doors: Doors, door: str, lines: list[bytes]) -> None:
    crm = doors.crm
    client = await (crm.client(door) if door == "login" else doors.encrypted(door))

    codes = [(await client.command(line)).code for line in lines]
    sent = await client.transaction(SENDER, [b"bob@example.org"], INDIVIDUAL)

    (record,) = await crm.records()
    assert [334] * (len(lines) - 1) + [235] == codes
    assert 250 == sent.end.code
    assert ("crm", door) == (record.login, record.listener)


@pytest.mark.parametrize(
    ("login", "password"), [("crm", "falsch"), ("crm", ""), ("nobody", PASSWORD), ("", PASSWORD)]
)
async def test_a_wrong_password_opens_nothing(doors: Doors, login: str, password: str) -> None:
    client = await doors.crm.client("login")

    wrong = await client.login(login, password)
    mail_from = await client.command(MAIL)
    right = await client.login("crm", PASSWORD)

    assert (535, "5.7.8") == (wrong.code, wrong.enhanced)
    assert (530, "5.7.0") == (mail_from.code, mail_from.enhanced)
    assert 235 == right.code


async def test_nobody_sends_without_a_login_where_one_is_asked_for(doors: Doors) -> None:
    for door in ("login", "implicit", "login-starttls"):
        client = await (doors.crm.client(door) if door == "login" else doors.encrypted(door))

        assert 530 == (await client.command(MAIL)).code


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([b"AUTH PLAIN !!!"], 501),
        ([b"AUTH PLAIN =="], 501),
        ([b"AUTH PLAIN " + base64.b64encode(b"no zeros")], 501),
        ([b"AUTH PLAIN", b"*"], 501),
        ([b"AUTH LOGIN", b"*"], 501),
        ([b"AUTH LOGIN", encoded("crm"), b"*"], 501),
        ([b"AUTH PLAIN", b"\xff\xfe"], 501),
        ([b"AUTH PLAIN", b"A" * 20_000], 500),
        ([b"AUTH CRAM-MD5"], 504),
        ([b"AUTH"], 504),
        ([b"AUTH PLAIN a b"], 504),
        ([b"AUTH \xff"], 504),
    ],
)
async def test_P18_a_malformed_login_is_refused_and_the_session_goes_on(
    doors: Doors, lines: list[bytes], code: int
) -> None:
    client = await doors.crm.client("login")

    replies = [await client.command(line) for line in lines]

    assert code == replies[-1].code
    assert 235 == (await client.login("crm", PASSWORD)).code


async def test_one_login_is_enough(doors: Doors) -> None:
    client = await doors.crm.client("login")
    await client.login("crm", PASSWORD)

    assert 503 == (await client.login("crm", PASSWORD)).code


async def test_auth_is_offered_only_where_it_is_taken(doors: Doors) -> None:
    offered = {}
    for door in ("crm", "login", "starttls", "login-starttls"):
        client = await doors.crm.raw(door)
        offered[door] = b"AUTH PLAIN LOGIN" in (await client.ehlo()).lines
    for door in ("implicit", "login-starttls"):
        client = await doors.encrypted(door)
        offered[f"{door} encrypted"] = b"AUTH PLAIN LOGIN" in (await client.ehlo()).lines

    assert {
        "crm": False,
        "login": True,
        "starttls": False,
        "login-starttls": False,
        "implicit encrypted": True,
        "login-starttls encrypted": True,
    } == offered


async def test_passwords_stay_out_of_the_log(doors: Doors) -> None:
    client = await doors.crm.client("login")
    await client.login("crm", PASSWORD)
    await client.quit()

    log = doors.crm.gateway.log_text()
    assert PASSWORD not in log
    assert plain("crm").decode() not in log


async def test_an_overriding_login_mails_everybody(doors: Doors) -> None:
    crm, member = doors.crm, doors.crm.person(NO_BULK)
    codes = {}
    for login in ("crm", "chef"):
        client = await crm.client("login")
        await client.login(login, PASSWORD)
        codes[login] = (await client.transaction(SENDER, [member.mailbox], BULK)).end.code

    record = await crm.record(member)
    assert {"crm": 550, "chef": 250} == codes
    assert ("bulk", "override", "chef") == (record.kind, record.rule, record.login)


# Encryption


async def test_nothing_but_starttls_is_taken_before_it(doors: Doors) -> None:
    client = await doors.crm.raw("starttls")

    offered = (await client.ehlo()).lines
    refused = [
        (await client.command(line)).code
        for line in (MAIL, b"RCPT TO:<a@x>", b"DATA", b"AUTH PLAIN " + plain("crm"), b"VRFY a")
    ]

    assert b"STARTTLS" in offered
    assert [530] * 5 == refused


async def test_starttls_encrypts_what_follows(doors: Doors) -> None:
    client = await doors.crm.client("starttls")

    ready = await client.starttls(doors.tls)
    without_ehlo = await client.command(MAIL)
    offered = (await client.ehlo()).lines
    again = await client.command(b"STARTTLS")
    sent = await client.transaction(SENDER, [b"bob@example.org"], mail(body=b"x\r\n" * 100_000))

    assert [220, 503, 502, 250] == [reply.code for reply in (ready, without_ehlo, again, sent.end)]
    assert b"STARTTLS" not in offered
    assert b" with ESMTPS id " in doors.crm.sink.messages[0].content
    assert mail(body=b"x\r\n" * 100_000) == as_sent(doors.crm.sink.messages[0])


async def test_starttls_takes_no_parameter(doors: Doors) -> None:
    client = await doors.crm.client("starttls")

    assert 501 == (await client.command(b"STARTTLS now")).code


async def test_S16_what_was_said_in_the_clear_is_forgotten(doors: Doors) -> None:
    client = await doors.crm.client("starttls")

    await client.send(b"STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@x>\r\nRCPT TO:<victim@x>\r\n")
    ready = await client.reply()
    await client.writer.start_tls(doors.tls, server_hostname="localhost")
    rcpt = await client.command(b"RCPT TO:<bob@example.org>")
    await client.ehlo()
    sent = await client.transaction(SENDER, [b"bob@example.org"], INDIVIDUAL)

    assert [220, 503, 250] == [ready.code, rcpt.code, sent.end.code]
    assert [SENDER] == [transaction.sender for transaction in doors.crm.sink.transactions]


async def test_a_login_inside_tls_is_seen_in_the_mail(doors: Doors) -> None:
    client = await doors.encrypted("implicit")
    await client.login("chef", PASSWORD)

    await client.transaction(SENDER, [b"bob@example.org"], INDIVIDUAL)

    assert b" with ESMTPSA id " in doors.crm.sink.messages[0].content


@pytest.mark.parametrize("door", ["implicit", "starttls"])
async def test_who_speaks_no_tls_is_sent_away_and_others_are_served(
    doors: Doors, door: str
) -> None:
    client = await doors.crm.raw(door, greeted=door != "implicit")
    if door == "starttls":
        await client.ehlo()
        await client.command(b"STARTTLS")

    await client.send(b"EHLO in the clear\r\nMAIL FROM:<a@x>\r\n")
    await client.rest()

    assert 250 == (await (await doors.encrypted(door)).ehlo()).code


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


async def reload(crm: Crm) -> None:
    """Have new settings taken, and wait until the proxy goes by them."""

    def count() -> int:
        return sum(line["role"] == "smtp" for line in crm.gateway.log_lines("reloaded"))

    before = count()
    crm.gateway.reload()
    await wait_until(lambda: count() > before, "the reload")


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
    await reload(doors.crm)
    new = await doors.encrypted(door)
    install(doors.certificates.server, doors.pair)
    await reload(doors.crm)

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
    await reload(crm)
    during = await client.transaction(SENDER, [member.mailbox], INDIVIDUAL)
    crm.gateway.change({"smtp": {"default_kind": "individual"}})
    await reload(crm)
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
    await reload(crm)
    outside = await crm.raw()
    crm.gateway.change({"smtp": {"listeners": doors_before}})
    await reload(crm)

    assert outside.greeting is not None
    assert (554, "5.7.1") == (outside.greeting.code, outside.greeting.enhanced)
    assert b"" == await outside.rest()
    assert 250 == (await inside.command(b"NOOP")).code
    assert 250 == (await crm.send([b"bob@example.org"])).end.code
