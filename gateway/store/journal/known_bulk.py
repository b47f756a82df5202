"""Messages found to be bulk, under what identifies them in later transactions."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete

from gateway.core import ids
from gateway.store.engine.bulk_rows import insert_rows
from gateway.store.schema.journal import bulk_messages

REMEMBERED = timedelta(days=7)  #: Longer than mail servers retry: Postfix gives up after 5.

KnownBulkRow = tuple[int, int, str]  #: Identity, message, rule.

_COLUMNS = ("identity", "message", "rule")
#: The first finding is kept until it is forgotten.
_FIRST_STAYS = f"""(identity) DO UPDATE SET message = excluded.message, rule = excluded.rule
WHERE bulk_messages.message < excluded.message - {ids.first_id_at(ids.EPOCH + REMEMBERED)}"""


def write(connection: Connection, rows: Iterable[KnownBulkRow]) -> None:
    """Record messages as bulk; repeating it changes nothing."""
    first: dict[int, KnownBulkRow] = {}
    for row in rows:
        first.setdefault(row[0], row)
    # In the same order everywhere: PostgreSQL would deadlock if two workers waited crosswise.
    insert_rows(connection, bulk_messages, _COLUMNS, sorted(first.values()), conflict=_FIRST_STAYS)


def forget(connection: Connection, now: datetime) -> int:
    """Delete what was found bulk too long ago; return how many messages."""
    oldest = ids.first_id_at(now - REMEMBERED)
    return connection.execute(
        delete(bulk_messages).where(bulk_messages.c.message < oldest)
    ).rowcount
