"""Fields of the CRM's records that could not be read."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "unread_fields",
        Column("what", sa.Text(), nullable=False),
        Column("kind", sa.Text(), nullable=False),
        Column("key", sa.Text(), nullable=False),
        Column("field", sa.Text(), nullable=False),
        Column("text", sa.Text(), server_default="", nullable=False),
        Column("source", sa.Text(), server_default="", nullable=False),
        Column("file", sa.Text(), server_default="", nullable=False),
        Column("line", sa.Integer(), nullable=False),
        Column("since", sa.BigInteger(), nullable=False),
        Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("what", "kind", "key", "field", name="pk_unread_fields"),
        sqlite_with_rowid=False,
    )
