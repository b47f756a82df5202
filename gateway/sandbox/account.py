"""The contents of a Mailchimp account, all in memory."""

import hashlib
import heapq
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from threading import RLock
from typing import TypeVar

from gateway.sandbox.call import SandboxDocument, not_found

Thing = TypeVar("Thing")


class Clock:
    """The account's time: the real one, or one that stands still until moved by hand."""

    def __init__(self, start: datetime | None = None) -> None:
        self._fixed = start
        self._ahead = timedelta()

    def now(self) -> datetime:
        """Return the time in UTC, in whole seconds as Mailchimp keeps it."""
        return ((self._fixed or datetime.now(UTC)) + self._ahead).replace(microsecond=0)

    def advance(self, by: timedelta) -> None:
        """Move the clock forward."""
        self._ahead += by


@dataclass(slots=True, kw_only=True)
class Options:
    """How this account behaves where accounts differ, or misbehaves."""

    may_schedule: bool = True  #: Requires a paid plan.
    may_cancel: bool = False  #: Requires the largest one.
    max_audiences: int = 5
    snapshots_segments: bool = False  #: Scheduling freezes the members of the segment.
    sending_takes: timedelta = timedelta(minutes=1)
    visible_after: timedelta = timedelta()  #: Until an event shows in reports; up to 4 minutes.
    shuffles_pages: bool = False  #: Rows of reports change order between calls.
    #: Members who changed their address have the new one in reports.
    renames_in_reports: bool = False
    shortens_problems: bool = False  #: Problems come without `type`, against the contract.
    signs_webhooks: bool = False
    doubles_webhooks: bool = False  #: Each is sent twice.
    latency: float = 0.0  #: Seconds each call takes.
    refused_domains: frozenset[str] = frozenset(
        {"example.com", "example.net", "example.org", "example.edu"}
    )
    busy_addresses: frozenset[str] = frozenset()  #: Refused for too many recent signups.
    lively: bool = False  #: Recipients open, click, bounce and leave on their own.


@dataclass(slots=True, kw_only=True)
class MergeField:
    """A column of an audience."""

    merge_id: int
    tag: str
    name: str
    type: str = "text"
    required: bool = False
    public: bool = False
    default_value: str = ""


@dataclass(slots=True, kw_only=True)
class SandboxMember:
    """A contact of one audience."""

    id: str
    address: str
    contact_id: str
    web_id: int
    status: str
    signed_up: datetime
    last_changed: datetime
    merge_fields: SandboxDocument = field(default_factory=dict)
    tags: dict[int, None] = field(default_factory=dict)  #: Ids of static segments, in order.
    opted_out: bool = False  #: Unsubscribed themselves, so only they can resubscribe.
    reason: str = ""
    unsubscribed: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Segment:
    """Part of an audience; a static one is also a tag."""

    id: int
    name: str
    created: datetime
    updated: datetime
    type: str = "static"
    members: dict[str, None] = field(default_factory=dict)  #: Ids of members, in order.


@dataclass(slots=True, kw_only=True)
class SandboxWebhook:
    """Where events of an audience are sent."""

    id: str
    url: str
    events: dict[str, bool]
    sources: dict[str, bool]
    secret: str = ""
    enabled: bool = True


@dataclass(slots=True, kw_only=True)
class SandboxAudience:
    """A list of contacts."""

    id: str
    web_id: int
    body: SandboxDocument  #: What it was created with.
    created: datetime
    members: dict[str, SandboxMember] = field(default_factory=dict)
    contacts: dict[str, str] = field(default_factory=dict)  #: contact_id to member id.
    forgotten: set[str] = field(default_factory=set)
    merge_fields: list[MergeField] = field(default_factory=list)
    segments: dict[int, Segment] = field(default_factory=dict)
    webhooks: dict[str, SandboxWebhook] = field(default_factory=dict)
    revision: int = 0  #: Increases with every write to a member.
    listing: tuple[object, list[SandboxMember]] | None = (
        None  #: The last sorted list, by what it was sorted for.
    )

    def member(self, key: str) -> SandboxMember:
        """Find a member by hash, address or contact_id, in any case."""
        key = key.lower()
        member_id = member_hash(key) if "@" in key else self.contacts.get(key, key)
        try:
            return self.members[member_id]
        except KeyError:
            raise not_found() from None

    def subscribed(self, ids: Iterator[str] | None = None) -> Iterator[SandboxMember]:
        """Yield the subscribed members, of a segment if their ids are given."""
        for member_id in self.members if ids is None else ids:
            member = self.members.get(member_id)
            if member and member.status == "subscribed":
                yield member


