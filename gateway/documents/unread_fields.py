"""Fields of the CRM's records that could not be read."""

from typing import Annotated

from typing_extensions import TypedDict

from gateway.core.feed.unread_fields import UnreadField
from gateway.core.moments import in_utc
from gateway.documents.fields import JsonSchema, TimeText


class UnreadFieldDocument(TypedDict):
    """A field of a record that could not be read when it was last sent."""

    what: Annotated[str, JsonSchema(description="The kind of record: people, qualifications …")]
    record: Annotated[str, JsonSchema(description="candidate:17, or a crm_id or reference.")]
    field: str
    problem: str
    since: TimeText
    at: TimeText
    source: str
    file: str
    line: int


def unread_field_document(field: UnreadField) -> UnreadFieldDocument:
    """Return a field of a record that could not be read when it was last sent."""
    return {
        "what": field.what,
        "record": field.record,
        "field": field.field,
        "problem": field.text,
        "since": in_utc(field.since),
        "at": in_utc(field.at),
        "source": field.source,
        "file": field.file,
        "line": field.line,
    }
