"""Archiving or deleting the Mailchimp contacts of erased people."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gateway.core.sending.backoff import WAITS
from gateway.store.campaigns import audiences, removals
from gateway.store.campaigns.removals import MailchimpRemoval
from gateway.store.engine.database import Database
from gateway.sync.mailchimp.client import MailchimpClient
from gateway.sync.mailchimp.errors import MailchimpError, MailchimpNotFound
from gateway.sync.reading import check_audience

_AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Removals:
    """Does what is due, retrying until it succeeds; repeating it is harmless."""

    database: Database
    client: MailchimpClient
    clock: Callable[[], datetime]

    def run(self) -> tuple[int, list[str]]:
        """Return how many contacts were removed, and why others weren't."""
        with self.database.reading() as connection:
            due_removals = removals.due(connection, self.clock(), _AT_ONCE)
        gone, errors = 0, []
        for removal in due_removals:
            try:
                self._remove(removal)
            except MailchimpError as error:
                wait = WAITS[min(removal.attempts, len(WAITS) - 1)]
                with self.database.writing() as connection:
                    removals.put_off(connection, removal, str(error), self.clock() + wait)
                errors.append(str(error))
                continue
            with self.database.writing() as connection:
                removals.delete_done(connection, removal.id)
            gone += 1
        return gone, errors

    def _remove(self, removal: MailchimpRemoval) -> None:
        """Archive or delete a contact; raise AudienceGone if the key may be of another account."""
        try:
            if removal.mode == "delete":
                self.client.delete_member_for_ever(removal.audience, removal.member)
            else:
                self.client.archive_member(removal.audience, removal.member)
        except MailchimpNotFound:
            # It is gone, or never existed, unless this account has not even the audience in use.
            with self.database.reading() as connection:
                audience = audiences.active(connection)
            if audience is not None:
                check_audience(self.client, audience)
