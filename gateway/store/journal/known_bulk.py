"""Messages that were found to be bulk, by what identifies them in later transactions."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete

from gateway.core import ids
from gateway.store.engine.bulk_rows import insert_rows
from gateway.store.schema.journal import bulk_messages

REMEMBERED = timedelta(days=7)  #: Longer than mail servers try again: Postfix gives up after 5.

KnownBulkRow = tuple[int, int, str]  #: Identity, message, rule.

_COLUMNS = ("identity", "message", "rule")
#: Whoever said so first is kept, until that is forgotten.
_FIRST_STAYS = f"""(identity) DO UPDATE SET message = excluded.message, rule = excluded.rule
WHERE bulk_messages.message < excluded.message - {ids.first_id_at(ids.EPOCH + REMEMBERED)}"""


def write(connection: Connection, rows: Iterable[KnownBulkRow]) -> None:
    """Remember messages as bulk; doing it twice changes nothing."""
    first: dict[int, KnownBulkRow] = {}
    for row in rows:
        first.setdefault(row[0], row)
    # In one order everywhere: PostgreSQL would find a deadlock where two workers wait crosswise.
    insert_rows(connection, bulk_messages, _COLUMNS, sorted(first.values()), conflict=_FIRST_STAYS)


def forget(connection: Connection, now: datetime) -> int:
    """Drop what was found bulk too long ago; return how many messages."""
    oldest = ids.first_id_at(now - REMEMBERED)
    return connection.execute(
        delete(bulk_messages).where(bulk_messages.c.message < oldest)
    ).rowcount
