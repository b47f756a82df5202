"""Indexes for every question of the command line and the API, however long the journal is."""

from alembic import op
from sqlalchemy import text

revision = "0033"
down_revision = "0032"

_NO_MORE_PARTIAL = {
    "ix_suppressions_address": ("suppressions", ["address"]),
    "ix_person_suppressions_kind_person": ("person_suppressions", ["kind", "person"]),
}


def upgrade() -> None:
    """Make those that are lacking; what staff said of an address before counts too."""
    op.drop_index("ix_deliveries_sending", "deliveries")
    partial = {
        "ix_deliveries_state": (["state", "message"], text("state != 'relayed'")),
        "ix_deliveries_would": (["message"], text("would != ''")),
    }
    for name, (columns, where) in partial.items():
        op.create_index(name, "deliveries", columns, sqlite_where=where, postgresql_where=where)
    op.create_index("ix_messages_sender", "messages", [text("lower(sender)"), "id"])
    op.create_index("ix_audience_members_address", "audience_members", ["address"])
    for name, (table, columns) in _NO_MORE_PARTIAL.items():
        op.drop_index(name, table)
        op.create_index(name, table, columns)
