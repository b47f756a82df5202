"""Content passes as it is: dots, long lines, eight bits, signatures; loops and floods end."""

import asyncio
import base64
import subprocess
from pathlib import Path

import dkim
import pytest

from tests.conftest import Connect
from tests.rig.client import stuff
from tests.rig.process import program
from tests.smtp_proxy.crm import INDIVIDUAL, SENDER, Crm, as_sent, mail

pytestmark = pytest.mark.system

TO = b"bob@example.org"


async def relayed(crm: Crm, content: bytes, *, listener: str = "crm") -> bytes:
    """Send content; return what the relay got below the gateway's own lines."""
    conversation = await crm.send([TO], content, listener=listener)
    assert 250 == conversation.end.code, conversation.end
    return as_sent(crm.sink.messages[-1])


# Dots and ends


@pytest.mark.parametrize(
    "content",
    [
        b".x\r\n",
        b"..x\r\n",
        b"..\r\n",
        b".\r\n",
        b". \r\n",
        b".\t\r\n.\r\n..\r\n...\r\n",
        b"Subject: dots\r\n\r\n.\r\n.x\r\n..\r\n.\r\n",
        b"\r\n.\r\n\r\n.\r\n",
    ],
)
async def test_S22_dots_are_transparent(crm: Crm, content: bytes) -> None:
    assert content == await relayed(crm, content)


@pytest.mark.parametrize(
    ("content", "arrives"),
    [
        (b"", b""),
        (b"\r\n", b"\r\n"),
        (b"Subject: only headers\r\n", b"Subject: only headers\r\n"),
        (b"Subject: x\r\n\r\nno end", b"Subject: x\r\n\r\nno end\r\n"),
        (b"no header at all\r\n", b"no header at all\r\n"),
        (b"\r\nonly a body\r\n", b"\r\nonly a body\r\n"),
        (b" starts folded\r\n\r\nx\r\n", b" starts folded\r\n\r\nx\r\n"),
        (b"From : ann@x.org\r\nSubject: a field (RFC 5322, 4.5)\r\n\r\nx\r\n",) * 2,
    ],
)
async def test_S23_content_of_any_shape_passes(crm: Crm, content: bytes, arrives: bytes) -> None:
    assert arrives == await relayed(crm, content)


MBOX_LINE = b"From nobody Mon Nov 30 10:00:00 2026\r\n"


@pytest.mark.parametrize(
    ("top", "rest"),
    [
        (MBOX_LINE, b"Subject: mbox\r\n\r\nx\r\n"),
        (b">" + MBOX_LINE, b"Subject: mbox\r\n\r\nx\r\n"),
        (MBOX_LINE, b"\r\nno field\r\n"),
        (MBOX_LINE, b""),
    ],
)
async def test_the_line_of_an_mbox_file_stays_the_first_for_servers_that_know_it_there(
    crm: Crm, top: bytes, rest: bytes
) -> None:
    assert top + rest == await relayed(crm, top + rest)
    assert crm.sink.messages[-1].content.startswith(top + b"Received: ")


@pytest.mark.parametrize("cut", [1, 3, 5, 20, len(MBOX_LINE) - 1, len(MBOX_LINE)])
async def test_the_line_of_an_mbox_file_is_known_wherever_it_is_cut(crm: Crm, cut: int) -> None:
    content = MBOX_LINE + b"Subject: mbox\r\n\r\nx\r\n"
    client = await crm.client()
    for command in (b"MAIL FROM:<%s>" % SENDER, b"RCPT TO:<%s>" % TO, b"DATA"):
        await client.command(command)

    await client.send_split(stuff(content), cut, pause=0.05)

    assert 250 == (await client.reply()).code
    assert content == as_sent(crm.sink.messages[-1])
    assert crm.sink.messages[-1].content.startswith(MBOX_LINE + b"Received: ")


# Long lines


@pytest.mark.parametrize("length", [998, 1_000, 5_000, 1_000_000])
async def test_S17_lines_of_any_length_pass(crm: Crm, length: int) -> None:
    content = mail(body=b"x" * length + b"\r\n.\r\n")

    assert content == await relayed(crm, content)


