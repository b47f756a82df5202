"""Turns settings into the values that every command and role works with.

Every command waits for this module's imports: what only some of them need is in `rules`, `relays`
and `wording`.
"""

import socket
from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from gateway.app.keys import erased_names
from gateway.config import Settings
from gateway.core.mail.address import lookup_form
from gateway.core.mail.typed.typed_address import name_and_address
from gateway.runtime import process_ids
from gateway.runtime.process_ids import ProcessIds
from gateway.store.engine.database import Database
from gateway.store.engine.upgrade import DamagedSchema, defects
from gateway.store.people.erasure_keys import marks_of
from gateway.store.people.suppressed import SuppressedAddresses
from gateway.store.people.suppression import Standings


def now() -> datetime:
    """Return the current time, aware, in UTC."""
    return datetime.now(UTC)


def ids_of(database: Database, clock: Callable[[], datetime] = now) -> ProcessIds:
    """Return the maker of this process's ids; call this before opening a transaction."""
    return process_ids.ids_of(database, clock)


def open_database(settings: Settings) -> Database:
    """Open the store, without querying it yet."""
    return Database(settings.store.url.get_secret_value(), outage=settings.store.outage)


def open_store_of(settings: Settings, identity: str) -> Database:
    """Open the store in a role's process, which never creates one; empty: whichever exists."""
    return Database(settings.store.url.get_secret_value(), identity=identity, makes=False)


def prepare(database: Database) -> None:
    """Create a missing schema, unless this process makes no store; raise if it can't be used."""
    database.prepare()
    with database.reading() as connection:
        missing = defects(connection)
    if missing:
        raise DamagedSchema(
            f"the store is damaged: it lacks {', '.join(missing)}; restore it from a backup"
        )


def time_zone(settings: Settings) -> ZoneInfo:
    """Return the time zone for times shown to people."""
    return ZoneInfo(settings.time_zone)


def host_name() -> str:
    """Return this host's full name, or its address in brackets (RFC 5321, 4.1.3)."""
    name = socket.getfqdn()
    return name if "." in name and not name.startswith("localhost") else "[127.0.0.1]"


def notifier(settings: Settings) -> str:
    """Return the bare address from which the gateway sends its own mail."""
    _, address = name_and_address(settings.notices.sender or "")
    return address or f"postmaster@{host_name()}"


def lookup(settings: Settings, address: str) -> str:
    """Return an address in lookup form under these settings."""
    return lookup_form(address, plus_addresses=settings.suppression.plus_addresses)


def standings(settings: Settings, database: Database) -> Standings:
    """Return the lookup of suppressions under these settings; the caller must close it."""
    return Standings(
        database,
        tag_scopes=settings.suppression.tags,
        plus_addresses=settings.suppression.plus_addresses,
        optout_scope=settings.mailchimp.optout_scope,
        erased_names=erased_names(settings, lambda: marks_of(database)).all_names,
    )


def suppressed_addresses(settings: Settings, database: Database) -> SuppressedAddresses:
    """Return the list of suppressed addresses under these settings."""
    return SuppressedAddresses(
        is_sqlite=database.is_sqlite,
        tag_scopes=settings.suppression.tags,
        optout_scope=settings.mailchimp.optout_scope,
        plus_addresses=settings.suppression.plus_addresses,
    )
