"""Changes to triggers and templates made through the gateway, and who made them."""

from datetime import datetime

import orjson
from sqlalchemy import Connection, insert, select

from gateway.core.triggers.trigger_edit import EditedThing, FileChange, TriggerEdit
from gateway.store.engine.id_ranges import of_page
from gateway.store.schema.triggers import trigger_edits

_c = trigger_edits.c


def add(connection: Connection, edit: TriggerEdit) -> None:
    """Record a change."""
    changes = [[change.file, change.before, change.after] for change in edit.changes]
    connection.execute(
        insert(trigger_edits).values(
            id=edit.id,
            by=edit.by,
            what=edit.what.value,
            name=edit.name,
            changes=orjson.dumps(changes).decode(),
        )
    )


def list_edits(
    connection: Connection,
    *,
    what: EditedThing | None = None,
    name: str | None = None,
    since: datetime | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[TriggerEdit]:
    """Return changes, newest first: of one kind, of one name, older than an id."""
    query = select(trigger_edits).order_by(_c.id.desc()).limit(limit)
    if what is not None:
        query = query.where(_c.what == what.value)
    if name is not None:
        query = query.where(_c.name == name)
    query = query.where(*of_page(_c.id, since, before))
    return [
        TriggerEdit(
            id=row.id,
            by=row.by,
            what=EditedThing(row.what),
            name=row.name,
            changes=tuple(
                FileChange(file=file, before=before, after=after)
                for file, before, after in orjson.loads(row.changes)
            ),
        )
        for row in connection.execute(query)
    ]
