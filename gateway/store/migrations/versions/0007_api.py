"""Webhooks sent in order, tokens of the API, and its answers to requests that may come again."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column

revision = "0007"
down_revision = "0006"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables, and the column of the outbox that keeps rows in order."""
    op.add_column("outbox", Column("lane", sa.Text(), server_default="", nullable=False))
    in_a_lane = sa.text("lane != ''")
    op.create_index(
        "ix_outbox_lane",
        "outbox",
        ["lane", "id"],
        sqlite_where=in_a_lane,
        postgresql_where=in_a_lane,
    )
    op.create_table(
        "tokens",
        Column("id", _ID, autoincrement=False, nullable=False),
        Column("digest", sa.Text(), nullable=False),
        Column("name", sa.Text(), server_default="", nullable=False),
        Column("source", sa.Text(), server_default="", nullable=False),
        Column("scopes", sa.Text(), server_default="", nullable=False),
        Column("last_used", sa.BigInteger(), nullable=True),
        Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
        sa.UniqueConstraint("digest", name="uq_tokens_digest"),
    )
    op.create_table(
        "answers",
        Column("token", sa.BigInteger(), autoincrement=False, nullable=False),
        Column("key", sa.Text(), nullable=False),
        Column("request", sa.Text(), nullable=False),
        Column("at", sa.BigInteger(), nullable=False),
        Column("status", sa.Integer(), nullable=True),
        Column("type", sa.Text(), server_default="", nullable=False),
        Column("body", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("token", "key", name="pk_answers"),
    )
