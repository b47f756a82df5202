"""What is known of a mailbox's server beside its mail: rotated refresh tokens, a mute IDLE."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "mailbox_states",
        Column("account", sa.Text(), nullable=False),
        Column("given", sa.Text(), server_default="", nullable=False),
        Column("refresh_token", sa.Text(), server_default="", nullable=False),
        Column("idle_silent_since", sa.BigInteger()),
        sa.PrimaryKeyConstraint("account", name="pk_mailbox_states"),
    )
