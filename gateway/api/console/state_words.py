"""Names of delivery states, and notes, in the page's language."""

from collections.abc import Mapping

from fastapi import Request

from gateway.api.console.access import language_of
from gateway.api.using import services
from gateway.core.decision.note_template import NoteTemplate
from gateway.core.kinds import State


def note_words(request: Request) -> NoteTemplate:
    """Return the wording of notes in the reader's language, or else the first there is."""
    templates = services(request).notes()
    return templates.get(language_of(request)) or next(iter(templates.values()))


def state_words(request: Request) -> Mapping[State, str]:
    """Return the name of each state: `Verzenden mislukt`."""
    words = note_words(request)
    return {state: words.state(state) for state in State}
