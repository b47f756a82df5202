"""Whether an occurrence is mailed: what it waits for, and which condition isn't met."""

from datetime import date

from gateway.core.feed.unread_fields import deciding
from gateway.core.triggers.occurrence_facts import OccurrenceFacts
from gateway.core.triggers.reasons import NOT_ACTIVE, PERSON_GONE, UNREAD
from gateway.core.triggers.trigger import Trigger


def why_waiting(trigger: Trigger, facts: OccurrenceFacts, *, to_person: bool = True) -> str:
    """Return the unread fields that a mail waits for, in words; empty: none."""
    event = trigger.event
    fields = deciding(event.deciding, facts.unread, to_person=to_person)
    unread_fields = [
        f"{field.field} of {field.what} {field.record} ({field.place}: {field.text})"
        for field in fields
    ]
    if doubt := event.in_doubt(facts):
        unread_fields.append(doubt)
    return UNREAD.format("; ".join(unread_fields)) if unread_fields else ""


def unmet_condition(
    trigger: Trigger,
    occurrence: str,
    facts: OccurrenceFacts,
    today: date,
    *,
    to_person: bool = True,
) -> str:
    """Return which condition of the trigger's event isn't met, for people; empty: all are.

    `occurrence` is the key of the ledger's row, `today` the local date; `to_person`: the mail goes
    to the person, not to staff about the person.
    """
    if facts.person is None:
        return PERSON_GONE
    if to_person and not facts.person.active:
        return NOT_ACTIVE
    return trigger.event.unmet_condition(trigger, occurrence, facts, today)
