"""Archiving or deleting the Mailchimp contacts of erased people."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gateway.core.sending.backoff import WAITS
from gateway.store.campaigns import removals
from gateway.store.engine.database import Database
from gateway.sync.mailchimp.client import MailchimpClient
from gateway.sync.mailchimp.errors import MailchimpError, MailchimpNotFound

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
                if removal.mode == "delete":
                    self.client.delete_member_for_ever(removal.audience, removal.member)
                else:
                    self.client.archive_member(removal.audience, removal.member)
            except MailchimpNotFound:
                pass  # It is gone, or never existed.
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
