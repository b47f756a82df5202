"""Suppressions of people, whatever addresses they have."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Create the table."""
    table = op.create_table(
        "person_suppressions",
        Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        Column("kind", sa.Text(), nullable=False),
        Column("person", sa.Text(), nullable=False),
        Column("scope", sa.Text(), nullable=False),
        Column("remark", sa.Text(), server_default="", nullable=False),
        Column("public", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        Column("by", sa.Text(), server_default="", nullable=False),
        Column("since", sa.BigInteger(), nullable=False),
        Column("until", sa.BigInteger()),
        Column("released_at", sa.BigInteger()),
        Column("released_by", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_person_suppressions"),
    )
    in_force = table.c.released_at.is_(None)
    op.create_index(
        "ix_person_suppressions_kind_person",
        "person_suppressions",
        ["kind", "person"],
        sqlite_where=in_force,
        postgresql_where=in_force,
    )
