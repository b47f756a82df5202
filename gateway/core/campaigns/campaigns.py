"""Campaigns of the CRM that go out through Mailchimp."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.core import ids
from gateway.core.campaigns.merge_tags import MERGE_TAGS, unknown_merge_tags

#: Of the CRM's name in the title at Mailchimp, so the mark after it is never cut off.
TITLE_LENGTH = 80
_CONTROLS = frozenset({"Cc", "Cs", "Zl", "Zp"})  #: Unicode categories that don't belong in a name.
TEXT_BYTES = 255  #: Mailchimp cuts merge field text off there (MAILCHIMP 3).


class CampaignState(StrEnum):
    """The state of a campaign."""

    DRAFT = "draft"  #: In the gateway only.
    OPENED = "opened"  #: Created at Mailchimp, not yet scheduled or sent.
    SCHEDULED = "scheduled"
    SENDING = "sending"
    SENT = "sent"
    DELETED = "deleted"


#: What can still be changed, prepared and sent.
OPEN_STATES = (CampaignState.DRAFT, CampaignState.OPENED, CampaignState.SCHEDULED)
#: It was sent, and the results are known or will be.
GONE_STATES = (CampaignState.SENDING, CampaignState.SENT)
#: Campaigns that exist at Mailchimp and are read on schedule.
READ_STATES = (
    CampaignState.OPENED,
    CampaignState.SCHEDULED,
    CampaignState.SENDING,
    CampaignState.SENT,
)

#: Mailchimp's campaign states and ours.
FROM_MAILCHIMP = {
    "save": CampaignState.OPENED,
    "paused": CampaignState.OPENED,
    "schedule": CampaignState.SCHEDULED,
    "sending": CampaignState.SENDING,
    "canceling": CampaignState.SENDING,
    "sent": CampaignState.SENT,
    "canceled": CampaignState.SENT,
    "archived": CampaignState.SENT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignRequest:
    """A campaign as requested."""

    name: str
    template: int
    from_name: str
    from_address: str


class PendingCall(StrEnum):
    """A request to Mailchimp whose answer may have been lost."""

    NOTHING = ""
    SEGMENT = "segment"
    CREATE = "create"
    SEND = "send"
    SCHEDULE = "schedule"
    UNSCHEDULE = "unschedule"
    REFRESH = "refresh"  #: Unscheduled to be trimmed: it must be scheduled again.
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """One campaign; its name is the subject of its mails."""

    id: int
    name: str
    state: CampaignState
    template: int
    template_name: str = ""
    from_name: str
    from_address: str
    audience: str = ""  #: The audience id at Mailchimp.
    segment: int | None = None  #: The segment id at Mailchimp.
    mailchimp_id: str = ""
    link: str = ""  #: Where to open it in Mailchimp.
    #: A request whose answer isn't stored yet: check before repeating it.
    pending_call: PendingCall = PendingCall.NOTHING
    pending_since: datetime | None = None
    opened_at: datetime | None = None  #: When it was created at Mailchimp.
    scheduled_for: datetime | None = None
    refreshed_at: datetime | None = None  #: When it was last prepared and its segment built.
    sent_at: datetime | None = None
    trouble: str = ""  #: Why it isn't in the state it should be in.
    synced_at: datetime | None = None  #: When its state and activities were last read.
    next_sync: datetime | None = None  #: When they are read next; None: at once.

    @property
    def title(self) -> str:
        """Its name in Mailchimp; the mark in brackets finds it again."""
        return f"{self.name[:TITLE_LENGTH].strip()} {mark(self.id)}"

    @property
    def next_read(self) -> datetime | None:
        """When to read it next, in the past if overdue; None: there is nothing to read."""
        if self.state not in READ_STATES or not self.mailchimp_id:
            return None
        return self.next_sync or self.opened_at or ids.moment_of(self.id)

    @property
    def segment_name(self) -> str:
        """The name of its segment in Mailchimp."""
        return f"crm-{ids.show(self.id)}"


def is_same_name(name: str, other: str) -> bool:
    """Whether people would confuse two campaign names: case and spaces are ignored."""
    return _as_read(name) == _as_read(other)


def _as_read(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).split()).casefold()


def mark(campaign: int) -> str:
    """Return the part of a campaign's title that is unique."""
    return f"[{ids.show(campaign)}]"


def naming_faults(name: str, from_name: str) -> list[str]:
    """Return what is wrong with a campaign's name and from-name, in plain words."""
    faults = []
    for what, text in (("the name", name), ("the from-name", from_name)):
        if not text.strip():
            faults.append(f"{what} is blank")
        if any(unicodedata.category(character) in _CONTROLS for character in text):
            faults.append(f"{what} contains a line break or another control character")
        if unknown := unknown_merge_tags(text):
            merge_tags = ", ".join(f"*|{tag}|*" for tag in MERGE_TAGS)
            faults.append(f"{what} bears {', '.join(unknown)}; the merge tags are {merge_tags}")
    return faults


def merge_fields(
    first_name: str, last_name: str, owner_name: str, owner_email: str
) -> dict[str, str]:
    """Return the merge fields for a member's mail, as Mailchimp stores them (S2)."""
    values = {
        "FNAME": first_name,
        "LNAME": last_name,
        "OWNERNAME": owner_name,
        "OWNEREMAIL": owner_email,
    }
    return {
        tag: value.encode()[:TEXT_BYTES].decode(errors="ignore").strip()
        for tag, value in values.items()
    }


def known_fields(merge_fields: object) -> dict[str, str]:
    """Return the CRM's merge fields from Mailchimp's data about a member."""
    texts = merge_fields if isinstance(merge_fields, Mapping) else {}
    return {tag: str(texts.get(tag) or "") for tag in ("FNAME", "LNAME", "OWNERNAME", "OWNEREMAIL")}


def nobody_is_in(tally: Mapping[str, int]) -> str:
    """Return the message for a campaign that would reach nobody.

    `tally` counts its members by why they are left out.
    """
    if not tally:
        return "nobody is in: gateway campaigns add"
    return "nobody is in: gateway campaigns show says why each member is out"
