"""What date events go by, and the ledger of triggered mail."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column

revision = "0006"
down_revision = "0005"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables, and find birthdays by their day."""
    _people()
    _qualifications()
    _closings()
    _occurrences()
    _runs()
    _looks()


def _people() -> None:
    op.add_column("people", Column("anniversary", sa.SmallInteger(), nullable=True))
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    day = (
        "CAST(strftime('%m%d', birthday) AS INTEGER)"
        if is_sqlite
        else "100 * extract(month from birthday) + extract(day from birthday)"
    )
    op.execute(f"UPDATE people SET anniversary = {day} WHERE birthday IS NOT NULL")  # noqa: S608
    _partial("ix_people_anniversary", "people", ["anniversary"], "anniversary IS NOT NULL")
    for flag in ("mail_on_set_date", "mail_after_first_delivery"):
        _partial(f"ix_people_{flag}", "people", ["kind", "crm_id"], flag)


def _qualifications() -> None:
    op.create_table(
        "qualifications",
        Column("crm_id", sa.Text(), nullable=False),
        *(_words(name) for name in ("source", "kind", "person", "name", "licence_number")),
        *(_words(name) for name in ("examiner_number", "examiner", "created_by")),
        Column("acquired_on", sa.Date(), nullable=True),
        Column("expires_on", sa.Date(), nullable=True),
        Column("notice_days", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("crm_id", name="pk_qualifications"),
    )
    op.create_index("ix_qualifications_kind_person", "qualifications", ["kind", "person"])
    op.create_index("ix_qualifications_expires_on", "qualifications", ["expires_on"])
    _partial(
        "ix_qualifications_notice_days_expires_on",
        "qualifications",
        ["notice_days", "expires_on"],
        "notice_days IS NOT NULL",
    )


def _closings() -> None:
    op.create_table(
        "closings",
        Column("crm_id", sa.Text(), nullable=False),
        *(_words(name) for name in ("source", "kind", "person")),
        Column("closed_on", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("crm_id", name="pk_closings"),
    )
    op.create_index("ix_closings_kind_person", "closings", ["kind", "person", "closed_on"])
    op.create_index("ix_closings_closed_on", "closings", ["closed_on"])


def _occurrences() -> None:
    key = ("trigger", "kind", "person", "occurrence", "about", "recipient")
    op.create_table(
        "occurrences",
        Column("id", _ID, autoincrement=False, nullable=False),
        *(_text(name) for name in ("trigger", "event", "kind", "person", "occurrence")),
        *(_words(name) for name in ("about", "recipient")),
        Column("run", sa.BigInteger(), nullable=True),
        _text("state"),
        _words("reason"),
        Column("due_at", sa.BigInteger(), nullable=False),
        Column("latest_at", sa.BigInteger(), nullable=True),
        Column("next_at", sa.BigInteger(), nullable=True),
        *(_words(name) for name in ("facts", "address", "subject", "message_id")),
        Column("body", sa.LargeBinary(), nullable=True),
        Column("message", sa.BigInteger(), nullable=True),
        Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        _words("holder"),
        Column("held_until", sa.BigInteger(), nullable=True),
        Column("settled_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_occurrences"),
        sa.UniqueConstraint(*key, name="uq_occurrences"),
    )
    op.create_index("ix_occurrences_kind_person", "occurrences", ["kind", "person"])
    op.create_index("ix_occurrences_run_state", "occurrences", ["run", "state"])
    _partial("ix_occurrences_next_at", "occurrences", ["next_at", "id"], "state = 'due'")
    _partial("ix_occurrences_held_until", "occurrences", ["held_until"], "state = 'sending'")
    _partial("ix_occurrences_holder", "occurrences", ["holder"], "holder != ''")
    expired = ["trigger", "latest_at"]
    _partial("ix_occurrences_expired", "occurrences", expired, "state = 'expired'")
    _partial("ix_occurrences_held", "occurrences", ["id"], "state = 'held'")


def _runs() -> None:
    op.create_table(
        "trigger_runs",
        Column("id", _ID, autoincrement=False, nullable=False),
        _text("trigger"),
        Column("day", sa.Date(), nullable=False),
        _text("state"),
        Column("due", sa.Integer(), server_default=sa.text("0"), nullable=False),
        Column("skipped", sa.Integer(), server_default=sa.text("0"), nullable=False),
        *(_words(name) for name in ("skips", "error", "report_to")),
        Column("reports", sa.Integer(), server_default=sa.text("0"), nullable=False),
        Column("finished_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_trigger_runs"),
    )
    op.create_index("ix_trigger_runs_trigger", "trigger_runs", ["trigger", "id"])
    _partial("ix_trigger_runs_open", "trigger_runs", ["id"], "state != 'finished'")


def _looks() -> None:
    op.create_table(
        "trigger_looks",
        _text("trigger"),
        Column("day", sa.Date(), nullable=False),
        Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("trigger", name="pk_trigger_looks"),
    )
    op.create_table(
        "epochs",
        _text("name"),
        _text("epoch"),
        Column("high", sa.BigInteger(), nullable=False),
        Column("beat", sa.BigInteger(), nullable=False),
        _words("held"),
        sa.PrimaryKeyConstraint("name", name="pk_epochs"),
    )


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    some = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=some, postgresql_where=some)


def _text(name: str) -> Column[str]:
    return Column(name, sa.Text(), nullable=False)


def _words(name: str) -> Column[str]:
    return Column(name, sa.Text(), server_default="", nullable=False)
