"""What becomes of a message: its kind, the standing of each recipient, pauses, earlier attempts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.core.decision.burst import burst_key
from gateway.core.decision.classify import (
    DEFAULT,
    Classification,
    MessageFacts,
    classify,
    classify_early,
    is_answer,
)
from gateway.core.decision.decide import blocking
from gateway.core.decision.journal import Attempt, KnownBulk, Marks
from gateway.core.kinds import Kind, Scope
from gateway.core.mail.headers import Headers
from gateway.core.mail.invitation import may_invite
from gateway.core.mail.message_identity import MessageIdentity, message_identity
from gateway.core.mail.reply import Reply
from gateway.core.people.people import NOBODY, Standing, Suppression, SuppressionSource
from gateway.smtp_proxy.journaling.bulk_memory import BulkMemory
from gateway.smtp_proxy.journaling.store_outage import NeverMailed
from gateway.smtp_proxy.policy import ListenerPolicy, Policy
from gateway.store.engine.database import StoreUnavailable
from gateway.store.journal.message_lookup import MessageLookup
from gateway.store.people.suppression import Standings

STORE_AWAY = Reply.of("451 4.3.0 The gateway's store is away; try again later")
PAUSED = Reply.of("451 4.3.2 The operator has paused this mail; try again later")
TURNED_BULK = Reply.of("451 4.7.1 Just now this turned out to be a mailing; try again later")
UNDECIDED = Reply.of("451 4.7.1 Too early to tell whether this is a mailing; try again later")
_BURST_MEMORY = timedelta(hours=24)
_OVERRIDE = "override"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageToDecide:
    """A message to decide on."""

    listener: ListenerPolicy
    login: str | None
    sender: str
    recipients: tuple[str, ...]  #: As the CRM wrote them.
    addresses: tuple[str, ...]  #: The same in lookup form.
    headers: Headers
    message: int = 0  #: Its number in the journal; 0 for one that only might be sent.
    #: All the CRM asked for in this transaction, whatever became of them, in lookup form; and how
    #: many times it asked, those included who are not even named here.
    named: tuple[str, ...] = ()
    asked: int = 0
    opening: bytes = b""  #: What the rules look at behind the header block.


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What becomes of one recipient."""

    blocked: tuple[Suppression, ...] = ()  #: What keeps the mail from going; empty: it goes.
    would: tuple[Suppression, ...] = ()  #: What would, did nobody override or only observe.
    standing: Standing = NOBODY
    undecided: bool = False  #: Whether a burst has yet to show what the message is.


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDecision:
    """What becomes of the message."""

    classification: Classification
    verdicts: tuple[Verdict, ...]
    marks: Marks
    burst_key: int | None = None
    earlier: tuple[Attempt, ...] = ()
    refusal: Reply | None = None  #: Said to the whole message, after the content.
    sought: int = 0  #: What tells whether the same message was bulk.
    known: KnownBulk | None = None  #: Why it is bulk whatever the rules say.
    #: Where the store has yet to learn that the message is bulk: what tells so later.
    bulk_identities: tuple[int, ...] = ()
    is_counted: bool = False  #: Whether only a count of recipients made it bulk.


