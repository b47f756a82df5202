"""Sessions that last: what goes wrong in them, and what comes after."""

import base64

import pytest

from tests.rig.faults import reply
from tests.smtp_proxy.crm import INDIVIDUAL, NO_BULK, SENDER, Crm, states
from tests.smtp_proxy.secured_gateway import PASSWORD, SecuredGateway

pytestmark = pytest.mark.system

MAIL = b"MAIL FROM:<" + SENDER + b">"
BAD = b"RCPT TO:<no address@example.org>"


async def test_malformed_addresses_between_good_messages_end_no_session(crm: Crm) -> None:
    client = await crm.client()

    for number in range(25):
        await client.command(MAIL)
        assert 501 == (await client.command(BAD)).code
        assert 250 == (await client.command(b"RCPT TO:<guest%d@example.org>" % number)).code
        assert 354 == (await client.command(b"DATA")).code
        await client.send(INDIVIDUAL + b".\r\n")
        assert 250 == (await client.reply()).code

    assert 25 == len(crm.relayed)


async def test_many_malformed_addresses_of_one_mailing_keep_nobody_else_from_it(crm: Crm) -> None:
    client = await crm.client()
    await client.command(MAIL)

    refused = [(await client.command(BAD)).code for _ in range(60)]
    taken = await client.command(b"RCPT TO:<zoe@example.org>")

    assert [501] * 60 == refused
    assert 250 == taken.code


async def test_errors_without_a_message_between_end_the_session(crm: Crm) -> None:
    client = await crm.client()

    codes = [(await client.command(b"WRONG")).code for _ in range(20)]
    await client.send(b"WRONG\r\n")

    assert [500] * 20 == codes
    assert 500 == (await client.reply()).code
    assert "421 4.7.0 Too many errors" == str(await client.reply())


async def test_data_after_all_were_refused_hears_the_note_and_ends_the_transaction(
    crm: Crm,
) -> None:
    suppressed = [crm.person(NO_BULK) for _ in range(2)]
    client = await crm.client("strict")
    await client.command(MAIL)
    notes = [await client.command(b"RCPT TO:<" + person.mailbox + b">") for person in suppressed]

    data = await client.command(b"DATA")
    following = [await client.command(line) for line in (MAIL, b"RCPT TO:<zoe@example.org>")]

    assert [550, 550] == [note.code for note in notes]
    assert 550 == data.code
    assert "Geen bulk-mail" in data.text
    assert [250, 250] == [reply.code for reply in following]
    record = await crm.record(suppressed[0])
    assert {person.address: "send_failed by gateway" for person in suppressed} == states(record)


async def test_data_after_a_temporary_refusal_is_refused_for_now(crm: Crm) -> None:
    suppressed = crm.person(NO_BULK)
    client = await crm.client("strict")
    crm.sink.fault("RCPT", reply(b"451 4.7.1 greylisted"), times=1)
    await client.command(MAIL)
    await client.command(b"RCPT TO:<" + suppressed.mailbox + b">")
    await client.command(b"RCPT TO:<zoe@example.org>")

    data = await client.command(b"DATA")

    assert (451, b"4.7.1 greylisted") == (data.code, data.lines[0][-16:])


async def test_auth_of_mail_is_understood_after_a_login(secured: SecuredGateway) -> None:
    client = await secured.crm.client("login")
    assert 235 == (await client.login("crm", PASSWORD)).code

    answer = await client.command(MAIL + b" AUTH=<>")

    assert 250 == answer.code


async def test_login_asks_in_the_words_that_clients_wait_for(secured: SecuredGateway) -> None:
    client = await secured.crm.client("login")

    name = await client.command(b"AUTH LOGIN")
    password = await client.command(base64.b64encode(b"crm"))

    assert b"Username:" == base64.b64decode(name.lines[0].split()[-1])
    assert b"Password:" == base64.b64decode(password.lines[0].split()[-1])
