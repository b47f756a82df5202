"""Submissions and changed statuses, done by the command line and the API alike."""

from collections.abc import Sequence
from typing import Any

from gateway.app import common, triggers
from gateway.config import Settings
from gateway.core.people import Staff
from gateway.store import applications
from gateway.store.database import Database
from gateway.triggers.transitions import Done, Office, Wish


def carry_out(settings: Settings, database: Database, wish: Wish, *, dry_run: bool) -> Done:
    """Do what is wished, or only tell what it would mail.

    Raise ConfigError for triggers that can't be used, `NoSuchStatus`, and StoreUnavailable.
    """
    with triggers.planned(settings, database) as plan, database.writing() as connection:
        office = Office(connection, plan, now=common.now(), new_id=common.Ids().next)
        return office.carry_out(wish, dry_run=dry_run)


def who_acts(settings: Settings, connection: Any, named: str) -> Sequence[Staff]:
    """Return the staff of a crm_id or an address; empty: nobody known."""
    if "@" in named:
        return applications.staff_at(connection, common.lookup(settings, named))
    return applications.staff_of(connection, (named,))
