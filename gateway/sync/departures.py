"""Who left an audience, wherever that was, and whose address Mailchimp cleaned."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gateway.core.campaigns.counters import OVERLAP
from gateway.store.campaigns import audiences, leavers
from gateway.store.campaigns.audiences import Audience
from gateway.store.engine.database import Database
from gateway.sync.client import PAGE, MailchimpClient
from gateway.sync.reading import known_member

#: Read anew so often while members change under the pages, which shifts some of them past us.
_AGAIN = 5
_UNTIL = {"unsubscribed": "unsubscribed_until", "cleaned": "cleaned_until"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Departed:
    """What a sync of an audience brought."""

    unsubscribed: int  #: Addresses that left, of people known or not.
    cleaned: int
    opted_out: int  #: People who are in the opt-out group now and were not.


@dataclass(frozen=True, slots=True, kw_only=True)
class Departures:
    """Reads who left; one call each for those who opted out and those cleaned, where few are."""

    database: Database
    client: MailchimpClient
    new_id: Callable[[], int]
    clock: Callable[[], datetime]
    may_write: Callable[[], None] = lambda: None

    def read(self, audience: Audience) -> Departed:
        """Take in what changed since the last time, and put people into the opt-out groups."""
        gone = {status: self._left(audience, status) for status in _UNTIL}
        opted_out = self.apply(audience.id)
        self._keep_until(audience, {status: until for status, (_, until) in gone.items()})
        return Departed(
            unsubscribed=gone["unsubscribed"][0], cleaned=gone["cleaned"][0], opted_out=opted_out
        )

    def apply(self, audience: str) -> int:
        """Put everybody into the opt-out group who has an address that left."""
        done = 0
        while True:
            with self.database.reading() as connection:
                left = leavers.pending(connection, audience)
            if not left:
                return done
            self.may_write()
            with self.database.writing() as connection:
                new = leavers.opt_out(connection, left, now=self.clock(), new_id=self.new_id)
            done += len(new)

    def _left(self, audience: Audience, status: str) -> tuple[int, datetime | None]:
        until: datetime | None = getattr(audience, _UNTIL[status])
        news = 0
        for _ in range(_AGAIN):
            pages, found, newest = self._pages(audience, status, until and until - OVERLAP)
            news += found
            if pages == 1 or not found:
                break
        return news, max(filter(None, (until, newest)), default=None)

    def _pages(
        self, audience: Audience, status: str, since: datetime | None
    ) -> tuple[int, int, datetime | None]:
        """Read once; return pages, news, and the newest change."""
        number, news = 1, 0
        newest: datetime | None = None
        for page in self.client.members(audience.id, status=status, changed_since=since):
            number += len(page) == PAGE
            left = [known_member(member) for member in page]
            times = [one.changed_at for one in left if one.changed_at]
            newest = max(filter(None, [newest, *times]), default=None)
            if not left:
                continue
            self.may_write()
            with self.database.writing() as connection:
                news += leavers.take_in(connection, audience.id, left, now=self.clock())
        return number, news, newest

    def _keep_until(self, audience: Audience, until: dict[str, datetime | None]) -> None:
        values = {_UNTIL[status]: at for status, at in until.items()}
        if all(getattr(audience, name) == at for name, at in values.items()):
            return
        self.may_write()
        with self.database.writing() as connection:
            audiences.change(connection, audience.id, **values)
