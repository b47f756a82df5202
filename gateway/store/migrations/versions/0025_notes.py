"""Notes in any language: what they are written from, and names of groups and statuses."""

from alembic import op
from sqlalchemy import Column, Text

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Add the columns; notes written before stay in the language they were written in."""
    op.add_column("deliveries", Column("note_facts", Text(), nullable=False, server_default=""))
    for table in ("groups", "statuses"):
        for language in ("nl", "de", "fr", "en"):
            column = Column(f"name_{language}", Text(), nullable=False, server_default="")
            op.add_column(table, column)
