"""Triggered mail of a day that a mailbox gets once, and what notes are written from."""

from alembic import op
from sqlalchemy import Column, Text, text

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Add the columns; of mail sent before, no mailbox is known."""
    op.add_column("occurrences", Column("mailbox", Text(), nullable=False, server_default=""))
    op.create_index(
        "ix_occurrences_mailbox",
        "occurrences",
        ["mailbox", "trigger"],
        sqlite_where=text("mailbox <> ''"),
        postgresql_where=text("mailbox <> ''"),
    )
