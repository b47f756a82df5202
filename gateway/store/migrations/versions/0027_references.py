"""References of the feed that lead nowhere, those of an older store among them."""

from datetime import UTC, datetime

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, PrimaryKeyConstraint, Text, bindparam, text

from gateway.store.schema.columns import microseconds

revision = "0027"
down_revision = "0026"

#: Kind of reference, its table, its column, the table it names, and the kind where that is fixed;
#: `*`: that of the row.
_RELATIONS = (
    ("people.status", "people", "status", "statuses", "*"),
    ("people.owner", "people", "owner", "staff", ""),
    ("memberships.group", "memberships", "group_id", "groups", "*"),
    ("memberships.person", "memberships", "person", "people", "*"),
    ("applications.person", "applications", "person", "people", "*"),
    ("applications.programme", "applications", "programme", "programmes", ""),
    ("applications.status", "applications", "status", "statuses", "application"),
    ("qualifications.person", "qualifications", "person", "people", "*"),
    ("qualifications.created_by", "qualifications", "created_by", "staff", ""),
    ("deliveries.person", "closings", "person", "people", "*"),
)


def upgrade() -> None:
    """Create the table and count what is there; lists of staff are counted with the next file."""
    op.create_table(
        "open_references",
        Column("reference", Text(), nullable=False),
        Column("kind", Text(), nullable=False),
        Column("given", Text(), nullable=False),
        Column("uses", Integer(), nullable=False),
        Column("since", BigInteger(), nullable=False),
        PrimaryKeyConstraint("reference", "kind", "given", name="pk_open_references"),
        sqlite_with_rowid=False,
    )
    for name, table, column, target, kind in _RELATIONS:
        own = "r.kind" if kind == "*" else f"'{kind}'"
        same = f"AND t.kind = {own}" if kind else ""
        fill = text(
            "INSERT INTO open_references (reference, kind, given, uses, since) "  # noqa: S608
            f"SELECT '{name}', {own}, r.{column}, count(*), :now FROM {table} r "
            f"WHERE r.{column} <> '' AND NOT EXISTS "
            f'(SELECT 1 FROM "{target}" t WHERE t.crm_id = r.{column} {same}) '
            f"GROUP BY {'r.kind, ' if kind == '*' else ''}r.{column}"
        )
        op.execute(fill.bindparams(bindparam("now", microseconds(datetime.now(UTC)))))
