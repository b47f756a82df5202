"""The console's texts: English sentences, and their translations in `texts/LANGUAGE/PAGE.toml`."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

LANGUAGES = ("en", "nl", "de", "fr")
NAMES = {"en": "English", "nl": "Nederlands", "de": "Deutsch", "fr": "Français"}
_LONGEST = 200


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
    written = translations(language).get(text, text)
    return written.format_map(values) if values else written


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
