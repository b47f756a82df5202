"""Campaigns and what Mailchimp knows of their members; addresses of people that can be none."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column

revision = "0004"
down_revision = "0003"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables and add the column."""
    unusable = Column("unusable", sa.Text(), server_default="", nullable=False)
    op.add_column("people", unusable)
    _audience_members()
    _audiences()
    _campaign_members()
    _campaigns()


def _audience_members() -> None:
    op.create_table(
        "audience_members",
        Column("audience", sa.Text(), nullable=False),
        Column("address", sa.Text(), nullable=False),
        Column("email", sa.Text(), server_default="", nullable=False),
        Column("email_id", sa.Text(), server_default="", nullable=False),
        Column("contact_id", sa.Text(), server_default="", nullable=False),
        Column("status", sa.Text(), server_default="", nullable=False),
        Column("merge_fields", sa.Text(), server_default="", nullable=False),
        Column("changed_at", sa.BigInteger(), nullable=True),
        Column("refusal", sa.Text(), server_default="", nullable=False),
        Column("refused_until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("audience", "address", name="pk_audience_members"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_audience_members_email_id", "audience_members", ["audience", "email_id"])


def _audiences() -> None:
    op.create_table(
        "audiences",
        Column("id", sa.Text(), nullable=False),
        Column("name", sa.Text(), server_default="", nullable=False),
        Column("double_optin", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        Column("activated_at", sa.BigInteger(), nullable=False),
        Column("webhook", sa.Text(), server_default="", nullable=False),
        Column("webhook_url", sa.Text(), server_default="", nullable=False),
        Column("webhook_secret", sa.Text(), server_default="", nullable=False),
        Column("read_until", sa.BigInteger(), nullable=True),
        Column("unsubscribed_until", sa.BigInteger(), nullable=True),
        Column("cleaned_until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_audiences"),
    )


def _campaign_members() -> None:
    op.create_table(
        "campaign_members",
        Column("campaign", sa.BigInteger(), autoincrement=False, nullable=False),
        Column("kind", sa.Text(), nullable=False),
        Column("person", sa.Text(), nullable=False),
        Column("address", sa.Text(), server_default="", nullable=False),
        Column("included", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        Column("reason", sa.Text(), server_default="", nullable=False),
        Column("detail", sa.Text(), server_default="", nullable=False),
        Column("expected", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        Column("segmented", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        Column("added_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("campaign", "kind", "person", name="pk_campaign_members"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_campaign_members_campaign", "campaign_members", ["campaign", "address"])
    op.create_index("ix_campaign_members_person", "campaign_members", ["kind", "person"])


def _campaigns() -> None:
    op.create_table(
        "campaigns",
        Column("id", _ID, autoincrement=False, nullable=False),
        Column("name", sa.Text(), nullable=False),
        Column("state", sa.Text(), nullable=False),
        Column("template", sa.BigInteger(), nullable=False),
        Column("template_name", sa.Text(), server_default="", nullable=False),
        Column("from_name", sa.Text(), nullable=False),
        Column("from_address", sa.Text(), nullable=False),
        Column("audience", sa.Text(), server_default="", nullable=False),
        Column("segment", sa.BigInteger(), nullable=True),
        Column("mailchimp_id", sa.Text(), server_default="", nullable=False),
        Column("web_id", sa.BigInteger(), nullable=True),
        Column("link", sa.Text(), server_default="", nullable=False),
        Column("asked", sa.Text(), server_default="", nullable=False),
        Column("asked_at", sa.BigInteger(), nullable=True),
        Column("opened_at", sa.BigInteger(), nullable=True),
        Column("scheduled_for", sa.BigInteger(), nullable=True),
        Column("refreshed_at", sa.BigInteger(), nullable=True),
        Column("sent_at", sa.BigInteger(), nullable=True),
        Column("trouble", sa.Text(), server_default="", nullable=False),
        Column("next_sync", sa.BigInteger(), nullable=True),
        Column("synced_at", sa.BigInteger(), nullable=True),
        Column("activity_until", sa.BigInteger(), nullable=True),
        Column("counters", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_campaigns"),
    )
    op.create_index("ix_campaigns_mailchimp_id", "campaigns", ["mailchimp_id"])
    op.create_index(
        "ix_campaigns_next_sync",
        "campaigns",
        ["next_sync"],
        sqlite_where=sa.text("next_sync IS NOT NULL"),
        postgresql_where=sa.text("next_sync IS NOT NULL"),
    )
