"""The tables; addresses are in lookup form."""

from pathlib import Path

from gateway.store.schema.activities import activities, opt_outs
from gateway.store.schema.api import answers, tokens
from gateway.store.schema.bounces import bounces
from gateway.store.schema.campaigns import (
    audience_members,
    audiences,
    campaign_members,
    campaigns,
)
from gateway.store.schema.columns import mark_of_tables, metadata
from gateway.store.schema.console import console_acts, console_sessions
from gateway.store.schema.erasures import erasure_keys, erasures, mailchimp_removals
from gateway.store.schema.feed import (
    addresses,
    applications,
    closings,
    feed_faults,
    feeds,
    groups,
    imports,
    memberships,
    people,
    programmes,
    qualifications,
    staff,
    statuses,
    unread_fields,
)
from gateway.store.schema.host import (
    done_once,
    leases,
    new_identity,
    pauses,
    schema_version,
    store_identity,
)
from gateway.store.schema.inbound import (
    documents,
    history,
    inbox,
    mailbox_states,
    sightings,
)
from gateway.store.schema.journal import (
    attempts,
    bulk_messages,
    deliveries,
    messages,
    relay_offers,
    workers,
)
from gateway.store.schema.outbox import events, held_reports, outbox
from gateway.store.schema.references import open_references
from gateway.store.schema.searching import message_words, search_progress
from gateway.store.schema.suppressions import (
    person_suppressions,
    suppressions,
    topic_opt_outs,
)
from gateway.store.schema.triggers import (
    epochs,
    occurrences,
    transitions,
    trigger_edits,
    trigger_looks,
    trigger_runs,
)

_MIGRATIONS = Path(__file__).parents[1] / "migrations" / "versions"

#: The number of the first migration. Lower ones were those of builds before the first release:
#: their stores can't be upgraded.
FIRST_NUMBER = "0200"
#: What a store says of its schema, `0200-45f895`: the newest migration, and a mark of the tables;
#: a store at another version is refused. Until the first release a table is added without a
#: migration: by the mark a store of an earlier build is told from one that has it.
VERSION = "-".join(
    (
        max(file.name[:4] for file in _MIGRATIONS.glob("[0-9]*.py")),
        mark_of_tables(metadata.tables.values()),
    )
)

__all__ = [
    "FIRST_NUMBER",
    "VERSION",
    "activities",
    "addresses",
    "answers",
    "applications",
    "attempts",
    "audience_members",
    "audiences",
    "bounces",
    "bulk_messages",
    "campaign_members",
    "campaigns",
    "closings",
    "console_acts",
    "console_sessions",
    "deliveries",
    "documents",
    "done_once",
    "epochs",
    "erasure_keys",
    "erasures",
    "events",
    "feed_faults",
    "feeds",
    "groups",
    "held_reports",
    "history",
    "imports",
    "inbox",
    "leases",
    "mailbox_states",
    "mailchimp_removals",
    "memberships",
    "message_words",
    "messages",
    "new_identity",
    "occurrences",
    "open_references",
    "opt_outs",
    "outbox",
    "pauses",
    "people",
    "person_suppressions",
    "programmes",
    "qualifications",
    "relay_offers",
    "schema_version",
    "search_progress",
    "sightings",
    "staff",
    "statuses",
    "store_identity",
    "suppressions",
    "tokens",
    "topic_opt_outs",
    "transitions",
    "trigger_edits",
    "trigger_looks",
    "trigger_runs",
    "unread_fields",
    "workers",
]
