"""The note: why a recipient was left out, and what a recruiter can do about it."""

import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, tzinfo
from typing import Any

from gateway.core import ids
from gateway.core.ascii_text import ascii_text
from gateway.core.decision.journal import Delivery, Message
from gateway.core.decision.note_template import (
    MAX_SHORT_REASONS,
    MAX_SHORT_VALUE,
    OPT_OUT,
    SHARED,
    SHORT_LAST,
    STAFF_PERSON,
    NoteTemplate,
)
from gateway.core.kinds import Kind, Scope, State
from gateway.core.mail.address import lookup_form
from gateway.core.mail.reply import Reply
from gateway.core.people.people import MAILCHIMP, PersonRef, Suppression, SuppressionSource

MAX_SHORT_LINES = 5
MAX_SHORT_OCTETS = 512  #: Of a whole reply: codes, text and line ends.
STATUS = "5.7.1"  #: Delivery not authorized (RFC 3463, 3.8).

#: What has no name of its own but words of the template.
_NAMELESS = (
    SuppressionSource.STAFF,
    SuppressionSource.LAST_KNOWN,
    SuppressionSource.UNREAD_STATUS,
)
_FRAME = len(f"550-{STATUS} \r\n")
_REASONS = frozenset(("names", "reason"))
_DOMAIN = re.compile(r"(?<=\S)@\S+")


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteFacts:
    """What a note tells of one recipient of one message."""

    message: int  #: The journal's id; 0 for one that is only explained.
    now: datetime  #: Aware; every time is shown in its zone.
    kind: Kind
    rule: str
    recipient: str  #: As the CRM wrote it.
    suppressions: tuple[Suppression, ...]  #: Those that block; at least one.
    personal_mail: bool  #: Whether mail from the person's own file would go through.
    feed_as_of: datetime | None = None
    persons: tuple[PersonRef, ...] = ()  #: Everybody who has the address.
    sharing: int = 1  #: How many people who count have it.


@dataclass(frozen=True, slots=True)
class Note:
    """The explanation that goes with `send_failed`."""

    #: ASCII, at most five lines; the first is enough by itself, and so is the last.
    short: tuple[str, ...]
    full: str  #: In the reader's language, lines parted by `\n`.


def render(template: NoteTemplate, facts: NoteFacts) -> Note:
    """Write the note in the template's language."""
    return Note(_short(template, facts), _full(template, facts))


def reasons(template: NoteTemplate, facts: NoteFacts) -> str:
    """Write only what would have failed it, for mail that went all the same."""
    entries = _strictest_first(facts.suppressions)
    written = (
        template.fill(_section(template, one), _reason(template, facts, one)) for one in entries
    )
    return "\n\n".join(dict.fromkeys(map("\n".join, written)))


def kept(facts: NoteFacts) -> str:
    """Return what a note can be written from later, in any language, beside the journal's rows.

    As JSON; what staff remarked and isn't public stays out. `retold` reads it.
    """
    return json.dumps(
        {
            "feed_as_of": _iso(facts.feed_as_of),
            "personal_mail": facts.personal_mail,
            "sharing": facts.sharing,
            "suppressions": [_plain(one) for one in facts.suppressions],
        },
        ensure_ascii=False,
    )


def retold(template: NoteTemplate, message: Message, one: Delivery, zone: tzinfo) -> str:
    """Write the note of a delivery in the template's words; as it was written where it is older.

    Deliveries that an earlier gateway wrote down have the note's text only.
    """
    if not one.note_facts:
        return one.note
    facts = _facts_of(message, one, zone)
    return reasons(template, facts) if one.would else render(template, facts).full


def retold_whole(
    template: NoteTemplate, message: Message, one: Delivery, zone: tzinfo
) -> Note | None:
    """Write the note of a failed delivery in the template's words; None where it is older."""
    return render(template, _facts_of(message, one, zone)) if one.note_facts else None


def _facts_of(message: Message, one: Delivery, zone: tzinfo) -> NoteFacts:
    known = json.loads(one.note_facts)
    return NoteFacts(
        message=message.id,
        now=message.at.astimezone(zone),
        kind=message.kind,
        rule=message.rule,
        recipient=one.recipient,
        suppressions=tuple(map(_suppression, known["suppressions"])),
        personal_mail=known["personal_mail"],
        feed_as_of=_moment_of(known["feed_as_of"]),
        persons=one.persons,
        sharing=known["sharing"],
    )


def retold_in(template: NoteTemplate, message: Message, zone: tzinfo) -> Message:
    """Return a message with the notes of its deliveries in the template's words."""
    told = (
        replace(one, note=retold(template, message, one, zone)) if one.note else one
        for one in message.deliveries
    )
    return replace(message, deliveries=tuple(told))