class Decider:
    """Decides on every message of a worker."""

    def __init__(
        self,
        standings: Standings,
        message_lookup: MessageLookup,
        never: NeverMailed,
        memory: BulkMemory | None = None,
    ) -> None:
        """`memory` holds what the worker has found bulk; explain needs none."""
        self._standings = standings
        self._message_lookup = message_lookup
        self._never = never
        self._memory = memory or BulkMemory()

    async def at_rcpt(
        self, policy: Policy, case: MessageToDecide
    ) -> tuple[Classification | None, list[Verdict]]:
        """Say what is known before the content: the kind, if it is, and who is never mailed."""
        early = _early(policy, case)
        if _is_overridden_login(policy, case):
            early = Classification(early.kind if early else policy.default_kind, _OVERRIDE)
        kind = early.kind if early else Kind.INDIVIDUAL
        try:
            standings = await self._standings.of(case.addresses)
        except StoreUnavailable:
            return early, self._last_known(case, early)
        found = [standings.get(address, NOBODY) for address in case.addresses]
        return early, [_verdict(case, kind, standing, early) for standing in found]

    async def decide(self, policy: Policy, case: MessageToDecide, now: datetime) -> MessageDecision:
        """Say what becomes of a message whose header block is known."""
        marks = Marks(case.sender, case.recipients, case.addresses, case.headers)
        identity = message_identity(case.sender, case.login, case.listener.name, case.headers)
        try:
            decision = await self._decided(policy, case, now, marks, identity)
        except StoreUnavailable:
            decision = self._without_store(policy, case, now, marks, identity)
        known = decision.known
        fresh = known or KnownBulk(case.message, decision.classification.rule)
        for number in decision.bulk_identities or ((decision.sought,) if known else ()):
            if self._memory.find(number, now) is None:
                self._memory.add(number, fresh)
        return decision

    async def has_turned_bulk(self, decision: MessageDecision, now: datetime) -> bool:
        """Whether another transaction has shown meanwhile that an individual message is bulk.

        Of two parts of a mailing at once, the smaller one may be decided on first.
        """
        if self._memory.find(decision.sought, now) is not None:
            return True
        try:
            view = await self._message_lookup.look(decision.marks, decision.sought, now)
        except StoreUnavailable:
            return False  # What may go without a store is decided elsewhere.
        return view.bulk is not None

    async def look_again(self, decision: MessageDecision, now: datetime) -> tuple[Attempt, ...]:
        """Return the earlier attempts known by now; raise `StoreUnavailable`."""
        view = await self._message_lookup.look(decision.marks, decision.sought, now)
        return view.earlier

    async def _decided(
        self,
        policy: Policy,
        case: MessageToDecide,
        now: datetime,
        marks: Marks,
        identity: MessageIdentity,
    ) -> MessageDecision:
        sought = identity.sought(case.named)
        view = await self._message_lookup.look(marks, sought, now)
        known = view.bulk or self._memory.find(sought, now)
        standings = await self._standings.of(case.addresses)
        found = [standings.get(address, NOBODY) for address in case.addresses]
        burst = await self._burst(policy, case, found, now)
        classification = _classify(policy, case, burst, known)
        verdicts = [
            _verdict(case, classification.kind, standing, classification) for standing in found
        ]
        if burst is not None and not classification.certain:
            verdicts = burst.deferred(policy, case, verdicts)
        return MessageDecision(
            classification=classification,
            verdicts=tuple(verdicts),
            marks=marks,
            burst_key=burst.key if burst else None,
            earlier=view.earlier,
            refusal=_refusal(classification.kind, view.paused, verdicts),
            sought=sought,
            known=known,
            bulk_identities=_kept(policy, case, classification, identity) if not view.bulk else (),
            is_counted=classification.rule in policy.counting,
        )

    async def _burst(
        self, policy: Policy, case: MessageToDecide, standings: Sequence[Standing], now: datetime
    ) -> "_Burst | None":
        if not policy.bursts or case.listener.kind is not None:
            return None
        if is_answer(facts_of(policy, case)):
            return None
        names = [holder.name for standing in standings for holder in standing.holders]
        names += [name for name, _ in case.headers.addresses("to")]
        key = burst_key(case.login, case.headers, names)
        reached = await self._message_lookup.burst(key, now - _BURST_MEMORY)
        return _Burst(key=key, reached=reached, case=case, now=now)

    def _without_store(
        self,
        policy: Policy,
        case: MessageToDecide,
        now: datetime,
        marks: Marks,
        identity: MessageIdentity,
    ) -> MessageDecision:
        """Pass what goes whatever the store says, and what is positively called individual."""
        sought = identity.sought(case.named)
        known = self._memory.find(sought, now)
        classification = _classify(policy, case, None, known)
        is_individual = classification.certain and classification.kind is Kind.INDIVIDUAL
        passes = goes_anyway(case.listener, classification) or (is_individual and self._never.known)
        return MessageDecision(
            classification=classification,
            verdicts=tuple(self._last_known(case, classification)),
            marks=marks,
            refusal=None if passes else STORE_AWAY,
            sought=sought,
            known=known,
            bulk_identities=_kept(policy, case, classification, identity),
        )

    def _last_known(self, case: MessageToDecide, said: Classification | None) -> list[Verdict]:
        if not goes_anyway(case.listener, said):
            return [Verdict(blocked=self._known_of(a)) for a in case.addresses]
        never = self._never.known
        return [Verdict(would=self._known_of(a) if never else ()) for a in case.addresses]

    def _known_of(self, address: str) -> tuple[Suppression, ...]:
        """Return what is said of an address under scope `all` when the store was last asked."""
        if address not in self._never:
            return ()
        source = SuppressionSource.LAST_KNOWN
        return (Suppression(scope=Scope.ALL, source=source, since=self._never.as_of),)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Burst:
    """The same message to others: whom it was for, first and last."""

    key: int
    reached: Mapping[str, tuple[datetime, datetime]]
    case: MessageToDecide
    now: datetime

    def count(self, within: timedelta) -> int:
        """Return how many different recipients it was for within a time, these included."""
        since, named = self.now - within, self.case.named
        recent = {address for address, (_, last) in self.reached.items() if last >= since}
        return len(recent.union(named)) + self.case.asked - len(named)

    def deferred(
        self, policy: Policy, case: MessageToDecide, verdicts: list[Verdict]
    ) -> list[Verdict]:
        """Let suppressed people wait until the time of a deferring burst rule has passed."""
        waits = max((test.within for test in policy.bursts if test.defer), default=None)
        if waits is None or case.listener.observe:
            return verdicts
        return [
            self._waiting(waits, address, verdict)
            for address, verdict in zip(case.addresses, verdicts, strict=True)
        ]

    def _waiting(self, waits: timedelta, address: str, verdict: Verdict) -> Verdict:
        if verdict.blocked or not blocking(Kind.BULK, verdict.standing):
            return verdict
        first, _ = self.reached.get(address, (self.now, self.now))
        return replace(verdict, undecided=self.now - first < waits)


