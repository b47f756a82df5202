"""What a note says about a recipient, stored so that it can be written again in any language."""

import json
from dataclasses import dataclass, fields
from datetime import datetime, tzinfo
from typing import Any

from gateway.core.journal.message import Delivery, Message
from gateway.core.kinds import Kind, Scope
from gateway.core.people.people import PersonRef, Suppression, SuppressionSource


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteFacts:
    """What a note says about one recipient of one message."""

    message: int  #: The journal's id; 0 for a message that is only explained.
    now: datetime  #: Aware; all times are shown in its zone.
    kind: Kind
    rule: str
    recipient: str  #: As the CRM wrote it.
    suppressions: tuple[Suppression, ...]  #: Those that block; at least one.
    personal_mail: bool  #: Whether mail from the person's own file would go through.
    feed_as_of: datetime | None = None
    persons: tuple[PersonRef, ...] = ()  #: Everybody with this address.
    sharing: int = 1  #: How many people who count share it.


def facts_as_json(facts: NoteFacts) -> str:
    """Return what a note can later be written from, in any language, beyond the journal's rows.

    This is JSON without staff's private remarks. `facts_of` reads it.
    """
    suppressions = []
    for suppression in facts.suppressions:
        values = {field.name: getattr(suppression, field.name) for field in fields(Suppression)}
        values |= {"since": _iso(suppression.since), "until": _iso(suppression.until)}
        values |= {"person": str(suppression.person) if suppression.person else None}
        values |= {"remark": suppression.remark if suppression.public else ""}
        suppressions.append({name: value for name, value in values.items() if value})
    document = {
        "feed_as_of": _iso(facts.feed_as_of),
        "personal_mail": facts.personal_mail,
        "sharing": facts.sharing,
        "suppressions": suppressions,
    }
    return json.dumps(document, ensure_ascii=False)


def facts_of(message: Message, delivery: Delivery, zone: tzinfo) -> NoteFacts:
    """Return what the note of a delivery was written from; `facts_as_json` stored it."""
    document = json.loads(delivery.note_facts)
    return NoteFacts(
        message=message.id,
        now=message.at.astimezone(zone),
        kind=message.kind,
        rule=message.rule,
        recipient=delivery.recipient,
        suppressions=tuple(map(suppression_of, document["suppressions"])),
        personal_mail=document["personal_mail"],
        feed_as_of=_moment_of(document["feed_as_of"]),
        persons=delivery.persons,
        sharing=document["sharing"],
    )


def suppression_of(document: dict[str, Any]) -> Suppression:
    """Read a suppression as written by `facts_as_json`, which leaves out empty values."""
    person = document.get("person")
    return Suppression(
        scope=Scope(document["scope"]),
        source=SuppressionSource(document["source"]),
        name=document.get("name", ""),
        names=tuple((language, name) for language, name in document.get("names", ())),
        origin=document.get("origin", ""),
        since=_moment_of(document.get("since")),
        until=_moment_of(document.get("until")),
        remark=document.get("remark", ""),
        public=document.get("public", False),
        person=PersonRef.parse(person) if person else None,
    )


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _moment_of(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
