"""Fields of the CRM's records that could not be read: their old values stand, and decide nothing.

A birthday mail, say, doesn't go by the old birthday while the new one can't be read: it waits.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.core.triggers.trigger import TriggerEvent

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
#: Facts that decide about mail on an event, by the kind of record that has them.
DECIDING: Mapping[TriggerEvent, Mapping[str, frozenset[str]]] = {
    TriggerEvent.BIRTHDAY: {
        PEOPLE: frozenset(("birthday", "finance_status", "consent_email")),
    },
    TriggerEvent.QUALIFICATION_EXPIRED: {
        PEOPLE: frozenset(("consent_email",)),
        QUALIFICATIONS: frozenset(("person", "acquired_on", "expires_on")),
    },
    TriggerEvent.QUALIFICATION_EXPIRING: {
        PEOPLE: frozenset(("consent_email",)),
        QUALIFICATIONS: frozenset(("person", "acquired_on", "expires_on", "notice_days")),
    },
    TriggerEvent.SET_DATE: {PEOPLE: frozenset(("mail_on_set_date",))},
    TriggerEvent.FIRST_DELIVERY: {
        PEOPLE: frozenset(("mail_after_first_delivery",)),
        DELIVERIES: frozenset(("person", "closed_on")),
    },
    TriggerEvent.SUBMITTED: {APPLICATIONS: frozenset(("person", "programme", "status"))},
    TriggerEvent.STATUS_CHANGED: {APPLICATIONS: frozenset(("person", "programme", "status"))},
}


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
    event: TriggerEvent, unread: Iterable[UnreadField], *, to_person: bool
) -> list[UnreadField]:
    """Return the fields without which an event's mail can't be decided about.

    `to_person` says that the person is mailed, not staff about the person.
    """
    wanted = DECIDING[event]
    return [
        one
        for one in unread
        if one.field in wanted.get(one.what, ())
        or (to_person and one.what == PEOPLE and one.field in OF_RECIPIENT)
    ]
