"""MAIL and RCPT: taken strictly, passed on octet for octet, and nothing hidden in them."""

from collections.abc import Sequence

import pytest

from tests.conftest import StartSink
from tests.rig.sink import EXTENSIONS
from tests.smtp_proxy.crm import BULK, INDIVIDUAL, NO_BULK, Crm

pytestmark = pytest.mark.system

MAIL = b"MAIL FROM:<recruiter@crm.example>"
RCPT = b"RCPT TO:<bob@example.org>"


# P5: what the relay hears


async def test_P5_arguments_reach_the_relay_octet_for_octet_and_in_order(crm: Crm) -> None:
    mail = b"FROM:<Recruiter+Tag@CRM.example> SIZE=1000 BODY=8bitmime RET=Hdrs ENVID=QQ314159+2B"
    rcpts = [
        b"TO:<Zoe@Example.ORG> NOTIFY=failure,DELAY ORCPT=rfc822;Zoe+40Example.ORG",
        b"TO:<bob@example.org>",
        b"TO:<Adam@example.org> notify=NEVER",
    ]
    client = await crm.client()

    await client.pipeline(b"MAIL " + mail, *(b"RCPT " + rcpt for rcpt in rcpts), b"DATA")
    await client.send(INDIVIDUAL + b".\r\n")
    reply = await client.reply()

    (message,) = crm.sink.messages
    assert 250 == reply.code
    assert (mail, rcpts) == (message.mail, message.rcpts)


@pytest.mark.parametrize(
    "without", [b"", b"PIPELINING", b"SIZE 104857600", b"8BITMIME", b"SMTPUTF8", b"DSN"]
)
async def test_P5_nothing_is_offered_that_the_relay_lacks(
    start_sink: StartSink, crm: Crm, without: bytes
) -> None:
    crm.sink.settings.extensions = [extension for extension in EXTENSIONS if extension != without]
    try:
        await learn(crm)
        offered = (await (await crm.raw()).ehlo()).lines[1:]
    finally:
        crm.sink.settings.extensions = EXTENSIONS
        await learn(crm)

    words = {line.partition(b" ")[0] for line in offered}
    lacking = without.partition(b" ")[0]
    assert words - {b"PIPELINING"} == {
        word.partition(b" ")[0] for word in EXTENSIONS if word != without
    } - {b"PIPELINING"}
    assert lacking not in words or lacking == b"PIPELINING"


async def learn(crm: Crm) -> None:
    """Have the gateway meet its relay anew."""
    crm.sink.drop_connections()
    await crm.send([b"anybody@example.org"])


async def test_P5_a_relay_that_knows_no_extension_gets_mail_all_the_same(crm: Crm) -> None:
    member = crm.person(NO_BULK)
    crm.sink.settings.extensions = []
    try:
        await learn(crm)
        reply = (await crm.send([b"free@example.org", member], BULK)).end
        utf8 = (await crm.send(["jürgen@example.org".encode()], parameters=b"SMTPUTF8")).end
        sized = (await crm.send([b"free@example.org"], parameters=b"SIZE=10")).end
    finally:
        crm.sink.settings.extensions = EXTENSIONS
        await learn(crm)

    assert [250, 555, 555] == [reply.code, utf8.code, sized.code]
    assert [b"free@example.org"] == crm.relayed[1].recipients


async def test_no_more_than_the_gateway_itself_takes_is_offered(crm: Crm) -> None:
    assert b"SIZE 2000000" in (await (await crm.raw()).ehlo()).lines


async def test_helo_offers_nothing_and_takes_no_parameters(crm: Crm) -> None:
    client = await crm.raw()

    hello = await client.command(b"HELO crm.example")
    with_size = await client.command(MAIL + b" SIZE=10")
    without = await client.command(MAIL)

    assert (250, 1) == (hello.code, len(hello.lines))
    assert [555, 250] == [with_size.code, without.code]


# Addresses


