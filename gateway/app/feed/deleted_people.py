"""Keeps who was suppressed so when the feed deletes the person: by a hash of each address."""

from collections.abc import Sequence
from datetime import datetime

from gateway.app import common
from gateway.app.keys import erased_names, signing_keys
from gateway.config import Settings
from gateway.core.people.people import PersonRef
from gateway.store.engine.database import Database, StoreTransaction
from gateway.store.feed.feed import KeepSuppressed
from gateway.store.people import erasing


def keep_suppressed(settings: Settings, database: Database) -> KeepSuppressed:
    """Return what has people whom the feed deletes stay suppressed, until somebody releases them.

    `BadKeys` and `StoreUnavailable` where that can't be: nothing of the file is applied then.
    """
    ids = common.Ids()

    def keep(connection: StoreTransaction, refs: Sequence[PersonRef], at: datetime) -> None:
        standings = common.standings(settings, database)
        try:
            suppressed = erasing.suppressed_of(connection, refs, standings)
            if suppressed:
                signing_keys(settings)  # Makes the file where there is none.
                kept = erasing.kept_of(suppressed, erased_names(settings))
                erasing.keep_suppressed(connection, kept, at=at, new_id=ids.next)
        finally:
            standings.close()

    return keep
