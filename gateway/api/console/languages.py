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
_LONGEST = 200
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


def preferred(accepted: str, default: str) -> str:
    """Return the best language of an `Accept-Language` field (RFC 9110, 12.5.4), or the default."""
    wishes = []
    for position, wish in enumerate(accepted[:_LONGEST].split(",")):
        tag, _, parameters = wish.strip().partition(";")
        quality = parameters.strip().removeprefix("q=").strip() or "1"
        language = tag.strip().lower().partition("-")[0]
        try:
            wishes.append((-float(quality), position, language))
        except ValueError:
            continue
    for quality_below_zero, _, language in sorted(wishes):
        if language in LANGUAGES and quality_below_zero < 0:
            return language
    return default if default in LANGUAGES else "en"
