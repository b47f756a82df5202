"""Roles of the API's tokens."""

from alembic import op
from sqlalchemy import Column, Text

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Add the column; who could change suppressions by a scope given by hand still can."""
    op.add_column("tokens", Column("roles", Text(), nullable=False, server_default=""))
    op.execute(
        "UPDATE tokens SET roles = 'manager'"
        " WHERE ' ' || scopes || ' ' LIKE '% suppressions %' AND revoked_at IS NULL"
    )
