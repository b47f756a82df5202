"""The words by which a message of the journal is found, and the words that a search needs.

A word is a run of letters and digits, without case and accents: `Müller, Änne <a.m@x.org>` has
muller, anne, a, m, x and org. Words are kept in ASCII, so that databases part them in one way only.
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
_LONGEST = 64  #: Letters of a word that count; ids of some programs have no end.
_MOST_ASKED = 16  #: Words of one search; more make it no narrower.


@dataclass(frozen=True, slots=True)
class MessageSearch:
    """What is looked for: messages that have all the words, or the one of this id."""

    words: frozenset[str] = frozenset()
    number: int | None = None  #: A journal id, where what was typed can be one.
    facets: frozenset[str] = frozenset()  #: What a message must have in any case.

    @classmethod
    def read(cls, text: str) -> "MessageSearch | None":
        """Read what somebody typed; None where it has no word at all."""
        words = list(dict.fromkeys(_words_in(text)))[:_MOST_ASKED]
        if not words:
            return None
        try:
            return cls(frozenset(words), ids.read(text))
        except ValueError:
            return cls(frozenset(words))

    def narrowed(self, *facets: str) -> "MessageSearch":
        """Return the search for those messages among them that also have these facets."""
        return replace(self, facets=self.facets.union(facets))

    @property
    def all_words(self) -> frozenset[str]:
        """The words that a message must have which isn't looked for by its id."""
        return self.words | self.facets

    def fits(self, number: int, words: frozenset[str]) -> bool:
        """Whether the message with an id and words is one that is looked for."""
        return self.facets <= words and (number == self.number or self.words <= words)


@dataclass(frozen=True, slots=True)
class AddressParts:
    """What somebody knows of an address: full words of it (`jansen`), or a whole end.

    `@example.org` is a whole domain, `anna.jansen@` a whole local part. All of it must match.
    """

    texts: tuple[str, ...]

    @classmethod
    def read(cls, text: str) -> "AddressParts | None":
        """Read what somebody typed, blanks between several; None where one has no word at all."""
        texts = tuple(dict.fromkeys(text.lower().split()))[:_MOST_ASKED]
        return cls(texts) if texts and all(words_of([part]) for part in texts) else None

    @property
    def words(self) -> frozenset[str]:
        """The words of every message that such an address has to do with."""
        return words_of(self.texts)


def spellings(text: str) -> tuple[str, ...]:
    """Return an address, or a part of one, with its domain as U-labels and as A-labels (RFC 5890).

    >>> spellings("@bücher.example")
    ('@bücher.example', '@xn--bcher-kva.example')
    """
    if text.isascii() and "xn--" not in text:  # As nearly always.
        return (text,)
    local, at, domain = text.rpartition("@")
    in_a_labels = f"{local}{at}{'.'.join(map(a_label, domain.split('.')))}"
    return tuple(dict.fromkeys((text, in_a_labels, readable(in_a_labels))))


def words_of(texts: Iterable[str]) -> frozenset[str]:
    """Return the words of a message's subject, Message-ID and addresses.

    The marks in place of what was erased don't count as words.
    """
    return frozenset(
        word for text in texts if not text.startswith(PREFIX) for word in _words_in(text)
    )


def rule_facet(rule: str) -> str:
    """Return the word that every message has of which a rule said the kind."""
    return _facet("rule", rule)


def state_facet(state: State) -> str:
    """Return the word that every message has with a delivery that ended so for good."""
    return _facet("state", state)


def group_facet(name: str) -> str:
    """Return the word that every message has from which a group of this name kept somebody."""
    return _facet("group", name)


def _facet(what: str, name: str) -> str:
    # Nobody types these sixteen digits: what people look for is never taken for one.
    return f"{what}{blake2b(name.casefold().encode(), digest_size=8).hexdigest()}"


def _words_in(text: str) -> Iterator[str]:
    for word in _WORD.findall(unaccented(text)):
        cut = word[:_LONGEST]
        yield cut if cut.isascii() else f"x{cut.encode().hex()}"
