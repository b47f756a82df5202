"""Why a past delivery failed, step by step, and what would have let it through.

It works from what the journal has of the decision; headers aren't stored. So rules are explained by
their order: those before the deciding one didn't match. The present state is shown beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from gateway.core.decision.decide import blocking
from gateway.core.decision.note_facts import NoteFacts
from gateway.core.decision.rule import Rule
from gateway.core.kinds import Kind, State
from gateway.core.people.people import ENTRY_SOURCES, Standing, Suppression


class RuleOutcome(StrEnum):
    """What is known about a rule and a past message."""

    NO_MATCH = "no_match"
    DECIDED = "decided"
    NOT_ASKED = "not_asked"  #: An earlier rule had decided.
    UNKNOWN = "unknown"  #: The rule that decided no longer exists.


@dataclass(frozen=True, slots=True)
class RuleStep:
    """One of the present rules, in order."""

    name: str
    kind: Kind
    in_words: str  #: When it matches: "its `Precedence` matches …".
    outcome: RuleOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class HitSuppression:
    """A suppression that kept the mail away."""

    suppression: Suppression
    holds_now: bool
    alone: State  #: What would have happened to the mail without this one.
    is_ours: bool  #: Whether it is lifted here rather than in the CRM.


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryReason:
    """Why one recipient didn't get a message."""

    kind: Kind
    rule: str
    rules: tuple[RuleStep, ...]  #: Those that matter: up to the deciding one.
    hits: tuple[HitSuppression, ...]
    sharing: int  #: How many people who count share the address.
    as_individual: State  #: What would have happened to personal mail.
    now: State  #: What would happen to the same mail now.
    new_hits: tuple[Suppression, ...]  #: What blocks it now and didn't then.

    @property
    def has_cure(self) -> bool:
        """Whether something that can be lifted here still blocks the mail."""
        return any(hit.is_ours and hit.holds_now for hit in self.hits)


def reason_of(facts: NoteFacts, rules: "Sequence[Rule]", standing: Standing) -> DeliveryReason:
    """Return why a delivery failed; `rules` and `standing` are the present ones."""
    holding = blocking(facts.kind, standing)
    hits = facts.suppressions
    return DeliveryReason(
        kind=facts.kind,
        rule=facts.rule,
        rules=tuple(_steps(facts.rule, rules)),
        hits=tuple(
            HitSuppression(
                suppression=hit,
                holds_now=any(_is_same(hit, other) for other in holding),
                alone=_state_without(hit, hits, facts.kind),
                is_ours=hit.source in ENTRY_SOURCES,
            )
            for hit in hits
        ),
        sharing=facts.sharing,
        as_individual=State.RELAYED if facts.personal_mail else State.SEND_FAILED,
        now=State.SEND_FAILED if holding else State.RELAYED,
        new_hits=tuple(other for other in holding if not any(_is_same(hit, other) for hit in hits)),
    )


def _steps(decided: str, rules: "Sequence[Rule]") -> list[RuleStep]:
    from gateway.core.decision.classify import DEFAULT, OVERRIDE

    names = [rule.name for rule in rules]
    if decided in (DEFAULT, OVERRIDE):
        last, outcome = len(rules), RuleOutcome.NO_MATCH
    elif decided in names:
        last, outcome = names.index(decided), RuleOutcome.NO_MATCH
    else:  # A listener, a trigger, or a rule renamed since.
        last, outcome = -1, RuleOutcome.UNKNOWN
    steps = []
    for place, rule in enumerate(rules):
        if outcome is RuleOutcome.UNKNOWN or place < last:
            rule_outcome = outcome
        else:
            rule_outcome = RuleOutcome.DECIDED if place == last else RuleOutcome.NOT_ASKED
        steps.append(RuleStep(rule.name, rule.kind, rule.test.in_words, rule_outcome))
    return steps


def _state_without(hit: Suppression, hits: Sequence[Suppression], kind: Kind) -> State:
    """Return what happens to the mail if one suppression is removed.

    For individual mail, a person's counts only if everybody with the address has one
    (`decide.blocking`).
    """
    rest = [other for other in hits if other is not hit]
    if kind is Kind.BULK:
        return State.SEND_FAILED if rest else State.RELAYED
    people = {other.person for other in hits if other.person is not None}
    left = {other.person for other in rest if other.person is not None}
    is_own = any(other.person is None for other in rest)
    return State.SEND_FAILED if is_own or (left and left == people) else State.RELAYED


def _is_same(suppression: Suppression, other: Suppression) -> bool:
    """Whether it is still the same one; its remark and names may have changed."""
    return (suppression.source, suppression.name, suppression.person, suppression.scope) == (
        other.source,
        other.name,
        other.person,
        other.scope,
    )
