"""How IMAP is written and read."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from gateway.inbound.imap.text import (
    Garbled,
    ImapValue,
    Part,
    decoded_name,
    encoded_name,
    quote,
    responses,
    values,
)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Needs attention", "Needs attention"),
        ("Q&A", "Q&-A"),
        ("Entwürfe", "Entw&APw-rfe"),
        ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
        ("😀", "&2D3eAA-"),
        ("a\tb", "a&AAk-b"),
        ("", ""),
    ],
)
def test_names_are_written_in_modified_utf_7(name: str, written: str) -> None:
    assert written == encoded_name(name)
    assert name == decoded_name(written)


@given(some.text())
def test_any_name_comes_back_and_is_ascii_on_the_way(name: str) -> None:
    assert encoded_name(name).isascii()
    assert name == decoded_name(encoded_name(name))


@pytest.mark.parametrize("written", ["&", "&!!-", "&A-", "a&b"])
def test_what_is_no_modified_utf_7_is_left_as_it_is(written: str) -> None:
    assert written == decoded_name(written)


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ([b'LIST (\\HasNoChildren) "/" INBOX'], ["LIST", ["\\HasNoChildren"], b"/", "INBOX"]),
        ([b'LIST () NIL "a \\"b\\" \\\\"'], ["LIST", [], None, b'a "b" \\']),
        ([b'LIST () "." {3}', bytearray(b'a"b'), b""], ["LIST", [], b".", b'a"b']),
        (
            [b"1 FETCH (UID 3 BODY[]<0> {2}", bytearray(b"()"), b" FLAGS (\\Seen))"],
            ["1", "FETCH", ["UID", "3", "BODY[]<0>", b"()", "FLAGS", ["\\Seen"]]],
        ),
        ([b'NAMESPACE (("" "/")) NIL NIL'], ["NAMESPACE", [[b"", b"/"]], None, None]),
    ],
)
def test_responses_are_read_as_values(parts: list[Part], found: list[ImapValue]) -> None:
    assert found == values(parts)


@pytest.mark.parametrize("text", [b"FETCH (", b"FETCH )", b'FETCH "', b"(" * 100 + b")" * 100])
def test_what_has_no_form_is_refused(text: bytes) -> None:
    with pytest.raises(Garbled):
        values([text])


@given(some.lists(some.binary() | some.builds(bytearray, some.binary())))
def test_whatever_a_server_says_is_read_or_refused(parts: list[Part]) -> None:
    for each in responses(parts):
        try:
            values(each)
        except Garbled:
            continue


@given(some.text(some.characters(codec="ascii", exclude_characters="\r\n\0")))
def test_a_quoted_string_is_read_as_it_was(text: str) -> None:
    assert [text.encode()] == values([quote(text).encode()])
