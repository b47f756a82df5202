"""What would happen to a message, and why."""

from typing import TYPE_CHECKING, Annotated, Literal

from typing_extensions import TypedDict

from gateway.core.kinds import Kind, State
from gateway.documents.fields import JsonSchema, PersonText
from gateway.documents.suppressions import SuppressionDocument, suppression_document

if TYPE_CHECKING:
    from gateway.core.decision.explanation import ExplainedDelivery, Explanation

ExplainedOutcome = Literal["relay", "send_failed"]


class RuleTriedDocument(TypedDict):
    """A rule that was tried."""

    name: str
    matched: bool
    because: str


class IfLeftDocument(TypedDict):
    """What would happen to a recipient if the person left one group."""

    person: PersonText
    group: str
    outcome: ExplainedOutcome


class ExplainedDeliveryDocument(TypedDict):
    """What would happen to one recipient."""

    recipient: str
    persons: list[PersonText]
    outcome: ExplainedOutcome
    would: Annotated[
        ExplainedOutcome | None, JsonSchema(description="Without observe mode or the override.")
    ]
    suppressions: list[SuppressionDocument]
    note: str
    if_left: list[IfLeftDocument]


class LinkSignatureDocument(TypedDict):
    """A DKIM signature, and which unsubscribe fields its `h=` leaves out."""

    domain: str
    missing: list[str]


class UnsubscribeDocument(TypedDict):
    """How people can unsubscribe from a mail."""

    field: Annotated[bool, JsonSchema(description="It has List-Unsubscribe.")]
    one_click: Annotated[bool, JsonSchema(description="As RFC 8058 wants both fields.")]
    signed: Annotated[bool, JsonSchema(description="The h= of a signature covers both fields.")]
    signatures: list[LinkSignatureDocument]
    added: Annotated[bool, JsonSchema(description="The gateway would add both fields.")]


class ExplanationDocument(TypedDict):
    """The decision on a message."""

    kind: Kind
    rule: str
    recipients: int
    rules_tried: list[RuleTriedDocument]
    relay: str
    refusal: Annotated[str, JsonSchema(description="Said to the whole message; empty: none.")]
    deliveries: list[ExplainedDeliveryDocument]
    unsubscribe: UnsubscribeDocument


def outcome_of(state: State) -> ExplainedOutcome:
    """Return the outcome for a recipient in JSON; `state` is relayed or send_failed."""
    assert state in (State.RELAYED, State.SEND_FAILED)
    return "relay" if state is State.RELAYED else "send_failed"


def explanation_document(explanation: "Explanation") -> ExplanationDocument:
    """Return a decision."""
    return {
        "kind": explanation.classification.kind,
        "rule": explanation.classification.rule,
        "recipients": explanation.recipients,
        "rules_tried": [
            {"name": rule.name, "matched": rule.matched, "because": rule.because}
            for rule in explanation.tried
        ],
        "relay": explanation.relay,
        "refusal": explanation.refusal,
        "deliveries": [
            explained_delivery_document(delivery) for delivery in explanation.deliveries
        ],
        "unsubscribe": {
            "field": explanation.unsubscribe.has_field,
            "one_click": explanation.unsubscribe.is_one_click,
            "signed": explanation.unsubscribe.is_signed,
            "signatures": [
                {"domain": signature.domain, "missing": list(signature.missing)}
                for signature in explanation.unsubscribe.signatures
            ],
            "added": explanation.unsubscribe.is_added,
        },
    }


def explained_delivery_document(delivery: "ExplainedDelivery") -> ExplainedDeliveryDocument:
    """Return what would happen to one recipient."""
    return {
        "recipient": delivery.recipient,
        "persons": [str(person) for person in delivery.persons],
        "outcome": outcome_of(delivery.outcome),
        "would": None if delivery.would is None else outcome_of(delivery.would),
        "suppressions": [suppression_document(reason) for reason in delivery.suppressions],
        "note": delivery.note,
        "if_left": [
            {
                "person": str(left.person),
                "group": left.group,
                "outcome": outcome_of(left.outcome),
            }
            for left in delivery.what_if
        ],
    }
