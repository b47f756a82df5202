"""Mail about what was done to applications: found by application, and its end told once."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column, text

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    """Add the column and indexes; of what was done before, nothing is told any more."""
    op.add_column(
        "transitions",
        Column("is_open", sa.Boolean(), nullable=False, server_default=text("false")),
    )
    op.create_index(
        "ix_transitions_is_open",
        "transitions",
        ["id"],
        sqlite_where=text("is_open"),
        postgresql_where=text("is_open"),
    )
    op.create_index(
        "ix_occurrences_about",
        "occurrences",
        ["about", "occurrence"],
        sqlite_where=text("about <> ''"),
        postgresql_where=text("about <> ''"),
    )
