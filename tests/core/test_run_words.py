"""Reports of runs hold one language, though the ledger keeps its reasons in English."""

import ast
from pathlib import Path

import pytest

from gateway.core.sending.mail_wording import RUN_REPORT, parse_letter
from gateway.core.sending.run_words import REASONS, in_words
from gateway.core.triggers import occurrence

FOLDER = Path(__file__).parents[2] / "config" / "templates" / "trigger_report"
LANGUAGES = ("nl", "de", "fr", "en")


def words(language: str) -> dict[str, str]:
    letter = parse_letter((FOLDER / f"{language}.txt").read_text(), language, RUN_REPORT)
    return dict(letter.words)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", REASONS)
def test_every_reason_has_its_words(key: str, language: str) -> None:
    told = in_words(REASONS[key].replace("{}", "x"), words(language))

    assert told == words(language)[key].replace("{}", "x")
    assert (language == "en") == (told == REASONS[key].replace("{}", "x"))
    assert ("{}" in REASONS[key]) == ("{}" in words(language)[key])


def test_no_condition_of_an_event_gives_a_reason_without_words() -> None:
    tree = ast.parse(Path(occurrence.__file__).read_text())
    given = [
        part.value
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef) and "unmet" in function.name
        for found in ast.walk(function)
        if isinstance(found, ast.Return) and found.value is not None
        for part in ast.walk(found.value)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    ]

    known = {one.partition("{}")[0] for one in REASONS.values()}
    assert set(given) - {""} <= known
    assert len(given) > 10


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ('suppressed: group "Status, group", staff',
         'uitgesloten: groep "Status, group", geblokkeerd adres'),
        ('suppressed: status "Overleden"', 'uitgesloten: status "Overleden"'),
        ("given up: 451 4.3.0 later", "opgegeven: 451 4.3.0 later"),
        ("550 5.1.1 no such user", "550 5.1.1 no such user"),
        ("finance status: Gekündigt", "financiële status: Gekündigt"),
        ("not active at all", "not active at all"),
    ],
)  # fmt: skip
def test_what_is_named_in_a_reason_stays_as_it_is(reason: str, told: str) -> None:
    assert told == in_words(reason, words("nl"))
