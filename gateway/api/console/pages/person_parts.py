"""Common parts of the pages of people, and of addresses nobody has."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from fastapi import Request

from gateway.api.console.state_words import note_words
from gateway.api.json_response import Using
from gateway.core import ids
from gateway.core.decision.note import reasons
from gateway.core.decision.note_facts import NoteFacts
from gateway.core.decision.prospects import MailProspect
from gateway.core.kinds import Kind, Scope
from gateway.core.people.people import ENTRY_SOURCES, PersonRef, Suppression
from gateway.store.engine.database import StoreTransaction
from gateway.store.journal import messages
from gateway.store.views.timeline import TimelineEvent, TimelineType

#: Pages with details of events, by type; the id follows.
_MORE = {
    TimelineType.MESSAGE: "/console/messages/",
    TimelineType.BOUNCE: "/console/messages/",
    TimelineType.TRIGGER_MAIL: "/console/messages/",
    TimelineType.REPLY: "/console/replies/",
    TimelineType.DOCUMENT: "/console/replies/documents/",
    TimelineType.ACTIVITY: "/console/campaigns/",
}
#: Types whose pages always exist: the list itself was read from there.
_FILED = (TimelineType.REPLY, TimelineType.DOCUMENT, TimelineType.ACTIVITY)


def parts_of_page(
    request: Request,
    using: Using,
    *,
    suppressions: Sequence[Suppression],
    prospects: Sequence[MailProspect],
    recipient: str,
    persons: tuple[PersonRef, ...],
) -> dict[str, Any]:
    """Return the template values for suppressions and events."""
    template = note_words(request)
    now = using.clock().astimezone(using.zone())
    has_personal = not any(prospect.personal for prospect in prospects)

    def told_why(suppression: Suppression) -> str:
        """Return why a suppression exists and how to lift it, in the words of a note."""
        return reasons(template, _facts(suppression, now, recipient, has_personal, persons))

    return {
        "note": template,
        "prospects": prospects,
        "reasons": [(suppression, told_why(suppression)) for suppression in suppressions],
        "has_ours": any(is_ours(suppression) for suppression in suppressions),
        "scopes": [scope.value for scope in (Scope.BULK, Scope.ALL, Scope.MAILCHIMP)],
        "more": _MORE,
    }


def _facts(
    suppression: Suppression,
    now: datetime,
    recipient: str,
    personal_mail: bool,
    persons: tuple[PersonRef, ...],
) -> NoteFacts:
    return NoteFacts(
        message=0,
        now=now,
        kind=Kind.BULK,
        rule="",
        recipient=recipient,
        suppressions=(suppression,),
        personal_mail=personal_mail,
        persons=persons,
    )


def is_ours(suppression: Suppression) -> bool:
    """Whether releasing can lift it: it is our own entry, or an opt-out from Mailchimp."""
    return suppression.source in ENTRY_SOURCES or suppression.origin == "mailchimp"


def ids_with_page(connection: StoreTransaction, events: Iterable[TimelineEvent]) -> set[str]:
    """Return the ids of events that have a page.

    Mail that was never sent has no message, and the journal deletes messages earlier than bounces.
    """
    all_events = list(events)
    filed = {event.id for event in all_events if event.type in _FILED}
    mails = [event.id for event in all_events if event.id and event.type in _MORE]
    numbers = [ids.read(mail) for mail in mails if mail not in filed]
    return filed | {ids.show(head.id) for head in messages.heads(connection, numbers)}
