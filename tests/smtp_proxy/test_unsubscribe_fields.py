"""The CRM's bulk mail gets links to unsubscribe where that is asked for, and is signed."""

import re
from collections.abc import AsyncIterator, Mapping
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.delivery.dkim_signer import DkimKey, new_key, read_key
from tests.delivery.test_dkim_signer import is_valid
from tests.rig.process import LOOPBACK
from tests.smtp_proxy.crm import BULK, INDIVIDUAL, Crm, mail, open_crm

pytestmark = pytest.mark.system

PEM = new_key(ed25519=True)
KEY: DkimKey = read_key(PEM, domain="crm.example", selector="gw")
HOST = "mail.example.org"
LISTENERS: Mapping[str, Mapping[str, Any]] = {
    "crm": {"unsubscribe": "add"},
    "plain": {},
    "lmtp": {"protocol": "lmtp", "unsubscribe": "add"},
    "signed": {"unsubscribe": "add", "sign": True},
}
#: A rule alone asks for it, whatever the listener.
BY_RULE = mail("Rule", "X-Mailing: yes")
ADDED = re.compile(
    rb"\r\nList-Unsubscribe: <https://mail\.example\.org/u/[a-z2-7]+>,\r\n"
    rb" <mailto:bounces\+[a-z2-7]+@example\.org\?subject=unsubscribe>\r\n"
    rb"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nX-Gateway-Loop: "
)


@pytest.fixture(scope="module")
async def started(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Crm]:
    folder: Path = tmp_path_factory.mktemp("unsubscribe")
    (folder / "dkim.pem").write_bytes(PEM)
    changes = {
        "api": {"public_url": f"https://{HOST}"},
        "bounces": {"address": "bounces@example.org"},
        "dkim": [{"domain": "crm.example", "selector": "gw", "key_file": "dkim.pem"}],
        "rules": [{"name": "news", "kind": "bulk", "header": "X-Mailing", "unsubscribe": "add"}],
    }
    roles = ("smtp", "sender", "api")
    async with open_crm(folder, changes, listeners=LISTENERS, roles=roles) as crm:
        yield crm


@pytest.fixture
async def crm(started: Crm) -> Crm:
    await started.forget()
    return started


async def relayed(crm: Crm, to: list[bytes], content: bytes, listener: str = "crm") -> bytes:
    conversation = await crm.send(to, content, listener=listener)
    assert 250 == conversation.end.code, conversation.end
    return bytes(crm.sink.messages[-1].content)


@pytest.mark.parametrize(
    ("content", "listener"), [(BULK, "crm"), (BULK, "lmtp"), (BY_RULE, "plain")]
)
async def test_bulk_mail_to_one_gets_both_fields_above_what_the_crm_wrote(
    crm: Crm, content: bytes, listener: str
) -> None:
    arrived = await relayed(crm, [b"ann@example.org"], content, listener)

    assert 1 == len(ADDED.findall(arrived))
    assert arrived.endswith(content)
    assert arrived.startswith(b"Received: ")


@pytest.mark.parametrize(
    ("to", "content", "listener"),
    [
        ([b"ann@example.org"], BULK, "plain"),
        ([b"ann@example.org"], INDIVIDUAL, "crm"),
        ([b"ann@example.org", b"bob@example.org"], BULK, "crm"),
        (
            [b"ann@example.org"],
            mail("x", "List-Unsubscribe: <mailto:off@crm.example>", bulk=True),
            "crm",
        ),
        (
            [b"ann@example.org"],
            mail("x", "List-Unsubscribe-Post: List-Unsubscribe=One-Click", bulk=True),
            "crm",
        ),
        ([b"ann@example.org"], mail("x", "DKIM-Signature: v=1; h=from", bulk=True), "crm"),
        ([b"ann@example.org"], mail("x", "dkim-SIGNATURE : v=1;\r\n h=from", bulk=True), "crm"),
        ([b"ann@example.org"], mail("x", "ARC-Message-Signature: i=1; h=from", bulk=True), "crm"),
        ([b"ann@example.org"], mail("x", "LIST-unsubscribe:\r\n <mailto:o@x>", bulk=True), "crm"),
        ([b"ann@example.org"], mail("x", "List-Unsubscribe:", bulk=True), "crm"),
    ],
)
async def test_all_other_mail_stays_as_it_is(
    crm: Crm, to: list[bytes], content: bytes, listener: str
) -> None:
    arrived = await relayed(crm, to, content, listener)

    assert not ADDED.search(arrived)
    assert arrived.endswith(content)


