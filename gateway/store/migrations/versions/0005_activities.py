"""What comes back from Mailchimp: activities of members, and who opted out."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the tables and add the column."""
    op.add_column("audiences", Column("next_sync", sa.BigInteger(), nullable=True))
    op.create_table(
        "activities",
        Column("campaign", sa.BigInteger(), autoincrement=False, nullable=False),
        Column("recipient", sa.Text(), nullable=False),
        Column("type", sa.Text(), nullable=False),
        Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        Column("link", sa.BigInteger(), autoincrement=False, nullable=False),
        Column("nth", sa.SmallInteger(), autoincrement=False, nullable=False),
        Column("url", sa.Text(), server_default="", nullable=False),
        Column("bounce", sa.Text(), server_default="", nullable=False),
        Column("machine", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        Column("reason", sa.Text(), server_default="", nullable=False),
        Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "campaign", "recipient", "type", "at", "link", "nth", name="pk_activities"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_activities_recipient", "activities", ["recipient", "campaign"])
    op.create_table(
        "opt_outs",
        Column("kind", sa.Text(), nullable=False),
        Column("person", sa.Text(), nullable=False),
        Column("audience", sa.Text(), nullable=False),
        Column("address", sa.Text(), nullable=False),
        Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        Column("changed_at", sa.BigInteger(), nullable=False),
        Column("campaign", sa.BigInteger(), nullable=True),
        Column("reason", sa.Text(), server_default="", nullable=False),
        Column("seen_at", sa.BigInteger(), nullable=False),
        Column("lifted_at", sa.BigInteger(), nullable=True),
        Column("lifted_by", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("kind", "person", "audience", "address", "at", name="pk_opt_outs"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_opt_outs_address", "opt_outs", ["audience", "address"])
