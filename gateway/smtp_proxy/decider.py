"""What to do with a message: its kind, each recipient's standing, pauses, earlier attempts.

Called twice per transaction:

    c: RCPT TO:<ann@example.net>    `at_rcpt`: who gets no mail at all; kept from the relay
    c: (the header block)           `decide`: bulk or individual, and for each recipient: relayed,
                                    or send failed and why

While the store is away, mail that is certainly individual still goes, except to addresses that were
never to be mailed when the store was last asked; everything else gets 451.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from gateway.core.decision.burst import LONGEST_BURST, BurstKeys, burst_keys
from gateway.core.decision.classify import DEFAULT, OVERRIDE, Classification, TriedRules
from gateway.core.decision.decide import blocking
from gateway.core.decision.shipped_rules import is_personal
from gateway.core.journal.attempt import Attempt, RetryMarks
from gateway.core.journal.message import KnownBulk
from gateway.core.kinds import Kind, Scope
from gateway.core.mail.message_identity import message_identity
from gateway.core.mail.reply import Reply
from gateway.core.people.people import NOBODY, Standing, Suppression, SuppressionSource
from gateway.core.quick_values import quick_value
from gateway.smtp_proxy.journaling.bulk_memory import BulkMemory
from gateway.smtp_proxy.journaling.never_mailed import NeverMailed
from gateway.smtp_proxy.message_kind import (
    BurstSoFar,
    MessageToDecide,
    facts_of,
    goes_anyway,
    kind_before_content,
    kind_of,
)
from gateway.smtp_proxy.policy import Policy
from gateway.store.engine.database import StoreUnavailable
from gateway.store.journal.message_lookup import Deferral, MessageLookup, MessageStatus
from gateway.store.people.suppression import Standings

STORE_AWAY = Reply.of("451 4.3.0 The gateway's store is away; try again later")
PAUSED = Reply.of("451 4.3.2 The operator has paused this mail; try again later")
TURNED_BULK = Reply.of("451 4.7.1 Just now this turned out to be a mailing; try again later")
UNDECIDED = Reply.of("451 4.7.1 Too early to tell whether this is a mailing; try again later")


@quick_value(kw_only=True)
class RecipientDecision:
    """The decision on one recipient."""

    blocked: tuple[Suppression, ...] = ()  #: What blocks the mail; empty: it goes.
    would: tuple[Suppression, ...] = ()  #: What would block it without an override or observe mode.
    standing: Standing = NOBODY
    undecided: bool = False  #: Whether it depends on whether a burst shows.


@quick_value(kw_only=True)
class MessageDecision:
    """The decision on the message."""

    classification: Classification
    of_recipients: tuple[RecipientDecision, ...]
    marks: RetryMarks
    burst: BurstSoFar | None = None  #: None if no rule counts who else gets it.
    earlier: tuple[Attempt, ...] = ()
    refusal: Reply | None = None  #: The reply to the whole message, after the content.
    sought: int = 0  #: The key under which an earlier bulk finding is looked up.
    #: If the store doesn't know yet that the message is bulk: the keys for later lookups.
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
        """`memory` holds what the worker has found to be bulk; explain needs none."""
        self._standings = standings
        self._message_lookup = message_lookup
        self._never = never
        self._memory = memory or BulkMemory()

    async def at_rcpt(
        self, policy: Policy, message: MessageToDecide
    ) -> tuple[Classification | None, list[RecipientDecision]]:
        """Return what is known before the content: the kind, if any, and who is never mailed."""
        early = kind_before_content(policy, message)
        kind = early.kind if early else Kind.INDIVIDUAL
        try:
            standings = await self._standings.of(message.addresses)
        except StoreUnavailable:
            return early, self._last_known(message, early)
        return early, _decisions(message, standings, kind, early)

    async def decide(
        self,
        policy: Policy,
        message: MessageToDecide,
        now: datetime,
        tried: TriedRules | None = None,
    ) -> MessageDecision:
        """Decide what to do with a message whose header block is known.

        What was tried to find its kind is recorded in `tried`.
        """
        marks = RetryMarks(message.sender, message.recipients, message.addresses, message.headers)
        identity = message_identity(
            message.sender, message.login, message.listener.name, message.headers
        )
        sought = identity.lookup_key(message.named_addresses)
        standings: Mapping[str, Standing] = {}
        burst: BurstSoFar | None = None
        status: MessageStatus | None = None  #: None while the store is away.
        try:
            status = await self._message_lookup.look_up(marks, sought, now)
            standings = await self._standings.of(message.addresses)
            if policy.bursts:
                burst = await self._burst(policy, message, standings, now)
        except StoreUnavailable:
            status = None
        known_bulk = (status.bulk if status else None) or self._memory.find(sought, now)
        classification = kind_of(policy, message, burst, known_bulk, tried)

        refusal: Reply | None = None
        if status is None:
            decisions = self._last_known(message, classification)
            is_individual = classification.is_certain and classification.kind is Kind.INDIVIDUAL
            if not goes_anyway(message.listener, classification) and not (
                is_individual and self._never.is_known
            ):
                refusal = STORE_AWAY
        else:
            decisions = _decisions(message, standings, classification.kind, classification)
            if burst is not None and not classification.is_certain and not message.listener.observe:
                decisions = _until_burst_shows(policy, message, burst, now, decisions)
            if "all" in status.paused or (
                classification.kind is Kind.BULK and "bulk" in status.paused
            ):
                refusal = PAUSED
            elif burst is not None and any(decision.undecided for decision in decisions):
                refusal = UNDECIDED

        # A mail without an identifier may look like another, so a bulk finding about it is only
        # stored if it came from a count; whatever the mail itself shows is found again in every
        # copy.
        is_counted = classification.rule in policy.counting
        bulk_identities: tuple[int, ...] = ()
        if (
            classification.kind is Kind.BULK
            and classification.rule not in (OVERRIDE, DEFAULT)
            and (identity.is_own or is_counted)
            and not (status and status.bulk)
        ):
            bulk_identities = identity.stored_keys(message.named_addresses)
        fresh = known_bulk or KnownBulk(message.message, classification.rule)
        for number in bulk_identities or ((sought,) if known_bulk else ()):
            if self._memory.find(number, now) is None:
                self._memory.add(number, fresh)

        return MessageDecision(
            classification=classification,
            of_recipients=tuple(decisions),
            marks=marks,
            burst=burst,
            earlier=status.earlier if status else (),
            refusal=refusal,
            sought=sought,
            bulk_identities=bulk_identities,
            is_counted=is_counted and status is not None,
        )

    async def has_turned_bulk(self, decision: MessageDecision, now: datetime) -> bool:
        """Whether another transaction has since shown that an individual message is bulk.

        Of two parts of a mailing sent at once, the smaller may be decided on first.
        """
        if self._memory.find(decision.sought, now) is not None:
            return True
        try:
            view = await self._message_lookup.look_up(decision.marks, decision.sought, now)
        except StoreUnavailable:
            return False  # Mail that may go without a store is decided elsewhere.
        return view.bulk is not None

    async def look_again(self, decision: MessageDecision, now: datetime) -> tuple[Attempt, ...]:
        """Return the earlier attempts known by now; raise `StoreUnavailable`."""
        view = await self._message_lookup.look_up(decision.marks, decision.sought, now)
        return view.earlier

    async def has_become_a_burst(
        self, policy: Policy, decision: MessageDecision, now: datetime
    ) -> bool:
        """Whether others of a burst have come while this message did, now that it is recorded.

        Of twenty that come over as many connections at once, none knows of the others before.
        Raises `StoreUnavailable`.
        """
        burst = decision.burst
        if burst is None:
            return False
        reached = await self._reached(policy, burst.keys, now)
        counted = replace(burst, reached=reached).count
        return any(counted(test.within) > test.recipients for test in policy.bursts)

    async def _burst(
        self,
        policy: Policy,
        message: MessageToDecide,
        standings: Mapping[str, Standing],
        now: datetime,
    ) -> BurstSoFar | None:
        """Return who else got the same message; None if it can't be part of a burst."""
        if message.listener.kind is not None or is_personal(facts_of(policy, message)):
            return None
        # `Dear Ann` and `Dear Bob` are one subject: people's own names are ignored.
        names = [holder.name for standing in standings.values() for holder in standing.holders]
        names += [name for name, _ in message.headers.addresses("to")]
        keys = burst_keys(message.login, message.headers, names)
        reached = await self._reached(policy, keys, now)
        deferrals = await self._deferrals(policy, keys, standings, now)
        return BurstSoFar(keys=keys, reached=reached, message=message, deferrals=deferrals)

    async def _reached(
        self, policy: Policy, keys: BurstKeys, now: datetime
    ) -> dict[timedelta, frozenset[str]]:
        """Return for each rule's period whom a burst has reached, as far as its rule counts."""
        most: dict[timedelta, int] = {}
        for test in policy.bursts:
            most[test.within] = max(most.get(test.within, 0), test.recipients)
        return {
            within: await self._message_lookup.burst(keys, now - within, recipients + 1)
            for within, recipients in most.items()
        }

    async def _deferrals(
        self, policy: Policy, keys: BurstKeys, standings: Mapping[str, Standing], now: datetime
    ) -> dict[str, Deferral]:
        """Return since when those whom bulk mail may not reach are put off, by their address.

        And what has shown since then that it is a burst, if anything has.
        """
        deferrals: dict[str, Deferral] = {}
        for address, standing in standings.items():
            if not blocking(Kind.BULK, standing):
                continue
            deferral = await self._message_lookup.deferral(keys, address, now - LONGEST_BURST)
            if deferral is None:
                continue
            if deferral.bulk is None:
                bulk = await self._message_lookup.bulk_of_burst(
                    keys, deferral.since, policy.burst_rules
                )
                deferral = replace(deferral, bulk=bulk)
            deferrals[address] = deferral
        return deferrals

    def _last_known(
        self, message: MessageToDecide, classification: Classification | None
    ) -> list[RecipientDecision]:
        """Decide by which addresses had scope `all` when the store was last asked."""
        decisions = []
        for address in message.addresses:
            suppressions: tuple[Suppression, ...] = ()
            if address in self._never:
                source, since = SuppressionSource.LAST_KNOWN, self._never.as_of
                suppressions = (Suppression(scope=Scope.ALL, source=source, since=since),)
            if not goes_anyway(message.listener, classification):
                decisions.append(RecipientDecision(blocked=suppressions))
            else:
                decisions.append(
                    RecipientDecision(would=suppressions if self._never.is_known else ())
                )
        return decisions


