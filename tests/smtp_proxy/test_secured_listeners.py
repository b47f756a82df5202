"""Who may come in and how: logins and encryption."""

import base64

import pytest

from tests.smtp_proxy.crm import BULK, INDIVIDUAL, NO_BULK, SENDER, as_sent, mail
from tests.smtp_proxy.secured_gateway import PASSWORD, SecuredGateway

pytestmark = pytest.mark.system

MAIL = b"MAIL FROM:<%s>" % SENDER


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


@pytest.mark.parametrize("listener", ["login", "implicit", "login-starttls"])
@pytest.mark.parametrize("lines", LOGINS.values(), ids=LOGINS)
async def test_a_right_password_lets_a_client_send(
    secured: SecuredGateway, listener: str, lines: list[bytes]
) -> None:
    crm = secured.crm
    client = await (crm.client(listener) if listener == "login" else secured.encrypted(listener))

    codes = [(await client.command(line)).code for line in lines]
    sent = await client.transaction(SENDER, [b"bob@example.org"], INDIVIDUAL)

    (record,) = await crm.records()
    assert [334] * (len(lines) - 1) + [235] == codes
    assert 250 == sent.end.code
    assert ("crm", listener) == (record.login, record.listener)


@pytest.mark.parametrize(
    ("login", "password"), [("crm", "falsch"), ("crm", ""), ("nobody", PASSWORD), ("", PASSWORD)]
)
async def test_a_wrong_password_lets_nobody_send(
    secured: SecuredGateway, login: str, password: str
) -> None:
    client = await secured.crm.client("login")

    wrong = await client.login(login, password)
    mail_from = await client.command(MAIL)
    right = await client.login("crm", PASSWORD)

    assert (535, "5.7.8") == (wrong.code, wrong.enhanced)
    assert (530, "5.7.0") == (mail_from.code, mail_from.enhanced)
    assert 235 == right.code


async def test_nobody_sends_without_a_login_where_one_is_asked_for(secured: SecuredGateway) -> None:
    for listener in ("login", "implicit", "login-starttls"):
        client = await (
            secured.crm.client(listener) if listener == "login" else secured.encrypted(listener)
        )

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
    secured: SecuredGateway, lines: list[bytes], code: int
) -> None:
    client = await secured.crm.client("login")

    replies = [await client.command(line) for line in lines]

    assert code == replies[-1].code
    assert 235 == (await client.login("crm", PASSWORD)).code


async def test_one_login_is_enough(secured: SecuredGateway) -> None:
    client = await secured.crm.client("login")
    await client.login("crm", PASSWORD)

    assert 503 == (await client.login("crm", PASSWORD)).code


async def test_auth_is_offered_only_where_it_is_taken(secured: SecuredGateway) -> None:
    offered = {}
    for listener in ("crm", "login", "starttls", "login-starttls"):
        client = await secured.crm.raw(listener)
        offered[listener] = b"AUTH PLAIN LOGIN" in (await client.ehlo()).lines
    for listener in ("implicit", "login-starttls"):
        client = await secured.encrypted(listener)
        offered[f"{listener} encrypted"] = b"AUTH PLAIN LOGIN" in (await client.ehlo()).lines

    assert {
        "crm": False,
        "login": True,
        "starttls": False,
        "login-starttls": False,
        "implicit encrypted": True,
        "login-starttls encrypted": True,
    } == offered


async def test_passwords_stay_out_of_the_log(secured: SecuredGateway) -> None:
    client = await secured.crm.client("login")
    await client.login("crm", PASSWORD)
    await client.quit()

    log = secured.crm.gateway.log_text()
    assert PASSWORD not in log
    assert plain("crm").decode() not in log


async def test_an_overriding_login_mails_everybody(secured: SecuredGateway) -> None:
    crm, member = secured.crm, secured.crm.person(NO_BULK)
    codes = {}
    for login in ("crm", "chef"):
        client = await crm.client("login")
        await client.login(login, PASSWORD)
        codes[login] = (await client.transaction(SENDER, [member.mailbox], BULK)).end.code

    (record,) = await crm.records()
    assert {"crm": 550, "chef": 250} == codes
    assert ("bulk", "override", "chef") == (record.kind, record.rule, record.login)


# Encryption


async def test_nothing_but_starttls_is_taken_before_it(secured: SecuredGateway) -> None:
    client = await secured.crm.raw("starttls")

    offered = (await client.ehlo()).lines
    refused = [
        (await client.command(line)).code
        for line in (MAIL, b"RCPT TO:<a@x>", b"DATA", b"AUTH PLAIN " + plain("crm"), b"VRFY a")
    ]

    assert b"STARTTLS" in offered
    assert [530] * 5 == refused


async def test_starttls_encrypts_what_follows(secured: SecuredGateway) -> None:
    client = await secured.crm.client("starttls")

    ready = await client.starttls(secured.tls)
    without_ehlo = await client.command(MAIL)
    offered = (await client.ehlo()).lines
    again = await client.command(b"STARTTLS")
    sent = await client.transaction(SENDER, [b"bob@example.org"], mail(body=b"x\r\n" * 100_000))

    assert [220, 503, 502, 250] == [reply.code for reply in (ready, without_ehlo, again, sent.end)]
    assert b"STARTTLS" not in offered
    assert b" with ESMTPS id " in secured.crm.sink.messages[0].content
    assert mail(body=b"x\r\n" * 100_000) == as_sent(secured.crm.sink.messages[0])


async def test_starttls_takes_no_parameter(secured: SecuredGateway) -> None:
    client = await secured.crm.client("starttls")

    assert 501 == (await client.command(b"STARTTLS now")).code


async def test_S16_what_was_said_in_the_clear_is_forgotten(secured: SecuredGateway) -> None:
    client = await secured.crm.client("starttls")

    await client.send(b"STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@x>\r\nRCPT TO:<victim@x>\r\n")
    ready = await client.reply()
    await client.writer.start_tls(secured.tls, server_hostname="localhost")
    rcpt = await client.command(b"RCPT TO:<bob@example.org>")
    await client.ehlo()
    sent = await client.transaction(SENDER, [b"bob@example.org"], INDIVIDUAL)

    assert [220, 503, 250] == [ready.code, rcpt.code, sent.end.code]
    assert [SENDER] == [transaction.sender for transaction in secured.crm.sink.transactions]


async def test_a_login_inside_tls_is_seen_in_the_mail(secured: SecuredGateway) -> None:
    client = await secured.encrypted("implicit")
    await client.login("chef", PASSWORD)

    await client.transaction(SENDER, [b"bob@example.org"], INDIVIDUAL)

    assert b" with ESMTPSA id " in secured.crm.sink.messages[0].content


@pytest.mark.parametrize("listener", ["implicit", "starttls"])
async def test_who_speaks_no_tls_is_sent_away_and_others_are_served(
    secured: SecuredGateway, listener: str
) -> None:
    client = await secured.crm.raw(listener, greeted=listener != "implicit")
    if listener == "starttls":
        await client.ehlo()
        await client.command(b"STARTTLS")

    await client.send(b"EHLO in the clear\r\nMAIL FROM:<a@x>\r\n")
    await client.rest()

    assert 250 == (await (await secured.encrypted(listener)).ehlo()).code
