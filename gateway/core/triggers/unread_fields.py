"""Fields of the CRM's records that could not be read: their old values stand, and decide nothing.

A birthday mail, say, doesn't go by the old birthday while the new one can't be read: it waits.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

PEOPLE, APPLICATIONS = "people", "applications"
QUALIFICATIONS, DELIVERIES = "qualifications", "deliveries"
MEMBERSHIPS = "memberships"

#: How it begins what is wrong with a field of which several rows speak, or one that isn't whole.
IN_ROWS = "line "
#: What it says of a row among them in which the field can't be read.
CANT_BE_READ = "can't be read"
#: How it ends of a group that was inactive when that could be read last.
COUNTS_AS_ACTIVE = "; counts as active"

#: Facts about somebody that decide whether and where any mail goes to them.
OF_RECIPIENT = frozenset(("active", "status", "emails"))


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadField:
    """A field of a record that could not be read when it was told last."""

    what: str  #: The kind of record: people, qualifications …
    kind: str = ""  #: candidate, contact …; empty where the record has none in its key.
    key: str  #: crm_id or reference.
    field: str  #: The column.
    text: str  #: What is wrong with it.
    source: str  #: Who told last.
    file: str
    line: int  #: In that file.
    since: datetime
    at: datetime  #: When it was told last.

    @property
    def record(self) -> str:
        """The record as people name it: `candidate:17`, `4711`."""
        return f"{self.kind}:{self.key}" if self.kind else self.key

    @property
    def place(self) -> str:
        """Where it stands: `people.csv:5`."""
        return f"{self.file}:{self.line}"


def deciding(
    fields: Mapping[str, frozenset[str]], unread: Iterable[UnreadField], *, to_person: bool
) -> list[UnreadField]:
    """Return the fields without which an event's mail can't be decided about.

    `fields` are those of the event, by the kind of record (`TriggerEvent.deciding`); `to_person`
    says that the person is mailed, not staff about the person.
    """
    return [
        field
        for field in unread
        if field.field in fields.get(field.what, ())
        or (to_person and field.what == PEOPLE and field.field in OF_RECIPIENT)
    ]
