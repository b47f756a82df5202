"""Cursors of lists of people, of their timelines, and of a campaign's members.

Reading an invalid cursor raises `Problem`.
"""

from datetime import datetime

from gateway.api.json_response import unknown_cursor, unwrap_cursor, wrap_cursor
from gateway.core.people.people import PersonKind, PersonRef
from gateway.store.views.timeline import TimelinePlace

_MOST_ALIKE = 10_000  #: Events at the same time that a cursor may skip.


def person_cursor(last: PersonRef | None) -> str | None:
    """Return the cursor that continues after a person; None: there is nobody after them."""
    return None if last is None else wrap_cursor([last.kind, last.crm_id])


def person_before(cursor: str | None) -> PersonRef | None:
    """Return the person after whom a list of people continues."""
    if cursor is None:
        return None
    kind, crm_id = unwrap_cursor(cursor, 2)
    if kind not in set(PersonKind):
        raise unknown_cursor()
    return PersonRef(PersonKind(kind), crm_id)


def timeline_cursor(last: TimelinePlace | None) -> str | None:
    """Return the cursor for older events; None: there are none."""
    return None if last is None else wrap_cursor([last.at.isoformat(), str(last.shown_count)])


def timeline_place(cursor: str | None) -> TimelinePlace | None:
    """Return where a timeline continues."""
    if cursor is None:
        return None
    moment, shown_count = unwrap_cursor(cursor, 2)
    try:
        place = TimelinePlace(datetime.fromisoformat(moment), int(shown_count))
    except ValueError:
        raise unknown_cursor() from None
    if place.at.tzinfo is None or not 0 < place.shown_count < _MOST_ALIKE:
        raise unknown_cursor()
    return place


def member_before(cursor: str | None) -> PersonRef | None:
    """Return the person after whom a list of a campaign's members continues."""
    if cursor is None:
        return None
    (member,) = unwrap_cursor(cursor, 1)
    try:
        return PersonRef.parse(member)
    except ValueError:
        raise unknown_cursor() from None
