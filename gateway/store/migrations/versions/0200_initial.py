"""The schema of the first release, as `gateway/store/schema` describes it.

Until that release, new tables and columns are added only there, and stores of earlier builds are
refused (`VERSION` there). When the first migration after this one is added, this one must be
written out in full: what that one adds is in `gateway/store/schema`, too, and may not be created
here.
"""

from alembic import op
from sqlalchemy import insert

from gateway.store.schema.columns import create_all
from gateway.store.schema.host import new_identity, store_identity

revision = "0200"
down_revision = None


def upgrade() -> None:
    """Create the tables, and give the store an identity."""
    connection = op.get_bind()
    create_all(connection)
    connection.execute(insert(store_identity).values(id=new_identity()))
