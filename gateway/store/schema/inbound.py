"""The tables of the importer: incoming mail, and what was filed."""

from sqlalchemy import BigInteger, Column, Index, Table, Text, text

from gateway.store.schema.columns import UtcTime, flag, key, metadata, number, words

inbox = Table(
    "inbox",
    metadata,
    number(),
    Column("content", Text, nullable=False, unique=True),  # SHA-256 of what was kept of the mail
    flag("whole", "true"),  # otherwise only its header
    Column("size", BigInteger, nullable=False, server_default=text("0")),
    Column("state", Text, nullable=False),
    words("reason"),  # why it waits, or the sort of automatic mail
    words("detail"),
    words("origin"),  # the mailbox or listener it came in through
    Column("envelope_sender", Text),
    words("envelope_recipients"),  # of a mail that came back
    words("sender"),
    words("address"),  # the sender in lookup form
    words("subject"),
    words("message_id"),
    Column("entry", BigInteger),  # in the history
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
    words("remarks"),  # one per line
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

# What is known of a mailbox's server besides its mail, one row per account and folder.

mailbox_states = Table(
    "mailbox_states",
    metadata,
    key("account"),
    words("given"),  # digest of the config's refresh token that led to this one
    words("refresh_token"),
    Column("idle_silent_since", UtcTime),
)
