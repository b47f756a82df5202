"""Processes that no later one can be taken for."""

from alembic import op
from sqlalchemy import Column, Text

revision = "0020"
down_revision = "0013"


def upgrade() -> None:
    """Name a worker's process by its id, its start and the boot; of old rows the id is known."""
    op.add_column("workers", Column("process", Text(), nullable=False, server_default=""))
    op.execute("UPDATE workers SET process = CAST(pid AS text)")
    op.drop_column("workers", "pid")
