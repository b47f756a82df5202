"""When audiences were read."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Add the column."""
    op.add_column("audiences", Column("synced_at", sa.BigInteger(), nullable=True))
