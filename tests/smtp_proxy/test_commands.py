"""Commands: their lines, their order, those that are refused, and noise in place of them."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.rig.process import wait_until
from tests.smtp_proxy.crm import INDIVIDUAL, SENDER, Crm

pytestmark = pytest.mark.system

MAIL = b"MAIL FROM:<recruiter@crm.example>"
RCPT = b"RCPT TO:<bob@example.org>"


# Lines and their ends


async def test_S14_commands_that_end_in_a_bare_newline_are_taken(crm: Crm) -> None:
    client = await crm.raw()

    await client.send(b"EHLO crm.example\n" + MAIL + b"\n" + RCPT + b"\n")
    replies = await client.replies(3)

    assert [250, 250, 250] == [reply.code for reply in replies]


async def test_S14_bare_newlines_stand_in_the_log(crm: Crm) -> None:
    client = await crm.raw("personal")

    await client.send(b"EHLO crm.example\nNOOP\nNOOP\n")
    await client.replies(3)

    def noted() -> list[str]:
        lines = crm.gateway.log_lines("bare_newline")
        return [line["client"] for line in lines if line["listener"] == "personal"]

    await wait_until(lambda: noted() != [], "the notice in the log")
    assert ["127.0.0.1"] == noted()


async def test_S14_a_strict_gateway_refuses_commands_that_end_in_a_bare_newline(
    other_crm: Crm,
) -> None:
    client = await other_crm.client()

    await client.send(b"NOOP\n")
    refused = await client.reply()
    taken = await client.command(b"NOOP")

    assert [500, 250] == [refused.code, taken.code]


@pytest.mark.parametrize("length", [4_097, 10_000, 1_000_000])
async def test_S18_an_overlong_command_hears_500_and_the_session_goes_on(
    crm: Crm, length: int
) -> None:
    client = await crm.client()

    too_long = await client.command(b"MAIL FROM:<" + b"a" * length + b"@x>")
    after = await client.command(MAIL)

    assert [500, 250] == [too_long.code, after.code]


async def test_S18_ten_megabytes_without_a_newline_cost_no_memory(crm: Crm) -> None:
    client = await crm.client()
    before = crm.gateway.resident_memory()

    for _ in range(10):
        await client.send(b"x" * 1_000_000)
    grown = crm.gateway.resident_memory() - before
    reply = await client.command(b"")

    assert 500 == reply.code
    assert grown < 5_000_000


async def test_S18_an_overlong_recipient_among_pipelined_ones_is_refused_alone(crm: Crm) -> None:
    client = await crm.client()

    long = b"RCPT TO:<" + b"a" * 5_000 + b"@x>"
    replies = await client.pipeline(MAIL, RCPT, long, RCPT)

    assert [250, 250, 500, 250] == [reply.code for reply in replies]


async def test_S18_after_twenty_errors_the_client_is_sent_away(crm: Crm) -> None:
    client = await crm.client()

    replies = [await client.command(b"BOGUS") for _ in range(20)]
    last = await client.command(b"BOGUS")

    assert {500} == {reply.code for reply in replies}
    assert 500 == last.code
    assert (await client.rest()).startswith(b"421 ")


# The order of commands


async def test_S35_commands_out_of_order_hear_503_and_change_nothing(crm: Crm) -> None:
    client = await crm.raw()
    without_ehlo = await client.command(MAIL)
    await client.ehlo()

    early = [await client.command(line) for line in (RCPT, b"DATA", MAIL, MAIL, b"DATA", RCPT)]
    data = await client.command(b"DATA")
    await client.send(INDIVIDUAL + b".\r\n")
    end = await client.reply()

    assert 503 == without_ehlo.code
    assert [503, 503, 250, 503, 554, 250] == [reply.code for reply in early]
    assert [354, 250] == [data.code, end.code]
    assert 1 == len(crm.sink.messages)


@pytest.mark.parametrize("reset", [b"RSET", b"EHLO crm.example", b"HELO crm.example"])
async def test_S35_a_reset_in_the_middle_forgets_the_transaction(crm: Crm, reset: bytes) -> None:
    client = await crm.client()
    replies = [await client.command(line) for line in (MAIL, RCPT, reset, RCPT, b"DATA")]
    again = await client.transaction(SENDER, [b"eve@example.org"], INDIVIDUAL)

    assert [250, 250, 250, 503, 503] == [reply.code for reply in replies]
    assert 250 == again.end.code
    assert [[b"eve@example.org"]] == [message.recipients for message in crm.sink.messages]


@pytest.mark.parametrize("junk", [b"NOOP", b"RSET", b"VRFY bob", b"HELP"])
async def test_S35_a_thousand_junk_commands_are_answered_then_it_is_enough(
    crm: Crm, junk: bytes
) -> None:
    client = await crm.client()

    await client.send((junk + b"\r\n") * 1_001)
    replies = await client.replies(1_002)

    assert 421 == replies[-1].code
    assert 421 not in {reply.code for reply in replies[:-1]}
    assert b"" == await client.rest()


async def test_mail_between_junk_commands_shows_that_the_client_is_fine(crm: Crm) -> None:
    client = await crm.client()
    for _ in range(3):
        await client.send(b"NOOP\r\n" * 500)
        await client.replies(500)
        assert 250 == (await client.transaction(SENDER, [b"a@example.org"], INDIVIDUAL)).end.code


REFUSED = [
    b"BDAT 3 LAST",
    b"XCLIENT ADDR=10.0.0.1",
    b"XFORWARD NAME=x",
    b"EXPN staff",
    b"ETRN example.org",
    b"TURN",
    b"STARTTLS",
    b"AUTH PLAIN AGEAYg==",
    b"LHLO crm.example",
    b"",
    b" ",
    b"\xff\xfe",
    b"MAIL\xa0FROM:<a@x>",
]


@pytest.mark.parametrize("line", REFUSED)
async def test_S24_what_is_not_offered_is_refused_and_nothing_happens(
    crm: Crm, line: bytes
) -> None:
    client = await crm.client()

    refused = await client.command(line)
    after = await client.command(b"NOOP")

    assert refused.code in (500, 501, 502)
    assert 250 == after.code


@pytest.mark.parametrize(("line", "code"), [(b"VRFY root", 252), (b"HELP", 214)])
async def test_S24_questions_get_an_answer_that_tells_nothing(
    crm: Crm, line: bytes, code: int
) -> None:
    client = await crm.client()

    assert [code, 250] == [(await client.command(command)).code for command in (line, b"NOOP")]


async def test_S24_after_a_refused_chunk_the_session_finds_its_feet_again(crm: Crm) -> None:
    client = await crm.client()

    await client.send(b"BDAT 3 LAST\r\nabc\r\nNOOP\r\n")
    replies = await client.replies(3)

    assert [502, 500, 250] == [reply.code for reply in replies]


@pytest.mark.parametrize("verb", [b"GET", b"POST", b"HEAD", b"OPTIONS", b"CONNECT"])
async def test_S24_a_web_browser_is_sent_away(crm: Crm, verb: bytes) -> None:
    client = await crm.raw()

    reply = await client.command(verb + b" / HTTP/1.1")

    assert 554 == reply.code
    assert b"" == await client.rest()


@pytest.mark.parametrize(
    "noise", [b"\x00", b"\x16\x03\x01\x02\x00\x01", bytes(range(128, 256)), b"\x1b[31m", b"\r\r\r"]
)
async def test_P18_noise_is_refused_and_the_session_goes_on(crm: Crm, noise: bytes) -> None:
    client = await crm.client()

    refused = await client.command(noise)
    after = await client.transaction(SENDER, [b"a@example.org"], INDIVIDUAL)

    assert refused.code in range(500, 505)
    assert 250 == after.end.code


WORDS = [
    *(b"EHLO crm.example\r\n", b"HELO x\r\n", b"RSET\r\n", b"NOOP\r\n", b"VRFY a\r\n", b"\r\n"),
    *(b"MAIL FROM:<a@crm.example>\r\n", b"MAIL FROM:<>\r\n", b"RCPT TO:<bob@example.org>\r\n"),
    *(b"DATA\r\n", b"Subject: x\r\n\r\nx\r\n.\r\n", b".\r\n", b"QUIT\r\n", b"BDAT 3 LAST\r\nabc"),
    *(b"MAIL FROM:<", b"RCPT TO:<", b"a" * 5_000, b"\0", b"\r", b"\n", b'"', b"\\", b">", b"\xff"),
    *(b" SIZE=", b" ORCPT=", b"@", b"[", b"STARTTLS\r\n", b"AUTH PLAIN\r\n", b"HELP\n"),
]
ONE_LINE = re.compile(rb"\d{3}[ -][\x20-\x7e]*\r\n")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(st.sampled_from(WORDS) | st.binary(max_size=6), max_size=40))
async def test_P18_whatever_is_said_the_session_ends_in_order(crm: Crm, words: list[bytes]) -> None:
    client = await crm.raw()

    await client.send(b"".join(words) + b"\r\n.\r\nQUIT\r\n")
    said = await client.rest()
    await client.close()

    *_, last = ONE_LINE.findall(said)
    assert b"" == ONE_LINE.sub(b"", said)
    assert last.startswith((b"221 ", b"421 4.7.0 Too many errors"))
