"""The tables; addresses are in lookup form."""

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    text,
)

from gateway.store.columns import UtcTime, flag, key, metadata, number, words

#: The newest migration; a store at another version is refused.
VERSION = "0002"

# The feed: what the CRM told. `source` owns a row; `--replace` removes only its own.

people = Table(
    "people",
    metadata,
    key("kind"),
    key("crm_id"),
    words("source"),
    words("first_name"),
    words("last_name"),
    words("emails"),  # as given, `;` between them, the primary one first
    words("status"),
    words("finance_status"),
    words("owner"),
    words("language"),
    Column("birthday", Date),
    flag("consent_email"),
    flag("mail_on_set_date"),
    flag("mail_after_first_delivery"),
    flag("active", "true"),
    Column("status_since", UtcTime),
    sqlite_with_rowid=False,
)
Index("ix_people_owner", people.c.owner)

addresses = Table(
    "addresses",
    metadata,
    key("address"),
    key("kind"),
    key("person"),
    # -1: the mailbox behind a plus address, which counts with `plus_addresses` only
    Column("position", SmallInteger, nullable=False, server_default=text("0")),
    sqlite_with_rowid=False,
)
Index("ix_addresses_kind_person", addresses.c.kind, addresses.c.person)

staff = Table(
    "staff",
    metadata,
    key("crm_id"),
    words("source"),
    words("name"),
    words("email"),
    words("address"),  # the e-mail in lookup form
    words("roles"),  # `;` between them
    words("language"),
)
Index("ix_staff_address", staff.c.address)

groups = Table(
    "groups",
    metadata,
    key("kind"),
    key("crm_id"),
    words("source"),
    words("name"),
    words("tag"),
    flag("active", "true"),
)

statuses = Table(
    "statuses",
    metadata,
    key("kind"),
    key("crm_id"),
    words("source"),
    words("name"),
    words("tag"),
    flag("initial"),
    flag("closed"),
)

memberships = Table(
    "memberships",
    metadata,
    key("kind"),
    key("person"),
    key("group_id"),
    key("source"),
    Column("since", UtcTime, nullable=False),
    sqlite_with_rowid=False,
)
Index("ix_memberships_kind_group_id", memberships.c.kind, memberships.c.group_id)

feeds = Table(
    "feeds",
    metadata,
    key("source"),
    key("what"),  # people, staff, groups …
    Column("at", UtcTime, nullable=False),
    Column("records", Integer, nullable=False),
    words("file"),  # the last file taken from the folder: it is never taken twice
)

# Suppressions of single addresses; released ones stay as history.

suppressions = Table(
    "suppressions",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("address", Text, nullable=False),
    Column("scope", Text, nullable=False),
    words("remark"),
    flag("public"),
    words("by"),
    Column("since", UtcTime, nullable=False),
    Column("until", UtcTime),
    Column("released_at", UtcTime),
    words("released_by"),
)
Index(
    "ix_suppressions_address",
    suppressions.c.address,
    sqlite_where=suppressions.c.released_at.is_(None),
    postgresql_where=suppressions.c.released_at.is_(None),
)

# The journal.

