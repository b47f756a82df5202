"""Only CR LF . CR LF ends a message: whatever else is sent, the relay gets one mail or none."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.rig.client import RawClient, stuff
from tests.rig.records import Transaction
from tests.smtp_proxy.crm import Crm, as_sent

pytestmark = pytest.mark.system

FAKE_ENDS = {
    "S1": b"\n.\n",
    "S2": b"\n.\r",
    "S3": b"\r.\n",
    "S4": b"\r.\r",
    "S5": b"\n.\r\n",
    "S6": b"\r.\r\n",
    "S7": b"\r\n.\n",
    "S8": b"\r\n.\r",
    "S9": b"\r\n\0.\r\n",
    "S10": b"\r\n.\0\r\n",
    "S11": b"\r\n.\r\r\n",
    "S12": b"\r\r\n.\r\r\n",
    "CR CR LF . LF": b"\r\r\n.\n",
    "CR CR LF . CR": b"\r\r\n.\r",
    "CR CR . CR LF": b"\r\r.\r\n",
    "LF CR . CR LF": b"\n\r.\r\n",
    "CR LF . CR CR CR LF": b"\r\n.\r\r\r\n",
}
BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")
LINE_END = re.compile(rb"\r*\n|\r")
OPENING = (b"MAIL FROM:<ann@crm.example>", b"RCPT TO:<bob@example.org>", b"DATA")
fake_ends = pytest.mark.parametrize("fake", FAKE_ENDS.values(), ids=FAKE_ENDS)


def smuggled(fake: bytes) -> bytes:
    """Return what goes over the wire after DATA: a second mail hidden behind a fake end."""
    hidden = b"MAIL FROM:<evil@x>\r\nRCPT TO:<victim@x>\r\nDATA\r\nSubject: hidden\r\n\r\nx"
    return b"Subject: first\r\n\r\nfirst" + fake + hidden + b"\r\n.\r\n"


def normalised(wire: bytes) -> bytes:
    """Return the content that may arrive: dots single again, every line end one CR LF."""
    content = (b"\r\n" + wire.removesuffix(b".\r\n")).replace(b"\r\n.", b"\r\n")[2:]
    return LINE_END.sub(b"\r\n", content)


def assert_harmless(message: Transaction) -> None:
    assert not BARE.search(message.wire)
    assert b"\0" not in message.wire


@fake_ends
@pytest.mark.parametrize("in_one_piece", [True, False], ids=["whole", "S13-octet-by-octet"])
async def test_P7_S1_to_S13_a_fake_end_makes_no_second_mail(
    crm: Crm, fake: bytes, in_one_piece: bool
) -> None:
    client = await crm.client()
    await client.pipeline(*OPENING)
    wire = smuggled(fake)

    await (client.send(wire) if in_one_piece else client.send_bytewise(wire))
    reply = await client.reply()

    if b"\0" in fake:
        assert (550, "5.6.0") == (reply.code, reply.enhanced)
        assert [] == crm.sink.messages
    else:
        assert 250 == reply.code
        (message,) = crm.sink.messages
        assert_harmless(message)
        assert normalised(wire) == as_sent(message)
    assert 250 == (await client.command(b"NOOP")).code
    assert [] == [m for m in crm.sink.transactions if m.sender == b"evil@x"]


@fake_ends
async def test_P7_S1_to_S12_a_strict_gateway_refuses_every_fake_end(
    other_crm: Crm, fake: bytes
) -> None:
    client = await other_crm.client()
    await client.pipeline(*OPENING)

    await client.send(smuggled(fake))
    reply = await client.reply()

    assert (550, "5.6.0") == (reply.code, reply.enhanced)
    assert [] == other_crm.sink.messages
    assert 250 == (await client.command(b"NOOP")).code


@fake_ends
async def test_S40_signed_mail_is_refused_rather_than_normalised(crm: Crm, fake: bytes) -> None:
    client = await crm.client()
    await client.pipeline(*OPENING)

    await client.send(b"DKIM-Signature: v=1; a=rsa-sha256; b=x\r\n" + smuggled(fake))
    reply = await client.reply()

    assert (550, "5.6.0") == (reply.code, reply.enhanced)
    assert [] == crm.sink.messages


@pytest.mark.parametrize("cut", range(1, 8))
async def test_S13_the_end_may_be_cut_into_segments_anywhere(crm: Crm, cut: int) -> None:
    client = await crm.client()
    await client.pipeline(*OPENING)

    await client.send_split(b"hi\r\n.\r\nNOOP\r\n", cut)
    replies = await client.replies(2)

    assert [250, 250] == [reply.code for reply in replies]
    assert [b"hi\r\n"] == [as_sent(message) for message in crm.sink.messages]


FRAGMENTS = [
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b"\r\r\n",
        b"\r\r\r\n",
        b".",
        b"..",
        b"\r\n.",
        b"\0",
        b"\r\n.\r\n",
        b" ",
        b"\t",
    ),
    *(b"Subject: ", b"From ", b"Precedence: bulk", b"=?utf-8?q?=00?=", b"=?utf-7?q?+2AA-?=", b":"),
    *(b"=?unicode_escape?q?=5Cud800?=", b"Message-ID: <", b"To: (((", b"x" * 1500, b"\xff\xfe"),
]
hostile_content = st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=8), max_size=25)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=hostile_content)
async def test_P6_content_arrives_octet_for_octet_or_is_refused(
    each_crm: Crm, pieces: list[bytes]
) -> None:
    content = b"".join(pieces)
    each_crm.sink.forget()
    client = await kept_client(each_crm)
    await client.pipeline(*OPENING)

    await client.send_pieces([*pieces_of(stuff(content), pieces)])
    reply = await client.reply()

    if b"\0" in content:
        assert (550, []) == (reply.code, each_crm.sink.messages)
        return
    assert 250 == reply.code
    (message,) = each_crm.sink.messages
    assert_harmless(message)
    assert normalised(stuff(content)) == as_sent(message)


def pieces_of(wire: bytes, pieces: list[bytes]) -> list[bytes]:
    """Cut the wire at the lengths of the pieces."""
    cut: list[bytes] = []
    for piece in pieces:
        cut.append(wire[: len(piece)])
        wire = wire[len(piece) :]
    return [*filter(None, cut), wire]


_kept: dict[int, RawClient] = {}


async def kept_client(crm: Crm) -> RawClient:
    """Return the same connection for all examples, as a CRM under load keeps it."""
    client = _kept.get(id(crm))
    if client is None or client.transport.is_closing():
        client = _kept[id(crm)] = await crm.client()
    return client
