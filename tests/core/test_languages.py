"""Which language a reader gets."""

import pytest

from gateway.core.languages import accepted_languages, in_language, primary_subtag
from gateway.core.triggers.transition import is_yes, question, warning

KNOWN = ("nl", "de", "fr", "en")


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("nl", "nl"),
        ("nl-BE", "nl"),
        ("zh-Hant", "zh"),
        ("zh-Hant-TW-u-co-pinyin", "zh"),
        ("fil", "fil"),  # Filipino, not Finnish
        ("frr-DE", "frr"),  # North Frisian, not French
        ("DE", "de"),
        (" de-AT ", "de"),
        ("de_AT.UTF-8", "de"),
        ("de_DE@euro", "de"),
        ("nl.ISO8859-1", "nl"),
        ("sr@latin", "sr"),
        ("", ""),
        ("C", ""),
        ("C.UTF-8", ""),
        ("POSIX", ""),
        ("*", ""),
        ("x-private", ""),
        ("i-klingon", ""),  # registered before RFC 4646: no language's own subtag
        ("d", ""),
        ("de AT", ""),
        ("d3", ""),
        ("дe", ""),  # a Cyrillic letter
        ("languages", ""),  # nine letters: no subtag
    ],
)
def test_a_tag_or_locale_names_one_language(tag: str, language: str) -> None:
    assert language == primary_subtag(tag)


@pytest.mark.parametrize(
    ("field", "wanted", "refused"),
    [
        ("", (), ()),
        ("de", ("de",), ()),
        ("fr-CH, fr;q=0.9, en;q=0.8", ("fr", "en"), ()),
        ("en;q=0.1, de", ("de", "en"), ()),
        ("en;q=0.2,de;q=0.9,nl;q=0.9", ("de", "nl", "en"), ()),  # equals stay in their order
        ("en;q=0.1, de;q=0.5, en-GB", ("en", "de"), ()),  # the best of one language counts
        ("DE-at ; Q=0.5\t,  EN", ("en", "de"), ()),
        ("*", ("*",), ()),
        ("*;q=0.5, de", ("de", "*"), ()),
        ("nl;q=0, *", ("*",), ("nl",)),
        ("nl;q=0.000, de;q=0.001", ("de",), ("nl",)),
        ("de-AT;q=0, de", ("de",), ()),
        ("de;q=0, de-AT", ("de",), ()),
        ("de-AT;q=0", (), ()),  # German of another country may do
        ("*;q=0", (), ()),
        ("fil, frr;q=0.5", ("fil", "frr"), ()),
        ("de;q=much, en", ("en",), ()),
        ("de;q=nan, nl;q=inf, en;q=1_0, fr;q=-1", (), ()),
        ("de;q=1.1, nl;q=2, en;q=1e0, fr;q=.5", ("fr",), ()),
        ("de;q=, nl;q, en;level=1, fr;level=1;q=0.5", ("en", "fr"), ()),
        ("de;", ("de",), ()),
        ("de;q=0.30000000000000004, nl;q=1.000", ("nl", "de"), ()),
        (",, ,de,;q=1", ("de",), ()),
        ("de nl, \x00, ÿ", (), ()),
    ],
)
def test_a_browsers_preferences_are_in_order(
    field: str, wanted: tuple[str, ...], refused: tuple[str, ...]
) -> None:
    accepted = accepted_languages(field)

    assert (wanted, frozenset(refused)) == (accepted.languages, accepted.refused)


@pytest.mark.parametrize(
    ("entries", "wanted"),
    [
        (["de;q=0.5"] * 99 + ["fr"], "fr"),
        (["de;q=0.5"] * 100 + ["fr"], "de"),
        (["de;q=0.5"] * 100_000 + ["fr"], "de"),
        (["de" + "-a" * 50_000], "de"),
        (["fr;q=0." + "9" * 50_000, "de"], "de"),
    ],
)
def test_of_a_long_field_the_first_hundred_entries_count(entries: list[str], wanted: str) -> None:
    assert wanted == accepted_languages(",".join(entries)).best(KNOWN)


@pytest.mark.parametrize(
    ("field", "default", "chosen"),
    [
        ("fr-CH, fr;q=0.9, en;q=0.8", "nl", "fr"),
        ("en;q=0.1, de", "nl", "de"),
        ("sv, de;q=0.5", "nl", "de"),
        ("fil, frr;q=0.9, en;q=0.1", "nl", "en"),
        ("sv", "fr", "fr"),
        ("", "fr", "fr"),
        ("", "fr-BE", "fr"),
        ("", "sv", "nl"),  # the first there is
        ("de;q=much", "en", "en"),
        ("*", "de", "de"),
        ("sv, *;q=0.5", "de", "de"),
        ("de;q=0.5, *", "de", "nl"),  # any other, before German
        ("nl;q=0, *", "nl", "de"),
        ("nl;q=0", "nl", "de"),
        ("nl;q=0, en", "nl", "en"),
        ("nl;q=0, de;q=0, fr;q=0, en;q=0", "fr", "fr"),  # a text in some language is sent
        ("nl;q=0, de;q=0, fr;q=0, en;q=0, *", "fr", "fr"),
        ("nl;q=0.1, de;q=0.2, fr;q=0.3, en;q=0.4, *", "fr", "en"),
    ],
)
def test_the_best_of_the_known_languages_is_chosen(field: str, default: str, chosen: str) -> None:
    assert chosen == accepted_languages(field).best(KNOWN, default)


def test_the_first_default_that_the_reader_does_not_refuse_is_chosen() -> None:
    assert "en" == accepted_languages("nl;q=0").best(KNOWN, "sv", "nl", "en")


@pytest.mark.parametrize(
    ("languages", "expected"),
    [
        (["de-AT"], 2),
        (["DE"], 2),
        (["de_AT.UTF-8"], 2),
        (["nl"], 1),
        (["fil-PH"], 3),
        (["fi"], 1),
        (["", "de"], 2),
        (["dev", "denmark"], 1),
        (["xx"], 1),
        ([""], 1),
        ([], 1),
    ],
)
def test_a_language_serves_all_its_regions_and_the_first_all_other_languages(
    languages: list[str], expected: int
) -> None:
    assert expected == in_language({"nl": 1, "de": 2, "fil": 3}, *languages)


@pytest.mark.parametrize(
    ("language", "start", "yes"),
    [
        ("de-AT", "Diese Aktion", "ja"),
        ("FR", "Cette action", "oui"),
        ("frr", "This action", "yes"),
        ("", "This action", "yes"),
    ],
)
def test_who_acts_is_warned_in_a_language_there_is_or_in_english(
    language: str, start: str, yes: str
) -> None:
    assert warning(language).startswith(start)
    assert warning(language, ["Eva"]).startswith(start)
    assert is_yes(yes, language)
    assert is_yes("oui", language) == question(language).startswith("Continuer")
