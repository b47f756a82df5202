"""The words a message in the journal can be found by, and the words a search needs.

A word is a run of letters and digits, without case and accents: `Müller, Änne <a.m@x.org>` has
muller, anne, a, m, x and org. Words are stored in ASCII, so every database splits them alike.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b

from gateway.core import ids
from gateway.core.kinds import State
from gateway.core.mail.address import a_label, readable
from gateway.core.people.erased_names import PREFIX
from gateway.core.written import unaccented

_WORD = re.compile(r"[^\W_]+")
_LONGEST = 64  #: Letters of a word that count; some programs' ids never end.
_MOST_ASKED = 16  #: Words in one search; more don't narrow it further.


@dataclass(frozen=True, slots=True)
class MessageSearch:
    """What to look for: messages that contain all the words, or the one with this id."""

    words: frozenset[str] = frozenset()
    number: int | None = None  #: A journal id, if the input can be one.
    facets: frozenset[str] = frozenset()  #: What a message must have in any case.

    @classmethod
    def read(cls, text: str) -> "MessageSearch | None":
        """Parse what somebody typed; None if it contains no word."""
        words = list(dict.fromkeys(_words_in(text)))[:_MOST_ASKED]
        if not words:
            return None
        try:
            return cls(frozenset(words), ids.read(text))
        except ValueError:
            return cls(frozenset(words))

    def with_facets(self, *facets: str) -> "MessageSearch":
        """Return the search narrowed to messages that also have these facets."""
        return replace(self, facets=self.facets.union(facets))

    @property
    def all_words(self) -> frozenset[str]:
        """The words a message must have, unless it is looked up by its id."""
        return self.words | self.facets

    def fits(self, number: int, words: frozenset[str]) -> bool:
        """Whether a message with this id and these words matches."""
        return self.facets <= words and (number == self.number or self.words <= words)


@dataclass(frozen=True, slots=True)
class AddressParts:
    """What somebody knows of an address: whole words of it (`jansen`), or one whole side.

    `@example.org` is a whole domain, `anna.jansen@` a whole local part. All of it must match.
    """

    texts: tuple[str, ...]

    @classmethod
    def read(cls, text: str) -> "AddressParts | None":
        """Parse what somebody typed, separated by spaces; None if one of them contains no word."""
        texts = tuple(dict.fromkeys(text.lower().split()))[:_MOST_ASKED]
        return cls(texts) if texts and all(words_of([part]) for part in texts) else None

    @property
    def words(self) -> frozenset[str]:
        """The words of every message that involves such an address."""
        return words_of(self.texts)


def spellings(text: str) -> tuple[str, ...]:
    """Return an address, or part of one, with its domain as U-labels and as A-labels (RFC 5890).

    >>> spellings("@bücher.example")
    ('@bücher.example', '@xn--bcher-kva.example')
    """
    if text.isascii() and "xn--" not in text:  # Nearly always.
        return (text,)
    local, at, domain = text.rpartition("@")
    in_a_labels = f"{local}{at}{'.'.join(map(a_label, domain.split('.')))}"
    return tuple(dict.fromkeys((text, in_a_labels, readable(in_a_labels))))


def words_of(texts: Iterable[str]) -> frozenset[str]:
    """Return the words of a message's subject, Message-ID and addresses.

    Placeholders for erased data don't count as words.
    """
    return frozenset(
        word for text in texts if not text.startswith(PREFIX) for word in _words_in(text)
    )


def rule_facet(rule: str) -> str:
    """Return the word shared by all messages whose kind was decided by a rule."""
    return _facet("rule", rule)


def state_facet(state: State) -> str:
    """Return the word shared by all messages with a delivery in this final state."""
    return _facet("state", state)


def group_facet(name: str) -> str:
    """Return the word shared by all messages that a group of this name kept from somebody."""
    return _facet("group", name)


def _facet(what: str, name: str) -> str:
    # Nobody types these sixteen digits, so they can't be mistaken for a search term.
    return f"{what}{blake2b(name.casefold().encode(), digest_size=8).hexdigest()}"


def _words_in(text: str) -> Iterator[str]:
    for word in _WORD.findall(unaccented(text)):
        cut = word[:_LONGEST]
        yield cut if cut.isascii() else f"x{cut.encode().hex()}"
