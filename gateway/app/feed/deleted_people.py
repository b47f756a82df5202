"""Keeps people suppressed when the feed deletes them, or takes an address from them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from gateway.app import common
from gateway.app.keys import erased_names, signing_keys
from gateway.config import Settings
from gateway.core.people.people import PersonRef, Suppression, SuppressionSource
from gateway.store.engine.database import Database, StoreTransaction
from gateway.store.feed.feed import KeepSuppressed
from gateway.store.people import erased_choices, suppression, topic_opt_outs


class DeletedPeople(KeepSuppressed):
    """Keeps people whom the feed deletes suppressed, until somebody releases their addresses.

    Raises `BadKeys` and `StoreUnavailable` if that is impossible: then nothing of the file is
    applied.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._ids = common.ids_of(database)
        self._before: dict[str, list[Suppression]] = {}

    def note(self, refs: Sequence[PersonRef]) -> None:
        """Remember what suppresses people who may be deleted, before other files remove it.

        What was remembered about them earlier stays: their file may have had to wait since.
        """
        with (
            common.standings(self._settings, self._database) as standings,
            self._database.reading() as connection,
        ):
            self._before = erased_choices.suppressed_of(connection, refs, standings, self._before)

    def keep(self, connection: StoreTransaction, refs: Sequence[PersonRef], at: datetime) -> None:
        """Keep them suppressed by a hash of each address, in the transaction that deletes them."""
        with common.standings(self._settings, self._database) as standings:
            suppressed = erased_choices.suppressed_of(connection, refs, standings, self._before)
            declined = erased_choices.declined_of(connection, refs)
            if suppressed or declined:
                signing_keys(self._settings)  # Creates a missing file.
                names = erased_names(self._settings)
                erased_choices.keep_suppressed(
                    connection,
                    erased_choices.kept_of(suppressed, names),
                    key_mark=names.key_marks[0],
                    at=at,
                    new_id=self._ids.next,
                )
                for topics, addresses in declined:
                    erased_choices.keep_declined(
                        connection,
                        topics,
                        [names.new_name(address) for address in addresses],
                        key_mark=names.key_marks[0],
                        at=at,
                        new_id=self._ids.next,
                    )

    def keep_unsubscribed(
        self, connection: StoreTransaction, left: Iterable[tuple[str, PersonRef]]
    ) -> None:
        """Keep addresses unsubscribed when the people who unsubscribed no longer have them.

        The choice was made by whoever reads mail there: a CRM that merges two people gives the
        address to the other.
        """
        for address, ref in left:
            is_out = any(
                past.released_at is None and past.source is SuppressionSource.UNSUBSCRIBE
                for past in suppression.history(connection, address)
            )
            for entry in suppression.history(connection, ref):
                is_theirs = entry.source is SuppressionSource.UNSUBSCRIBE
                if is_theirs and entry.released_at is None and not is_out:
                    is_out = True
                    suppression.add(
                        connection,
                        id=self._ids.next(),
                        ref_or_address=address,
                        scope=entry.scope,
                        source=entry.source,
                        remark=entry.remark,
                        public=entry.public,
                        by=entry.by,
                        since=entry.since,
                        until=entry.until,
                    )
            for choice in topic_opt_outs.history(connection, ref):
                if choice.released_at is None and not topic_opt_outs.is_declined(
                    connection, choice.topic, None, address
                ):
                    opt_out = replace(choice, id=self._ids.next(), ref_or_address=address)
                    topic_opt_outs.add(connection, opt_out)