def _early(policy: Policy, case: MessageToDecide) -> Classification | None:
    if case.listener.kind is not None:
        return Classification(case.listener.kind, f"listener {case.listener.name}")
    return classify_early(facts_of(policy, case), policy.rules)


def _classify(
    policy: Policy, case: MessageToDecide, burst: _Burst | None, known: KnownBulk | None
) -> Classification:
    if case.listener.kind is not None:
        said = Classification(case.listener.kind, f"listener {case.listener.name}")
    elif known is not None:
        said = Classification(Kind.BULK, known.rule)
    else:
        facts = facts_of(policy, case)
        if burst is not None:
            facts = replace(facts, burst=burst.count)
        said = classify(facts, policy.rules, policy.default_kind)
    return Classification(said.kind, _OVERRIDE) if _is_overridden(policy, case) else said


def _kept(
    policy: Policy, case: MessageToDecide, said: Classification, identity: MessageIdentity
) -> tuple[int, ...]:
    """Return what later transactions of a message that was found bulk are sought by."""
    if said.kind is not Kind.BULK or said.rule in (_OVERRIDE, DEFAULT):
        return ()
    # What every such mail says of itself is found in each anew; only a count has to be kept.
    if not identity.is_own and said.rule not in policy.counting:
        return ()
    return identity.kept(case.named)


def looks_inside(policy: Policy, listener: ListenerPolicy, headers: Headers) -> bool:
    """Whether rules look at what is behind this header block; most mail isn't multipart."""
    return listener.kind is None and policy.looks_inside and may_invite(headers)


def facts_of(policy: Policy, case: MessageToDecide) -> MessageFacts:
    """Return what the rules look at, but for the bursts, which the journal counts."""
    return MessageFacts(
        sender=case.sender,
        login=case.login,
        recipients=case.asked,
        headers=case.headers,
        opening=case.opening,
        many=policy.many,
    )


def goes_anyway(listener: ListenerPolicy, said: Classification | None) -> bool:
    """Whether mail is relayed whoever is suppressed: it is only observed, or overridden."""
    return listener.observe or (said is not None and said.rule == _OVERRIDE)


def _is_overridden(policy: Policy, case: MessageToDecide) -> bool:
    header = policy.override.header
    return _is_overridden_login(policy, case) or _has(case.headers, header)


def _has(headers: Headers, name: str) -> bool:
    return bool(name) and name in headers and name in headers.certain


def _is_overridden_login(policy: Policy, case: MessageToDecide) -> bool:
    return case.login is not None and case.login in policy.override.logins


def _verdict(
    case: MessageToDecide, kind: Kind, standing: Standing, said: Classification | None
) -> Verdict:
    if standing is NOBODY:
        return _GOES
    blocked = blocking(kind, standing)
    if not blocked:
        return Verdict(standing=standing)
    if goes_anyway(case.listener, said):
        return Verdict(would=blocked, standing=standing)
    return Verdict(blocked=blocked, standing=standing)


_GOES = Verdict()


def _refusal(kind: Kind, paused: frozenset[str], verdicts: Sequence[Verdict]) -> Reply | None:
    if "all" in paused or (kind is Kind.BULK and "bulk" in paused):
        return PAUSED
    return UNDECIDED if any(verdict.undecided for verdict in verdicts) else None
