"""Fields of CRM records that could not be read: their old values are kept but not acted on.

A birthday mail, say, isn't sent by the old birthday while the new one can't be read: it waits.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

PEOPLE, APPLICATIONS = "people", "applications"
QUALIFICATIONS, DELIVERIES = "qualifications", "deliveries"
MEMBERSHIPS = "memberships"

#: Prefix of what is wrong with a field given in several rows, or in one that may not be whole.
IN_ROWS = "line "
#: What is said of a row among them with an unreadable field.
CANT_BE_READ = "can't be read"
#: Suffix for a group that was inactive when last read.
COUNTS_AS_ACTIVE = "; counts as active"

#: Facts about a person that decide whether and where any mail is sent.
OF_RECIPIENT = frozenset(("active", "status", "emails"))


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadField:
    """A field that could not be read when its record was last sent."""

    what: str  #: The kind of record: people, qualifications …
    kind: str = ""  #: candidate, contact …; empty if the record's key has none.
    key: str  #: crm_id or reference.
    field: str  #: The column.
    text: str  #: What is wrong with it.
    source: str  #: Who sent it last.
    file: str
    line: int  #: In that file.
    since: datetime
    at: datetime  #: When it was last sent.

    @property
    def record(self) -> str:
        """The record's name for people: `candidate:17`, `4711`."""
        return f"{self.kind}:{self.key}" if self.kind else self.key

    @property
    def place(self) -> str:
        """Its place: `people.csv:5`."""
        return f"{self.file}:{self.line}"


def deciding(
    fields: Mapping[str, frozenset[str]], unread: Iterable[UnreadField], *, to_person: bool
) -> list[UnreadField]:
    """Return the fields without which an event's mail can't be decided on.

    `fields` are the event's, by the kind of record (`TriggerEvent.deciding`); `to_person`: the mail
    goes to the person, not to staff about the person.
    """
    return [
        field
        for field in unread
        if field.field in fields.get(field.what, ())
        or (to_person and field.what == PEOPLE and field.field in OF_RECIPIENT)
    ]
