"""Address fields: what encoded words hold is part of a name, whatever it is (RFC 2047, 5)."""

import pytest

from gateway.core.mail.headers import Headers

ANN = "ann@example.org"
BOB = "bob@example.com"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", []),
        (ANN, [("", ANN)]),
        (f"Ann Roe <{ANN}>, {BOB}", [("Ann Roe", ANN), ("", BOB)]),
        (f'"Roe, Ann" <{ANN}>', [("Roe, Ann", ANN)]),
        (f"Team: Ann <{ANN}>, {BOB};", [("Ann", ANN), ("", BOB)]),
        (f"J\u00fcrgen <{ANN}>", [("J\u00fcrgen", ANN)]),
        # Not RFC 5322, but written by programs.
        (f"{ANN} <{ANN}>", [("", ANN), ("", ANN)]),
        (f"Ann <{ANN}>; {BOB}", [("Ann", ANN), ("", ""), ("", BOB)]),
        ("Ann <ann@[192.0.2.1]>", [("Ann", "ann@[192.0.2.1]")]),
        # Encoded as RFC 2047 has it: a comma, brackets, an address, comments, a group, quotes.
        (f"=?utf-8?q?Roe=2C_Ann?= <{ANN}>", [("Roe, Ann", ANN)]),
        (f"=?utf-8?b?Um9lLCBBbm4=?= <{ANN}>", [("Roe, Ann", ANN)]),
        (f"=?utf-8?q?Bob_=3Cbob=40example=2Ecom=3E?= <{ANN}>", [(f"Bob <{BOB}>", ANN)]),
        (f"=?utf-8?q?bob=40example=2Ecom=2C?= <{ANN}>", [(f"{BOB},", ANN)]),
        (f"=?utf-8?q?Ann_=28HR=29=3A?= <{ANN}>", [("Ann (HR):", ANN)]),
        (f"=?utf-8?q?=22Ann=22_=5C?= <{ANN}>", [('"Ann" \\', ANN)]),
        (f"{ANN} (=?utf-8?q?Ann=29_=3Cbob=40example=2Ecom=3E?=)", [(f"Ann) <{BOB}>", ANN)]),
        # Words that follow one another are one text; what is between them was put there to fold.
        (f"=?utf-8?q?Roe=2C?= =?utf-8?q?_Ann?= <{ANN}>", [("Roe, Ann", ANN)]),
        (f"Dr. =?utf-8?q?J=C3=BCrgen?= Roe <{ANN}>", [("Dr. J\u00fcrgen Roe", ANN)]),
        # What many programs write: quoted words, and characters that RFC 2047 has encoded.
        (f'"=?utf-8?q?Roe=2C_Ann?=" <{ANN}>', [("Roe, Ann", ANN)]),
        (f"=?utf-8?q?Roe,_Ann?= <{ANN}>", [("Roe, Ann", ANN)]),
        (f"=?utf-8?q?Bob_<{BOB}>?= <{ANN}>", [(f"Bob <{BOB}>", ANN)]),
        (f"=?utf-8?q?Ann_(HR;?= <{ANN}>", [("Ann (HR;", ANN)]),
        # An encoded word stands for no address beside a real one (RFC 2047, 5).
        (
            f"=?utf-8?q?bob=40example=2Ecom?=, {ANN}",
            [("", "=?utf-8?q?bob=40example=2Ecom?="), ("", ANN)],
        ),
        # PHP's mb_encode_mimeheader, given all of a field, leaves no address outside.
        ("J. =?utf-8?q?M=C3=BCller_=3Cann=40example=2Eorg=3E?=", [("J. M\u00fcller", ANN)]),
        ("=?utf-8?b?QW5uIDxhbm5AZXhhbXBsZS5vcmc+?=", [("Ann", ANN)]),
        # What can't be decoded stays as it is.
        (f"=?utf-8?b?A?= <{ANN}>", [("=?utf-8?b?A?=", ANN)]),
        (f"=?no-charset?q?Ann=FC?= <{ANN}>", [("Ann\u00fc", ANN)]),
        ("Ann\0 <a@b>", [("Ann\ufffd", "a@b")]),
    ],
)
def test_a_list_is_divided_before_its_names_are_decoded(
    value: str, expected: list[tuple[str, str]]
) -> None:
    headers = Headers.parse(f"To: {value}\r\n".encode())

    assert expected == headers.addresses("to")


def test_every_field_counts_and_words_over_several_lines_are_one_name() -> None:
    headers = Headers.parse(
        b"To: =?utf-8?q?Roe=2C?=\r\n =?utf-8?q?_Ann?=\r\n <ann@example.org>\r\n"
        b"To: bob@example.com\r\n"
    )

    assert [("Roe, Ann", ANN), ("", BOB)] == headers.addresses("to")


@pytest.mark.parametrize(
    "value",
    [
        "(" * 3_000 + ANN,
        "=?utf-8?q?" + "=28" * 1_000 + "?=",
        "=?utf-8?q?" + "(" * 3_000 + "?=",
    ],
)
def test_comments_within_comments_are_no_list(value: str) -> None:
    """Python's `getaddresses` calls itself for each of them."""
    assert [] == Headers.parse(f"To: {value}\r\n".encode()).addresses("to")


@pytest.mark.parametrize("mailbox", [ANN, f"=?utf-8?q?Ann=2C?= <{ANN}>"])
def test_a_field_has_at_most_a_hundred_addresses(mailbox: str) -> None:
    lines = f"To: {','.join([mailbox] * 60)}\r\n" * 2

    assert 100 == len(Headers.parse(lines.encode()).addresses("to"))
