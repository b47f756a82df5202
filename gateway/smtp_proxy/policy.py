"""The settings of a worker's listeners; a reload replaces them."""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from gateway.core.bounces.unsubscribe import UnsubscribeLinks
from gateway.core.decision.classify import RulesByFields
from gateway.core.decision.note_template import NoteTemplate
from gateway.core.decision.rule import BurstTest, RecipientsTest, Rule, many_recipients
from gateway.core.kinds import Kind
from gateway.core.networks import Network, is_in
from gateway.delivery.settings import RelaySettings
from gateway.smtp_proxy.users import Users

if TYPE_CHECKING:
    from gateway.delivery.dkim_signer import DkimSigner

_MOST_PEERS = 65_536  #: How many client addresses a listener remembers.


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerPolicy:
    """The policy of one of `[[smtp.listeners]]`."""

    name: str
    lmtp: bool = False
    kind: Kind | None = None  #: None: the rules decide.
    observe: bool = False
    tls: str = "none"  #: none, starttls or implicit
    context: ssl.SSLContext | None = None
    networks: tuple[Network, ...] = ()
    users: Users | None = None
    reject_at_rcpt: bool = False
    imports: bool = False  #: Whether mail goes to the importer rather than a relay.
    adds_unsubscribe: bool = False  #: Whether bulk mail gets unsubscribe links.
    signer: "DkimSigner | None" = None  #: Signs mail to a relay; None: it isn't signed here.
    #: Returns the envelope sender for a message's id; None: the client's own is used.
    return_address: Callable[[int], str] | None = None
    #: Whether clients seen before are allowed, by address.
    _admitted: dict[str, bool] = field(init=False, repr=False, compare=False, default_factory=dict)

    def admits(self, peer: str) -> bool:
        """Whether a client from this address is allowed."""
        admitted = self._admitted.get(peer)
        if admitted is None:
            if len(self._admitted) >= _MOST_PEERS:
                self._admitted.clear()
            admitted = self._admitted[peer] = is_in(peer, self.networks)
        return admitted


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """Who may mail suppressed people anyway; journaled as rule `override`."""

    logins: frozenset[str] = frozenset()
    header: str = ""  #: In lower case.


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Everything that decides about a message, apart from the store."""

    hostname: str
    instance: str  #: Identifies our own loop header.
    rules: tuple[Rule, ...]
    default_kind: Kind
    relays: tuple[RelaySettings, ...]
    notes: Mapping[str, NoteTemplate]  #: The wording by language, the default one first.
    notifier: str  #: The sender of DSNs, with or without a name.
    #: The language of notes by the sender's domain, in lookup form.
    languages: Mapping[str, str] = field(default_factory=dict)
    override: Override = Override()
    plus_addresses: bool = False
    accept_suppressed: bool = False  #: `suppression.reply = "accept"`
    report_always: bool = False  #: `suppression.report = "always"`
    normalise_newlines: bool = True
    max_size: int = 50_000_000
    max_recipients: int = 10_000
    max_per_client: int = 2_000  #: Connections from one address, in one worker.
    local_time: Callable[[datetime], datetime] = field(default=lambda moment: moment)
    links: UnsubscribeLinks | None = None  #: None: no mail gets unsubscribe links.
    unsubscribe_rules: frozenset[str] = frozenset()  #: The rules whose mail gets them.

    is_asked_early: bool = field(init=False)  #: Whether the first rule needs no content.
    by_fields: RulesByFields = field(init=False, compare=False)  #: The same rules.
    bursts: tuple[BurstTest, ...] = field(init=False)  #: The tests of burst rules, if any.
    burst_rules: frozenset[str] = field(init=False)  #: Their names.
    #: The rules that may decide differently about the next transaction of the same message.
    counting: frozenset[str] = field(init=False)
    looks_inside: bool = field(init=False)  #: Whether a rule looks beyond the header block.
    #: The number of recipients from which a message is a mailing.
    many: int | None = field(init=False)

    @property
    def note(self) -> NoteTemplate:
        """The wording in the default language."""
        return next(iter(self.notes.values()))

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_asked_early", any(rule.test.early for rule in self.rules[:1]))
        object.__setattr__(self, "by_fields", RulesByFields(self.rules))
        bursts = {r.name: r.test for r in self.rules if isinstance(r.test, BurstTest)}
        object.__setattr__(self, "bursts", tuple(bursts.values()))
        object.__setattr__(self, "burst_rules", frozenset(bursts))
        counting = (r.name for r in self.rules if isinstance(r.test, RecipientsTest | BurstTest))
        object.__setattr__(self, "counting", frozenset(counting))
        object.__setattr__(self, "looks_inside", any(rule.looks_inside for rule in self.rules))
        object.__setattr__(self, "many", many_recipients(self.rules))
