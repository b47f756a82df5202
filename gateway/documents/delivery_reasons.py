"""Why a past delivery failed, and what would have let it through."""

from typing import Annotated

from typing_extensions import TypedDict

from gateway.core.decision.delivery_reason import DeliveryReason, RuleOutcome
from gateway.core.kinds import Kind
from gateway.documents.explanations import ExplainedOutcome, outcome_of
from gateway.documents.fields import JsonSchema
from gateway.documents.suppressions import SuppressionDocument, suppression_document


class RuleStepDocument(TypedDict):
    """One of the present rules, in their order."""

    name: str
    kind: Kind
    matches_if: Annotated[str, JsonSchema(description="When it matches, in words.")]
    outcome: RuleOutcome


class HitSuppressionDocument(TypedDict):
    """A suppression that kept the mail away."""

    suppression: SuppressionDocument
    holds_now: bool
    without_it: Annotated[
        ExplainedOutcome,
        JsonSchema(description="What would have become of the mail without it alone."),
    ]
    lifted_here: Annotated[
        bool, JsonSchema(description="By gateway suppress release; others in the CRM.")
    ]


class DeliveryReasonDocument(TypedDict):
    """Why one recipient didn't get a message."""

    kind: Kind
    rule: Annotated[str, JsonSchema(description="Which said the kind.")]
    rules: list[RuleStepDocument]
    suppressions: list[HitSuppressionDocument]
    sharing: Annotated[int, JsonSchema(description="People who count and have the address.")]
    as_individual: Annotated[ExplainedOutcome, JsonSchema(description="Of a personal mail, then.")]
    now: Annotated[ExplainedOutcome, JsonSchema(description="Of the same mail now.")]
    new_suppressions: Annotated[
        list[SuppressionDocument], JsonSchema(description="That keep it away now and didn't then.")
    ]


def delivery_reason_document(reason: DeliveryReason) -> DeliveryReasonDocument:
    """Return why a delivery failed."""
    return {
        "kind": reason.kind,
        "rule": reason.rule,
        "rules": [
            {
                "name": step.name,
                "kind": step.kind,
                "matches_if": step.in_words,
                "outcome": step.outcome,
            }
            for step in reason.rules
        ],
        "suppressions": [
            {
                "suppression": suppression_document(hit.suppression),
                "holds_now": hit.holds_now,
                "without_it": outcome_of(hit.alone),
                "lifted_here": hit.is_ours,
            }
            for hit in reason.hits
        ],
        "sharing": reason.sharing,
        "as_individual": outcome_of(reason.as_individual),
        "now": outcome_of(reason.now),
        "new_suppressions": [suppression_document(hit) for hit in reason.new_hits],
    }
