"""Which transactions carry the same message."""

import pytest

from gateway.core.mail.headers import Headers
from gateway.core.mail.message_identity import MessageIdentity, message_identity

SENDER, ANN, BEN = "crm@office.example", "ann@example.org", "ben@example.org"
FIELDS: dict[str, str | None] = {
    "From": "Office <crm@office.example>",
    "To": "Ann <ann@example.org>",
    "Subject": "News",
    "Date": "Fri, 20 Nov 2026 09:00:00 +0100",
    "Message-ID": "<1@office.example>",
}
NO_ID: dict[str, str | None] = {**FIELDS, "Message-ID": None}
BARE: dict[str, str | None] = {**NO_ID, "Date": None}


def identity(
    fields: dict[str, str | None],
    sender: str = SENDER,
    login: str | None = None,
    listener: str = "crm",
) -> MessageIdentity:
    lines = (f"{name}: {value}\r\n" for name, value in fields.items() if value is not None)
    return message_identity(sender, login, listener, Headers.parse("".join(lines).encode()))


def is_same(one: MessageIdentity, other: MessageIdentity, *, to: str = ANN) -> bool:
    """Whether a transaction for somebody is known to carry what another did, for Ann and Ben."""
    return other.lookup_key([to]) in one.stored_keys([BEN, ANN])


@pytest.mark.parametrize("fields", [FIELDS, NO_ID, BARE], ids=["id", "date", "neither"])
@pytest.mark.parametrize(
    "other",
    [
        {},
        {
            "Received": "from a by b; Fri, 20 Nov 2026 09:00:09 +0100",
            "Return-Path": "<x@y.example>",
        },
    ],
)
def test_a_retry_carries_the_same_message(
    fields: dict[str, str | None], other: dict[str, str | None]
) -> None:
    assert is_same(identity(fields), identity({**other, **fields}))


def test_a_message_with_an_id_is_the_same_whoever_it_is_for_and_whatever_else_it_says() -> None:
    other = {**FIELDS, "To": BEN, "Subject": "Other", "Date": None}

    assert is_same(identity(FIELDS), identity(other), to="cas@example.org")


def test_a_dated_message_without_an_id_is_the_same_whoever_it_is_for() -> None:
    assert is_same(identity(NO_ID), identity({**NO_ID, "To": BEN}), to="cas@example.org")


def test_without_id_and_date_it_is_the_same_for_the_same_people_only() -> None:
    assert is_same(identity(BARE), identity(BARE), to=BEN)
    assert not is_same(identity(BARE), identity(BARE), to="cas@example.org")
    assert not is_same(identity(BARE), identity({**BARE, "To": BEN}))


@pytest.mark.parametrize(
    ("fields", "other"),
    [
        (FIELDS, {**FIELDS, "Message-ID": "<2@office.example>"}),
        (FIELDS, NO_ID),
        (NO_ID, {**NO_ID, "Date": "Fri, 20 Nov 2026 09:00:01 +0100"}),
        (NO_ID, {**NO_ID, "Subject": "Other"}),
        (NO_ID, {**NO_ID, "From": "other@office.example"}),
        (NO_ID, BARE),
    ],
)
def test_another_message_is_another(
    fields: dict[str, str | None], other: dict[str, str | None]
) -> None:
    assert not is_same(identity(fields), identity(other))


@pytest.mark.parametrize(
    "empty",
    ["", "<>", "<@office.example>", "undefined", "<undefined@office.example>",
     "<NULL@office.example>", "<{{id}}@office.example>",
     "<$id@office.example>", "<a b@office.example>", "1@office.example", "<1> <2@x.example>"],
)  # fmt: skip
def test_an_id_that_names_nothing_joins_nothing(empty: str) -> None:
    one = {**NO_ID, "Message-ID": empty}
    other = {**one, "Subject": "Other"}

    assert not is_same(identity(one), identity(other))
    assert is_same(identity(one), identity(dict(one)))


def test_an_id_given_twice_counts_for_none() -> None:
    block = (
        b"Message-ID: <1@x.example>\r\nMessage-ID: <2@x.example>\r\nSubject: %b\r\nDate: now\r\n"
    )
    one, other = (
        message_identity(SENDER, None, "crm", Headers.parse(block % subject))
        for subject in (b"News", b"Other")
    )
    assert not is_same(one, other)


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"sender": "CRM@Office.Example"}, True),
        ({"sender": "ann@office.example"}, False),
        ({"login": "office"}, False),
        ({"listener": "mailings"}, False),
    ],
)
def test_sender_and_source_belong_to_it(changes: dict[str, str], same: bool) -> None:
    assert same is is_same(identity(FIELDS), identity(FIELDS, **changes))


def test_a_login_is_the_same_at_every_listener() -> None:
    at_one = identity(FIELDS, login="office")
    at_other = identity(FIELDS, login="office", listener="mailings")

    assert is_same(at_one, at_other)
    assert not is_same(at_one, identity(FIELDS, login="marketing"))
    assert not is_same(identity(FIELDS, listener="office"), at_one)