async def test_who_alone_is_left_of_two_gets_a_link_of_their_own(crm: Crm) -> None:
    left_out, going = crm.person("no-bulk"), crm.person()

    arrived = await relayed(crm, [left_out.mailbox, going.mailbox], BULK)
    await click(crm, arrived)

    answer = (await crm.send([going], BULK)).end
    assert (550, "5.7.1") == (answer.code, answer.enhanced)


async def test_one_click_stops_the_next_mailing_and_no_personal_mail(crm: Crm) -> None:
    person = crm.person()

    await click(crm, await relayed(crm, [person.mailbox], BULK))

    answers = [(await crm.send([person], content)).end.code for content in (BULK, INDIVIDUAL)]
    assert [550, 250] == answers
    shown = await crm.gateway.cli("person", "show", person.ref)
    assert "List-Unsubscribe=One-Click" in shown.stdout


async def click(crm: Crm, arrived: bytes) -> None:
    """Do what a mail program does when its button is pressed (RFC 8058, 3.2)."""
    parsed: Message = message_from_bytes(arrived)
    url = re.search(r"<https://([^/]+)(/[^>]+)>", parsed["List-Unsubscribe"])
    assert url is not None
    assert HOST == url[1]
    port = crm.gateway.config["api"]["bind"].rpartition(":")[2]
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        answer = await client.post(
            f"http://{LOOPBACK}:{port}{url[2]}",
            data={"List-Unsubscribe": "One-Click"},
            headers={"host": HOST},
        )
    assert 200 == answer.status_code


# Signing


@pytest.mark.parametrize(
    "content",
    [
        BULK,
        INDIVIDUAL,
        mail("dots", body=b".\r\n..two\r\n.\r\nend\r\n", bulk=True),
        mail("without an end", body=b"no line end"),
        mail("large", body=b"".join(b"line %d of it\r\n" % at for at in range(80_000))),
        mail("eight bits", "X-Name: Größe", body="Grüße\r\n".encode() + bytes(range(128, 256))),
        mail("long line", "X-Long: " + "y" * 900, body=b"x" * 990 + b"\r\n"),
        mail("too long a line", body=b"x" * 5_000 + b"\r\n." + b"y" * 5_000 + b"\r\n"),
        mail("of two\r\n\tlines", "To: a@example.org,\r\n  b@example.org\r\n ,c@example.org"),
        b"Date: Sat, 28 Nov 2026 10:00:00 +0000\r\nFROM: recruiter@crm.example\r\n\r\nDag!\r\n",
        mail("empty", body=b""),
        mail("empty lines", body=b" \r\nDag! \t \r\n\r\n\r\n"),
    ],
)
async def test_a_listener_that_signs_signs_what_arrives(crm: Crm, content: bytes) -> None:
    conversation = await crm.send(
        [b"ann@example.org"], content, listener="signed", parameters=b"BODY=8BITMIME"
    )
    assert 250 == conversation.end.code, conversation.end
    arrived = bytes(crm.sink.messages[-1].content)

    assert [True] == is_valid(arrived, KEY)
    signature = message_from_bytes(arrived)["DKIM-Signature"].lower()
    is_bulk = b"Precedence: bulk" in content
    assert is_bulk == ("list-unsubscribe-post" in signature) == bool(ADDED.search(arrived))
    assert content.rstrip(b"\r\n") in arrived


async def test_all_fields_of_our_own_stand_below_the_line_of_an_mbox_file(crm: Crm) -> None:
    line = b"From nobody Mon Nov 30 10:00:00 2026\r\n"

    arrived = await relayed(crm, [b"ann@example.org"], line + BULK, "signed")

    assert arrived.startswith(line + b"DKIM-Signature: ")
    assert arrived.endswith(BULK)
    assert 1 == len(ADDED.findall(arrived))
    assert [True] == is_valid(arrived.removeprefix(line), KEY)


async def test_mail_that_no_key_is_for_passes_unsigned(crm: Crm) -> None:
    content = INDIVIDUAL.replace(b"recruiter@crm.example", b"eva@other.example")

    arrived = await relayed(crm, [b"ann@example.org"], content, "signed")

    assert b"DKIM-Signature" not in arrived
    assert arrived.endswith(content)


async def test_a_header_that_cannot_be_signed_is_relayed_as_it_is(crm: Crm) -> None:
    content = b"From: recruiter@crm.example\r\nno field at all\r\nSubject: x\r\n\r\nDag!\r\n"

    arrived = await relayed(crm, [b"ann@example.org"], content, "signed")

    assert arrived.endswith(content)


async def test_a_listener_that_does_not_sign_does_not(crm: Crm) -> None:
    arrived = await relayed(crm, [b"ann@example.org"], BULK)

    assert b"DKIM-Signature" not in arrived
