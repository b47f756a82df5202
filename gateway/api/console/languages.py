"""The console's texts: English sentences, with translations in `texts/LANGUAGE/PAGE.toml`.

A text with a number in it has two forms, `{count} mail|{count} mails`, in each language.
"""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

LANGUAGES = ("en", "nl", "de", "fr")
NAMES = {"en": "English", "nl": "Nederlands", "de": "Deutsch", "fr": "Français"}
#: Date formats for `strftime`.
DAY_FORMS = {"en": "%Y-%m-%d", "nl": "%d-%m-%Y", "de": "%d.%m.%Y", "fr": "%d/%m/%Y"}
_FIRST_PLACE = re.compile(r"{(\w+)}")


@cache
def translations(language: str) -> Mapping[str, str]:
    """Return a language's translations by English sentence; empty for English."""
    if language == "en":
        return {}
    texts: dict[str, str] = {}
    folder = resources.files("gateway.api.console").joinpath("texts", language)
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            texts.update(tomllib.loads(file.read_text(encoding="utf-8")))
    return texts


def say(language: str, text: str, /, **values: object) -> str:
    """Return a text in a language, with each `{name}` replaced by its value.

    >>> say("nl", "Sign in")
    'Inloggen'
    """
    return filled_in(language, translations(language).get(text, text), values)


def filled_in(language: str, written: str, values: Mapping[str, object]) -> str:
    """Return a text with values filled in; the first number selects singular or plural.

    >>> filled_in("en", "{count} mail|{count} mails", {"count": 1})
    '1 mail'
    """
    if not values:
        return written
    singular, _, plural = written.partition("|")
    if plural and not _is_one(language, str(values[_FIRST_PLACE.search(singular)[1]])):  # type: ignore[index]
        return plural.format_map(values)
    return singular.format_map(values)


def _is_one(language: str, number: str) -> bool:
    """Whether a number takes the singular; in French zero does, too."""
    return number == "1" or (number == "0" and language == "fr")
