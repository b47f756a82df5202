"""Why a delivery of the past failed, and what would have let it through."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.config.rules import HeaderTest
from gateway.core.decision.delivery_reason import RuleOutcome, reason_of
from gateway.core.decision.note_facts import NoteFacts
from gateway.core.decision.rule import RecipientsTest, Rule
from gateway.core.kinds import Kind, Scope, State
from gateway.core.people.people import (
    NOBODY,
    AddressHolder,
    PersonKind,
    PersonRef,
    Standing,
    Suppression,
    SuppressionSource,
)

NOW = datetime(2026, 11, 29, tzinfo=UTC)
ANN, BEN = PersonRef(PersonKind.CANDIDATE, "17"), PersonRef(PersonKind.CONTACT, "4")
RULES = (
    Rule("own", Kind.INDIVIDUAL, HeaderTest("x-crm", re.compile("file"))),
    Rule("precedence", Kind.BULK, HeaderTest("precedence")),
    Rule("many", Kind.BULK, RecipientsTest(10)),
)
GROUP = Suppression(
    scope=Scope.BULK, source=SuppressionSource.GROUP, name="Geen bulk-mail", person=ANN
)
STATUS = Suppression(scope=Scope.ALL, source=SuppressionSource.STATUS, name="Overleden", person=ANN)
STATUS_OF_BEN = replace(STATUS, person=BEN)
STAFF = Suppression(scope=Scope.ALL, source=SuppressionSource.STAFF, remark="asked")

S, F = State.RELAYED, State.SEND_FAILED


def facts(*hits: Suppression, kind: Kind = Kind.BULK, rule: str = "precedence") -> NoteFacts:
    return NoteFacts(
        message=1,
        now=NOW,
        kind=kind,
        rule=rule,
        recipient="ann@example.org",
        suppressions=hits,
        personal_mail=kind is Kind.BULK,
        sharing=2,
    )


def held_by(*suppressions: Suppression, own: tuple[Suppression, ...] = ()) -> Standing:
    of_ann = tuple(entry for entry in suppressions if entry.person == ANN)
    return Standing(
        holders=(AddressHolder(ref=ANN, name="Ann", active=True, suppressions=of_ann),), own=own
    )


@pytest.mark.parametrize(
    ("rule", "outcomes"),
    [
        ("own", ["decided", "not_asked", "not_asked"]),
        ("precedence", ["no_match", "decided", "not_asked"]),
        ("many", ["no_match", "no_match", "decided"]),
        ("default", ["no_match", "no_match", "no_match"]),
        ("override", ["no_match", "no_match", "no_match"]),
        ("listener:bulk", ["unknown", "unknown", "unknown"]),
        ("renamed since", ["unknown", "unknown", "unknown"]),
    ],
)
def test_rules_are_told_by_their_order(rule: str, outcomes: list[str]) -> None:
    reason = reason_of(facts(GROUP, rule=rule), RULES, NOBODY)

    assert outcomes == [step.outcome for step in reason.rules]
    assert "it has `precedence`" == reason.rules[1].in_words
    assert RuleOutcome("decided") is RuleOutcome.DECIDED


@pytest.mark.parametrize(
    ("kind", "hits", "alone", "why"),
    [
        (Kind.BULK, (GROUP,), [S], "it was the only one"),
        (Kind.BULK, (GROUP, STAFF), [F, F], "the other remains"),
        (Kind.INDIVIDUAL, (STATUS,), [S], "it was the only one"),
        (Kind.INDIVIDUAL, (STATUS, STATUS_OF_BEN), [S, S], "one of both then may get it"),
        (Kind.INDIVIDUAL, (STAFF, STATUS), [F, F], "the other remains"),
        (Kind.INDIVIDUAL, (STATUS, replace(STATUS, name="Weg")), [F, F], "of the same person"),
    ],
)
def test_what_would_have_let_it_through(
    kind: Kind, hits: tuple[Suppression, ...], alone: list[State], why: str
) -> None:
    reason = reason_of(facts(*hits, kind=kind), RULES, NOBODY)

    assert alone == [hit.alone for hit in reason.hits], why


def test_what_holds_now_is_told_beside_it() -> None:
    renamed = replace(GROUP, remark="new", names=(("de", "Keine"),))
    later = replace(STAFF, scope=Scope.BULK)

    reason = reason_of(facts(GROUP, STAFF), RULES, held_by(renamed, own=(later,)))

    assert [(True, False), (False, True)] == [(hit.holds_now, hit.is_ours) for hit in reason.hits]
    assert (later,) == reason.new_hits
    assert (F, S, 2) == (reason.now, reason.as_individual, reason.sharing)


def test_what_is_lifted_lets_the_same_mail_through_now() -> None:
    reason = reason_of(facts(GROUP), RULES, held_by())

    assert (S, ()) == (reason.now, reason.new_hits)
    assert not reason.hits[0].holds_now
