"""What tells a store from another one that was put in its place."""

from alembic import op
from sqlalchemy import Column, PrimaryKeyConstraint, Text

from gateway.store.schema.host import new_identity

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Give the store its identity."""
    table = op.create_table(
        "store_identity",
        Column("id", Text(), nullable=False),
        PrimaryKeyConstraint("id", name="pk_store_identity"),
    )
    op.bulk_insert(table, [{"id": new_identity()}])
