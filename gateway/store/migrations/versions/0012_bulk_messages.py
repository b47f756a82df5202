"""Messages that were found bulk, so that later transactions of the same message are, too."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "bulk_messages",
        Column("identity", sa.BigInteger(), autoincrement=False, nullable=False),
        Column("message", sa.BigInteger(), nullable=False),
        Column("rule", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("identity", name="pk_bulk_messages"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_bulk_messages_message", "bulk_messages", ["message"])
