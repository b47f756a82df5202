"""Who left an audience, by whatever way, and whose address Mailchimp cleaned."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gateway.core.campaigns.counters import OVERLAP
from gateway.documents.campaigns import opted_out_events
from gateway.store.campaigns import audiences, departures
from gateway.store.campaigns.audiences import Audience
from gateway.store.engine.database import Database
from gateway.store.sending import events
from gateway.sync.mailchimp.client import MailchimpClient
from gateway.sync.mailchimp.transport import MailchimpJson
from gateway.sync.reading import known_member, read_until_nothing_is_new

_UNTIL = {"unsubscribed": "unsubscribed_until", "cleaned": "cleaned_until"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Departed:
    """The results of syncing an audience."""

    unsubscribed: int  #: Addresses that left, of known and unknown people.
    cleaned: int
    opted_out: int  #: People newly in the opt-out group.


@dataclass(frozen=True, slots=True, kw_only=True)
class Departures:
    """Reads departures; one call each for unsubscribed and cleaned members, if there are few."""

    database: Database
    client: MailchimpClient
    new_id: Callable[[], int]
    clock: Callable[[], datetime]
    may_write: Callable[[], None]  #: Raises if another process took over the round, or it must end.

    def read(self, audience: Audience) -> Departed:
        """Read what changed since the last time, and put people into the opt-out groups."""
        gone = {status: self.read_status(audience, status) for status in _UNTIL}
        opted_out = self.apply(audience.id)
        known_until = {_UNTIL[status]: until for status, (_, until) in gone.items()}
        if any(getattr(audience, name) != until for name, until in known_until.items()):
            self.may_write()
            with self.database.writing() as connection:
                audiences.change(connection, audience.id, **known_until)
        return Departed(
            unsubscribed=gone["unsubscribed"][0], cleaned=gone["cleaned"][0], opted_out=opted_out
        )

    def apply(self, audience: str) -> int:
        """Put everybody with an address that left into the opt-out group."""
        done = 0
        while True:
            with self.database.reading() as connection:
                left = departures.pending(connection, audience)
            if not left:
                return done
            self.may_write()
            with self.database.writing() as connection:
                new = departures.opt_out(connection, left, now=self.clock())
                events.put(connection, opted_out_events(connection, new, self.new_id))
            done += len(new)

    def read_status(self, audience: Audience, status: str) -> tuple[int, datetime | None]:
        """Store departures until a reading finds nothing new; return how many, and up to when."""
        until: datetime | None = getattr(audience, _UNTIL[status])
        since = until and until - OVERLAP
        newest = until

        def take(page: list[MailchimpJson]) -> int:
            nonlocal newest
            left = [known_member(member) for member in page]
            times = [contact.changed_at for contact in left if contact.changed_at]
            newest = max(filter(None, [newest, *times]), default=None)
            if not left:
                return 0
            self.may_write()
            with self.database.writing() as connection:
                return departures.take_in(connection, audience.id, left, now=self.clock())

        news = read_until_nothing_is_new(
            lambda: self.client.members(audience.id, status=status, changed_since=since), take
        )
        return news, newest
