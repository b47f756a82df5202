"""Whether a message is bulk or individual: all that may decide it, in order of precedence.

First an override (a login, a header) sends everything to everybody; then the listener's own kind;
then whether the same message was bulk before; then the rules in their order.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from gateway.core import ids
from gateway.core.decision.burst import BurstKeys
from gateway.core.decision.classify import (
    OVERRIDE,
    UNREAD,
    Classification,
    TriedRules,
    classify,
    classify_early,
    rule_of_listener,
)
from gateway.core.decision.rule import MessageFacts, why_matched
from gateway.core.journal.message import KnownBulk
from gateway.core.kinds import Kind
from gateway.core.mail.content import MAX_HEADER_BLOCK
from gateway.core.mail.headers import Headers
from gateway.core.mail.invitation import may_invite
from gateway.core.quick_values import quick_value
from gateway.smtp_proxy.policy import ListenerPolicy, Policy
from gateway.store.journal.message_lookup import Deferral


@quick_value(kw_only=True)
class MessageToDecide:
    """A message to decide on."""

    listener: ListenerPolicy
    login: str | None
    sender: str
    recipients: tuple[str, ...]  #: As the CRM wrote them.
    addresses: tuple[str, ...]  #: The same in lookup form.
    headers: Headers
    message: int = 0  #: Its journal id; 0 for a hypothetical one.
    #: All recipients the CRM named in this transaction, whatever their outcome, in lookup form; and
    #: how many times it did, including those that aren't even listed here.
    named_addresses: tuple[str, ...] = ()
    rcpt_count: int = 0
    opening: bytes = b""  #: What the rules see after the header block.


@dataclass(frozen=True, slots=True, kw_only=True)
class BurstSoFar:
    """The same message to others: whom it has reached within the periods of the rules."""

    keys: BurstKeys
    #: By period: the addresses, in lookup form, or at least so many that a rule must match.
    reached: Mapping[timedelta, frozenset[str]]
    message: MessageToDecide
    #: By address, of those whom bulk mail may not reach: since when it is refused for now.
    deferrals: Mapping[str, Deferral] = field(default_factory=dict)

    def count(self, within: timedelta) -> int:
        """Return how many different recipients are known within a period, including these."""
        named_addresses = self.message.named_addresses
        different = len(self.reached[within].union(named_addresses))
        return different + self.message.rcpt_count - len(named_addresses)

    @property
    def bulk(self) -> KnownBulk | None:
        """What showed that this is a burst since one of these attempts was refused for now.

        A CRM or mail server that tries again after the rule's period would find nothing of it.
        """
        return next((deferral.bulk for deferral in self.deferrals.values() if deferral.bulk), None)


def looks_inside(policy: Policy, listener: ListenerPolicy, headers: Headers) -> bool:
    """Whether rules look beyond this header block; most mail isn't multipart."""
    return listener.kind is None and policy.looks_inside and may_invite(headers)


def facts_of(policy: Policy, message: MessageToDecide) -> MessageFacts:
    """Return the rules' input, except for bursts, which the journal counts."""
    return MessageFacts(
        sender=message.sender,
        login=message.login,
        recipients=message.rcpt_count,
        headers=message.headers,
        opening=message.opening,
        many=policy.many,
    )


def kind_before_content(policy: Policy, message: MessageToDecide) -> Classification | None:
    """Return what is known of the kind at RCPT; None: the header block decides."""
    classification: Classification | None = None
    if message.listener.kind is not None:
        classification = _of_listener(message.listener)
    elif policy.is_asked_early:
        classification = classify_early(facts_of(policy, message), policy.rules)
    if message.login is not None and message.login in policy.override.logins:
        return Classification(
            classification.kind if classification else policy.default_kind, OVERRIDE
        )
    return classification


def kind_of(
    policy: Policy,
    message: MessageToDecide,
    burst: BurstSoFar | None,
    known_bulk: KnownBulk | None,
    tried: TriedRules | None = None,
) -> Classification:
    """Return the kind and the rule behind it; `known_bulk`: where the same message was bulk before.

    What decides is recorded in `tried`, after the rules that didn't match; an override comes last.
    """
    if message.listener.kind is not None:
        classification = _of_listener(message.listener, tried)
    elif known_bulk is not None:
        classification = _as_before(known_bulk, tried)
    else:
        facts = facts_of(policy, message)
        if burst is not None:
            facts = replace(facts, burst=burst.count)
        if tried is None:
            rules, ask = policy.by_fields.that_may_match(message.headers), why_matched
        else:
            rules, ask = policy.rules, tried.ask
        classification = classify(facts, rules, policy.default_kind, ask)
        if burst is not None and burst.bulk is not None and not classification.is_certain:
            classification = _as_before(burst.bulk, tried)
        if tried is not None and classification.rule == UNREAD:
            tried.note_decider(UNREAD, f"the header block is over {MAX_HEADER_BLOCK} octets")
    override, headers = policy.override, message.headers
    if message.login is not None and message.login in override.logins:
        because = f"login {message.login}"
    # Only a header that every program recognises: some read none after a byte order mark.
    elif (
        override.header and override.header in headers and override.header in headers.certain_fields
    ):
        because = "header"
    else:
        return classification
    if tried is not None:
        tried.note_decider(OVERRIDE, because)
    return Classification(classification.kind, OVERRIDE)


def _of_listener(listener: ListenerPolicy, tried: TriedRules | None = None) -> Classification:
    assert listener.kind is not None
    rule = rule_of_listener(listener.name)
    if tried is not None:
        tried.note_decider(rule, f'kind = "{listener.kind}"')
    return Classification(listener.kind, rule)


def _as_before(known_bulk: KnownBulk, tried: TriedRules | None) -> Classification:
    if tried is not None:
        tried.note_decider(
            known_bulk.rule, f"the same message was bulk in No. {ids.show(known_bulk.message)}"
        )
    return Classification(Kind.BULK, known_bulk.rule)


def goes_anyway(listener: ListenerPolicy, classification: Classification | None) -> bool:
    """Whether mail is relayed regardless of suppressions: in observe mode, or overridden."""
    return listener.observe or (classification is not None and classification.rule == OVERRIDE)
