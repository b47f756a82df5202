"""Tokens of the API: who may ask for what."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.core.ids import moment_of


class TokenScope(StrEnum):
    """What the bearer of a token may do."""

    READ = "read"  #: People, messages, history, documents, inbox, campaigns, suppressions.
    FEED = "feed"  #: Tell of people, groups, statuses … as the CRM's files do.
    SUPPRESSIONS = "suppressions"  #: Add and release suppressions, and read them.
    EVENTS = "events"  #: Tell what happened to applications: that mails people.
    OUTBOX = "outbox"  #: Read what the gateway sends, have it sent again, give it up.
    CAMPAIGNS = "campaigns"  #: Make, fill, open, send and schedule campaigns, and read them.


class TokenRole(StrEnum):
    """What the bearer of a token is, beside what its scopes let it ask for."""

    MANAGER = "manager"  #: May change suppressions, as staff with this role may.


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token of the API; its secret is not stored."""

    id: int
    name: str
    source: str  #: Owns the rows its bearer brings.
    scopes: frozenset[TokenScope]
    roles: frozenset[TokenRole] = frozenset()
    last_used: datetime | None = None
    revoked_at: datetime | None = None

    @property
    def at(self) -> datetime:
        """When it was made."""
        return moment_of(self.id)
