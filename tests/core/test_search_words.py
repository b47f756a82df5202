"""By which words a message is found."""

import pytest

from gateway.core import ids
from gateway.core.journal.search_words import (
    MessageSearch,
    group_facet,
    rule_facet,
    state_facet,
    words_of,
)
from gateway.core.kinds import State

ID = "05tq2m9k3x0ab"


@pytest.mark.parametrize(
    ("text", "words", "why"),
    [
        ("Uw factuur 2026/17", {"uw", "factuur", "2026", "17"}, "what is between is no word"),
        ("Anna.Jansen@Example.org", {"anna", "jansen", "example", "org"}, "of an address, too"),
        ("<17.abc@crm.example>", {"17", "abc", "crm", "example"}, "of a Message-ID, too"),
        ("first_name", {"first", "name"}, "an underscore parts words"),
        ("Müller Ärger Élodie", {"muller", "arger", "elodie"}, "without accents"),
        ("Mu\u0308ller", {"muller"}, "however the accent is written"),
        ("Straße", {"strasse"}, "as people without ß write it"),
        ("Ольга", {"xd0bed0bbd18cd0b3d0b0"}, "other letters are kept in ASCII"),
        ("ОЛЬГА", {"xd0bed0bbd18cd0b3d0b0"}, "whatever their case"),
        ("x" * 70, {"x" * 64}, "so much of a word counts"),
        ("erased:5f0ce1aa", set(), "what stands in place of what was erased is none"),
        ("– ! ?", set(), "no letter, no word"),
    ],
)
def test_words(text: str, words: set[str], why: str) -> None:
    assert words == words_of([text]), why


@pytest.mark.parametrize(
    ("text", "search"),
    [
        ("Factuur JANSEN", MessageSearch(frozenset({"factuur", "jansen"}))),
        ("anna@x.org", MessageSearch(frozenset({"anna", "x", "org"}))),
        (f" {ID.upper()} ", MessageSearch(frozenset({ID}), ids.read(ID))),
        (" - ", None),
        ("", None),
    ],
)
def test_what_is_typed(text: str, search: MessageSearch | None) -> None:
    assert search == MessageSearch.read(text)


def test_a_search_of_too_many_words_goes_by_the_first() -> None:
    search = MessageSearch.read(" ".join(f"w{number}" for number in range(40)))

    assert search is not None
    assert {f"w{number}" for number in range(16)} == search.words


def test_facets_are_words_that_nobody_types() -> None:
    facets = {
        rule_facet("burst"),
        group_facet("burst"),
        group_facet("Geen bulk-mail"),
        state_facet(State.SEND_FAILED),
    }

    assert 4 == len(facets)
    assert facets == words_of(facets)
    assert group_facet("Geen BULK-mail") in facets
