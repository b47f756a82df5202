"""People as the CRM has them, and why an address may not get mail."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from gateway.core.kinds import Scope
from gateway.core.written import plain


class PersonKind(StrEnum):
    """The two kinds of people a CRM mails."""

    CANDIDATE = "candidate"
    CONTACT = "contact"


@dataclass(frozen=True, slots=True, order=True)
class PersonRef:
    """Identifies a person: `candidate:17`."""

    kind: PersonKind
    crm_id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.crm_id}"

    @classmethod
    def parse(cls, text: str) -> "PersonRef":
        """Parse `candidate:17`; raise ValueError for anything else."""
        kind, colon, crm_id = plain(text).partition(":")
        if not (colon and crm_id and kind in set(PersonKind)):
            raise ValueError(f"not a person: {text!r} (write candidate:17 or contact:17)")
        return cls(PersonKind(kind), crm_id.strip())


#: A person, or an address: as typed in commands, in lookup form wherever something is looked up.
RefOrAddress = PersonRef | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A candidate or a contact of the CRM."""

    ref: PersonRef
    first_name: str = ""
    last_name: str = ""
    emails: tuple[str, ...] = ()  #: As given; the first is the primary one.
    unusable: tuple[str, ...] = ()  #: What was given as an address but can't be one.
    #: Parts of the unusable ones that look like an address: used to find the person, never to send.
    lookalikes: tuple[str, ...] = ()
    status: str = ""  #: crm_id of a status of the person's kind.
    finance_status: str = ""
    owner: str = ""  #: crm_id of a member of staff.
    language: str = ""  #: Two letters.
    birthday: date | None = None
    consent_email: bool = False
    mail_on_set_date: bool = False
    mail_after_first_delivery: bool = False
    active: bool = True

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """A user of the CRM."""

    crm_id: str
    name: str = ""
    email: str = ""
    roles: tuple[str, ...] = ()
    language: str = ""


def role_key(role: str) -> str:
    """Return what roles of the CRM's staff are compared by: case makes no difference."""
    return role.strip().casefold()


#: The languages in which a group or status may have another name (`name_de` …).
NAME_LANGUAGES = ("nl", "de", "fr", "en")
#: Names by language, in a comparable and hashable form.
Names = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group of people of one kind; its tag gives it an effect while it is active."""

    kind: PersonKind
    crm_id: str
    name: str = ""
    tag: str = ""
    active: bool = True
    names: Names = ()  #: In other languages.


class StatusKind(StrEnum):
    """What a status can apply to."""

    CANDIDATE = "candidate"
    CONTACT = "contact"
    APPLICATION = "application"


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A CRM status; the tag of a person's status gives it an effect."""

    kind: StatusKind
    crm_id: str
    name: str = ""
    tag: str = ""
    initial: bool = False
    closed: bool = False
    names: Names = ()  #: In other languages.


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """That a person is in a group."""

    kind: PersonKind
    group: str
    person: str


#: Owns the memberships that come from Mailchimp: those in the opt-out groups.
MAILCHIMP = "mailchimp"


class SuppressionSource(StrEnum):
    """What a suppression is based on."""

    GROUP = "group"
    STATUS = "status"
    STAFF = "staff"  #: `gateway suppress`, the console or the API.
    BOUNCE = "bounce"  #: Mail to the address bounced permanently.
    COMPLAINT = "complaint"  #: The holder of the address reported our mail as spam.
    UNSUBSCRIBE = "unsubscribe"  #: The holder of the address unsubscribed, by link or by mail.
    ERASED = "erased"  #: Suppressed before the person was erased, or removed from the feed.
    #: While the store is away: suppressed for all mail when the store was last asked, for reasons
    #: not known now.
    LAST_KNOWN = "last_known"
    #: The person's status is unreadable or unknown: it may be one that suppresses.
    UNREAD_STATUS = "unread_status"


#: Sources whose suppressions end with what the CRM says next.
FEED_SOURCES = (
    SuppressionSource.GROUP,
    SuppressionSource.STATUS,
    SuppressionSource.UNREAD_STATUS,
)
#: Sources whose suppressions are separate entries for an address or a person. A new one goes here,
#: in `ListedSource`, and in the shipped notes under its value.
ENTRY_SOURCES = (
    SuppressionSource.STAFF,
    SuppressionSource.BOUNCE,
    SuppressionSource.COMPLAINT,
    SuppressionSource.UNSUBSCRIBE,
    SuppressionSource.ERASED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """Why an address may not get a kind of mail."""

    scope: Scope
    source: SuppressionSource
    name: str = ""  #: The name of the group or status.
    names: Names = ()  #: Its names in other languages.
    origin: str = ""  #: The feed it came from (`crm`, `mailchimp`), or who added it.
    since: datetime | None = None
    until: datetime | None = None
    remark: str = ""  #: Free text from staff; internal unless `public`.
    public: bool = False
    person: PersonRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressHolder:
    """A person who has an address, with the suppressions from that person's groups and status."""

    ref: PersonRef
    name: str
    active: bool
    #: May not be active, or may not have the address: this person's suppressions count, but having
    #: none doesn't outweigh those of others.
    doubtful: bool = False
    suppressions: tuple[Suppression, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Everything known about one address: who has it, and what suppresses the address itself."""

    holders: tuple[AddressHolder, ...] = ()
    own: tuple[Suppression, ...] = field(default=())


NOBODY = Standing()
