"""Translates the gateway's English sentences into the reader's language.

Findings of `gateway check`, why a rule classified a mail as bulk, why a page can't be shown: the
code that writes such sentences doesn't know who will read them. They are recognised by a pattern,
such as `{url}: {problem}: is it reached from here?` in `texts/LANGUAGE/sentences*.toml`, and
replaced by its translation. Parts that are themselves such sentences are translated in the same
way. Unrecognised text stays as it is, except that commands in it are replaced by the console page
that does the same, or by who runs them. English has a file only for sentences that name a command.
"""

import re
import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

from gateway.api.console.languages import DAY_FORMS, filled_in, say

FILES = ("sentences.toml", "sentences_feed.toml", "sentences_campaigns.toml")
_WORD = re.compile(r"[a-z]{2}")
_PLACE = re.compile(r"{(\w+)}")
_DAYS = frozenset(("day", "when", "nearest"))  #: Placeholders for days.
_MOMENT = re.compile(r"\b(?P<Y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)(?:[T ](?P<time>\d\d:\d\d))?\b")
_MOST = 5_000  #: Characters; longer texts aren't searched.
_LINES = 300  #: Further lines of a long list stay as they are.
_DEPTH = 4  #: Maximum nesting of sentences; text from strangers may resemble many.
#: Commands, and the pages that do the same, by name in the navigation or on buttons.
_PAGES = {
    "applications": ("Applications",),
    "bounces list": ("Bounces to decide on",),
    "campaigns": ("Campaigns",),
    "import": ("Feed",),
    "inbox": ("Inbox",),
    "mailchimp activate": ("Campaigns", "Mailchimp account"),
    "messages": ("Messages",),
    "outbox": ("Outbox",),
    "pause": ("Today",),
    "person find": ("People",),
    "person show": ("People",),
    "resume": ("Today",),
    "suppress add": ("People",),
    "suppress list": ("People",),
    "suppress release": ("People",),
    "suppress show": ("People",),
    "triggers": ("Triggers",),
    "triggers history": ("Triggers", "Runs and changes"),
}
#: Second words of commands; any other word continues the sentence.
_SECOND = frozenset(
    (
        *("add", "assign", "cancel", "create", "hold", "list", "past", "prepare", "recreate"),
        *("resume", "retry", "send", "show", "unschedule", "waiting"),
        *("groups", "statuses", "staff", "memberships", "people", "programmes"),
        *("applications", "qualifications", "deliveries"),
    )
)
#: Commands run on the gateway's host.
_RUN = (
    *("acts", "bounces", "check", "console", "db", "dkim", "docs", "explain", "init", "keys"),
    *("mailchimp", "person", "suppress", "tail", "today", "tokens", "users"),
)
_FIRST = "|".join(sorted({*(name.partition(" ")[0] for name in _PAGES), *_RUN}))
_COMMAND = re.compile(
    rf"`?\bgateway (?P<first>{_FIRST})\b"
    r"(?P<second> [a-z]+\b)?(?P<rest>(?: (?:--[a-z-]+|[A-Z]{2,})\b)*)`?"
)


def retell(language: str, sentence: str) -> str:
    """Return a sentence of the gateway in a language; unchanged if there is no translation.

    Commands are replaced by the console page that does the same.

    >>> retell("nl", "main was last fed 3 days ago")
    'main is 3 dagen geleden voor het laatst aangeleverd'
    """
    if "\n" in sentence:
        lines = sentence.split("\n")
        return "\n".join((*(retell(language, line) for line in lines[:_LINES]), *lines[_LINES:]))
    translated = _translate(language, sentence, _DEPTH)
    return _COMMAND.sub(lambda command: _in_place_of(language, command), translated)


