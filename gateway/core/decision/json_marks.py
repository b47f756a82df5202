"""Marks of bulk mail in the JSON by which programs instruct a service that sends for them.

A key counts where the service reads it, at the top of the object, and where it has a value: `to`
among the data of a customer names no recipients, and a group of `null` is none.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_SOMETHING = re.compile(r"\w")
_IN_BRACKETS = re.compile(r"<([^<>]*)>")

#: The keys and values of a JSON object in order: a key that is there twice counts twice. (A JSON
#: array is a list.)
JsonMembers = tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonKeys:
    """The keys of one JSON object that say a mail is bulk; `a.b` is the key `b` within `a`."""

    valued: tuple[str, ...] = ()  #: Those that say so with any value.
    several: tuple[str, ...] = ()  #: Those that say so with two different addresses or more.
    denied: tuple[str, ...] = ()  #: Those that say so with `false`.

    @property
    def in_words(self) -> str:
        """All of them, for documentation: "`to`, `asm`"."""
        return ", ".join(f"`{key}`" for key in (*self.valued, *self.several, *self.denied))

    def found_in(self, content: JsonMembers) -> str | None:
        """Return the first key that says so, or None."""
        marking_keys = (
            *(key for key in self.valued if any(map(_has_value, _values(content, key)))),
            *(key for key in self.several if len(_addresses(_values(content, key))) > 1),
            *(key for key in self.denied if any(v is False for v in _values(content, key))),
        )
        return next(iter(marking_keys), None)


def json_object(text: str) -> JsonMembers | None:
    """Return the JSON object that a header field's value is (RFC 8259), or None if it is none.

    Lines may have been folded anywhere, within a string too.
    """
    try:
        content = json.loads(text, object_pairs_hook=tuple, strict=False)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, tuple) else None


def _values(content: JsonMembers, path: str) -> list[Any]:
    """Return the values of a key, within the objects of the keys before it."""
    objects: list[Any] = [content]
    for name in path.split("."):
        objects = [
            value
            for members in objects
            if isinstance(members, tuple)
            for key, value in members
            if _without_blanks(key) == name
        ]
    return objects


def _has_value(value: object) -> bool:
    """Whether there is a letter or digit, `true` or a number but 0, which numbers nothing."""
    return any(
        bool(_SOMETHING.search(leaf)) if isinstance(leaf, str) else bool(leaf)
        for leaf in _leaves(value)
    )


def _addresses(values: list[Any]) -> set[str]:
    """Return the different addresses in strings: `ann@x`, `Ann <ann@x>`, `ann@x, bob@x`."""
    texts = [text for text in _leaves(values) if isinstance(text, str)]
    mailboxes = [mailbox for text in texts for mailbox in _IN_BRACKETS.findall(text) or [text]]
    parts = (_without_blanks(part) for mailbox in mailboxes for part in re.split("[,;]", mailbox))
    return {address.casefold() for address in parts if "@" in address}


def _leaves(value: object) -> Iterator[object]:
    """Yield the strings, numbers and literals in a JSON value, whatever it is nested in."""
    waiting = [value]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, list):
            waiting += inner
        elif isinstance(inner, tuple):
            waiting += [member for _, member in inner]
        else:
            yield inner


def _without_blanks(text: str) -> str:
    return "".join(text.split())
