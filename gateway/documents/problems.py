"""Why a request failed."""

from typing import Annotated, NotRequired

from typing_extensions import TypedDict

from gateway.documents.fields import JsonSchema


class FieldProblemDocument(TypedDict):
    """What is wrong with one field of a request."""

    at: Annotated[str, JsonSchema(description="Which one: body.until")]
    text: str


class ProblemDocument(TypedDict):
    """Why a request isn't answered as asked (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: NotRequired[str]
    errors: NotRequired[list[FieldProblemDocument]]
