"""What people call the states of deliveries, and the notes, in the language of a page."""

from collections.abc import Mapping

from fastapi import Request

from gateway.api.console.access import language_of
from gateway.api.using import services
from gateway.core.decision.note_template import NoteTemplate
from gateway.core.kinds import State


def note_words(request: Request) -> NoteTemplate:
    """Return the wording of notes in the language of whoever asks, else in the first there is."""
    known = services(request).notes()
    return known.get(language_of(request)) or next(iter(known.values()))


def state_words(request: Request) -> Mapping[State, str]:
    """Return what each state is called: `Verzenden mislukt`."""
    words = note_words(request)
    return {state: words.state(state) for state in State}
