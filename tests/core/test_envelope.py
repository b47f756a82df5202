"""MAIL and RCPT by the grammar alone: whom a refusal names, and what AUTH= leaves behind."""

import pytest

from gateway.core.envelope import Refused, parse_mail, parse_rcpt

ALL = frozenset(("SIZE", "8BITMIME", "SMTPUTF8", "DSN", "AUTH"))

REFUSALS = {
    b"TO:<a b@example.org>": "501 5.1.3 Bad to address syntax: <a b@example.org>",
    b"TO:a b@example.org": "501 5.1.3 Bad to address syntax: <a b@example.org>",
    b"TO:<ann@@example.org>": "501 5.1.3 Bad to address syntax: <ann@@example.org>",
    b"TO:<ann>": "501 5.1.3 Bad to address syntax: <ann>",
    b"TO:<>": "501 5.1.3 The null path is no recipient: <>",
    b"TO:<ann@example.org> X=1": "555 5.5.4 Parameter not offered: X: <ann@example.org>",
    b"TO:<ann@example.org> NOTIFY=SOON": (
        "501 5.5.4 NOTIFY must be NEVER or of SUCCESS, FAILURE, DELAY: <ann@example.org>"
    ),
    "TO:<anné@example.org>".encode(): (
        "553 5.6.7 An address beyond ASCII needs SMTPUTF8: <ann\\xe9@example.org>"
    ),
    b"TO:<a\x01\x7fb@@x>": "501 5.1.3 Bad to address syntax: <a\\ufffd\\ufffdb@@x>",
    b"TO:<" + b"a" * 900 + b"@@x>": f"501 5.1.3 Bad to address syntax: <{'a' * 100}>",
}


@pytest.mark.parametrize("argument", REFUSALS)
def test_a_refusal_names_the_address_it_refuses(argument: bytes) -> None:
    with pytest.raises(Refused) as refusal:
        parse_rcpt(argument, ALL, utf8=False)

    assert REFUSALS[argument] == refusal.value.reply.text


def test_a_refusal_of_the_sender_names_it() -> None:
    with pytest.raises(Refused) as refusal:
        parse_mail(b"FROM:<office@example..org> SIZE=1", ALL)

    assert "501 5.1.7 Bad from address syntax: <office@example..org>" == refusal.value.reply.text


TAKEN = {
    b"FROM:<a@example.org> AUTH=<>": b"<a@example.org>",
    b"FROM:<a@example.org> SIZE=10 auth=a+40example.org BODY=8BITMIME": (
        b"<a@example.org> SIZE=10 BODY=8BITMIME"
    ),
    b"FROM:<a@example.org>  AUTH=<>  SIZE=10": b"<a@example.org>  SIZE=10",
    b"FROM: <a@example.org> AUTH=<>": b" <a@example.org>",
    b"FROM:<> AUTH=<>": b"<>",
    b'FROM:<" AUTH=x"@example.org> AUTH=<>': b'<" AUTH=x"@example.org>',
}


@pytest.mark.parametrize("argument", TAKEN)
def test_auth_of_mail_is_understood_and_goes_no_further(argument: bytes) -> None:
    sender = parse_mail(argument, ALL)

    assert TAKEN[argument] == sender.argument
    assert "AUTH" not in sender.needs


@pytest.mark.parametrize("value", ["", "=", "=a@b c", "=+4", "=a+zz", "=\u00e9"])
def test_auth_of_mail_that_is_malformed_is_refused(value: str) -> None:
    with pytest.raises(Refused, match=r"^50[01] 5\.5\.4 |^501 5\.5\.4 |^555 "):
        parse_mail(f"FROM:<a@example.org> AUTH{value}".encode(), ALL)


def test_auth_of_mail_is_refused_where_no_login_is_offered() -> None:
    with pytest.raises(Refused, match=r"^555 5\.5\.4 Parameter not offered: AUTH"):
        parse_mail(b"FROM:<a@example.org> AUTH=<>", ALL - {"AUTH"})


@pytest.mark.parametrize("letter", ["a b", "\N{GRINNING FACE}", "\x01", "é"])
def test_a_refusal_that_names_an_address_stays_a_reply(letter: str) -> None:
    argument = b"TO:<" + (letter * 900).encode() + b"@x y>"

    with pytest.raises(Refused) as refused:
        parse_rcpt(argument, frozenset(), utf8=True)

    octets = refused.value.reply.encode()
    assert len(octets) <= 512
    assert octets[:-2].isascii()
    assert octets[:-2].decode().isprintable()
