"""Sentences that the gateway writes in English, in the reader's language.

What `gateway check` finds, by what a rule told bulk mail, why a page can't be shown: these are
written where nobody knows who reads them. They are known again by their form, such as `{url}:
{problem}: is it reached from here?` in `texts/LANGUAGE/sentences.toml`, and told in its
translation. What stands in it is told likewise if it is such a sentence itself. Whatever is not
known stays as it is.
"""

import re
import tomllib
from functools import cache
from importlib import resources

FILE = "sentences.toml"
_WORD = re.compile(r"[a-z]{2}")
_PLACE = re.compile(r"{(\w+)}")
_LONGEST = 600  #: Characters; in what is longer forms would be looked for too long.


def retell(language: str, sentence: str) -> str:
    """Return a sentence of the gateway's own in a language; one it has no words for, as it is.

    >>> retell("nl", "main was last fed 3 days ago")
    'main is 3 dagen geleden voor het laatst aangeleverd'
    """
    if language == "en" or not sentence:
        return sentence
    known = _sentences(language).get(sentence)
    if known is not None:
        return known
    if len(sentence) > _LONGEST:
        return sentence
    for form, translated, has_words in _forms(language):
        match = form.fullmatch(sentence)
        if match is not None:
            written = match.groupdict()
            values = {name: retell(language, text) for name, text in written.items()}
            # `{whom}: {scope}` has no words of its own: it is one where something in it is known.
            if has_words or values != written:
                return translated.format_map(values)
    return sentence


@cache
def _sentences(language: str) -> dict[str, str]:
    file = resources.files("gateway.api.console").joinpath("texts", language, FILE)
    return tomllib.loads(file.read_text(encoding="utf-8"))


@cache
def _forms(language: str) -> tuple[tuple[re.Pattern[str], str, bool], ...]:
    """Return the forms with something inserted, the most exact first.

    Each with its translation, and whether it has words beside what is inserted.
    """
    forms = [
        (form, translation)
        for form, translation in _sentences(language).items()
        if _PLACE.search(form)
    ]
    forms.sort(key=lambda pair: len(_PLACE.sub("", pair[0])), reverse=True)
    return tuple(
        (
            re.compile(_pattern(form), re.DOTALL),
            translation,
            _WORD.search(_PLACE.sub("", form)) is not None,
        )
        for form, translation in forms
    )


def _pattern(form: str) -> str:
    """Return what a form matches: something for each `{name}`, the same for the same name."""
    pieces, seen = [], set[str]()
    for number, piece in enumerate(_PLACE.split(form)):
        if number % 2 == 0:
            pieces.append(re.escape(piece))
        elif piece in seen:
            pieces.append(f"(?P={piece})")
        else:
            seen.add(piece)
            pieces.append(f"(?P<{piece}>.+{'' if piece == 'problem' else '?'})")
    return "".join(pieces)
