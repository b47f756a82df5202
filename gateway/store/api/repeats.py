"""Webhooks received lately: Mailchimp, or whoever copied one, may send the same one again."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete

from gateway.store.engine.upsert import insert_into
from gateway.store.schema import leases

#: For so long a repetition is known; Mailchimp itself repeats for 75 minutes.
KEPT = timedelta(days=2)
_PREFIX = "webhook:"


def is_first(connection: Connection, fingerprint: str, now: datetime) -> bool:
    """Remember what a webhook told; False if the last two days brought the same."""
    old = leases.c.name.startswith(_PREFIX, autoescape=True)
    connection.execute(delete(leases).where(old, leases.c.until <= now))
    row = {"name": _PREFIX + fingerprint, "holder": "", "until": now + KEPT}
    statement = insert_into(connection, leases).values(row).on_conflict_do_nothing()
    return connection.scalar(statement.returning(leases.c.name)) is not None