def told_in(templates: Iterable[NoteTemplate], message: Message) -> NoteTemplate | None:
    """Return the wording a message's notes were written in; None where there are none, or others.

    A note begins with what the wording calls the state: `Verzenden mislukt`.
    """
    notes = [one.note for one in message.deliveries if one.state is State.SEND_FAILED and one.note]
    begun = (each for each in templates if any(note.startswith(each.send_failed) for note in notes))
    return next(begun, None)


def _plain(one: Suppression) -> dict[str, object]:
    values = {field.name: getattr(one, field.name) for field in fields(Suppression)}
    values |= {"since": _iso(one.since), "until": _iso(one.until)}
    values |= {"person": str(one.person) if one.person else None}
    values |= {"remark": one.remark if one.public else ""}
    return {name: value for name, value in values.items() if value}


def _suppression(plain: dict[str, Any]) -> Suppression:
    person = plain.get("person")
    return Suppression(
        scope=Scope(plain["scope"]),
        source=SuppressionSource(plain["source"]),
        name=plain.get("name", ""),
        names=tuple((language, name) for language, name in plain.get("names", ())),
        origin=plain.get("origin", ""),
        since=_moment_of(plain.get("since")),
        until=_moment_of(plain.get("until")),
        remark=plain.get("remark", ""),
        public=plain.get("public", False),
        person=PersonRef.parse(person) if person else None,
    )


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _moment_of(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def refusal(template: NoteTemplate, failed: Sequence[NoteFacts]) -> Reply:
    """Return the 550 for recipients of one message who all failed; the reply names none of them.

    Every line starts with the enhanced status (RFC 2034, 4). A mailbox named twice counts once.
    """
    mailboxes = list({lookup_form(facts.recipient): facts for facts in failed}.values())
    lines = _short(template, mailboxes[0]) if len(mailboxes) == 1 else _several(template, mailboxes)
    return Reply(550, tuple(f"{STATUS} {line}" for line in lines))


def _short(template: NoteTemplate, facts: NoteFacts) -> tuple[str, ...]:
    if _is_shared(template, facts):
        return _short_of_several_people(template, facts)
    first = _strictest_first(facts.suppressions)[0]
    reason = _reason(template, facts, first)
    values = {
        "id": ids.show(facts.message),
        "state": template.send_failed,
        "feed": _moment(template, facts, facts.feed_as_of),
        **reason,
    }
    lines = template.fill(f"short {_section(template, first)}", _discreet(values))
    if facts.personal_mail:
        lines += template.fill("short personal", {})
    return _fitting(lines, _last(template, facts.message, [first]))


def _is_shared(template: NoteTemplate, facts: NoteFacts) -> bool:
    """Whether a note is about several people: what is said of one may not hold for another."""
    of_people = any(one.person is not None for one in facts.suppressions)
    return facts.sharing > 1 and of_people and f"short {SHARED}" in template.sections


def _short_of_several_people(template: NoteTemplate, facts: NoteFacts) -> tuple[str, ...]:
    entries = _strictest_first(facts.suppressions)
    values = {
        "id": ids.show(facts.message),
        "state": template.send_failed,
        "count": str(facts.sharing),
        "names": ", ".join(dict.fromkeys(_name(template, one) for one in entries)),
        "feed": _moment(template, facts, facts.feed_as_of),
    }
    lines = template.fill(f"short {SHARED}", _discreet(values))
    if facts.personal_mail:
        lines += template.fill(f"short personal {SHARED}", {})
    return _fitting(lines, _last(template, facts.message, entries))


def _several(template: NoteTemplate, failed: Sequence[NoteFacts]) -> tuple[str, ...]:
    entries = [entry for facts in failed for entry in facts.suppressions]
    names = dict.fromkeys(_name(template, entry) for entry in entries)
    values = {
        "id": ids.show(failed[0].message),
        "state": template.send_failed,
        "count": str(len(failed)),
        "names": ", ".join(names),
    }
    lines = template.fill("short several", _discreet(values))
    return _fitting(lines, _last(template, failed[0].message, entries))


def _last(template: NoteTemplate, message: int, entries: Sequence[Suppression]) -> str:
    """Write the line for programs that show only a reply's last one (mutt, emailjs …)."""
    named = dict.fromkeys(
        _name(template, entry)
        if entry.source in _NAMELESS
        else f'"{_clipped(_name(template, entry), MAX_SHORT_VALUE - 2)}"'
        for entry in entries
    )
    values = {
        "id": ids.show(message),
        "state": template.send_failed,
        "reason": ", ".join(named),
    }
    return template.fill(SHORT_LAST, _discreet(values))[0]


def _discreet(values: Mapping[str, str]) -> dict[str, str]:
    """Shorten values for SMTP, where a line reaches people it isn't about: no addresses."""
    plain = {name: ascii_text(_DOMAIN.sub("", value)) for name, value in values.items()}
    return {
        name: _clipped(value, MAX_SHORT_REASONS if name in _REASONS else MAX_SHORT_VALUE)
        for name, value in plain.items()
    }


def _clipped(value: str, most: int) -> str:
    return value if len(value) <= most else value[: most - 3] + "..."


def _fitting(lines: Sequence[str], last: str) -> tuple[str, ...]:
    """Return the lines that fit into a reply: the first, the last, and between them what may.

    What stands further down counts more: how to lift it more than since when it holds. More lines
    than there may be are joined, so that nothing is lost that fits.
    """
    first, *others = map(ascii_text, lines)
    if not others:
        return (first,)
    last = ascii_text(last)
    room = MAX_SHORT_OCTETS - 2 * _FRAME - len(first) - len(last)
    between: list[str] = []
    for line in reversed(others):
        if _FRAME + len(line) <= room:
            room -= _FRAME + len(line)
            between.insert(0, line)
    while len(between) > MAX_SHORT_LINES - 2:
        between[:2] = [f"{between[0].rstrip('.')}. {between[1]}"]
    return (first, *between, last)


def _full(template: NoteTemplate, facts: NoteFacts) -> str:
    values = {
        "state": template.send_failed,
        "recipient": one_line(facts.recipient),
        "id": ids.show(facts.message) if facts.message else "-",
        "now": template.moment(facts.now),
        "kind": template.words[facts.kind],
        "rule": one_line(facts.rule),
        "reasons": reasons(template, facts),
        "feed": _moment(template, facts, facts.feed_as_of),
        "persons": ", ".join(map(str, facts.persons)),
        "personal": _personal(template, facts),
    }
    return re.sub(r"\n{3,}", "\n\n", "\n".join(template.fill("full", values))).strip()


def _personal(template: NoteTemplate, facts: NoteFacts) -> str:
    section = "personal" if facts.personal_mail else "no personal"
    if _is_shared(template, facts):
        section = f"{section} {SHARED}"
    persons = ", ".join(map(str, facts.persons))
    return "\n".join(template.fill(section, {"persons": persons}))


def _reason(template: NoteTemplate, facts: NoteFacts, entry: Suppression) -> dict[str, str]:
    return {
        "name": _name(template, entry),
        "scope": template.scope(entry.scope),
        "since": _date(template, facts, entry.since),
        "until": _date(template, facts, entry.until),
        "origin": one_line(entry.origin),
        "remark": one_line(entry.remark) if entry.public else "",
        "person": str(entry.person or ""),
        "address": shlex.quote(one_line(facts.recipient)),
    }


def _section(template: NoteTemplate, entry: Suppression) -> str:
    """Return under what a template explains a suppression; a group left to Mailchimp differs."""
    by_mailchimp = entry.source is SuppressionSource.GROUP and entry.origin == MAILCHIMP
    if by_mailchimp and OPT_OUT in template.sections and f"short {OPT_OUT}" in template.sections:
        return OPT_OUT
    by_staff = entry.source is SuppressionSource.STAFF and entry.person is not None
    if by_staff and STAFF_PERSON in template.sections:
        return STAFF_PERSON
    return entry.source.replace("_", " ")


def _strictest_first(entries: tuple[Suppression, ...]) -> list[Suppression]:
    return sorted(entries, key=lambda entry: not entry.scope.includes(Scope.ALL))


def _name(template: NoteTemplate, entry: Suppression) -> str:
    if entry.source is SuppressionSource.STAFF:
        by_person = entry.person is not None and "blocked_person" in template.words
        return template.words["blocked_person" if by_person else "blocked_address"]
    if entry.source in (SuppressionSource.LAST_KNOWN, SuppressionSource.UNREAD_STATUS):
        return template.words[entry.source]
    spoken = dict(entry.names)
    named = (spoken.get(template.language), entry.name, *spoken.values())
    return one_line(next(filter(None, named), "")) or "?"


def _date(template: NoteTemplate, facts: NoteFacts, moment: datetime | None) -> str:
    return template.date(moment.astimezone(facts.now.tzinfo)) if moment else ""


def _moment(template: NoteTemplate, facts: NoteFacts, moment: datetime | None) -> str:
    return template.moment(moment.astimezone(facts.now.tzinfo)) if moment else ""


def one_line(text: str) -> str:
    """Take line ends and what can't be printed out of a text from outside."""
    if text.isprintable():
        return text.strip()
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printable.split())
