"""What all work on campaigns uses, and which process may do it."""

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

LEASE = timedelta(minutes=15)  #: Longer than one call to Mailchimp with all its retries.
RENEW_AFTER = timedelta(minutes=1)
_ATTEMPTS = 3

#: Gets the current step, how much of it is done, and how much there is.
SyncProgress = Callable[[str, int, int], None]


class CampaignBusy(GatewayError):
    """Another process is working on the campaign."""


def no_progress(what: str, done: int, total: int) -> None:
    """Show no progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailchimpSession:
    """The store, Mailchimp, and the clock; for a thread, never for the event loop."""

    database: Database
    client: MailchimpClient
    standings: Standings
    holder: str  #: The node and process doing the work.
    is_gone: IsGone
    clock: Callable[[], datetime]
    pause: Callable[[float], None]  #: Waits that many seconds.
    threads: int = 4  #: Calls made in parallel.
    beat: SyncProgress = field(default=no_progress)  #: Called between steps.
    finished: Callable[[], None] = field(default=lambda: None)  #: Called after the last step.


@contextmanager
def leased(
    session: MailchimpSession, name: str, *, lost: Exception
) -> Iterator[MailchimpSession | None]:
    """Hold a lease for the block; None: another process has it.

    The yielded session renews it at each beat, and raises `lost` once another process has taken it
    over. A killed holder is recognised on its own machine at once, elsewhere after a quarter of an
    hour.
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
    """Lock a campaign against other processes; the yielded session renews the lock at each beat.

    Raise `CampaignBusy` if somebody else has it.
    """
    shown_id = ids.show(campaign)
    lost = CampaignBusy(f"another process took over {shown_id}")
    with leased(session, f"campaign:{campaign}", lost=lost) as own:
        if own is None:
            raise CampaignBusy(f"another process works on {shown_id}: try again when it is done")
        try:
            yield own
        finally:
            session.finished()


def create_once(
    make: Callable[[], MailchimpJson], find: Callable[[], MailchimpJson | None]
) -> MailchimpJson:
    """Create something; if the answer is lost, check whether it exists before trying again."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return make()
        except AnswerLost:
            made_before = find()
            if made_before is not None:
                return made_before
    return make()


def required_text(document: MailchimpJson, name: str) -> str:
    """Return a required value of a Mailchimp answer; raise MailchimpError if it is missing."""
    value = document.get(name)
    if value in {None, ""}:
        raise MailchimpError(f"Mailchimp's answer lacks its {name}")
    return str(value)


def moment(value: object) -> datetime | None:
    """Parse one of Mailchimp's times; an empty one means never."""
    if not value:
        return None
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
