"""`gateway explain`: what would happen to a message, and why, without sending anything."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime

from gateway.app import common
from gateway.app.decision.proxy_policy import listeners, policy
from gateway.app.keys import erased_names
from gateway.config import Settings
from gateway.core.decision import note
from gateway.core.decision.classify import TriedRules
from gateway.core.decision.decide import blocking, who_counts
from gateway.core.decision.explanation import ExplainedDelivery, ExplainedMail, Explanation, WhatIf
from gateway.core.decision.note_facts import NoteFacts
from gateway.core.decision.note_template import NoteTemplate
from gateway.core.errors import GatewayError
from gateway.core.kinds import Kind, State
from gateway.core.mail.address import domain_of
from gateway.core.mail.content import dot_stuff, parted_file
from gateway.core.mail.headers import Headers
from gateway.core.mail.invitation import OPENING, opening
from gateway.core.mail.link_signatures import unsubscribe_report
from gateway.core.people.people import Standing, Suppression, SuppressionSource
from gateway.core.written import no_such_name
from gateway.delivery.settings import choose
from gateway.smtp_proxy.decider import Decider, MessageDecision, RecipientDecision
from gateway.smtp_proxy.journaling.language_choice import LanguageChoice
from gateway.smtp_proxy.journaling.never_mailed import NeverMailed
from gateway.smtp_proxy.message_kind import MessageToDecide
from gateway.smtp_proxy.trace_headers import adds_unsubscribe
from gateway.store.engine.database import Database
from gateway.store.journal.message_lookup import MessageLookup
from gateway.store.people.staff_languages import StaffLanguages
from gateway.store.views import status


class NoSuchListener(GatewayError):
    """The config has no listener with this name."""


async def explain(settings: Settings, database: Database, mail: ExplainedMail) -> Explanation:
    """Decide on a message as a worker would; nothing is sent or written."""
    block, rest = parted_file(mail.content, behind=OPENING)
    addresses = tuple(common.lookup(settings, recipient) for recipient in mail.recipients)
    current_policy = policy(settings)
    listeners_by_name = {listener.name: listener for listener in listeners(settings)}
    name = next(iter(listeners_by_name)) if mail.listener is None else mail.listener
    if name not in listeners_by_name:
        raise NoSuchListener(no_such_name("listener", name, listeners_by_name))
    message = MessageToDecide(
        listener=listeners_by_name[name],
        login=mail.login,
        sender=mail.sender,
        recipients=mail.recipients,
        addresses=addresses,
        named_addresses=addresses,
        rcpt_count=len(addresses),
        headers=Headers.of(block),
        opening=opening(dot_stuff(rest)),
    )
    relay = choose(
        current_policy.relays,
        listener=message.listener.name,
        login=message.login,
        sender_domain=domain_of(message.sender),
    )
    moment = common.now()
    with (
        common.standings(settings, database) as standings,
        closing(MessageLookup(database)) as lookup,
    ):
        never = NeverMailed(settings.store.outage / "never-mailed", erased_names(settings))
        tried = TriedRules()
        decision = await Decider(standings, lookup, never).decide(
            current_policy, message, moment, tried
        )
    feeds = (await database.read(status.snapshot)).feeds
    with closing(StaffLanguages(database)) as staff:
        template = await LanguageChoice(staff).template(
            current_policy, message.sender, message.headers
        )
    writer = _ExplanationWriter(
        current_policy.notes.get(mail.language, template),
        decision,
        feed_as_of=max(feeds.values(), default=None),
        now=current_policy.local_time(moment),
    )
    going = sum(not recipient.blocked for recipient in decision.of_recipients)
    is_added = going == 1 and adds_unsubscribe(
        current_policy, message.listener, decision.classification, message.headers
    )
    return Explanation(
        classification=decision.classification,
        recipients=message.rcpt_count,
        tried=tuple(tried.steps),
        refusal=decision.refusal.text if decision.refusal else "",
        relay=relay.name,
        deliveries=tuple(map(writer.delivery, message.recipients, decision.of_recipients)),
        unsubscribe=unsubscribe_report(message.headers, is_added=is_added),
    )


class _ExplanationWriter:
    """Puts the decision on each recipient into words."""

    def __init__(
        self,
        template: NoteTemplate,
        decision: MessageDecision,
        *,
        feed_as_of: datetime | None,
        now: datetime,
    ) -> None:
        self._template = template
        self._classification = decision.classification
        self._feed_as_of = feed_as_of
        self._now = now

    def delivery(self, recipient: str, decision: RecipientDecision) -> ExplainedDelivery:
        """Return what would happen to a recipient."""
        counting = decision.blocked or decision.would
        return ExplainedDelivery(
            recipient=recipient,
            outcome=State.SEND_FAILED if decision.blocked else State.RELAYED,
            would=State.SEND_FAILED if decision.would else None,
            suppressions=counting,
            persons=tuple(holder.ref for holder in decision.standing.holders),
            note=self._note(recipient, decision.standing, counting) if counting else "",
            what_if=tuple(self._what_if(decision.standing, counting)),
        )

    def _note(self, recipient: str, standing: Standing, counting: tuple[Suppression, ...]) -> str:
        facts = NoteFacts(
            message=0,
            now=self._now,
            kind=self._classification.kind,
            rule=self._classification.rule,
            recipient=recipient,
            suppressions=counting,
            personal_mail=not blocking(Kind.INDIVIDUAL, standing) and bool(standing.holders),
            feed_as_of=self._feed_as_of,
            persons=tuple(person.ref for person in standing.holders),
            sharing=len(who_counts(standing)),
        )
        return note.render(self._template, facts).full

    def _what_if(self, standing: Standing, counting: Sequence[Suppression]) -> Iterator[WhatIf]:
        for entry in counting:
            if entry.source is SuppressionSource.GROUP and entry.person is not None:
                holders = tuple(
                    replace(
                        person,
                        suppressions=tuple(
                            suppression
                            for suppression in person.suppressions
                            if suppression is not entry
                        ),
                    )
                    for person in standing.holders
                )
                left = blocking(self._classification.kind, replace(standing, holders=holders))
                outcome = State.SEND_FAILED if left else State.RELAYED
                yield WhatIf(entry.person, entry.name, outcome)
