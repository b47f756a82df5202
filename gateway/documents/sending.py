"""The gateway's own mail and webhooks: entries of its outbox."""

from typing import Annotated

from typing_extensions import TypedDict

from gateway.core import ids
from gateway.core.moments import in_utc
from gateway.core.sending.outbox import OutboxRow, OutboxState
from gateway.documents.fields import IdText, JsonSchema, TimeText


class OutboxEntryDocument(TypedDict):
    """An entry of the outbox."""

    id: IdText
    at: TimeText
    type: Annotated[str, JsonSchema(description="dsn, notice, webhook, trigger_mail …")]
    to: str
    message: Annotated[IdText | None, JsonSchema(description="What it is about, in the journal.")]
    state: OutboxState
    attempts: Annotated[int, JsonSchema(description="Begun so far.")]
    next_at: TimeText | None
    error: str
    about: Annotated[
        str, JsonSchema(description="Of a trigger's mail: the trigger and the application.")
    ]


def outbox_entry_document(row: OutboxRow) -> OutboxEntryDocument:
    """Return an entry of the outbox."""
    return {
        "id": ids.show(row.id),
        "at": in_utc(row.at),
        "type": row.type,
        "to": row.recipient,
        "message": None if row.message is None else ids.show(row.message),
        "state": row.state,
        "attempts": row.attempts,
        "next_at": in_utc(row.next_at),
        "error": row.error,
        "about": row.about,
    }
