"""The note: why a recipient was left out, and what a recruiter can do about it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo

from gateway.core import ids
from gateway.core.decision.note_facts import NoteFacts, facts_of
from gateway.core.decision.note_template import SHARED, NoteTemplate
from gateway.core.decision.short_note import STATUS, short_form, short_form_of_several
from gateway.core.decision.suppression_wording import (
    is_shared,
    one_line,
    reason_values,
    strictest_first,
    suppression_section,
)
from gateway.core.journal.message import Delivery, Message
from gateway.core.kinds import State
from gateway.core.mail.address import lookup_form
from gateway.core.mail.reply import Reply
from gateway.core.wording import tidy


@dataclass(frozen=True, slots=True)
class Note:
    """The explanation that goes with `send_failed`."""

    #: ASCII, at most five lines; the first and the last are each enough on their own.
    short: tuple[str, ...]
    full: str  #: In the reader's language, lines separated by `\n`.


def render(template: NoteTemplate, facts: NoteFacts) -> Note:
    """Write the note in the template's language."""
    persons = ", ".join(map(str, facts.persons))
    section = "personal" if facts.personal_mail else "no personal"
    if is_shared(template, facts):
        section = f"{section} {SHARED}"
    values = {
        "state": template.send_failed,
        "recipient": one_line(facts.recipient),
        "id": ids.show(facts.message) if facts.message else "-",
        "now": template.moment(facts.now),
        "kind": template.words[facts.kind],
        "rule": one_line(facts.rule),
        "reasons": reasons(template, facts),
        "feed": template.moment_in(facts.now.tzinfo, facts.feed_as_of),
        "persons": persons,
        "personal": "\n".join(template.fill(section, {"persons": persons})),
    }
    return Note(short_form(template, facts), tidy(template.fill("full", values)))


def reasons(template: NoteTemplate, facts: NoteFacts) -> str:
    """Write only what would have stopped the mail, for mail that went out anyway."""
    explained = (
        template.fill(
            suppression_section(template, suppression), reason_values(template, facts, suppression)
        )
        for suppression in strictest_first(facts.suppressions)
    )
    return "\n\n".join(dict.fromkeys(map("\n".join, explained)))


def refusal(template: NoteTemplate, failed: Sequence[NoteFacts]) -> Reply:
    """Return the 550 for a message all of whose recipients failed; the reply names none of them.

    Every line starts with the enhanced status (RFC 2034, 4). A mailbox named twice counts once.
    """
    mailboxes = list({lookup_form(facts.recipient): facts for facts in failed}.values())
    if len(mailboxes) == 1:
        lines = short_form(template, mailboxes[0])
    else:
        lines = short_form_of_several(template, mailboxes)
    return Reply(550, tuple(f"{STATUS} {line}" for line in lines))


def rewritten_note(
    template: NoteTemplate, message: Message, delivery: Delivery, zone: tzinfo
) -> str:
    """Write a delivery's note again, in the template's words; empty if it has none."""
    if not delivery.note_facts:
        return ""
    facts = facts_of(message, delivery, zone)
    return reasons(template, facts) if delivery.would else render(template, facts).full


def note_of_failed(
    template: NoteTemplate, message: Message, delivery: Delivery, zone: tzinfo
) -> Note | None:
    """Write the note of a failed delivery in the template's words; None if its person is erased."""
    return render(template, facts_of(message, delivery, zone)) if delivery.note_facts else None


def with_rewritten_notes(template: NoteTemplate, message: Message, zone: tzinfo) -> Message:
    """Return a message with its deliveries' notes in the template's words."""
    deliveries = (
        replace(delivery, note=rewritten_note(template, message, delivery, zone))
        for delivery in message.deliveries
    )
    return replace(message, deliveries=tuple(deliveries))


def wording_of_notes(templates: Iterable[NoteTemplate], message: Message) -> NoteTemplate | None:
    """Return the wording that a message's notes were written in; None if no notes or no match.

    A note starts with the wording's name for the state: `Verzenden mislukt`.
    """
    failed = (entry for entry in message.deliveries if entry.state is State.SEND_FAILED)
    notes = [entry.note for entry in failed if entry.note]
    for template in templates:
        if any(note.startswith(template.send_failed) for note in notes):
            return template
    return None
