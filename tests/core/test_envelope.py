"""MAIL and RCPT by the grammar alone: whom a refusal names, and what AUTH= leaves behind."""

import pytest

from gateway.core.mail.envelope import (
    CommandRefused,
    Recipient,
    Sender,
    parse_mail,
    parse_rcpt,
    with_address,
)

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
    with pytest.raises(CommandRefused) as refusal:
        parse_rcpt(argument, ALL, utf8=False)

    assert REFUSALS[argument] == refusal.value.reply.text


def test_a_refusal_of_the_sender_names_it() -> None:
    with pytest.raises(CommandRefused) as refusal:
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
    with pytest.raises(CommandRefused, match=r"^50[01] 5\.5\.4 |^501 5\.5\.4 |^555 "):
        parse_mail(f"FROM:<a@example.org> AUTH{value}".encode(), ALL)


def test_auth_of_mail_is_refused_where_no_login_is_offered() -> None:
    with pytest.raises(CommandRefused, match=r"^555 5\.5\.4 Parameter not offered: AUTH"):
        parse_mail(b"FROM:<a@example.org> AUTH=<>", ALL - {"AUTH"})


@pytest.mark.parametrize("letter", ["a b", "\N{GRINNING FACE}", "\x01", "é"])
def test_a_refusal_that_names_an_address_stays_a_reply(letter: str) -> None:
    argument = b"TO:<" + (letter * 900).encode() + b"@x y>"

    with pytest.raises(CommandRefused) as refused:
        parse_rcpt(argument, frozenset(), utf8=True)

    octets = refused.value.reply.octets
    assert len(octets) <= 512
    assert octets[:-2].isascii()
    assert octets[:-2].decode().isprintable()


PATH_WORDS = "501 5.5.4 Syntax: FROM:<address>"

#: Why MAIL is refused: what follows `MAIL `, and the reply up to the address it names.
MAIL_REFUSED = {
    "nothing follows": (b"", PATH_WORDS),
    "no keyword": (b"<a@example.org>", PATH_WORDS),
    "RCPT's keyword": (b"TO:<a@example.org>", PATH_WORDS),
    "a blank before the colon": (b"FROM :<a@example.org>", PATH_WORDS),
    "no path": (b"FROM:", "501 5.1.7 Bad from address syntax"),
    "no blank behind the path": (
        b"FROM:<a@example.org>SIZE=1",
        "501 5.5.4 A space must follow the address",
    ),
    "a control character": (
        b"FROM:<a@example.org> SIZE=1\x00",
        "501 5.5.4 Control characters have no place here",
    ),
    "a parameter that is no word": (b"FROM:<a@example.org> =1", "501 5.5.4 Malformed parameter"),
    "a value with an equals sign": (
        b"FROM:<a@example.org> SIZE=1=2",
        "501 5.5.4 Malformed parameter",
    ),
    "a parameter given twice": (
        b"FROM:<a@example.org> SIZE=1 size=2",
        "501 5.5.4 Parameter given twice: SIZE",
    ),
    "a parameter of RCPT": (
        b"FROM:<a@example.org> NOTIFY=NEVER",
        "555 5.5.4 Parameter not offered: NOTIFY",
    ),
    "a size that is no number (RFC 1870)": (
        b"FROM:<a@example.org> SIZE=1MB",
        "501 5.5.4 SIZE must be a number of octets",
    ),
    "a size of 21 digits (RFC 1870, 5)": (
        b"FROM:<a@example.org> SIZE=" + b"1" * 21,
        "501 5.5.4 SIZE must be a number of octets",
    ),
    "a body of another kind (RFC 6152)": (
        b"FROM:<a@example.org> BODY=BINARYMIME",
        "501 5.5.4 BODY must be 7BIT or 8BITMIME",
    ),
    "beyond ASCII without SMTPUTF8 (RFC 6531)": (
        "FROM:<é@example.org>".encode(),
        "553 5.6.7 An address beyond ASCII needs SMTPUTF8",
    ),
    "RET of something else (RFC 3461, 4.3)": (
        b"FROM:<a@example.org> RET=ALL",
        "501 5.5.4 RET must be FULL or HDRS",
    ),
    "RET of nothing": (b"FROM:<a@example.org> RET", "501 5.5.4 RET must be FULL or HDRS"),
    "ENVID of nothing (RFC 3461, 4.4)": (
        b"FROM:<a@example.org> ENVID",
        "501 5.5.4 ENVID is malformed",
    ),
    "ENVID that is no xtext": (
        b"FROM:<a@example.org> ENVID=+4",
        "501 5.5.4 ENVID is malformed",
    ),
    "ENVID of 301 octets": (
        b"FROM:<a@example.org> ENVID=" + b"x" * 301,
        "501 5.5.4 ENVID is malformed",
    ),
}  # fmt: skip


@pytest.mark.parametrize("why", MAIL_REFUSED)
def test_a_malformed_mail_is_refused(why: str) -> None:
    argument, reply = MAIL_REFUSED[why]

    with pytest.raises(CommandRefused) as refused:
        parse_mail(argument, ALL)

    assert reply == refused.value.reply.text.rpartition(": <")[0]


