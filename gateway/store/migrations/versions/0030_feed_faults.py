"""Kinds of files of which the last one was not taken in whole."""

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Integer, PrimaryKeyConstraint, Text, text

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    """Create the table; what became of earlier files is not known."""
    op.create_table(
        "feed_faults",
        Column("source", Text(), nullable=False),
        Column("what", Text(), nullable=False),
        Column("since", BigInteger(), nullable=False),
        Column("at", BigInteger(), nullable=False),
        Column("problems", Integer(), nullable=False),
        Column("failed", Boolean(), server_default=text("false"), nullable=False),
        Column("file", Text(), server_default="", nullable=False),
        Column("reason", Text(), server_default="", nullable=False),
        PrimaryKeyConstraint("source", "what", name="pk_feed_faults"),
    )
