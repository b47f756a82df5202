"""Keeps who was suppressed so when the feed deletes the person: by a hash of each address."""

from collections.abc import Sequence
from datetime import datetime

from gateway.app import common
from gateway.app.keys import erased_names, signing_keys
from gateway.config import Settings
from gateway.core.people.people import PersonRef, Suppression
from gateway.store.engine.database import Database, StoreTransaction
from gateway.store.people import erasing


class DeletedPeople:
    """Has people whom the feed deletes stay suppressed, until somebody releases their addresses.

    `BadKeys` and `StoreUnavailable` where that can't be: nothing of the file is applied then.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._ids = common.Ids()
        self._before: dict[str, list[Suppression]] = {}

    def note(self, refs: Sequence[PersonRef]) -> None:
        """Remember what suppresses people who may go, before other files take it away."""
        standings = common.standings(self._settings, self._database)
        try:
            with self._database.reading() as connection:
                self._before = erasing.suppressed_of(connection, refs, standings)
        finally:
            standings.close()

    def keep(self, connection: StoreTransaction, refs: Sequence[PersonRef], at: datetime) -> None:
        """Keep them suppressed by a hash of each address, in the transaction in which they go."""
        standings = common.standings(self._settings, self._database)
        try:
            suppressed = erasing.suppressed_of(connection, refs, standings, self._before)
            if suppressed:
                signing_keys(self._settings)  # Makes the file where there is none.
                names = erased_names(self._settings)
                erasing.keep_suppressed(
                    connection,
                    erasing.kept_of(suppressed, names),
                    key_mark=names.key_marks[0],
                    at=at,
                    new_id=self._ids.next,
                )
        finally:
            standings.close()
