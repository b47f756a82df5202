"""Reports of runs hold one language, though the ledger keeps its reasons in English."""

from pathlib import Path

import pytest

from gateway.core.sending.mail_wording import parse_mail_wording
from gateway.core.triggers.run_report import REASONS, RUN_REPORT, in_words

FOLDER = Path(__file__).parents[2] / "config" / "templates" / "trigger_report"
LANGUAGES = ("nl", "de", "fr", "en")


def words(language: str) -> dict[str, str]:
    letter = parse_mail_wording((FOLDER / f"{language}.txt").read_text(), language, RUN_REPORT)
    return dict(letter.words)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", REASONS)
def test_every_reason_has_its_words(key: str, language: str) -> None:
    told = in_words(REASONS[key].replace("{}", "x"), words(language))

    assert told == words(language)[key].replace("{}", "x")
    assert (language == "en") == (told == REASONS[key].replace("{}", "x"))
    assert ("{}" in REASONS[key]) == ("{}" in words(language)[key])


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ('suppressed: group "Status, group", staff',
         'uitgesloten: groep "Status, group", geblokkeerd adres'),
        ('suppressed: status "Overleden"', 'uitgesloten: status "Overleden"'),
        ("suppressed: unsubscribe, bounce", "uitgesloten: afgemeld, adres dat mail terugstuurt"),
        ("given up: 451 4.3.0 later", "opgegeven: 451 4.3.0 later"),
        ("550 5.1.1 no such user", "550 5.1.1 no such user"),
        ("finance status: Gekündigt", "financiële status: Gekündigt"),
        ("not active at all", "not active at all"),
        ("the status was given again later", "de status is later opnieuw gegeven"),
        ("cancelled by hand", "met de hand opgegeven"),
        ("already skipped", "al overgeslagen"),
    ],
)  # fmt: skip
def test_what_is_named_in_a_reason_stays_as_it_is(reason: str, told: str) -> None:
    assert told == in_words(reason, words("nl"))
