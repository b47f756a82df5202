"""Triggered mail in the journal: a message each, like any other."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from gateway.core.decision import note
from gateway.core.decision.decide import blocking, who_counts
from gateway.core.decision.note_facts import NoteFacts, facts_as_json
from gateway.core.journal.message import Delivery, Message, Outcome
from gateway.core.kinds import By, Kind, State
from gateway.core.mail.typed.typed_address import name_and_address
from gateway.core.people.people import Standing, Suppression
from gateway.core.sending.outbox import AttemptResult, Deferred, Refused, Sent, Unknown
from gateway.core.triggers.occurrence import TRIGGERS_LISTENER, Occurrence
from gateway.core.triggers.occurrence_facts import OccurrenceFacts
from gateway.core.triggers.reasons import SUPPRESSED
from gateway.core.triggers.trigger import Trigger
from gateway.store.engine.database import StoreTransaction
from gateway.store.views.status import fed_at
from gateway.triggers.occurrence_mail import OccurrenceMail, sender_of
from gateway.triggers.trigger_settings import TriggerSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class MailToSend:
    """A mail about to be sent."""

    settings: TriggerSettings
    trigger: Trigger
    row: Occurrence
    facts: OccurrenceFacts  #: The facts it was written from.
    mail: OccurrenceMail
    message: int  #: Its id in the journal.
    now: datetime
    relay: str


@dataclass(frozen=True, slots=True)
class AddressBlocked:
    """Why an address doesn't get the mail."""

    standing: Standing
    suppressions: tuple[Suppression, ...]


def rule_name(trigger: Trigger) -> str:
    """Return the name, in the journal, of the rule that decided."""
    return f"trigger:{trigger.name}"


def sending(mail_to_send: MailToSend, standing: Standing) -> Message:
    """Return the message before its outcome is known."""
    return _message(mail_to_send, standing, state=State.SENDING)


def send_failed(
    connection: StoreTransaction, mail_to_send: MailToSend, blocked: AddressBlocked
) -> Message:
    """Return a message that isn't sent, with the note that says why."""
    standing = blocked.standing
    facts = NoteFacts(
        message=mail_to_send.message,
        now=mail_to_send.now.astimezone(mail_to_send.settings.zone),
        kind=mail_to_send.trigger.kind,
        rule=rule_name(mail_to_send.trigger),
        recipient=mail_to_send.mail.address,
        suppressions=blocked.suppressions,
        personal_mail=not blocking(Kind.INDIVIDUAL, standing) and bool(standing.holders),
        feed_as_of=fed_at(connection),
        persons=tuple(holder.ref for holder in standing.holders) or (mail_to_send.row.person,),
        sharing=len(who_counts(standing)),
    )
    message = _message(mail_to_send, standing, state=State.SEND_FAILED)
    note_text = note.render(mail_to_send.settings.note, facts).full
    noted = replace(message.deliveries[0], note=note_text, note_facts=facts_as_json(facts))
    return replace(message, deliveries=(noted,))


def outcome(message: int, result: AttemptResult) -> Outcome:
    """Return the outcome of the message."""
    match result:
        case Sent(reply):
            state, by = State.RELAYED, By.RELAY
        case Refused(reply):
            state, by = State.REJECTED, By.RELAY
        case Deferred(reply):
            state, by = State.DEFERRED, By.RELAY
        case Unknown(reply):
            state, by = State.UNKNOWN, By.GATEWAY
        case _:
            assert_never(result)
    return Outcome(message=message, position=0, state=state, by=by, reply=reply)


def reason(suppressions: Iterable[Suppression]) -> str:
    """Return what suppresses an address, in one line."""
    causes = (
        f'{suppression.source} "{suppression.name}"'
        if suppression.name
        else str(suppression.source)
        for suppression in suppressions
    )
    return SUPPRESSED.format(", ".join(dict.fromkeys(causes)))


def _message(mail_to_send: MailToSend, standing: Standing, *, state: State) -> Message:
    mail, row = mail_to_send.mail, mail_to_send.row
    # Only the person is mailed, whether or not the address is shared.
    holders = tuple(holder.ref for holder in standing.holders)
    persons = holders if row.recipient else (row.person,)
    return Message(
        id=mail_to_send.message,
        at=mail_to_send.now,
        listener=TRIGGERS_LISTENER,
        sender=name_and_address(sender_of(mail_to_send.settings, mail_to_send.trigger))[1],
        subject=mail.subject,
        message_id=mail.message_id,
        kind=mail_to_send.trigger.kind,
        rule=rule_name(mail_to_send.trigger),
        relay=mail_to_send.relay,
        size=len(mail.body),
        attempt_of=row.message,
        deliveries=(
            Delivery(
                recipient=mail.address,
                address=mail_to_send.settings.lookup(mail.address),
                state=state,
                by=By.GATEWAY,
                persons=persons,
            ),
        ),
    )
