"""The findings of `gateway check`, and the result of the mail it sent."""

from typing import Annotated, Literal

from typing_extensions import TypedDict

from gateway.core.kinds import Kind
from gateway.documents.explanations import LinkSignatureDocument
from gateway.documents.fields import IdText, JsonSchema

#: `refused`: by the gateway, and nothing was sent; `failed` and `deferred`: by the relay.
ProbeState = Literal["sent", "failed", "deferred", "unknown", "refused"]


class FindingDocument(TypedDict):
    """The finding of one check."""

    level: Literal["ok", "warning", "error"]
    what: str
    text: str


class ProbeDocument(TypedDict):
    """A mail sent to see whether unsubscribe links are signed."""

    id: Annotated[IdText | None, JsonSchema(description="None: nothing was sent.")]
    message_id: str | None
    recipient: str
    sender: str
    listener: Annotated[str, JsonSchema(description="Whose bulk mail it stands for.")]
    relay: str
    kind: Annotated[Kind, JsonSchema(description="What the listener takes it for.")]
    state: ProbeState
    answer: Annotated[str, JsonSchema(description="The relay's, or why nothing was sent.")]
    signed_by: Annotated[
        list[str], JsonSchema(description="Domains the gateway signed it for, both fields covered.")
    ]
    arrived: Annotated[
        bool, JsonSchema(description="Whether it reached a mailbox that the gateway reads.")
    ]
    signatures: Annotated[
        list[LinkSignatureDocument], JsonSchema(description="Of the mail as it arrived.")
    ]
    explain: Annotated[str, JsonSchema(description="The command that tells of what arrives.")]


class CheckDocument(TypedDict):
    """The findings of all checks."""

    findings: list[FindingDocument]
    probe: ProbeDocument | None