def _in_place_of(language: str, command: re.Match[str]) -> str:
    """Return the page that does the same as a command, or else who runs it."""
    first, second, rest = command["first"], command["second"] or "", command["rest"]
    for name, behind in ((f"{first}{second}", ""), (first, second)):
        if name in _PAGES:
            # `gateway outbox list` is the page Outbox; what follows it may belong to the sentence.
            page = ", ".join(say(language, title) for title in _PAGES[name])
            is_of_command = not behind or bool(rest) or behind.strip() in _SECOND
            return f"“{page}”" + ("" if is_of_command else behind)
    written = f"gateway {first}{second}{rest}"
    return say(language, "whoever runs the gateway: {command}", command=written)


def _translate(language: str, sentence: str, depth: int) -> str:
    translation = _sentences(language).get(sentence)
    if translation is not None or not sentence:
        return translation or sentence
    if depth == 0 or len(sentence) > _MOST:
        return sentence
    for form in _forms_of(language, sentence[0], sentence[-1]):
        written = form.inserted_texts(sentence)
        if written is not None:
            values = {name: _translate(language, text, depth - 1) for name, text in written.items()}
            # `{whom}: {scope}` has no words apart from placeholders: it matches if something in it
            # is known.
            if form.has_words or values != written:
                for name in values.keys() & _DAYS:
                    values[name] = _MOMENT.sub(lambda day: _as_written(language, day), values[name])
                return filled_in(language, form.translation, values)
    return sentence


def _as_written(language: str, moment: re.Match[str]) -> str:
    """Return a day, with any time, in the format of a language."""
    day = DAY_FORMS[language]
    for sign in "Ymd":
        day = day.replace(f"%{sign}", moment[sign])
    return f"{day} {moment['time']}" if moment["time"] else day


@dataclass(frozen=True, slots=True)
class _SentenceForm:
    """A sentence with placeholders."""

    pieces: tuple[str, ...]  #: Text and placeholder names, alternating.
    translation: str
    has_words: bool  #: Apart from placeholders.

    def inserted_texts(self, sentence: str) -> dict[str, str] | None:
        """Return the inserted texts by name; None if it is another sentence.

        Each text ends at the first place where the text after it is found, a `problem` at the last.
        The time grows only linearly with the sentence. The same name means the same text; `count`
        means a number.
        """
        start, end = self.pieces[0], self.pieces[-1]
        at, until = len(start), len(sentence) - len(end)
        if at >= until or not (sentence.startswith(start) and sentence.endswith(end)):
            return None
        values: dict[str, str] = {}
        for place in range(1, len(self.pieces), 2):
            name, following = self.pieces[place : place + 2]
            stop = until
            if place + 2 < len(self.pieces):
                find = sentence.rfind if name == "problem" else sentence.find
                stop = find(following, at + 1, until)
            text = sentence[at:stop]
            if stop <= at or values.setdefault(name, text) != text:
                return None
            if name == "count" and not text.isdecimal():
                return None
            at = stop + len(following)
        return values


@cache
def _sentences(language: str) -> dict[str, str]:
    folder = resources.files("gateway.api.console").joinpath("texts", language)
    files = (folder.joinpath(name) for name in FILES)
    texts: dict[str, str] = {}
    for file in files:
        if file.is_file():  # English has them only for sentences that name commands.
            texts |= tomllib.loads(file.read_text(encoding="utf-8"))
    return texts


@lru_cache(2_000)
def _forms_of(language: str, first: str, last: str) -> tuple[_SentenceForm, ...]:
    """Return the possible forms of a sentence with this first and last character."""
    return tuple(
        form
        for form in _forms(language)
        if form.pieces[0][:1] in ("", first) and form.pieces[-1][-1:] in ("", last)
    )


@cache
def _forms(language: str) -> tuple[_SentenceForm, ...]:
    """Return the forms with placeholders, most specific first."""
    forms = [
        (form, translation)
        for written, translation in _sentences(language).items()
        for form in written.split("|")  # Singular and plural.
        if _PLACE.search(form)
    ]
    forms.sort(key=lambda pair: len(_PLACE.sub("", pair[0])), reverse=True)
    return tuple(
        _SentenceForm(
            tuple(_PLACE.split(form)),
            translation,
            _WORD.search(_PLACE.sub("", form)) is not None,
        )
        for form, translation in forms
    )
