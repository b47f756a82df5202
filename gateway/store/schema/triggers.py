"""The tables of triggered mail: the ledger of occurrences, the runs, and the store's epoch."""

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from gateway.store.schema.columns import UtcTime, flag, key, metadata, number, partial_index, words

occurrences = Table(
    "occurrences",
    metadata,
    number(),
    Column("trigger", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("person", Text, nullable=False),
    # Distinguishes it from the trigger's others: a date, an end, a transition.
    Column("occurrence", Text, nullable=False),
    words("about"),  # crm_id of a qualification, or reference of an application
    words("recipient"),  # empty: the person; else who is mailed about the person
    Column("run", BigInteger),
    Column("state", Text, nullable=False),
    words("reason"),  # why it was skipped, failed, held or postponed
    Column("due_at", UtcTime, nullable=False),
    Column("latest_at", UtcTime),  # not sent later than this
    Column("next_at", UtcTime),  # when it is next tried; only while it is due
    words("facts"),  # JSON: the event's own data (the acting member of staff …)
    words("address"),  # where it was sent or should have been
    words("mailbox"),  # the same in lookup form, once it was sent or is being sent
    words("subject"),
    words("message_id"),
    Column("body", LargeBinary),  # kept until it is settled: a retry sends the same octets
    Column("message", BigInteger),  # in the journal
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    words("holder"),
    Column("held_until", UtcTime),
    Column("settled_at", UtcTime),
    UniqueConstraint(
        "trigger", "kind", "person", "occurrence", "about", "recipient", name="uq_occurrences"
    ),
)
Index("ix_occurrences_kind_person", occurrences.c.kind, occurrences.c.person)
partial_index(
    "ix_occurrences_next_at",
    occurrences.c.next_at,
    occurrences.c.id,
    where=occurrences.c.state == "due",
)
partial_index(
    "ix_occurrences_mailbox",
    occurrences.c.mailbox,
    occurrences.c.trigger,
    where=occurrences.c.mailbox != "",
)
partial_index(
    "ix_occurrences_about",
    occurrences.c.about,
    occurrences.c.occurrence,
    where=occurrences.c.about != "",
)
partial_index(
    "ix_occurrences_held_until",
    occurrences.c.held_until,
    where=occurrences.c.state == "sending",
)
partial_index(
    "ix_occurrences_holder",
    occurrences.c.holder,
    where=occurrences.c.holder != "",
)
partial_index(
    "ix_occurrences_held",
    occurrences.c.id,
    where=occurrences.c.state == "held",
)
partial_index(
    "ix_occurrences_expired",
    occurrences.c.trigger,
    occurrences.c.latest_at,
    where=occurrences.c.state == "expired",
)
partial_index(
    "ix_occurrences_unknown",
    occurrences.c.id,
    where=occurrences.c.state == "unknown",
)
Index("ix_occurrences_run_state", occurrences.c.run, occurrences.c.state)

trigger_runs = Table(
    "trigger_runs",
    metadata,
    number(),
    Column("trigger", Text, nullable=False),
    Column("day", Date, nullable=False),  # the local day it looked at
    Column("state", Text, nullable=False),  # open, waiting (postponed), held, finished
    Column("due", Integer, nullable=False, server_default=text("0")),
    Column("skipped", Integer, nullable=False, server_default=text("0")),  # never in the ledger
    words("skips"),  # JSON: the first of them, each with its reason
    words("error"),
    words("report_to"),
    Column("reports", Integer, nullable=False, server_default=text("0")),
    Column("finished_at", UtcTime),
)
Index("ix_trigger_runs_trigger", trigger_runs.c.trigger, trigger_runs.c.id)
partial_index(
    "ix_trigger_runs_open",
    trigger_runs.c.id,
    where=trigger_runs.c.state != "finished",
)

# What was done to applications through the gateway, never by a feed.

transitions = Table(
    "transitions",
    metadata,
    number(),
    Column("reference", Text, nullable=False),
    Column("event", Text, nullable=False),  # submitted, status_changed
    words("before"),
    words("status"),
    words("actor"),  # crm_id of the member of staff
    flag("is_open"),  # mail is owed for it, and its end was not reported yet
)
partial_index(
    "ix_transitions_is_open",
    transitions.c.id,
    where=transitions.c.is_open,
)
Index("ix_transitions_reference", transitions.c.reference, transitions.c.id)

# How far each trigger has looked.

trigger_looks = Table(
    "trigger_looks",
    metadata,
    key("trigger"),
    Column("day", Date, nullable=False),
    Column("at", UtcTime, nullable=False),
)

# What a file outside the database must agree with; if it doesn't, all mail is held.

epochs = Table(
    "epochs",
    metadata,
    key("name"),
    Column("epoch", Text, nullable=False),
    Column("high", BigInteger, nullable=False),
    Column("beat", BigInteger, nullable=False),
    words("held"),  # why all mail is held; empty: it isn't
)

# Changes to triggers and templates made through the gateway.

trigger_edits = Table(
    "trigger_edits",
    metadata,
    number(),
    Column("by", Text, nullable=False),
    Column("what", Text, nullable=False),  # trigger | template
    Column("name", Text, nullable=False),
    Column("changes", Text, nullable=False),  # JSON: [[file, before, after], …]; null: no file
    Index(None, "name", "id"),
)
