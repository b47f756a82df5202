"""Retries that are known though each try has a new Message-ID."""

from alembic import op
from sqlalchemy import BigInteger, Column

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Let a mark be good for retries of about one Date only."""
    op.add_column("attempts", Column("dated", BigInteger()))
