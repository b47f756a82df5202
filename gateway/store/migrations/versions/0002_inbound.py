"""Applications, and the replies filed to them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column

revision = "0002"
down_revision = "0001"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables."""
    _applications()
    _documents()
    _history()
    _inbox()
    _programmes()
    _reports()
    _sightings()


def _applications() -> None:
    op.create_table(
        "applications",
        Column("reference", sa.Text(), nullable=False),
        Column("source", sa.Text(), server_default="", nullable=False),
        Column("kind", sa.Text(), server_default="", nullable=False),
        Column("person", sa.Text(), server_default="", nullable=False),
        Column("programme", sa.Text(), server_default="", nullable=False),
        Column("title", sa.Text(), server_default="", nullable=False),
        Column("status", sa.Text(), server_default="", nullable=False),
        Column("responsible", sa.Text(), server_default="", nullable=False),
        Column("submitted_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("reference", name="pk_applications"),
    )
    op.create_index("ix_applications_kind_person", "applications", ["kind", "person"])


def _documents() -> None:
    op.create_table(
        "documents",
        Column("id", _ID, autoincrement=False, nullable=False),
        Column("entry", sa.BigInteger(), nullable=False),
        Column("kind", sa.Text(), nullable=False),
        Column("person", sa.Text(), nullable=False),
        Column("reference", sa.Text(), nullable=False),
        Column("filename", sa.Text(), nullable=False),
        Column("type", sa.Text(), nullable=False),
        Column("content_type", sa.Text(), nullable=False),
        Column("size", sa.BigInteger(), nullable=False),
        Column("sha256", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_documents"),
    )
    op.create_index("ix_documents_entry", "documents", ["entry"])
    op.create_index("ix_documents_kind_person", "documents", ["kind", "person"])


def _history() -> None:
    op.create_table(
        "history",
        Column("id", _ID, autoincrement=False, nullable=False),
        Column("kind", sa.Text(), nullable=False),
        Column("person", sa.Text(), nullable=False),
        Column("reference", sa.Text(), nullable=False),
        Column("fingerprint", sa.Text(), nullable=False),
        Column("inbox", sa.BigInteger(), nullable=False),
        Column("raw", sa.Text(), nullable=False),
        Column("staff", sa.Text(), server_default="", nullable=False),
        Column("sender_name", sa.Text(), server_default="", nullable=False),
        Column("sender", sa.Text(), server_default="", nullable=False),
        Column("recipients", sa.Text(), server_default="", nullable=False),
        Column("copies", sa.Text(), server_default="", nullable=False),
        Column("subject", sa.Text(), server_default="", nullable=False),
        Column("date", sa.BigInteger(), nullable=True),
        Column("date_text", sa.Text(), server_default="", nullable=False),
        Column("message_id", sa.Text(), server_default="", nullable=False),
        Column("text", sa.Text(), server_default="", nullable=False),
        Column("html", sa.Text(), server_default="", nullable=False),
        Column("staff_text", sa.Text(), server_default="", nullable=False),
        Column("remarks", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_history"),
    )
    op.create_index("ix_history_kind_person", "history", ["kind", "person"])
    op.create_index(
        "ix_history_reference_fingerprint", "history", ["reference", "fingerprint"], unique=True
    )


def _inbox() -> None:
    op.create_table(
        "inbox",
        Column("id", _ID, autoincrement=False, nullable=False),
        Column("content", sa.Text(), nullable=False),
        Column("whole", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        Column("size", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        Column("state", sa.Text(), nullable=False),
        Column("reason", sa.Text(), server_default="", nullable=False),
        Column("detail", sa.Text(), server_default="", nullable=False),
        Column("origin", sa.Text(), server_default="", nullable=False),
        Column("envelope_sender", sa.Text(), nullable=True),
        Column("sender", sa.Text(), server_default="", nullable=False),
        Column("address", sa.Text(), server_default="", nullable=False),
        Column("subject", sa.Text(), server_default="", nullable=False),
        Column("message_id", sa.Text(), server_default="", nullable=False),
        Column("entry", sa.BigInteger(), nullable=True),
        Column("answered", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        Column("holder", sa.Text(), server_default="", nullable=False),
        Column("held_until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_inbox"),
        sa.UniqueConstraint("content", name="uq_inbox_content"),
    )
    op.create_index("ix_inbox_state", "inbox", ["state", "id"])


def _programmes() -> None:
    op.create_table(
        "programmes",
        Column("crm_id", sa.Text(), nullable=False),
        Column("source", sa.Text(), server_default="", nullable=False),
        Column("name", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("crm_id", name="pk_programmes"),
    )


def _reports() -> None:
    op.create_table(
        "reports",
        Column("inbox", sa.BigInteger(), autoincrement=False, nullable=False),
        Column("position", sa.Integer(), autoincrement=False, nullable=False),
        Column("message", sa.BigInteger(), nullable=True),
        Column("recipient", sa.Text(), server_default="", nullable=False),
        Column("action", sa.Text(), server_default="", nullable=False),
        Column("status", sa.Text(), server_default="", nullable=False),
        Column("diagnostic", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("inbox", "position", name="pk_reports"),
    )
    op.create_index("ix_reports_message", "reports", ["message"])


def _sightings() -> None:
    op.create_table(
        "sightings",
        Column("mailbox", sa.Text(), nullable=False),
        Column("folder", sa.Text(), nullable=False),
        Column("uidvalidity", sa.BigInteger(), autoincrement=False, nullable=False),
        Column("uid", sa.BigInteger(), autoincrement=False, nullable=False),
        Column("inbox", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("mailbox", "folder", "uidvalidity", "uid", name="pk_sightings"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_sightings_inbox", "sightings", ["inbox"])