HOSTILE = [
    ("S19", b"RCPT TO:<a\0@x>"),
    ("S19", b"RCPT TO:<\xff@x>"),
    ("S19", b"RCPT TO:<a@\xff>"),
    ("S19", b"MAIL FROM:<a\0@x>"),
    ("S19", b"MAIL FROM:<\xff@x>"),
    ("S19", b"MAIL FROM:<a@x\0>"),
    ("S20", b'RCPT TO:<"a\rRCPT TO:<x>"@y>'),
    ("S20", b'RCPT TO:<"a\x1b[2J"@y>'),
    ("S20", b"RCPT TO:<a@x> ORCPT=rfc822;a\rb"),
    ("S20", b"RCPT TO:<a@x> ORCPT=rfc822;a\0b"),
    ("S20", b"MAIL FROM:<a@x> ENVID=a\rb"),
    ("S20", b"MAIL FROM:<a@x> ENVID=a\x07b"),
    ("S20", b"RCPT TO:<a\rb@x>"),
    ("S21", b"RCPT TO:<"),
    ("S21", b"RCPT TO:"),
    ("S21", b"RCPT TO"),
    ("S21", b"RCPT"),
    ("S21", b"RCPT TO:<>"),
    ("S21", b"RCPT TO:<a>"),
    ("S21", b"RCPT TO:<@>"),
    ("S21", b"RCPT TO:<a@>"),
    ("S21", b"RCPT TO:<a@x"),
    ("S21", b"RCPT TO:a@x>"),
    ("S21", b"RCPT TO:<a b@x>"),
    ("S21", b"RCPT TO:<a@x>trailing"),
    ("S21", b"RCPT TO:<a@x> NOTIFY=SOMETIMES"),
    ("S21", b"RCPT TO:<a@x> NOTIFY=NEVER,FAILURE"),
    ("S21", b"RCPT TO:<a@x><b@x>"),
    ("S21", b"MAIL FROM:<"),
    ("S21", b"MAIL FROM:"),
    ("S21", b"MAIL"),
    ("S21", b"MAIL TO:<a@x>"),
    ("S21", b"MAIL FROM:<a@x> SIZE=ten"),
    ("S21", b"MAIL FROM:<a@x> BODY=BINARYMIME"),
]


@pytest.mark.parametrize("line", [line for _, line in HOSTILE], ids=[row for row, _ in HOSTILE])
async def test_S19_to_S21_what_is_malformed_hears_501_and_never_reaches_the_relay(
    crm: Crm, line: bytes
) -> None:
    client = await crm.client()
    opening: Sequence[bytes] = [MAIL] if line.startswith(b"RCPT") else []

    replies = [await client.command(command) for command in (*opening, line)]
    after = await client.command(b"RSET")

    assert 501 == replies[-1].code
    assert 250 == after.code
    assert "Traceback" not in replies[-1].text
    assert [] == [transaction for transaction in crm.sink.transactions if transaction.rcpts]


async def test_S20_a_hidden_line_end_ends_the_command(crm: Crm) -> None:
    client = await crm.client()
    await client.command(MAIL)

    await client.send(b'RCPT TO:<"a\r\nRCPT TO:<victim@x>"@y>\r\n')
    replies = await client.replies(2)

    assert [501, 501] == [reply.code for reply in replies]
    assert [] == [transaction for transaction in crm.sink.transactions if transaction.rcpts]


@pytest.mark.parametrize("parameter", [b"XFOO=1", b"AUTH=<>", b"MT-PRIORITY=3", b"REQUIRETLS"])
async def test_a_parameter_that_was_not_offered_hears_555(crm: Crm, parameter: bytes) -> None:
    client = await crm.client()
    lines = (MAIL + b" " + parameter, MAIL)

    assert [555, 250] == [(await client.command(line)).code for line in lines]


