"""Types of document fields that JSON lacks, and their schemas."""

from typing import Annotated, Any

from gateway.core.people.people import PersonRef


class JsonSchema:
    """Keywords of JSON Schema for a field of a document, used in `Annotated`.

    >>> class CardDocument(TypedDict):
    ...     number: Annotated[str, JsonSchema(description="As printed.", pattern="^[0-9]+$")]

    pydantic reads them, but need not be loaded for that.
    """

    __slots__ = ("_keywords",)

    def __init__(self, **keywords: object) -> None:
        self._keywords = keywords

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> dict[str, Any]:
        return {**handler(core_schema), **self._keywords}


IdText = Annotated[str, JsonSchema(pattern="^[0-9a-z]{13}$")]  #: See `gateway.core.ids.show`.
TimeText = Annotated[str, JsonSchema(format="date-time")]  #: See `gateway.core.moments.in_utc`.
DayText = Annotated[str, JsonSchema(format="date")]
PersonText = Annotated[
    str,
    JsonSchema(pattern="^(candidate|contact):.+", description="candidate:17 or contact:17"),
]
#: Whose an application is; null: the feed's row names nobody.
PersonOrNobody = PersonText | None
RecipientText = Annotated[
    str,
    JsonSchema(
        description="candidate:17, staff:s1, an address, or a recipient nobody is: responsible:ROLE"
    ),
]


def person_or_nobody(ref: PersonRef) -> str | None:
    """Return whose an application is, or None if the feed's row names nobody."""
    return str(ref) if ref.crm_id else None
