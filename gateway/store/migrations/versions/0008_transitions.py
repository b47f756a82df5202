"""What was done to applications through the gateway."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column

revision = "0008"
down_revision = "0007"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "transitions",
        Column("id", _ID, autoincrement=False, nullable=False),
        Column("reference", sa.Text(), nullable=False),
        Column("event", sa.Text(), nullable=False),
        Column("before", sa.Text(), server_default="", nullable=False),
        Column("status", sa.Text(), server_default="", nullable=False),
        Column("actor", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_transitions"),
    )
    op.create_index("ix_transitions_reference", "transitions", ["reference", "id"])
