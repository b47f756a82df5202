"""Who wants no more mailings of one topic."""

from alembic import op
from sqlalchemy import BigInteger, Column, PrimaryKeyConstraint, Text

revision = "0103"
down_revision = "0102"


def upgrade() -> None:
    """Add the opt-outs of single topics."""
    op.create_table(
        "topic_opt_outs",
        Column("id", BigInteger, autoincrement=False, nullable=False),
        Column("topic", Text, nullable=False),
        Column("kind", Text, nullable=False, server_default=""),
        Column("person", Text, nullable=False, server_default=""),
        Column("address", Text, nullable=False, server_default=""),
        Column("remark", Text, nullable=False, server_default=""),
        Column("since", BigInteger, nullable=False),
        Column("released_at", BigInteger),
        Column("released_by", Text, nullable=False, server_default=""),
        PrimaryKeyConstraint("id", name="pk_topic_opt_outs"),
    )
    op.create_index("ix_topic_opt_outs_kind_person", "topic_opt_outs", ["kind", "person"])
    op.create_index("ix_topic_opt_outs_address", "topic_opt_outs", ["address"])
