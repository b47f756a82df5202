"""The first schema."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column

revision = "0001"
down_revision = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables."""
    _addresses()
    _attempts()
    _deliveries()
    _feeds()
    _groups()
    _leases()
    _memberships()
    _messages()
    _outbox()
    _pauses()
    _people()
    _relay_offers()
    _schema_version()
    _staff()
    _statuses()
    _suppressions()
    _workers()


def _addresses() -> None:
    op.create_table(
        "addresses",
        Column("address", sa.Text(), nullable=False),
        Column("kind", sa.Text(), nullable=False),
        Column("person", sa.Text(), nullable=False),
        Column("position", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("address", "kind", "person", name="pk_addresses"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_addresses_kind_person", "addresses", ["kind", "person"])


def _attempts() -> None:
    op.create_table(
        "attempts",
        Column("fingerprint", sa.BigInteger(), autoincrement=False, nullable=False),
        Column("message", sa.BigInteger(), autoincrement=False, nullable=False),
        Column("content_hash", sa.Text(), server_default="", nullable=False),
        Column("state", sa.Text(), nullable=False),
        Column("verdict", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", "message", name="pk_attempts"),
    )
    op.create_index("ix_attempts_message", "attempts", ["message"])


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        Column("message", sa.BigInteger(), autoincrement=False, nullable=False),
        Column("position", sa.Integer(), autoincrement=False, nullable=False),
        Column("recipient", sa.Text(), nullable=False),
        Column("address", sa.Text(), nullable=False),
        Column("state", sa.Text(), nullable=False),
        Column("by", sa.Text(), nullable=False),
        Column("reply", sa.Text(), server_default="", nullable=False),
        Column("note", sa.Text(), server_default="", nullable=False),
        Column("would", sa.Text(), server_default="", nullable=False),
        Column("persons", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("message", "position", name="pk_deliveries"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_deliveries_address", "deliveries", ["address", "message"])
    op.create_index(
        "ix_deliveries_sending",
        "deliveries",
        ["message"],
        sqlite_where=sa.text("state = 'sending'"),
        postgresql_where=sa.text("state = 'sending'"),
    )


def _feeds() -> None:
    op.create_table(
        "feeds",
        Column("source", sa.Text(), nullable=False),
        Column("what", sa.Text(), nullable=False),
        Column("at", sa.BigInteger(), nullable=False),
        Column("records", sa.Integer(), nullable=False),
        Column("file", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("source", "what", name="pk_feeds"),
    )


def _groups() -> None:
    op.create_table(
        "groups",
        Column("kind", sa.Text(), nullable=False),
        Column("crm_id", sa.Text(), nullable=False),
        Column("source", sa.Text(), server_default="", nullable=False),
        Column("name", sa.Text(), server_default="", nullable=False),
        Column("tag", sa.Text(), server_default="", nullable=False),
        Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.PrimaryKeyConstraint("kind", "crm_id", name="pk_groups"),
    )


def _leases() -> None:
    op.create_table(
        "leases",
        Column("name", sa.Text(), nullable=False),
        Column("holder", sa.Text(), nullable=False),
        Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )


def _memberships() -> None:
    op.create_table(
        "memberships",
        Column("kind", sa.Text(), nullable=False),
        Column("person", sa.Text(), nullable=False),
        Column("group_id", sa.Text(), nullable=False),
        Column("source", sa.Text(), nullable=False),
        Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "person", "group_id", "source", name="pk_memberships"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_memberships_kind_group_id", "memberships", ["kind", "group_id"])


def _messages() -> None:
    op.create_table(
        "messages",
        Column("id", _ID, autoincrement=False, nullable=False),
        Column("worker", sa.SmallInteger(), nullable=False),
        Column("listener", sa.Text(), server_default="", nullable=False),
        Column("login", sa.Text(), nullable=True),
        Column("client", sa.Text(), server_default="", nullable=False),
        Column("sender", sa.Text(), server_default="", nullable=False),
        Column("subject", sa.Text(), server_default="", nullable=False),
        Column("message_id", sa.Text(), server_default="", nullable=False),
        Column("kind", sa.Text(), nullable=False),
        Column("rule", sa.Text(), nullable=False),
        Column("relay", sa.Text(), server_default="", nullable=False),
        Column("size", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        Column("burst_key", sa.BigInteger(), nullable=True),
        Column("attempt_of", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_messages"),
    )
    op.create_index(
        "ix_messages_burst_key",
        "messages",
        ["burst_key", "id"],
        sqlite_where=sa.text("burst_key IS NOT NULL"),
        postgresql_where=sa.text("burst_key IS NOT NULL"),
    )


def _outbox() -> None:
    op.create_table(
        "outbox",
        Column("id", _ID, autoincrement=False, nullable=False),
        Column("type", sa.Text(), nullable=False),
        Column("key", sa.Text(), nullable=False),
        Column("sender", sa.Text(), nullable=False),
        Column("recipient", sa.Text(), nullable=False),
        Column("body", sa.LargeBinary(), nullable=False),
        Column("message", sa.BigInteger(), nullable=True),
        Column("relay", sa.Text(), server_default="", nullable=False),
        Column("state", sa.Text(), nullable=False),
        Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        Column("next_at", sa.BigInteger(), nullable=True),
        Column("error", sa.Text(), server_default="", nullable=False),
        Column("holder", sa.Text(), server_default="", nullable=False),
        Column("held_until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("key", name="uq_outbox_key"),
    )
    op.create_index("ix_outbox_message", "outbox", ["message"])
    op.create_index(
        "ix_outbox_next_at",
        "outbox",
        ["next_at"],
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index("ix_outbox_state", "outbox", ["state"])


def _pauses() -> None:
    op.create_table(
        "pauses",
        Column("what", sa.Text(), nullable=False),
        Column("since", sa.BigInteger(), nullable=False),
        Column("by", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("what", name="pk_pauses"),
    )


def _people() -> None:
    op.create_table(
        "people",
        Column("kind", sa.Text(), nullable=False),
        Column("crm_id", sa.Text(), nullable=False),
        Column("source", sa.Text(), server_default="", nullable=False),
        Column("first_name", sa.Text(), server_default="", nullable=False),
        Column("last_name", sa.Text(), server_default="", nullable=False),
        Column("emails", sa.Text(), server_default="", nullable=False),
        Column("status", sa.Text(), server_default="", nullable=False),
        Column("finance_status", sa.Text(), server_default="", nullable=False),
        Column("owner", sa.Text(), server_default="", nullable=False),
        Column("language", sa.Text(), server_default="", nullable=False),
        Column("birthday", sa.Date(), nullable=True),
        Column("consent_email", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        Column("mail_on_set_date", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        Column(
            "mail_after_first_delivery",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
        ),
        Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        Column("status_since", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("kind", "crm_id", name="pk_people"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_people_owner", "people", ["owner"])


def _relay_offers() -> None:
    op.create_table(
        "relay_offers",
        Column("relay", sa.Text(), nullable=False),
        Column("extensions", sa.Text(), nullable=False),
        Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("relay", name="pk_relay_offers"),
    )


def _schema_version() -> None:
    op.create_table(
        "schema_version",
        Column("version", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_schema_version"),
    )


def _staff() -> None:
    op.create_table(
        "staff",
        Column("crm_id", sa.Text(), nullable=False),
        Column("source", sa.Text(), server_default="", nullable=False),
        Column("name", sa.Text(), server_default="", nullable=False),
        Column("email", sa.Text(), server_default="", nullable=False),
        Column("address", sa.Text(), server_default="", nullable=False),
        Column("roles", sa.Text(), server_default="", nullable=False),
        Column("language", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("crm_id", name="pk_staff"),
    )
    op.create_index("ix_staff_address", "staff", ["address"])


def _statuses() -> None:
    op.create_table(
        "statuses",
        Column("kind", sa.Text(), nullable=False),
        Column("crm_id", sa.Text(), nullable=False),
        Column("source", sa.Text(), server_default="", nullable=False),
        Column("name", sa.Text(), server_default="", nullable=False),
        Column("tag", sa.Text(), server_default="", nullable=False),
        Column("initial", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        Column("closed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("kind", "crm_id", name="pk_statuses"),
    )


def _suppressions() -> None:
    op.create_table(
        "suppressions",
        Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        Column("address", sa.Text(), nullable=False),
        Column("scope", sa.Text(), nullable=False),
        Column("remark", sa.Text(), server_default="", nullable=False),
        Column("public", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        Column("by", sa.Text(), server_default="", nullable=False),
        Column("since", sa.BigInteger(), nullable=False),
        Column("until", sa.BigInteger(), nullable=True),
        Column("released_at", sa.BigInteger(), nullable=True),
        Column("released_by", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_suppressions"),
    )
    op.create_index(
        "ix_suppressions_address",
        "suppressions",
        ["address"],
        sqlite_where=sa.text("released_at IS NULL"),
        postgresql_where=sa.text("released_at IS NULL"),
    )


def _workers() -> None:
    op.create_table(
        "workers",
        Column("number", sa.SmallInteger(), autoincrement=False, nullable=False),
        Column("node", sa.Text(), nullable=False),
        Column("pid", sa.Integer(), nullable=False),
        Column("alive_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_workers"),
    )
