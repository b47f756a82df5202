"""Address fields and hops as mail-parser takes them apart, and where it can't.

Each row is a trap of one of the two readings: of mail-parser 4.8.0, of `parse_mailboxes`.
"""

from datetime import UTC
from email import message_from_bytes

import mailparser
import pytest

from gateway.core.replies.forwarded.mailboxes import Mailbox
from gateway.inbound.reading.attached import heading_of
from gateway.inbound.reading.header_fields import hop_ids, read_address_field

READ_BY_THE_RFC = [
    ("a group", "Team: ann@x.example, Bob <b@y.example>;", ["ann@x.example", "Bob <b@y.example>"]),
    ("a group beside others", "Team:a@x.example;, e@x.example", ["a@x.example", "e@x.example"]),
    ("a group of nobody", "undisclosed-recipients:;", []),
    ("a quoted local part", '"ann roe"@x.example', ['"ann roe"@x.example']),
    ("one that holds an address", '"a@b.example"@x.example', ['"a@b.example"@x.example']),
    ("a literal", "ann@[192.0.2.1]", ["ann@[192.0.2.1]"]),
    ("a route", "<@relay.example:a@x.example>", ["a@x.example"]),
    ("blanks", "a @ x.example", ["a@x.example"]),
    (
        "comments everywhere",
        "Pete(\\)) <pete(his)@x.example(host)>",
        ["Pete () his host) <pete@x.example>"],
    ),
]
READ_AS_PEOPLE_WRITE = [
    ("a comma not quoted", "Doe, John (HR) <j@x.example>", ["Doe, John (HR) <j@x.example>"]),
    ("semicolons", "a@x.example; b@y.example", ["a@x.example", "b@y.example"]),
    (
        "semicolons and a comment",
        "a@x.example (A); b@y.example",
        ["A <a@x.example>", "b@y.example"],
    ),
    ("dots of docomo", "a.b..c@docomo.example (A)", ["A <a.b..c@docomo.example>"]),
    ("a bracket not closed", "Ann (HR) <a@x.example", ["Ann (HR) <a@x.example>"]),
    ("a comment within a name", "Ann (Annie) Roe <a@x.example>", ["Ann (Annie) Roe <a@x.example>"]),
    ("quotes of Outlook", "'Ann (HR)' <a@x.example>", ["Ann (HR) <a@x.example>"]),
    ("a name alone", "Ann (HR)", ["Ann (HR) <>"]),
]
NO_MATTER_WHO_DECODES = [
    ("raw Latin-1", b"M\xfcller (HR) <m@x.example>", ["Müller (HR) <m@x.example>"]),
    ("raw UTF-8", "Müller (HR) <m@x.example>".encode(), ["Müller (HR) <m@x.example>"]),
    (
        "quoted words",
        b'"=?utf-8?q?M=C3=BCller?=" (HR) <m@x.example>',
        ["Müller (HR) <m@x.example>"],
    ),
    (
        "words that hold an address",
        b"=?utf-8?q?Eva_=3Ceva=40y.example=3E?= (HR) <m@x.example>",
        ["Eva <eva@y.example> (HR) <m@x.example>"],
    ),
    (
        "Japanese in seven bits",
        b"=?iso-2022-jp?B?GyRCOzNFRBsoQg==?= (HR) <y@x.example>",
        ["山田 (HR) <y@x.example>"],
    ),
]


def rows(table: list[tuple[str, str, list[str]]]) -> list[tuple[str, bytes, list[str]]]:
    return [(why, field.encode(), expected) for why, field, expected in table]


@pytest.mark.parametrize(
    ("why", "field", "expected"),
    [*rows(READ_BY_THE_RFC), *rows(READ_AS_PEOPLE_WRITE), *NO_MATTER_WHO_DECODES],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_fields_of_an_attached_mail_are_read(
    why: str, field: bytes, expected: list[str]
) -> None:
    mail = message_from_bytes(b"From: " + field + b"\r\nTo: " + field + b"\r\n\r\n")

    heading = heading_of(mail, UTC)

    assert expected == [shown(each) for each in heading.to], why
    assert expected[:1] == [shown(each) for each in (heading.sender,) if each is not None], why


def shown(mailbox: Mailbox) -> str:
    return f"{mailbox.name} <{mailbox.address}>" if mailbox.name else mailbox.address


def test_nine_hundred_parentheses_are_read_like_one() -> None:
    mail = message_from_bytes(b"To: Ann " + b"(" * 900 + b")" * 900 + b" <a@x.example>\r\n\r\n")

    assert ["a@x.example"] == [each.address for each in heading_of(mail, UTC).to]


@pytest.mark.parametrize(
    "field",
    [
        "ann.roe@office.example",
        "<ann_roe+jobs@office.example>",
        "Ann Roe <ann@office.example>",
        '"Ann Roe-Doe 2" <ann@mail.office.example>',
        # and what only looks as simple
        '"Ann" Roe <ann@office.example>',
        "Ann. Roe <ann@office.example>",
        '"Ann <ann@office.example>',
        "ann@office",
        "Ann <ann..roe@office.example>",
        "<ann@office.example> <eva@office.example>",
        "ann@office.example, eva@office.example",
    ],
)
def test_a_simple_field_says_what_mail_parser_finds_in_it(field: str) -> None:
    parsed = mailparser.parse_from_string(f"From: {field}\r\n\r\n")
    read = read_address_field(field.encode())

    assert [tuple(each) for each in parsed.from_] == [
        (each.name, each.address) for each in read.mailboxes
    ]
    assert (not parsed.address_header_defects) == read.is_sound


@pytest.mark.parametrize(
    ("why", "field", "expected"),
    [
        ("as servers write it", b"from a.example by b.example with ESMTP id 17; x", ["17"]),
        ("in front of whom it is for", b"by b.example id 17 for <a@x.example>; x", ["17"]),
        ("a name like the word", b"from id ([192.0.2.1]) by b.example id 17; x", ["17"]),
        ("a comment of the client's", b"from a (helo id 99) by b.example id 17; x", ["17"]),
        ("none at all", b"from a.example by b.example; x", []),
        ("a name that can't be divided", b"from a(b ([192.0.2.1]) by b.example id 17 ; x", ["17"]),
    ],
)
def test_a_hop_is_known_by_the_id_its_server_gave(
    why: str, field: bytes, expected: list[str]
) -> None:
    assert expected == list(hop_ids([field])), why


def test_of_endless_hops_so_many_are_read_as_a_mail_may_have() -> None:
    fields = [b"from a.example by b.example id %d; x" % number for number in range(500)]

    assert [str(number) for number in range(100)] == list(hop_ids(fields))
