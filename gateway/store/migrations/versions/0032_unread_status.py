"""People of whom nobody can say what status they have."""

from alembic import op
from sqlalchemy import BigInteger, Column

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    """Mark those whose status can't be read, or is none of the known ones of their kind."""
    op.add_column("people", Column("status_unread_since", BigInteger()))
    op.execute(
        "UPDATE people SET status_unread_since = (SELECT u.since FROM unread_fields u"
        " WHERE u.what = 'people' AND u.field = 'status'"
        " AND u.kind = people.kind AND u.key = people.crm_id"
        " AND (u.text NOT LIKE 'line %' OR u.text LIKE '%can''t be read%'))"
    )
    op.execute(
        "UPDATE people SET status_unread_since = (SELECT o.since FROM open_references o"
        " WHERE o.reference = 'people.status' AND o.kind = people.kind AND o.given = people.status"
        " AND EXISTS (SELECT 1 FROM statuses s WHERE s.kind = o.kind))"
        " WHERE status_unread_since IS NULL"
    )
