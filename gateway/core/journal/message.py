"""The record of one message: what was tried, the decision for each recipient, and why."""

from dataclasses import fields
from datetime import datetime

from gateway.core.kinds import By, Kind, State
from gateway.core.people.people import PersonRef
from gateway.core.quick_values import quick_value


@quick_value(kw_only=True)
class Delivery:
    """One recipient of a message."""

    recipient: str  #: As the CRM wrote it.
    address: str  #: In lookup form.
    state: State
    by: By
    reply: str = ""
    note: str = ""  #: Why it failed, in the reader's language; empty if it didn't.
    would: str = ""  #: In observe mode: the state it would have had.
    persons: tuple[PersonRef, ...] = ()
    note_facts: str = ""  #: JSON: the facts the note is written from, for other languages.


#: The fields of a delivery: columns of the journal, by the same name, and places in its records.
#: Add a new one above as the last, with a default, and set it where the transaction is recorded.
#: One line of `store/journal/journal_rows.py` puts it into a row; all else follows from here, as
#: for a message (`MESSAGE_VALUES`).
DELIVERY_VALUES = tuple(declared.name for declared in fields(Delivery))


@quick_value(kw_only=True)
class Message:
    """One transaction that got as far as RCPT."""

    id: int
    at: datetime
    listener: str
    login: str | None = None
    client: str = ""  #: The peer's IP address.
    sender: str
    subject: str = ""
    message_id: str = ""
    kind: Kind = Kind.INDIVIDUAL
    rule: str = ""
    relay: str = ""
    size: int = 0  #: Octets of content as received.
    fingerprint: int = 0
    burst_key: int | None = None  #: `BurstKeys.nameless`; the other is below.
    #: Set if the message was found to be bulk and not known as such before: what later transactions
    #: of it are looked up by.
    bulk_identities: tuple[int, ...] = ()
    attempt_of: int | None = None
    burst_subject_key: int | None = None
    deliveries: tuple[Delivery, ...] = ()


#: The fields of a message with one value each: columns of the journal and keys of its records, by
#: the same name. Add a new one above as the last, with a default, and set it where the transaction
#: is recorded; its column and the code that reads and writes journals follow from here. After the
#: first release, a migration must add the column to existing stores.
MESSAGE_VALUES = tuple(
    declared.name
    for declared in fields(Message)
    if declared.name not in ("id", "at", "fingerprint", "bulk_identities", "deliveries")
)


@quick_value()
class KnownBulk:
    """That a message was found to be bulk: by which transaction first, and by which rule."""

    message: int
    rule: str


@quick_value(kw_only=True)
class Outcome:
    """How one delivery of a message ended."""

    message: int
    position: int  #: The recipient's, from 0.
    state: State
    by: By
    reply: str
