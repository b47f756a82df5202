"""The tables. Times are microseconds since 1970 in UTC; addresses are in lookup form."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.types import TypeDecorator

#: The newest migration; a store at another version is refused.
VERSION = "0002"
_UNIX = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970, the form in which the store keeps times."""
    since = moment - _UNIX
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def moment(value: int) -> datetime:
    """Return the aware UTC time of a number of microseconds since 1970."""
    return _UNIX + timedelta(microseconds=value)


class UtcTime(TypeDecorator[datetime]):
    """An aware time, kept as microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Return the number to keep."""
        return None if value is None else microseconds(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return the kept time."""
        return None if value is None else moment(value)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)


def _key(name: str) -> Column[str]:
    return Column(name, Text, primary_key=True)


def _id() -> Column[int]:
    number = BigInteger().with_variant(Integer, "sqlite")
    return Column("id", number, primary_key=True, autoincrement=False)


def _words(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


def _flag(name: str, default: str = "false") -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=text(default))


# The feed: what the CRM told. `source` owns a row; `--replace` removes only its own.

people = Table(
    "people",
    metadata,
    _key("kind"),
    _key("crm_id"),
    _words("source"),
    _words("first_name"),
    _words("last_name"),
    _words("emails"),  # as given, `;` between them, the primary one first
    _words("status"),
    _words("finance_status"),
    _words("owner"),
    _words("language"),
    Column("birthday", Date),
    _flag("consent_email"),
    _flag("mail_on_set_date"),
    _flag("mail_after_first_delivery"),
    _flag("active", "true"),
    Column("status_since", UtcTime),
    sqlite_with_rowid=False,
)
Index("ix_people_owner", people.c.owner)

addresses = Table(
    "addresses",
    metadata,
    _key("address"),
    _key("kind"),
    _key("person"),
    # -1: the mailbox behind a plus address, which counts with `plus_addresses` only
    Column("position", SmallInteger, nullable=False, server_default=text("0")),
    sqlite_with_rowid=False,
)
Index("ix_addresses_kind_person", addresses.c.kind, addresses.c.person)

staff = Table(
    "staff",
    metadata,
    _key("crm_id"),
    _words("source"),
    _words("name"),
    _words("email"),
    _words("address"),  # the e-mail in lookup form
    _words("roles"),  # `;` between them
    _words("language"),
)
Index("ix_staff_address", staff.c.address)

groups = Table(
    "groups",
    metadata,
    _key("kind"),
    _key("crm_id"),
    _words("source"),
    _words("name"),
    _words("tag"),
    _flag("active", "true"),
)

statuses = Table(
    "statuses",
    metadata,
    _key("kind"),
    _key("crm_id"),
    _words("source"),
    _words("name"),
    _words("tag"),
    _flag("initial"),
    _flag("closed"),
)

memberships = Table(
    "memberships",
    metadata,
    _key("kind"),
    _key("person"),
    _key("group_id"),
    _key("source"),
    Column("since", UtcTime, nullable=False),
    sqlite_with_rowid=False,
)
Index("ix_memberships_kind_group_id", memberships.c.kind, memberships.c.group_id)

feeds = Table(
    "feeds",
    metadata,
    _key("source"),
    _key("what"),  # people, staff, groups …
    Column("at", UtcTime, nullable=False),
    Column("records", Integer, nullable=False),
    _words("file"),  # the last file taken from the folder: it is never taken twice
)

# Suppressions of single addresses; released ones stay as history.

suppressions = Table(
    "suppressions",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("address", Text, nullable=False),
    Column("scope", Text, nullable=False),
    _words("remark"),
    _flag("public"),
    _words("by"),
    Column("since", UtcTime, nullable=False),
    Column("until", UtcTime),
    Column("released_at", UtcTime),
    _words("released_by"),
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
    _words("listener"),
    Column("login", Text),
    _words("client"),
    _words("sender"),
    _words("subject"),
    _words("message_id"),
    Column("kind", Text, nullable=False),
    Column("rule", Text, nullable=False),
    _words("relay"),
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
    _words("reply"),
    _words("note"),
    _words("would"),
    _words("persons"),  # candidate:17, a space between two
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
    _words("content_hash"),
    Column("state", Text, nullable=False),  # pending: the verdict may still come
    _words("verdict"),
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
    _key("relay"),
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
    _words("relay"),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("next_at", UtcTime),  # none while it waits for a verdict
    _words("error"),
    _words("holder"),
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

programmes = Table("programmes", metadata, _key("crm_id"), _words("source"), _words("name"))

applications = Table(
    "applications",
    metadata,
    _key("reference"),
    _words("source"),
    _words("kind"),
    _words("person"),
    _words("programme"),
    _words("title"),
    _words("status"),
    _words("responsible"),  # crm_ids of staff, `;` between them
    Column("submitted_at", UtcTime),
)
Index("ix_applications_kind_person", applications.c.kind, applications.c.person)

inbox = Table(
    "inbox",
    metadata,
    _id(),
    Column("content", Text, nullable=False, unique=True),  # SHA-256 of what was kept of the mail
    _flag("whole", "true"),  # or only its header
    Column("size", BigInteger, nullable=False, server_default=text("0")),
    Column("state", Text, nullable=False),
    _words("reason"),  # why it waits, or what sort of automatic mail it is
    _words("detail"),
    _words("origin"),  # the mailbox or listener it came in by
    Column("envelope_sender", Text),
    _words("sender"),
    _words("address"),  # the sender in lookup form
    _words("subject"),
    _words("message_id"),
    Column("entry", BigInteger),  # of the history
    _flag("answered"),
    _words("holder"),
    Column("held_until", UtcTime),
)
Index("ix_inbox_state", inbox.c.state, inbox.c.id)

sightings = Table(
    "sightings",
    metadata,
    _key("mailbox"),
    _key("folder"),
    Column("uidvalidity", BigInteger, primary_key=True, autoincrement=False),
    Column("uid", BigInteger, primary_key=True, autoincrement=False),
    Column("inbox", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
Index("ix_sightings_inbox", sightings.c.inbox)

history = Table(
    "history",
    metadata,
    _id(),
    Column("kind", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),  # of the original: filed once per application
    Column("inbox", BigInteger, nullable=False),
    Column("raw", Text, nullable=False),  # the raw mail's SHA-256
    _words("staff"),
    _words("sender_name"),
    _words("sender"),
    _words("recipients"),
    _words("copies"),
    _words("subject"),
    Column("date", UtcTime),
    _words("date_text"),
    _words("message_id"),
    _words("text"),
    _words("html"),
    _words("staff_text"),
    _words("remarks"),  # a line each
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
    _id(),
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
    _words("recipient"),
    _words("action"),
    _words("status"),
    _words("diagnostic"),
)
Index("ix_reports_message", reports.c.message)

leases = Table(
    "leases",
    metadata,
    _key("name"),
    Column("holder", Text, nullable=False),
    Column("until", UtcTime, nullable=False),
)

pauses = Table(
    "pauses",
    metadata,
    _key("what"),  # bulk or all
    Column("since", UtcTime, nullable=False),
    _words("by"),
)

schema_version = Table("schema_version", metadata, _key("version"))