#: Why RCPT is refused, in the same way.
RCPT_REFUSED = {
    "MAIL's keyword": (b"FROM:<a@example.org>", "501 5.5.4 Syntax: TO:<address>"),
    "a parameter of MAIL": (b"TO:<a@example.org> SIZE=1", "555 5.5.4 Parameter not offered: SIZE"),
    "NOTIFY of nothing (RFC 3461, 4.1)": (
        b"TO:<a@example.org> NOTIFY",
        "501 5.5.4 NOTIFY must be NEVER or of SUCCESS, FAILURE, DELAY",
    ),
    "NEVER among others": (
        b"TO:<a@example.org> NOTIFY=NEVER,FAILURE",
        "501 5.5.4 NOTIFY must be NEVER or of SUCCESS, FAILURE, DELAY",
    ),
    "ORCPT without a type (RFC 3461, 4.2)": (
        b"TO:<a@example.org> ORCPT=a@example.org",
        "501 5.5.4 ORCPT is malformed",
    ),
}


@pytest.mark.parametrize("why", RCPT_REFUSED)
def test_a_malformed_rcpt_is_refused(why: str) -> None:
    argument, reply = RCPT_REFUSED[why]

    with pytest.raises(CommandRefused) as refused:
        parse_rcpt(argument, ALL, utf8=False)

    assert reply == refused.value.reply.text.rpartition(": <")[0]


def sender_facts(sender: Sender) -> tuple[object, ...]:
    needs = " ".join(sorted(sender.needs))
    return sender.address, sender.size, sender.utf8, sender.envid, needs


#: Why MAIL says what it says: address, SIZE, SMTPUTF8, ENVID, the extensions it needs.
SENDERS = {
    "a sender alone": (b"FROM:<a@example.org>", ("a@example.org", None, False, None, "")),
    "the null sender": (b"from:<>", ("", None, False, None, "")),
    "every parameter there is": (
        b"FROM:<a@example.org> SIZE=10 BODY=8bitmime SMTPUTF8 RET=full ENVID=a+2Bb",
        ("a@example.org", 10, True, "a+2Bb", "8BITMIME DSN SIZE SMTPUTF8"),
    ),
    "a size of nothing isn't known": (
        b"FROM:<a@example.org> SIZE=0",
        ("a@example.org", None, False, None, "SIZE"),
    ),
    "BODY=7BIT needs 8BITMIME too (RFC 6152)": (
        b"FROM:<a@example.org> BODY=7BIT RET=HDRS",
        ("a@example.org", None, False, None, "8BITMIME DSN"),
    ),
    "beyond ASCII with SMTPUTF8": (
        "FROM:<é@example.org> SMTPUTF8".encode(),
        ("é@example.org", None, True, None, "SMTPUTF8"),
    ),
}


@pytest.mark.parametrize("why", SENDERS)
def test_mail_is_understood(why: str) -> None:
    argument, expected = SENDERS[why]

    assert expected == sender_facts(parse_mail(argument, ALL))


def recipient_facts(recipient: Recipient) -> tuple[object, ...]:
    notify = None if recipient.notify is None else " ".join(sorted(recipient.notify))
    needs = " ".join(sorted(recipient.needs))
    return recipient.address, notify, recipient.wants_failure_notice, recipient.orcpt, needs


#: Why RCPT says what it says: address, NOTIFY, whether a failure is told, ORCPT, what it needs.
RECIPIENTS = {
    "a recipient alone": (b"TO:<b@example.org>", ("b@example.org", None, True, None, "")),
    "the postmaster of no domain": (b"to:<postmaster>", ("postmaster", None, True, None, "")),
    "whom it was for at first": (
        b"TO:<b@example.org> ORCPT=rfc822;c@example.org",
        ("b@example.org", None, True, "rfc822;c@example.org", "DSN"),
    ),
    "never to be told (RFC 3461, 4.1)": (
        b"TO:<b@example.org> NOTIFY=never",
        ("b@example.org", "", False, None, "DSN"),
    ),
    "to be told of success alone": (
        b"TO:<b@example.org> NOTIFY=SUCCESS",
        ("b@example.org", "SUCCESS", False, None, "DSN"),
    ),
    "to be told of failure and delay": (
        b"TO:<b@example.org> NOTIFY=Failure,DELAY ORCPT=rfc822;B+40example.org",
        ("b@example.org", "DELAY FAILURE", True, "rfc822;B+40example.org", "DSN"),
    ),
}


@pytest.mark.parametrize("why", RECIPIENTS)
def test_rcpt_is_understood(why: str) -> None:
    argument, expected = RECIPIENTS[why]

    assert expected == recipient_facts(parse_rcpt(argument, ALL, utf8=False))


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        (b"FROM:<crm@office.example>", b"<bounces+x@office.example>"),
        (b"FROM:<crm@office.example> SIZE=17", b"<bounces+x@office.example> SIZE=17"),
        (b"FROM:crm@office.example", b"<bounces+x@office.example>"),
    ],
)
def test_a_sender_is_handed_on_as_another_with_its_parameters(
    argument: bytes, expected: bytes
) -> None:
    sender = parse_mail(argument, frozenset(("SIZE",)))

    handed_on = with_address(sender, "bounces+x@office.example")

    assert expected == handed_on.argument
    assert ("bounces+x@office.example", sender.size) == (handed_on.address, handed_on.size)
