"""Erasures: that they were done, and who stays suppressed by a keyed hash."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, PrimaryKeyConstraint, Text, text

revision = "0102"
down_revision = "0101"

_ID = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    """Add the tables, and the index of those suppressed by a hash."""
    op.create_table(
        "erasures",
        Column("id", _ID, autoincrement=False, nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("by", Text, nullable=False),
        Column("person", Text, nullable=False, server_default=""),
        Column("addresses", Text, nullable=False, server_default=""),
        Column("key_mark", Text, nullable=False, server_default=""),
        Column("counts", Text, nullable=False, server_default=""),
        Column("mailchimp", Text, nullable=False, server_default=""),
        PrimaryKeyConstraint("id", name="pk_erasures"),
    )
    op.create_table(
        "mailchimp_removals",
        Column("id", _ID, autoincrement=False, nullable=False),
        Column("audience", Text, nullable=False),
        Column("member", Text, nullable=False),
        Column("mode", Text, nullable=False),
        Column("attempts", Integer, nullable=False, server_default=text("0")),
        Column("next_at", BigInteger, nullable=False),
        Column("error", Text, nullable=False, server_default=""),
        PrimaryKeyConstraint("id", name="pk_mailchimp_removals"),
    )
    op.create_index("ix_mailchimp_removals_next_at", "mailchimp_removals", ["next_at"])
    op.create_index(
        "ix_suppressions_erased",
        "suppressions",
        ["address"],
        sqlite_where=text("source = 'erased'"),
        postgresql_where=text("source = 'erased'"),
    )
