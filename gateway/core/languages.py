"""Which language a reader gets: the one reading of tags, locales and what browsers ask for."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

ANY = "*"  #: In an `Accept-Language` field: every language that the field doesn't name.
_MOST_RANGES = 100  #: How many entries of a field are read; browsers send ten at most.
#: A tag divides its parts by `-`, a locale (`de_AT.UTF-8`, `de@euro`) by `_`, `.` and `@`.
_TAG = re.compile(r"([a-z]{2,8})(?:[-_.@].*)?", re.DOTALL)
#: RFC 9110, 12.4.2, with more than three decimals and `.5` too: some programs print what they
#: calculated.
_WEIGHT = re.compile(r"q=(0?\.[0-9]{1,20}|0\.?|1(?:\.0{0,20})?)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class AcceptedLanguages:
    """The languages that an `Accept-Language` field names, by their primary subtags."""

    languages: tuple[str, ...] = ()  #: Best first; may contain `ANY`.
    refused: frozenset[str] = frozenset()  #: Those with `q=0`.

    def best(self, known_languages: Collection[str], *defaults: str) -> str:
        """Return the best of the known languages, which must not be empty.

        If the reader wants any language, or none of the known ones, it is the first of `defaults`
        that is known, or else the first known one; a refused one only if all are refused.
        """
        choices = [
            *filter(known_languages.__contains__, map(primary_subtag, defaults)),
            *known_languages,
        ]
        unnamed = [language for language in choices if language not in self.languages]
        allowed = [language for language in unnamed if language not in self.refused]
        for language in self.languages:
            if language == ANY and allowed:
                return allowed[0]
            if language in known_languages:
                return language
        # The text is sent all the same: nobody is helped by a 406 (RFC 9110, 12.5.4).
        return (allowed or choices)[0]


def primary_subtag(tag: str) -> str:
    """Return the language of a tag (RFC 5646, 2.2.1) or a POSIX locale, in lower case.

    It is `de` for `de-AT` and `de_AT.UTF-8`, `fil` for `fil-PH`, and empty if no language is named:
    `C`, `POSIX`, `*`, `x-private`.
    """
    matched = _TAG.fullmatch(tag.strip().lower())
    return matched[1] if matched and matched[1] != "posix" else ""


def accepted_languages(field: str) -> AcceptedLanguages:
    """Parse an `Accept-Language` field (RFC 9110, 12.5.4); malformed entries are ignored.

    Equal weights keep the order of the field. Of several entries for one language the best counts;
    `de-AT;q=0` doesn't refuse `de`.
    """
    weights: dict[str, float] = {}
    refused = set()
    for entry in field.split(",", _MOST_RANGES)[:_MOST_RANGES]:
        tag, *parameters = (part.strip() for part in entry.split(";"))
        weights_given = [part for part in parameters if part[:1].lower() == "q"]
        weight = _WEIGHT.fullmatch(weights_given[0] if weights_given else "q=1")
        language = ANY if tag == ANY else primary_subtag(tag)
        if weight is None or not language:
            continue
        if float(weight[1]) > 0:
            weights[language] = max(float(weight[1]), weights.get(language, 0))
        elif language == tag.lower():
            refused.add(language)
    languages = sorted(weights, key=lambda language: -weights[language])
    return AcceptedLanguages(tuple(languages), frozenset(refused.difference(languages, (ANY,))))


def in_language(texts: Mapping[str, T], *languages: str) -> T:
    """Return the entry for the first available language, with `de` serving for `de-AT`.

    If none is available, it is the first of `texts`, which must not be empty.
    """
    for language in languages:
        text = texts.get(primary_subtag(language))
        if text is not None:
            return text
    return next(iter(texts.values()))
