"""A header value as people read it: encoded words (RFC 2047) among whatever stands beside them."""

import pytest

from gateway.core.mail.headers import Headers, decode_value


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Über € =?utf-8?q?=C3=BC?= tail", "Über € ü tail"),
        ("=?utf-8?q?=C3=BC?= Łódź", "ü Łódź"),
        (r"path \u20ac =?utf-8?q?=C3=BC?=", r"path \u20ac ü"),
        ("a =?utf-8?q?b?= =?utf-8?q?c?= d", "a bc d"),
        ("a =?utf-8?q?b?==?utf-8?q?c?= d", "a bc d"),
        ("x=?utf-8?q?=C3=BC?=y", "xüy"),
        ("=?utf-8?q?=E2?= =?utf-8?q?=82=AC?= z", "€ z"),
        ("=?utf-8?q?what? now?=", "what? now"),
        ("=?utf-8*en?q?=C3=BC?=", "ü"),
        ("=?x-unknown?q?=FC?= y", "ü y"),
        ("=?utf-8?b?4oKs?= and =?iso-8859-1?q?=FC?=", "€ and ü"),
        ("=?utf-8?b?4?= ü", "=?utf-8?b?4?= ü"),
    ],
)
def test_encoded_words_are_decoded_and_all_beside_them_stays(value: str, shown: str) -> None:
    assert decode_value(value.encode()) == shown


def test_latin_1_beside_an_encoded_word_is_read_as_such() -> None:
    assert decode_value(b"\xdcber =?utf-8?q?=C3=BC?=") == "Über ü"


@pytest.mark.parametrize("number", [1, 64, 65, 200])
def test_however_many_words_there_are_a_whole_text_has_them_all(number: int) -> None:
    euros = " ".join(["=?utf-8?q?=E2=82?= =?utf-8?q?=AC?= =?iso-8859-1?b?/A==?="] * number)
    headers = Headers.parse(f"X-A: Größe {euros} end =?utf-8?q?\r\nX-A: plain\r\n\r\n".encode())

    assert [f"Größe {'€ü' * number} end =?utf-8?q?", "plain"] == headers.whole_texts("x-a")


def test_what_is_shown_is_cut_and_what_is_searched_is_not() -> None:
    headers = Headers.parse(b"X-A: " + b"a" * 5000 + b"\r\n\r\n")

    assert [4096, 5000] == [len(headers.texts("x-a")[0]), len(headers.whole_texts("x-a")[0])]
