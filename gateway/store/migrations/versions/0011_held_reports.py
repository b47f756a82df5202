"""Reports held back until the hour's end."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column

revision = "0011"
down_revision = "0009"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "held_reports",
        Column("id", _ID, autoincrement=False, nullable=False),
        Column("key", sa.Text(), nullable=False),
        Column("message", sa.BigInteger(), nullable=False),
        Column("sender", sa.Text(), nullable=False),
        Column("recipient", sa.Text(), nullable=False),
        Column("relay", sa.Text(), server_default="", nullable=False),
        Column("body", sa.LargeBinary(), nullable=False),
        Column("digest", sa.Text(), nullable=False),
        Column("recipients", sa.Integer(), nullable=False),
        Column("armed", sa.Boolean(), nullable=False),
        Column("report", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_held_reports"),
        sa.UniqueConstraint("key", name="uq_held_reports_key"),
    )
    op.create_index("ix_held_reports_message", "held_reports", ["message"])
    op.create_index("ix_held_reports_report", "held_reports", ["report"])
    op.create_index(
        "ix_held_reports_waiting",
        "held_reports",
        ["id"],
        sqlite_where=sa.text("report IS NULL"),
        postgresql_where=sa.text("report IS NULL"),
    )
