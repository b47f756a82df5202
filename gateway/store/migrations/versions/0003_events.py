"""Events for webhooks, kept until the outbox has them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column

revision = "0003"
down_revision = "0002"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "events",
        Column("id", _ID, autoincrement=False, nullable=False),
        Column("type", sa.Text(), nullable=False),
        Column("person", sa.Text(), server_default="", nullable=False),
        Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
    )
