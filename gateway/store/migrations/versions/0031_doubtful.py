"""People of whom nobody can say whether they count among those who have an address."""

from alembic import op
from sqlalchemy import Boolean, Column, false

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    """Mark those whose `active` could not be read."""
    op.add_column("people", Column("doubtful", Boolean(), nullable=False, server_default=false()))
    op.execute(
        "UPDATE people SET doubtful = true WHERE EXISTS (SELECT 1 FROM unread_fields u"
        " WHERE u.what = 'people' AND u.field = 'active'"
        " AND u.kind = people.kind AND u.key = people.crm_id)"
    )