async def test_S17_a_header_of_a_hundred_kilobytes_passes(crm: Crm) -> None:
    content = mail("Vacature", "X-Long: " + "y" * 100_000)

    assert content == await relayed(crm, content)


# Size


async def test_S29_a_declared_size_over_the_limit_is_refused_at_mail(crm: Crm) -> None:
    client = await crm.client()

    refused = await client.command(b"MAIL FROM:<a@x> SIZE=2000001")
    taken = await client.command(b"MAIL FROM:<a@x> SIZE=2000000")

    assert (552, "5.3.4") == (refused.code, refused.enhanced)
    assert 250 == taken.code


async def test_S29_content_over_the_limit_is_refused_once_all_of_it_was_read(crm: Crm) -> None:
    client = await crm.client()

    large = await client.transaction(SENDER, [TO], mail(body=b"x" * 3_000_000))
    small = await client.transaction(SENDER, [TO], INDIVIDUAL)

    record = (await crm.records(count=2))[1]
    assert (552, "5.3.4") == (large.end.code, large.end.enhanced)
    assert 250 == small.end.code
    assert [INDIVIDUAL] == [as_sent(message) for message in crm.sink.messages]
    assert ["rejected"] == [delivery.state for delivery in record.deliveries]


async def test_S29_a_size_that_lies_changes_nothing(crm: Crm) -> None:
    content = mail(body=b"x" * 100_000 + b"\r\n")

    conversation = await crm.send([TO], content, parameters=b"SIZE=10")

    assert 250 == conversation.end.code
    assert content == as_sent(crm.sink.messages[0])


async def test_S29_many_large_messages_at_once_are_never_held_whole(other_crm: Crm) -> None:
    content = mail("Bijlage", "X-Own-File: yes", body=b"x" * 5_000_000 + b"\r\n")
    await other_crm.send([TO], mail("Warm", "X-Own-File: yes"))
    before = other_crm.gateway.resident_memory()

    sending = [asyncio.create_task(other_crm.send([TO], content)) for _ in range(10)]
    highest = before
    while not all(task.done() for task in sending):
        highest = max(highest, other_crm.gateway.resident_memory())
        await asyncio.sleep(0.02)

    assert {250} == {(await task).end.code for task in sending}
    assert highest - before < 30_000_000


# Eight bits


@pytest.mark.parametrize("parameters", [b"", b"BODY=7BIT", b"BODY=8BITMIME"])
async def test_S25_eight_bit_content_is_never_encoded_anew(crm: Crm, parameters: bytes) -> None:
    fields = ("MIME-Version: 1.0", "Content-Type: text/plain; charset=us-ascii")
    content = mail("Größe", *fields, body="Grüße €\r\n".encode() + bytes(range(128, 256)) + b"\r\n")

    conversation = await crm.send([TO], content, parameters=parameters)

    assert 250 == conversation.end.code
    assert content == as_sent(crm.sink.messages[0])


# Signatures


