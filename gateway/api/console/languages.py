"""The console's texts: English sentences, and their translations in `texts/LANGUAGE/PAGE.toml`.

One with a number in it has two forms, `{count} mail|{count} mails`, in each language.
"""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

LANGUAGES = ("en", "nl", "de", "fr")
NAMES = {"en": "English", "nl": "Nederlands", "de": "Deutsch", "fr": "Français"}
#: How a day is written, as `strftime` takes it.
DAY_FORMS = {"en": "%Y-%m-%d", "nl": "%d-%m-%Y", "de": "%d.%m.%Y", "fr": "%d/%m/%Y"}
_LONGEST = 200
_FIRST_PLACE = re.compile(r"{(\w+)}")


@cache
def translations(language: str) -> Mapping[str, str]:
    """Return the translations of a language by the English sentence; empty of English."""
    if language == "en":
        return {}
    texts: dict[str, str] = {}
    folder = resources.files("gateway.api.console").joinpath("texts", language)
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            texts.update(tomllib.loads(file.read_text(encoding="utf-8")))
    return texts


def say(language: str, text: str, /, **values: object) -> str:
    """Return a text in a language, `{name}` replaced by values.

    >>> say("nl", "Sign in")
    'Inloggen'
    """
    return filled_in(language, translations(language).get(text, text), values)


def filled_in(language: str, written: str, values: Mapping[str, object]) -> str:
    """Return a text of a language with values in it; the number that stands first decides its form.

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
    """Whether a number goes with the singular; in French nothing does, too."""
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
