"""What came back: bounces and complaints, and suppressions that rest on them."""

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Integer, PrimaryKeyConstraint, Text, text

revision = "0101"
down_revision = "0100"


def upgrade() -> None:
    """Give suppressions a source, and take bounces in beside the reports of before."""
    for table in ("suppressions", "person_suppressions"):
        op.add_column(table, Column("source", Text, nullable=False, server_default="staff"))
    op.add_column("inbox", Column("envelope_recipients", Text, nullable=False, server_default=""))
    op.create_table(
        "bounces",
        Column("inbox", BigInteger, autoincrement=False, nullable=False),
        Column("position", Integer, autoincrement=False, nullable=False),
        Column("message", BigInteger),
        Column("proof", Text, nullable=False, server_default=""),
        Column("kind", Text, nullable=False),
        Column("address", Text, nullable=False, server_default=""),
        Column("recipient", Text, nullable=False, server_default=""),
        Column("action", Text, nullable=False, server_default=""),
        Column("status", Text, nullable=False, server_default=""),
        Column("diagnostic", Text, nullable=False, server_default=""),
        Column("reason", Text, nullable=False, server_default=""),
        Column("hard", Boolean, nullable=False, server_default=text("false")),
        Column("suppression", BigInteger),
        PrimaryKeyConstraint("inbox", "position", name="pk_bounces"),
    )
    op.execute(
        "INSERT INTO bounces (inbox, position, message, kind, recipient, action, status,"
        " diagnostic) SELECT inbox, position, message,"
        " CASE action WHEN 'delayed' THEN 'delay' WHEN 'failed' THEN 'bounce' ELSE 'delivered' END,"
        " recipient, action, status, diagnostic FROM reports"
    )
    op.drop_table("reports")
    op.create_index("ix_bounces_address", "bounces", ["address", "inbox"])
    op.create_index("ix_bounces_message", "bounces", ["message"])
