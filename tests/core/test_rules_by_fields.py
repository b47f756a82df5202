"""The rules that may match by the names of a mail's fields say what all rules say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.decision import classify as classifying
from gateway.core.decision.bulk_marks import MARKS
from gateway.core.decision.classify import DEFAULT, UNREAD, RulesByFields, TriedRules, classify
from gateway.core.decision.rule import MessageFacts
from gateway.core.decision.shipped_rules import SHIPPED_RULES
from gateway.core.kinds import Kind
from gateway.core.mail.content import HeaderBlock
from gateway.core.mail.headers import Headers

BY_FIELDS = RulesByFields(SHIPPED_RULES)
NAMES = sorted(
    {mark.header.replace("*", "Id") for mark in MARKS}
    | {"Subject", "In-Reply-To", "Auto-Submitted", "X-Other"}
)
VALUES = ("bulk", "<1@example.org>", "auto-replied", "-", "9:345:override:x")


def facts_of(*fields: str, whole: bool = True) -> MessageFacts:
    text = "".join(f"{field}\r\n" for field in fields) + "\r\n"
    headers = Headers.of(HeaderBlock(text.encode(), whole=whole))
    return MessageFacts(sender="crm@example.org", login=None, recipients=1, headers=headers)


def assert_the_same(facts: MessageFacts, by_fields: RulesByFields) -> None:
    few = by_fields.that_may_match(facts.headers)
    tried = TriedRules()

    said = classify(facts, SHIPPED_RULES, Kind.INDIVIDUAL, tried.ask)
    assert said == classify(facts, few, Kind.INDIVIDUAL)
    # As explained: of the rules that were asked, the last alone may have matched.
    assert ([] if said.rule in (DEFAULT, UNREAD) else [said.rule]) == [
        step.name for step in tried.steps if step.matched
    ]


@given(fields=st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=6))
def test_the_same_is_said_by_fewer_rules(fields: list[tuple[str, str]]) -> None:
    facts = facts_of(*(f"{name}: {value}" for name, value in fields))

    assert_the_same(facts, BY_FIELDS)
    assert_the_same(facts, BY_FIELDS)  # as it is known now


def test_of_the_shipped_rules_one_is_left_for_ordinary_mail() -> None:
    left = BY_FIELDS.that_may_match(facts_of("From: ann@example.org", "Subject: Hi").headers)

    assert ["many-recipients"] == [rule.name for rule in left]


def test_of_a_header_that_goes_on_all_rules_are_left() -> None:
    facts = facts_of("Subject: Hi", whole=False)

    assert BY_FIELDS.that_may_match(facts.headers) == SHIPPED_RULES
    assert_the_same(facts, BY_FIELDS)


@pytest.mark.parametrize("limit", ["_MOST_KNOWN", "_MOST_FIELDS"])
def test_whatever_is_forgotten_the_same_is_said(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classifying, limit, 1)
    by_fields = RulesByFields(SHIPPED_RULES)

    for field in ("Precedence: bulk", "List-Id: <x>", "Precedence: bulk"):
        assert_the_same(facts_of("Subject: Hi", field), by_fields)
        assert_the_same(facts_of(field), by_fields)
