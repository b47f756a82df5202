"""API tokens: who may request what."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.core.ids import moment_of


class TokenScope(StrEnum):
    """What the bearer of a token may do."""

    READ = "read"  #: People, messages, history, documents, inbox, campaigns, suppressions.
    FEED = "feed"  #: Send people, groups, statuses … as the CRM's files do.
    SUPPRESSIONS = "suppressions"  #: Add and release suppressions, and read them.
    EVENTS = "events"  #: Report changes to applications, which mails people.
    OUTBOX = "outbox"  #: Read what the gateway sends, resend it, give it up.
    CAMPAIGNS = "campaigns"  #: Make, fill, open, send and schedule campaigns, and read them.


class TokenRole(StrEnum):
    """The role of a token's bearer, in addition to its scopes."""

    MANAGER = "manager"  #: May change suppressions, like staff with this role.


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An API token; its secret is not stored."""

    id: int
    name: str
    source: str  #: Owns the rows its bearer sends.
    scopes: frozenset[TokenScope]
    roles: frozenset[TokenRole] = frozenset()
    last_used: datetime | None = None
    revoked_at: datetime | None = None

    @property
    def at(self) -> datetime:
        """When it was made."""
        return moment_of(self.id)