@dataclass(slots=True, kw_only=True)
class SandboxTemplate:
    """What a campaign can look like."""

    id: int
    name: str
    created: datetime
    type: str = "user"
    content_type: str = "template"
    html: str = "<html><body>Beste *|FNAME|*</body></html>"
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxEvent:
    """An open, click or bounce."""

    action: str
    at: datetime
    visible_at: datetime
    url: str = ""
    ip: str = ""
    bounce: str = ""
    proxy: bool = False


@dataclass(slots=True, kw_only=True)
class SandboxRecipient:
    """A member to whom one campaign was sent."""

    member: SandboxMember
    email_id: str
    address: str
    status: str = "sent"
    events: list[SandboxEvent] = field(default_factory=list)
    left: datetime | None = None
    left_visible_at: datetime | None = None


@dataclass(slots=True, kw_only=True)
class SandboxCampaign:
    """A mailing, from draft to report."""

    id: str
    web_id: int
    audience_id: str
    created: datetime
    type: str = "regular"
    content_type: str = "template"
    status: str = "save"
    settings: SandboxDocument = field(default_factory=dict)
    tracking: SandboxDocument = field(default_factory=dict)
    segment_opts: SandboxDocument | None = None
    html: str = ""
    from_template: bool = False
    scheduled_for: datetime | None = None
    frozen: list[str] | None = None  #: Member ids, if scheduling froze the segment.
    sent: datetime | None = None
    recipients: dict[str, SandboxRecipient] = field(default_factory=dict)
    events: list[tuple[SandboxRecipient, SandboxEvent]] = field(default_factory=list)
    leavers: list[SandboxRecipient] = field(default_factory=list)


class Account:
    """The whole state; hold `lock` while using it."""

    def __init__(self, clock: Clock, options: Options) -> None:
        self.clock = clock
        self.options = options
        self.lock = RLock()
        self.random = random.Random(0)  # noqa: S311  the same run every time
        self.audiences: dict[str, SandboxAudience] = {}
        self.templates: dict[int, SandboxTemplate] = {}
        self.domains: dict[str, SandboxDocument] = {}
        self.campaigns: dict[str, SandboxCampaign] = {}
        self.revoked = False
        self.tell: Callable[[SandboxAudience, str, str, SandboxDocument], None] = _tell_nobody
        self._numbers = count(10_001)
        self._later: list[tuple[datetime, int, Callable[[], None]]] = []

    def now(self) -> datetime:
        """Return the account's time."""
        return self.clock.now()

    def number(self) -> int:
        """Return a number that was never returned before."""
        return next(self._numbers)

    def token(self, length: int = 10) -> str:
        """Return a new unique id of up to 32 letters and digits."""
        return member_hash(f"id {self.number()}")[:length]

    def later(self, at: datetime, action: Callable[[], None]) -> None:
        """Run an action once the clock has reached a time."""
        heapq.heappush(self._later, (at, self.number(), action))

    def catch_up(self) -> None:
        """Run the actions that are due, in order of time."""
        while self._later and self._later[0][0] <= self.now():
            heapq.heappop(self._later)[2]()

    def audience(self, audience_id: str) -> SandboxAudience:
        """Return an audience; raise the problem if there is none."""
        return _find(self.audiences, audience_id)

    def campaign(self, campaign_id: str) -> SandboxCampaign:
        """Return a campaign; raise the problem if there is none."""
        return _find(self.campaigns, campaign_id)


def member_hash(address: str) -> str:
    """Return the MD5 of an address in lower case: the id of a member."""
    return hashlib.md5(address.lower().encode(), usedforsecurity=False).hexdigest()


def _find(things: dict[str, Thing], key: str) -> Thing:
    try:
        return things[key]
    except KeyError:
        raise not_found() from None


def _tell_nobody(audience: SandboxAudience, event: str, source: str, data: SandboxDocument) -> None:
    """Do nothing: the account has no sender of webhooks yet."""
