"""A header value as people read it: encoded words (RFC 2047) among whatever stands beside them."""

import pytest

from gateway.core.mail.headers import decode_value


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
