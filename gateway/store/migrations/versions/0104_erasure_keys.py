"""By which keys addresses stay suppressed after their person was erased."""

from alembic import op
from sqlalchemy import BigInteger, Column, PrimaryKeyConstraint, Text

revision = "0104"
down_revision = "0103"


def upgrade() -> None:
    """Add the marks of the keys, those of the erasures so far among them."""
    op.create_table(
        "erasure_keys",
        Column("mark", Text, nullable=False),
        Column("since", BigInteger, nullable=False),
        PrimaryKeyConstraint("mark", name="pk_erasure_keys"),
    )
    op.execute(
        "INSERT INTO erasure_keys (mark, since) "
        "SELECT key_mark, min(at) FROM erasures WHERE key_mark <> '' GROUP BY key_mark"
    )
