"""From settings to the values that every command and role works with.

Every command waits for the imports of this module: what only some need is in `rules`, `relays` and
`wording` beside it.
"""

import socket
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parseaddr
from zoneinfo import ZoneInfo

from gateway.app.keys import erased_names
from gateway.config import Settings
from gateway.core.mail.address import lookup_form
from gateway.runtime import process_ids
from gateway.runtime.process_ids import ProcessIds
from gateway.store.engine.database import Database
from gateway.store.engine.upgrade import DamagedSchema, defects
from gateway.store.people.erasure_keys import marks_of
from gateway.store.people.suppressed import SuppressedAddresses
from gateway.store.people.suppression import Standings


def now() -> datetime:
    """Return the time, aware, in UTC."""
    return datetime.now(UTC)


def ids_of(database: Database, clock: Callable[[], datetime] = now) -> ProcessIds:
    """Return what makes this process's ids; to be asked for before a transaction is opened."""
    return process_ids.ids_of(database, clock)


def open_database(settings: Settings) -> Database:
    """Open the store; nothing is asked of it yet."""
    return Database(settings.store.url.get_secret_value(), outage=settings.store.outage)


def open_store_of(settings: Settings, identity: str) -> Database:
    """Open the store in a process of a role, which never makes one; empty: whichever is there."""
    return Database(settings.store.url.get_secret_value(), identity=identity, makes=False)


def prepare(database: Database) -> None:
    """Create a missing schema; raise for one that is of another version or not whole."""
    database.prepare()
    with database.reading() as connection:
        missing = defects(connection)
    if missing:
        raise DamagedSchema(
            f"the store is damaged: it lacks {', '.join(missing)}; restore it from a backup"
        )


def time_zone(settings: Settings) -> ZoneInfo:
    """Return the zone in which people see times."""
    return ZoneInfo(settings.time_zone)


def host_name() -> str:
    """Return this host's full name, or its address in brackets (RFC 5321, 4.1.3)."""
    name = socket.getfqdn()
    return name if "." in name and not name.startswith("localhost") else "[127.0.0.1]"


def notifier(settings: Settings) -> str:
    """Return the bare address that mail of the gateway's own comes from."""
    _, address = parseaddr(settings.notices.sender or "")
    return address or f"postmaster@{host_name()}"


def lookup(settings: Settings, address: str) -> str:
    """Return the form by which an address is looked up under these settings."""
    return lookup_form(address, plus_addresses=settings.suppression.plus_addresses)


def standings(settings: Settings, database: Database) -> Standings:
    """Return what tells who is suppressed under these settings; to be closed in the end."""
    return Standings(
        database,
        tag_scopes=settings.suppression.tags,
        plus_addresses=settings.suppression.plus_addresses,
        optout_scope=settings.mailchimp.optout_scope,
        erased_names=erased_names(settings, lambda: marks_of(database)).all,
    )


def suppressed_addresses(settings: Settings, database: Database) -> SuppressedAddresses:
    """Return what lists everybody who is suppressed under these settings."""
    return SuppressedAddresses(
        is_sqlite=database.is_sqlite,
        tag_scopes=settings.suppression.tags,
        optout_scope=settings.mailchimp.optout_scope,
        plus_addresses=settings.suppression.plus_addresses,
    )
