"""Builds what works on campaigns from the settings."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from gateway.app import common
from gateway.config import Settings
from gateway.core.campaigns.schedule import NotScheduled, Unschedulable, schedule
from gateway.core.errors import GatewayError
from gateway.core.mail.typed.typed_address import name_and_address
from gateway.core.moments import in_utc
from gateway.documents.campaigns import MailchimpAccountDocument, MailchimpTemplateDocument
from gateway.runtime import processes
from gateway.store.campaigns import audiences, campaign_syncs
from gateway.store.campaigns.campaign_syncs import ReadTimes
from gateway.store.engine.database import Database
from gateway.sync import readiness
from gateway.sync.activation import ActivationRequest
from gateway.sync.campaign_states import WrongCampaignState
from gateway.sync.mailchimp.client import MailchimpClient
from gateway.sync.mailchimp.transport import MailchimpLimits
from gateway.sync.mailchimp_session import MailchimpSession, SyncProgress, no_progress
from gateway.sync.readiness import AccountStanding
from gateway.sync.sync_round import RoundResult, Rounds


class NoKey(GatewayError):
    """The settings have no Mailchimp account."""


def client(settings: Settings, *, limits: MailchimpLimits | None = None) -> MailchimpClient:
    """Return a client for the account; NoKey if the settings have none."""
    key = settings.mailchimp.api_key
    if key is None or not key.get_secret_value():
        raise NoKey(
            "there is no Mailchimp account: set [mailchimp] api_key (gateway mailchimp sandbox "
            "is one to try with)"
        )
    base_url = settings.mailchimp.base_url
    return MailchimpClient(
        key.get_secret_value(), base_url=str(base_url) if base_url else None, limits=limits
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    """What the account has for campaigns, and when it was read."""

    standing: AccountStanding
    reads: ReadTimes  #: Of the campaigns.

    @property
    def is_ready(self) -> bool:
        """Whether a campaign can be created."""
        return all(prerequisite.is_met for prerequisite in self.standing.prerequisites())

    def document(self) -> MailchimpAccountDocument:
        """Return the JSON document."""
        audience = self.standing.audience
        prerequisites = self.standing.prerequisites()
        return {
            "ready": self.is_ready,
            "prerequisites": [
                {"name": prerequisite.name, "met": prerequisite.is_met, "text": prerequisite.text}
                for prerequisite in prerequisites
            ],
            "audience": None
            if audience is None
            else {
                "id": audience.id,
                "name": audience.name,
                "last_read": in_utc(audience.synced_at),
                "next_read": in_utc(audience.next_sync or audience.activated_at),
            },
            "campaigns": self.reads.campaigns,
            "last_read": in_utc(self.reads.last),
            "next_read": in_utc(self.reads.next),
        }

    def templates(self) -> list[MailchimpTemplateDocument]:
        """Return the account's templates as JSON documents."""
        return [
            {
                "id": template.id,
                "name": template.name,
                "content_type": template.content_type,
                "usable": not template.fault,
                "fault": template.fault,
            }
            for template in self.standing.templates
        ]


def account(settings: Settings, database: Database) -> AccountState:
    """Query Mailchimp for what the account has; NoKey if the settings have none."""
    with closing(client(settings)) as mailchimp_client:
        with database.reading() as connection:
            audience = audiences.active(connection)
            reads = campaign_syncs.reads(connection)
        return AccountState(
            standing=readiness.account_standing(mailchimp_client, audience), reads=reads
        )


@contextmanager
def mailchimp_session(
    settings: Settings,
    database: Database,
    *,
    progress: SyncProgress = no_progress,
    part: str = "main",
) -> Iterator[MailchimpSession]:
    """Lend a session for work on campaigns, with locks between parts of the process."""
    limits = MailchimpLimits()
    with (
        closing(client(settings, limits=limits)) as mailchimp_client,
        common.standings(settings, database) as standings,
    ):
        yield MailchimpSession(
            database=database,
            client=mailchimp_client,
            standings=standings,
            holder=processes.holder(part),
            is_gone=processes.has_ended,
            clock=common.now,
            pause=time.sleep,
            threads=limits.connections,
            beat=progress,
        )


def wishes(settings: Settings) -> ActivationRequest:
    """Return the settings for activation."""
    contact = settings.mailchimp.audience_contact
    sender, address = name_and_address(settings.notices.sender or "")
    company = contact.company if contact else ""
    public_url = settings.mailchimp.public_url
    return ActivationRequest(
        audience=settings.mailchimp.audience or "",
        contact=contact.model_dump() if contact else None,
        from_name=sender or company,
        from_email=address or common.notifier(settings),
        language=settings.suppression.language,
        public_url=str(public_url) if public_url else "",
    )


def quarter(moment: datetime, zone: ZoneInfo, text: str) -> datetime:
    """Return a time in a zone as Mailchimp accepts it.

    Raises `WrongCampaignState` if it accepts nothing then, naming the nearest times it accepts.
    """
    try:
        scheduled = schedule(moment.astimezone(zone).replace(tzinfo=None), zone, common.now())
    except OverflowError:  # For the calendar's first and last day, such as 9999-12-31.
        raise WrongCampaignState(f"{text}: the calendar ends there") from None
    if isinstance(scheduled, NotScheduled):
        offered = " or ".join(f"{near:%Y-%m-%dT%H:%M}" for near in scheduled.nearest)
        raise WrongCampaignState(
            f"{text}: {_UNSCHEDULABLE[scheduled.reason]}; the nearest is {offered}"
        )
    return scheduled.at


_UNSCHEDULABLE = {
    Unschedulable.OFF_QUARTER: "Mailchimp sends at :00, :15, :30 and :45 only",
    Unschedulable.NO_SUCH_TIME: "the clocks skip this time",
    Unschedulable.PAST: "is past",
}


def sync_rounds(
    settings: Settings, session: MailchimpSession, on_result: Callable[[RoundResult], None]
) -> Rounds:
    """Return the rounds that read Mailchimp, from the settings."""
    return Rounds(
        session=session,
        new_id=common.ids_of(session.database).next,
        from_sending=settings.mailchimp.age_from == "sent",
        on_result=on_result,
    )
