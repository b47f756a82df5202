"""Whether the gateway works, in a form monitors can act on and strangers learn nothing from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

#: States of a relay that doesn't work.
BAD_RELAY = frozenset(("down", "our_fault"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The health of the gateway's parts; it names no people, hosts or errors."""

    store: bool  #: Whether a query was answered just now.
    relays: Mapping[str, str]  #: up, down, our_fault or unknown
    roles: Mapping[str, Mapping[str, int]]  #: Processes wanted and ready.
    feeds: Mapping[str, int]  #: Seconds since each source last brought anything.
    paused: Sequence[str] = ()
    mailboxes: Mapping[str, str] = field(default_factory=dict)  #: up, down or unknown
    #: By source and kind: how old its feed is, and what is wrong with its last file.
    kinds: Mapping[str, Mapping[str, Mapping[str, object]]] = field(default_factory=dict)
    references: Mapping[str, int] = field(default_factory=dict)  #: Rows that name nothing known.
    unread: Mapping[str, int] = field(default_factory=dict)  #: Fields that can't be read.
    mailchimp: str | None = None  #: up, down, refused or unknown; None: there is no account.

    #: Whether too much of the last 7 days' mail came back: ok, too_many_complaints,
    #: too_many_bounces or unknown. Mail still flows.
    comes_back: str = "unknown"

    @property
    def is_good(self) -> bool:
        """Whether mail flows as it should."""
        return (
            self.store
            and "down" not in self.mailboxes.values()
            and self.mailchimp != "refused"
            and BAD_RELAY.isdisjoint(self.relays.values())
            and all(role["ready"] > 0 for role in self.roles.values())
        )

    def document(self) -> dict[str, object]:
        """Return the JSON document."""
        return {
            "status": "ok" if self.is_good else "failing",
            "store": "ok" if self.store else "unavailable",
            "relays": dict(self.relays),
            "mailboxes": dict(self.mailboxes),
            "mailchimp": self.mailchimp,
            "comes_back": self.comes_back,
            "roles": {name: dict(counts) for name, counts in self.roles.items()},
            "feed_age_seconds": dict(self.feeds),
            "feeds": {source: dict(kinds) for source, kinds in self.kinds.items()},
            "references_to_nothing": dict(self.references),
            "unread_fields": dict(self.unread),
            "paused": list(self.paused),
        }