messages = Table(
    "messages",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True,
           autoincrement=False),
    Column("worker", SmallInteger, nullable=False),
    words("listener"),
    Column("login", Text),
    words("client"),
    words("sender"),
    words("subject"),
    words("message_id"),
    Column("kind", Text, nullable=False),
    Column("rule", Text, nullable=False),
    words("relay"),
    Column("size", BigInteger, nullable=False, server_default=text("0")),
    Column("burst_key", BigInteger),
    Column("attempt_of", BigInteger),
)  # fmt: skip
Index(
    "ix_messages_burst_key",
    messages.c.burst_key,
    messages.c.id,
    sqlite_where=messages.c.burst_key.is_not(None),
    postgresql_where=messages.c.burst_key.is_not(None),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("message", BigInteger, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("recipient", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("by", Text, nullable=False),
    words("reply"),
    words("note"),
    words("would"),
    words("persons"),  # candidate:17, a space between two
    sqlite_with_rowid=False,
)
Index("ix_deliveries_address", deliveries.c.address, deliveries.c.message)
Index(
    "ix_deliveries_sending",
    deliveries.c.message,
    sqlite_where=deliveries.c.state == "sending",
    postgresql_where=deliveries.c.state == "sending",
)

# Transactions a client may try again: refused for now, unknown, or answered to nobody.

attempts = Table(
    "attempts",
    metadata,
    Column("fingerprint", BigInteger, primary_key=True, autoincrement=False),
    Column("message", BigInteger, primary_key=True, autoincrement=False),
    words("content_hash"),
    Column("state", Text, nullable=False),  # pending: the verdict may still come
    words("verdict"),
)
Index("ix_attempts_message", attempts.c.message)

# Processes that write the journal: whoever finds one dead settles what it left.

workers = Table(
    "workers",
    metadata,
    Column("number", SmallInteger, primary_key=True, autoincrement=False),
    Column("node", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("alive_until", UtcTime, nullable=False),
)

relay_offers = Table(
    "relay_offers",
    metadata,
    key("relay"),
    Column("extensions", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
)

# What the gateway itself must send.

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True,
           autoincrement=False),
    Column("type", Text, nullable=False),
    Column("key", Text, nullable=False, unique=True),  # the same thing is put in only once
    Column("sender", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("message", BigInteger),  # the journal's message it is about
    words("relay"),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("next_at", UtcTime),  # none while it waits for a verdict
    words("error"),
    words("holder"),
    Column("held_until", UtcTime),
)  # fmt: skip
Index(
    "ix_outbox_next_at",
    outbox.c.next_at,
    sqlite_where=outbox.c.state == "queued",
    postgresql_where=outbox.c.state == "queued",
)
Index("ix_outbox_message", outbox.c.message)
Index("ix_outbox_state", outbox.c.state)  # counted often, and the rows are large

# Applications, and what was filed to them.

programmes = Table("programmes", metadata, key("crm_id"), words("source"), words("name"))

applications = Table(
    "applications",
    metadata,
    key("reference"),
    words("source"),
    words("kind"),
    words("person"),
    words("programme"),
    words("title"),
    words("status"),
    words("responsible"),  # crm_ids of staff, `;` between them
    Column("submitted_at", UtcTime),
)
Index("ix_applications_kind_person", applications.c.kind, applications.c.person)

inbox = Table(
    "inbox",
    metadata,
    number(),
    Column("content", Text, nullable=False, unique=True),  # SHA-256 of what was kept of the mail
    flag("whole", "true"),  # or only its header
    Column("size", BigInteger, nullable=False, server_default=text("0")),
    Column("state", Text, nullable=False),
    words("reason"),  # why it waits, or what sort of automatic mail it is
    words("detail"),
    words("origin"),  # the mailbox or listener it came in by
    Column("envelope_sender", Text),
    words("sender"),
    words("address"),  # the sender in lookup form
    words("subject"),
    words("message_id"),
    Column("entry", BigInteger),  # of the history
    flag("answered"),
    words("holder"),
    Column("held_until", UtcTime),
)
Index("ix_inbox_state", inbox.c.state, inbox.c.id)

sightings = Table(
    "sightings",
    metadata,
    key("mailbox"),
    key("folder"),
    Column("uidvalidity", BigInteger, primary_key=True, autoincrement=False),
    Column("uid", BigInteger, primary_key=True, autoincrement=False),
    Column("inbox", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
Index("ix_sightings_inbox", sightings.c.inbox)

history = Table(
    "history",
    metadata,
    number(),
    Column("kind", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),  # of the original: filed once per application
    Column("inbox", BigInteger, nullable=False),
    Column("raw", Text, nullable=False),  # the raw mail's SHA-256
    words("staff"),
    words("sender_name"),
    words("sender"),
    words("recipients"),
    words("copies"),
    words("subject"),
    Column("date", UtcTime),
    words("date_text"),
    words("message_id"),
    words("text"),
    words("html"),
    words("staff_text"),
    words("remarks"),  # a line each
)
Index("ix_history_kind_person", history.c.kind, history.c.person)
Index(
    "ix_history_reference_fingerprint",
    history.c.reference,
    history.c.fingerprint,
    unique=True,
)

documents = Table(
    "documents",
    metadata,
    number(),
    Column("entry", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("filename", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
)
Index("ix_documents_entry", documents.c.entry)
Index("ix_documents_kind_person", documents.c.kind, documents.c.person)

# What other servers reported of mail that went out, one row a recipient.

reports = Table(
    "reports",
    metadata,
    Column("inbox", BigInteger, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("message", BigInteger),  # the journal's, where it is known
    words("recipient"),
    words("action"),
    words("status"),
    words("diagnostic"),
)
Index("ix_reports_message", reports.c.message)

leases = Table(
    "leases",
    metadata,
    key("name"),
    Column("holder", Text, nullable=False),
    Column("until", UtcTime, nullable=False),
)

pauses = Table(
    "pauses",
    metadata,
    key("what"),  # bulk or all
    Column("since", UtcTime, nullable=False),
    words("by"),
)

schema_version = Table("schema_version", metadata, key("version"))