GOES = RecipientDecision()  #: For a recipient about whom nothing is known: nearly always.


def _decisions(
    message: MessageToDecide,
    standings: Mapping[str, Standing],
    kind: Kind,
    classification: Classification | None,
) -> list[RecipientDecision]:
    """Return what the standings mean for each recipient of mail of a kind."""
    decisions = []
    for address in message.addresses:
        standing = standings.get(address, NOBODY)
        if standing is NOBODY:
            decisions.append(GOES)
            continue
        blocked = blocking(kind, standing)
        if blocked and goes_anyway(message.listener, classification):
            decisions.append(RecipientDecision(would=blocked, standing=standing))
        else:
            decisions.append(RecipientDecision(blocked=blocked, standing=standing))
    return decisions


def _until_burst_shows(
    policy: Policy,
    message: MessageToDecide,
    burst: BurstSoFar,
    now: datetime,
    decisions: list[RecipientDecision],
) -> list[RecipientDecision]:
    """Defer those whom bulk mail may not reach while a deferring rule may still call it bulk."""
    waits = max((test.within for test in policy.bursts if test.defer), default=None)
    if waits is None:
        return decisions
    deferrals = burst.deferrals
    return [
        replace(
            decision,
            undecided=address not in deferrals or now - deferrals[address].since < waits,
        )
        if not decision.blocked and blocking(Kind.BULK, decision.standing)
        else decision
        for address, decision in zip(message.addresses, decisions, strict=True)
    ]
