"""What can't be seen makes no difference, nor does what people don't look at."""

import pytest

from gateway.core.people.people import PersonKind, PersonRef
from gateway.core.written import (
    as_read,
    nearest_text,
    plain,
    plain_name,
    readable_name,
    same_word,
    short_name,
)

FAMILY = "\U0001f469\u200d\U0001f467"  # A woman and a girl, joined.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("17", "17"),
        (" 17\t", "17"),
        ("\ufeff17", "17"),
        ("1\u200b7\u200d", "17"),
        ("\u200e17\u200f", "17"),
        ("\u202a17\u202c", "17"),
        ("\u206617\u2069", "17"),
        ("a\u00adb", "ab"),
        ("a\u2060b", "ab"),
        ("a\ufe0fb\u3164\u115f", "ab"),
        ("\u00a017\u202f", "17"),
        ("A\u00a017", "A 17"),
        ("A\u300017", "A 17"),
        ("Cafe\u0301", "Café"),
        ("\u200b \u200b17", "17"),
        ("A  17", "A  17"),
        ("\u200b", ""),
        ("ΜΙΧΆΛΗΣ", "ΜΙΧΆΛΗΣ"),
    ],
)
def test_a_key_counts_without_what_cant_be_seen(text: str, expected: str) -> None:
    assert expected == plain(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A\u200bnn", "Ann"),
        ("Jan\u00a0de Vries\u200e", "Jan de Vries"),
        ("Zoe\u0308", "Zoë"),
        ("Ann\u200d\u200c", "Ann"),
        ("Müller\u200d", "Müller"),
        # Persian writes a joinless boundary within a word, Sinhala and Hindi join with one.
        ("علی\u200cرضا", "علی\u200cرضا"),
        ("ශ්\u200dරී", "ශ්\u200dරී"),
        ("क्\u200dष", "क्\u200dष"),
        (FAMILY, FAMILY),
        ("\u2764\ufe0f\u200d\U0001f525", "\u2764\ufe0f\u200d\U0001f525"),
        # An ideograph of a family name, in the one of its forms that is on the passport.
        ("葛\U000e0100城", "葛\U000e0100城"),
        ("علی\u200f", "علی"),
    ],
)
def test_a_name_keeps_what_its_script_needs(text: str, expected: str) -> None:
    assert expected == plain_name(text)


@pytest.mark.parametrize(
    ("text", "like"),
    [
        ("Gekündigt (Verstorben)", "Gekündigt (Verstorben)"),
        ("gekündigt  (verstorben)", "Gekündigt (Verstorben)"),
        ("Geku\u0308ndigt\u00a0(Verstorben) ", "Gekündigt (Verstorben)"),
        ("GEKUENDIGT(VERSTORBEN)", "Gekündigt (Verstorben)"),
        ("Gekundigt - verstorben", "Gekündigt (Verstorben)"),
        ("Gekü\u00adndigt\u200b", "Gekündigt"),
        ("STRASSE", "Straße"),
    ],
)
def test_two_spellings_are_read_as_one(text: str, like: str) -> None:
    assert as_read(like) == as_read(text)


@pytest.mark.parametrize(
    ("text", "word", "slip"),
    [
        ("NoMailTag", "NoMailTag", "NoMailTag"),
        ("nomailtag", "NoMailTag", "NoMailTag"),
        ("No-Mail Tag", "NoMailTag", "NoMailTag"),
        ("No\u00a0Mail\u00adTag", "NoMailTag", "NoMailTag"),
        ("NoMialTag", "", "NoMailTag"),
        ("NoMailingTag", "", "NoMailingsTag"),
        ("VIP", "", ""),
    ],
)
def test_a_word_is_known_in_another_spelling_and_near_with_a_slip(
    text: str, word: str, slip: str
) -> None:
    known = ("NoMailTag", "NoMailingsTag")

    assert (word, slip) == (same_word(text, known), nearest_text(text, known))


def test_a_person_is_named_with_what_cant_be_seen_or_without() -> None:
    assert PersonRef(PersonKind.CANDIDATE, "17") == PersonRef.parse(
        "\ufeffcandidate:1\u200b7\u00a0"
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("people.csv", "people.csv"),
        ("people-Zürich.csv", "people-Zürich.csv"),
        ("people-Z\udcfcrich.csv", "people-Zürich.csv"),
        ("ü-\udcfc \udc80.csv", "ü-ü €.csv"),
        ("\udc81-.csv", "\ufffd-.csv"),  # of no character in Windows-1252
        ("\ud83d.csv", "\ufffd.csv"),  # half a character, as JSON may bring it
        ("a\0b\nc\x1b[2J.csv", "a\ufffdb\ufffdc\ufffd[2J.csv"),
    ],
)
def test_the_name_of_a_file_can_be_stored_and_shown(name: str, expected: str) -> None:
    assert expected == readable_name(name)
    assert expected == readable_name(expected)


@pytest.mark.parametrize(
    ("name", "octets", "expected"),
    [
        ("people.csv", 10, "people.csv"),
        ("people.csv", 7, "peo.csv"),
        ("éé.csv", 7, "é.csv"),
        ("people.a-long-ending", 3, "peo"),
        ("people", 3, "peo"),
    ],
)
def test_a_long_name_is_cut_before_its_ending(name: str, octets: int, expected: str) -> None:
    assert expected == short_name(name, octets)
