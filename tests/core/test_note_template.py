"""The wording of notes, as ops edit it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.core.decision.note_template import SECTIONS, parse_template
from gateway.core.kinds import Kind, Scope, State
from gateway.core.languages import in_language
from gateway.core.wording import BadWording

FOLDER = Path(__file__).parents[2] / "config" / "templates" / "notes"
LANGUAGES = ("nl", "de", "fr", "en")
TEXTS = {language: (FOLDER / f"{language}.txt").read_text() for language in LANGUAGES}
TEMPLATES = {language: parse_template(text, language) for language, text in TEXTS.items()}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_kind_and_scope_has_a_word(language: str) -> None:
    template = TEMPLATES[language]

    words = [template.state(state) for state in State]
    words += [template.scope(scope) for scope in Scope]
    words += [template.words[kind] for kind in Kind]

    assert all(words)
    assert len(words) == len(set(words))


@pytest.mark.parametrize(
    ("language", "state"),
    [
        ("nl", "verzenden mislukt"),
        ("de", "Versand fehlgeschlagen"),
        ("fr", "échec de l'envoi"),
        ("en", "send failed"),
    ],
)
def test_send_failed_reads_as_people_know_it(language: str, state: str) -> None:
    assert state == TEMPLATES[language].state(State.SEND_FAILED)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_section_has_words(language: str) -> None:
    sections = TEMPLATES[language].sections

    assert set(SECTIONS) - {"words"} == {name for name, lines in sections.items() if lines}


@pytest.mark.parametrize(
    ("language", "first", "moment"),
    [
        ("nl", "1 maart 2026", "12 maart 2026 om 09:05"),
        ("de", "1. März 2026", "12. März 2026, 09:05 Uhr"),
        ("fr", "1er mars 2026", "12 mars 2026 à 09 h 05"),
        ("en", "1 March 2026", "12 March 2026 at 09:05"),
    ],
)
def test_dates_read_as_people_write_them(language: str, first: str, moment: str) -> None:
    template = TEMPLATES[language]

    assert first == template.date(datetime(2026, 3, 1, tzinfo=UTC))
    assert moment == template.moment(datetime(2026, 3, 12, 9, 5, tzinfo=UTC))


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (("de",), "de"),
        (("fr-BE", "en"), "fr"),
        (("EN",), "en"),
        (("", "de"), "de"),
        (("pl", "xx"), "nl"),
        ((), "nl"),
    ],
)
def test_the_first_language_there_is_wins(wanted: tuple[str, ...], expected: str) -> None:
    assert expected == in_language(TEMPLATES, *wanted).language


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "CRM data as of $feed\n",
            "as of $fed\n",
            "{line}: [short group]: unknown placeholder $fed; known: $feed, $gateway, $id,",
        ),
        ("CRM data as of $feed\n", "for 5$ a month\n", "{line}: [short group]: a lone $ (write $$"),
        ("[group]", "[gruop]", "{line}: unknown section [gruop]; known: words, date,"),
        ("[personal]", "[group]", "{line}: the section [group] occurs twice"),
        ("[personal]", "# gone", "the section [personal] is missing"),
        ("[words]", "hello\n[words]", "{line}: text before the first [section]"),
        ("relayed = sent", "relayed sent", "{line}: [words]: write it as `key = text`"),
        ("relayed = sent", "relayed =", "{line}: [words]: write it as `key = text`"),
        (
            "relayed = sent",
            "relaid = sent",
            "{line}: [words]: no word is called relaid (known: sending, relayed, ",
        ),
        ("relayed = sent", "sending = sent", "{line}: [words]: the word sending occurs twice"),
        ("relayed = sent", "", "[words]: relayed is missing"),
        ("March ", "", "[words]: months: twelve names with spaces between them"),
        (
            '$state: recipient is in the group "$name" ($scope). No. $id\n',
            "$state\n",
            "[short group]: the first line must have $state and $id",
        ),
        (
            "($scope). No. $id\n",
            "since $since. No. $id\n",
            "[short group]: $since may be unknown: not in the first line",
        ),
        ("No. $id\n", "No. $id" + "!" * 300 + "\n", "[short group]: the first line is too long"),
        ("No. $id\n", "No. $id" + "ß" * 120 + "\n", "[short group]: the first line is too long"),
        (
            "$state: $reason. No. $id\n",
            "$state: $reason.\n",
            "[short last]: must be one line with $state, $reason and $id",
        ),
        (
            "$state: $reason. No. $id\n",
            "$state: $reason. No. $id\nBye\n",
            "[short last]: must be one line with $state, $reason and $id",
        ),
        (
            "$state: $reason. No. $id\n",
            "$state: $reason. No. $id" + "!" * 60 + "\n",
            "[short last]: the line is too long",
        ),
    ],
)
def test_a_wrong_file_names_itself_the_line_and_what_was_expected(
    old: str, new: str, problem: str
) -> None:
    text = TEXTS["en"].replace(old, new, 1)
    line = TEXTS["en"][: TEXTS["en"].index(old)].count("\n") + 1
    expected = problem.replace("{line}", str(line))

    with pytest.raises(BadWording) as raised:
        parse_template(text, "en", "notes/en.txt")

    separator = ":" if "{line}" in problem else ": "
    assert str(raised.value).startswith(f"notes/en.txt{separator}{expected}")


def test_windows_line_ends_and_a_byte_order_mark_are_no_problem() -> None:
    text = "\ufeff" + TEXTS["de"].replace("\n", "\r\n")

    template = parse_template(text, "de")

    assert TEMPLATES["de"].words == template.words
    assert TEMPLATES["de"].fill("personal", {}) == template.fill("personal", {})


def test_what_wording_of_ones_own_lacks_since_an_upgrade_is_as_shipped() -> None:
    start, own = TEXTS["de"].index("\n[reports subject]"), "$state! $reason, $id"
    text = TEXTS["de"][:start].replace("$state: $reason. Nr. $id", own)

    template = parse_template(text, "de", shipped=TEMPLATES["de"])

    values = {"id": "1", "now": "jetzt", "subject": "Stelle"}
    assert ["Nr. 1, jetzt: „Stelle“"] == template.fill("reports message", values)
    values = {"state": "Versand fehlgeschlagen", "reason": "x", "id": "1"}
    assert ["Versand fehlgeschlagen! x, 1"] == template.fill("short last", values)


def test_the_same_wording_is_read_once_and_changed_wording_anew() -> None:
    text = TEXTS["nl"]
    changed = f"# changed\n{text}"

    again = parse_template("".join(text.partition("\n")), "nl")

    assert again is parse_template(text, "nl")
    assert again is not parse_template(changed, "nl")