async def test_S26_an_international_address_needs_smtputf8(crm: Crm) -> None:
    address = "jürgen@müller.example".encode()
    client = await crm.client()
    lines = (b"MAIL FROM:<%s>" % address, MAIL, b"RCPT TO:<%s>" % address)
    without = [(await client.command(line)).code for line in lines]
    sent = await crm.send([address], sender=address, parameters=b"SMTPUTF8")

    (message,) = crm.sink.messages
    assert [553, 250, 553] == without
    assert 250 == sent.end.code
    assert [address] == message.recipients
    assert b"FROM:<%s> SMTPUTF8" % address == message.mail


PASSED = [
    b'"a b"@example.org',
    b'"quo\\"ted"@example.org',
    b'"a@b"@example.org',
    b"user@[127.0.0.1]",
    b"user@[IPv6:2001:db8::1]",
    b"postmaster",
    b"Postmaster",
    b"@r1.example,@r2.example:user@example.org",
    b"a%b@example.org",
    b"a!b@example.org",
    b"MiXeD@ExAmPle.ORG",
    b"a..b@example.org",
    b".a.@example.org",
    b"user@example.org.",
    b"user@under_score.example",
    b"/o=x/ou=y/cn=z@example.org",
    b"a" * 200 + b"@example.org",
]


@pytest.mark.parametrize("address", PASSED)
async def test_S27_every_way_to_write_an_address_is_passed_on_as_it_is(
    crm: Crm, address: bytes
) -> None:
    reply = (await crm.send([address])).end

    assert 250 == reply.code
    assert [b"TO:<%s>" % address] == crm.sink.messages[0].rcpts


async def test_S28_the_null_sender_passes(crm: Crm) -> None:
    reply = (await crm.send([b"bob@example.org"], sender=b"")).end

    assert 250 == reply.code
    assert b"FROM:<>" == crm.sink.messages[0].mail


@pytest.mark.parametrize("mail", [b"FROM:a@crm.example", b"FROM: <a@crm.example>"])
async def test_S28_sloppy_clients_are_passed_on_to_a_relay_that_judges(
    crm: Crm, mail: bytes
) -> None:
    client = await crm.client()
    await client.pipeline(b"MAIL " + mail, b"RCPT TO: <bob@example.org>", b"DATA")
    await client.send(INDIVIDUAL + b".\r\n")

    assert 250 == (await client.reply()).code
    assert (mail, [b"TO: <bob@example.org>"]) == (
        crm.sink.messages[0].mail,
        crm.sink.messages[0].rcpts,
    )


async def test_S30_hundreds_of_recipients_pass_and_those_above_the_limit_hear_452(
    crm: Crm,
) -> None:
    client = await crm.client()
    rcpts = [b"RCPT TO:<r%d@example.org>" % number for number in range(310)]

    replies = await client.pipeline(MAIL, *rcpts, b"DATA")
    await client.send(INDIVIDUAL + b".\r\n")
    end = await client.reply()

    assert [250] * 301 + [452] * 10 == [reply.code for reply in replies[:-1]]
    assert "4.5.3" == replies[-2].enhanced
    assert 250 == end.code
    assert 300 == len(crm.sink.messages[0].rcpts)


async def test_S30_ten_thousand_recipients_are_taken_as_shipped(other_crm: Crm) -> None:
    client = await other_crm.client()
    rcpts = [b"RCPT TO:<many-%d@example.org>" % number for number in range(10_001)]

    replies = await client.pipeline(MAIL, *rcpts, b"DATA")
    await client.send(INDIVIDUAL + b".\r\n")
    end = await client.reply(timeout=30)

    assert [250] * 10_001 + [452, 354] == [reply.code for reply in replies]
    assert 250 == end.code
    assert 10_000 == len(other_crm.sink.messages[0].rcpts)


async def test_S31_a_recipient_given_twice_is_passed_on_twice(crm: Crm) -> None:
    to = [b"ann@example.org", b"ann@example.org", b"ANN@example.org", b"ann+tag@example.org"]

    reply = (await crm.send(to)).end

    record = await crm.record("ann@example.org")
    assert 250 == reply.code
    assert to == crm.sink.messages[0].recipients
    assert [recipient.decode() for recipient in to] == [
        recipient.recipient for recipient in record.deliveries
    ]
