"""The extensions each relay last offered, stored for the next start and other processes."""

from datetime import datetime

import orjson
from sqlalchemy import Connection, delete, insert, select

from gateway.store.schema.journal import relay_offers


def stored_offers(connection: Connection) -> dict[str, dict[str, str]]:
    """Return the extensions of each relay, with their parameters."""
    rows = connection.execute(select(relay_offers.c.relay, relay_offers.c.extensions))
    return {row.relay: orjson.loads(row.extensions) for row in rows}


def keep(connection: Connection, offers: dict[str, dict[str, str]], now: datetime) -> None:
    """Replace what is stored for these relays."""
    for relay, extensions in offers.items():
        connection.execute(delete(relay_offers).where(relay_offers.c.relay == relay))
        connection.execute(
            insert(relay_offers).values(
                relay=relay, extensions=orjson.dumps(extensions).decode(), at=now
            )
        )
