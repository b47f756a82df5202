"""What all work on campaigns is done with, and whose turn it is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from gateway.core import ids
from gateway.core.errors import GatewayError
from gateway.runtime.lease import Lease
from gateway.store.engine.database import Database
from gateway.store.engine.leases import IsGone
from gateway.store.people.suppression import Standings
from gateway.sync.mailchimp.client import MailchimpClient
from gateway.sync.mailchimp.errors import AnswerLost, MailchimpError
from gateway.sync.mailchimp.transport import MailchimpJson

LEASE = timedelta(minutes=15)  #: One call to Mailchimp with all its repetitions takes less.
RENEW_AFTER = timedelta(minutes=1)
_ATTEMPTS = 3

#: Hears what is done, how much of it, and how much there is.
SyncProgress = Callable[[str, int, int], None]


class CampaignBusy(GatewayError):
    """Another process works on the campaign."""


def in_silence(what: str, done: int, total: int) -> None:
    """Show no progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailchimpSession:
    """The store, Mailchimp, and the clock; for a thread, never for the event loop."""

    database: Database
    client: MailchimpClient
    standings: Standings
    holder: str  #: Who works: a node and a process.
    is_gone: IsGone
    clock: Callable[[], datetime]
    pause: Callable[[float], None]  #: Waits that many seconds.
    threads: int = 4  #: Calls made side by side.
    beat: SyncProgress = field(default=in_silence)  #: Called between two steps.
    finished: Callable[[], None] = field(default=lambda: None)  #: To be called after the last.


@contextmanager
def leased(
    session: MailchimpSession, name: str, *, lost: Exception
) -> Iterator[MailchimpSession | None]:
    """Hold a lease for the block; None: another process has it.

    What is yielded renews it at each beat, and raises `lost` once another process has taken it
    over. A holder that was killed is known to be gone on its own machine, and elsewhere after a
    quarter of an hour.
    """
    lease = Lease(
        database=session.database,
        name=name,
        holder=session.holder,
        term=LEASE,
        clock=session.clock,
        is_gone=session.is_gone,
    )
    with lease.held_by_thread(renew=RENEW_AFTER) as keep:
        if keep is None:
            yield None
            return

        def beat(stage: str, done: int, total: int) -> None:
            if not keep():
                raise lost
            session.beat(stage, done, total)

        yield replace(session, beat=beat)


@contextmanager
def claimed(session: MailchimpSession, campaign: int) -> Iterator[MailchimpSession]:
    """Hold a campaign against other processes; what is yielded renews the hold at each beat.

    Busy: somebody else has it.
    """
    shown = ids.show(campaign)
    lost = CampaignBusy(f"another process took over {shown}")
    with leased(session, f"campaign:{campaign}", lost=lost) as own:
        if own is None:
            raise CampaignBusy(f"another process works on {shown}: try again when it is done")
        try:
            yield own
        finally:
            session.finished()


def once(
    make: Callable[[], MailchimpJson], look: Callable[[], MailchimpJson | None]
) -> MailchimpJson:
    """Make a thing; where the answer is lost, look whether it is there before trying again."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return make()
        except AnswerLost:
            made_before = look()
            if made_before is not None:
                return made_before
    return make()


def required_text(document: MailchimpJson, name: str) -> str:
    """Return a value that an answer of Mailchimp must have; MailchimpError if it hasn't."""
    value = document.get(name)
    if value in {None, ""}:
        raise MailchimpError(f"Mailchimp's answer lacks its {name}")
    return str(value)


def moment(value: object) -> datetime | None:
    """Read a time of Mailchimp's; an empty one means never."""
    if not value:
        return None
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