@pytest.fixture(scope="session")
def signing_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private RSA key as dkimpy reads it."""
    file = tmp_path_factory.mktemp("dkim") / "key.pem"
    openssl = program("openssl", "openssl")
    subprocess.run(
        [openssl, "genrsa", "-traditional", "-out", str(file), "1024"],
        check=True,
        capture_output=True,
    )
    return file


def published(key: Path) -> bytes:
    """Return the DNS record of a key."""
    openssl = program("openssl", "openssl")
    command = [openssl, "rsa", "-in", str(key), "-pubout", "-outform", "DER"]
    public = subprocess.run(command, check=True, capture_output=True).stdout
    return b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)


@pytest.mark.parametrize("canonicalisation", [b"simple", b"relaxed"])
async def test_S40_signed_mail_still_verifies(
    crm: Crm, signing_key: Path, canonicalisation: bytes
) -> None:
    fields = ("To: bob@example.org", "List-Unsubscribe: <https://crm.example/u/1>")
    content = mail("Nieuws", *fields, body=b"Dag!\r\n.punt\r\n\r\n\r\n")
    signature = dkim.sign(
        content,
        b"crm",
        b"crm.example",
        signing_key.read_bytes(),
        canonicalize=(canonicalisation, canonicalisation),
        include_headers=[b"from", b"from", b"subject", b"subject", b"to", b"list-unsubscribe"],
    )

    sent = signature + content
    await crm.send([TO], sent)

    (message,) = crm.sink.messages
    record = published(signing_key)
    assert sent == as_sent(message)
    assert dkim.verify(message.content, dnsfunc=lambda *_, **__: record)


# Loops


@pytest.mark.parametrize(("hops", "code"), [(30, 250), (50, 250), (99, 250), (100, 554)])
async def test_P12_S41_a_hundred_hops_are_a_loop(crm: Crm, hops: int, code: int) -> None:
    content = b"Received: from a by b; now\r\n" * hops + INDIVIDUAL

    reply = (await crm.send([TO], content)).end

    assert code == reply.code
    assert code == 250 or reply.enhanced == "5.4.6"
    assert int(code == 250) == len(crm.sink.messages)


async def test_P12_S41_mail_that_comes_back_to_the_gateway_is_stopped(crm: Crm) -> None:
    content, codes = INDIVIDUAL, []
    for _ in range(4):
        codes.append((await crm.send([TO], content)).end.code)
        content = crm.sink.messages[-1].content

    assert [250, 250, 250, 554] == codes
    assert 3 == len(crm.sink.messages)


async def test_the_loop_mark_of_another_gateway_counts_for_nothing(crm: Crm) -> None:
    content = b"X-Gateway-Loop: 0123456789abcdef\r\n" * 5 + INDIVIDUAL

    assert content == await relayed(crm, content)


async def test_the_gateways_own_lines_say_how_the_mail_came(crm: Crm) -> None:
    await crm.send([TO])
    record = await crm.record("bob@example.org")
    own = crm.sink.messages[0].content.partition(INDIVIDUAL)[0]

    assert b"Received: from crm.example ([127.0.0.1])\r\n" in own
    assert b" with ESMTP id " in own
    assert str(record.id) not in own.decode()


# Floods


def nested(depth: int) -> bytes:
    """Return a body of multiparts within multiparts."""
    opening = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n)
        for n in range(depth)
    )
    return b"MIME-Version: 1.0\r\n" + opening + b"\r\nx\r\n"


FLOODS = {
    "50000-header-lines": b"X-Line: y\r\n" * 50_000 + b"\r\nx\r\n",
    "8000-parts": b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + b"--b\r\n\r\n" * 8_000,
    "3000-nested": nested(3_000),
    "20000-encoded-words": b"Subject: " + b"=?utf-8?q?=C3=A9?= " * 20_000 + b"\r\n\r\nx\r\n",
    "20000-addresses": b"To: " + b"<a@example.org>, " * 20_000 + b"\r\n\r\nx\r\n",
    "5000-brackets": b"From: " + b"(" * 5_000 + b"\r\n\r\nx\r\n",
    "no-colon": b"x" * 300_000 + b"\r\n\r\nx\r\n",
    "folded": b"Subject: x" + b"\r\n " * 60_000 + b"\r\n\r\nx\r\n",
    "blanks-before-a-colon": b"X" + b" " * 200_000 + b"\r\n\r\nx\r\n",
}


@pytest.mark.parametrize("content", FLOODS.values(), ids=FLOODS)
async def test_S42_floods_of_structure_pass_without_being_parsed(
    crm: Crm, connect: Connect, content: bytes
) -> None:
    client = await crm.client()
    await client.pipeline(b"MAIL FROM:<%s>" % SENDER, b"RCPT TO:<%s>" % TO, b"DATA")

    await client.send(stuff(content))
    other = await connect(crm.port("crm"), timeout=2.0)

    assert 250 == (await client.reply()).code
    assert 250 == (await other.ehlo()).code
    assert content == as_sent(crm.sink.messages[0])
