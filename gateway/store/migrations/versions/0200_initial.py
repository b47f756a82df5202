"""The schema of the first release, as `gateway/store/schema` describes it.

Until that release a new table or column is added there alone, and stores of earlier builds are
refused (`VERSION` there). The first migration behind this one finds it written out: what it adds is
in `gateway/store/schema`, too, and may not be made here.
"""

from alembic import op
from sqlalchemy import insert

from gateway.store.schema.columns import create_all
from gateway.store.schema.host import new_identity, store_identity

revision = "0200"
down_revision = None


def upgrade() -> None:
    """Create the tables, and give the store its identity."""
    connection = op.get_bind()
    create_all(connection)
    connection.execute(insert(store_identity).values(id=new_identity()))
