"""The order of the readings of a forwarded mail, where it has more than one."""

from dataclasses import replace
from datetime import datetime, timedelta

from gateway.core.replies.subject_prefixes import without_prefixes
from gateway.inbound.reading.recovered import Recovered

_ZONES = timedelta(hours=26)  #: By which dates without zones may differ.


def in_order(readings: list[Recovered], *, subject: str, sent: datetime | None) -> Recovered:
    """Return the surest of the readings of a mail; those behind it follow one another.

    `subject` is that of the mail around them, `sent` its date. They come in the order in which
    programs write: what is found first counts, unless the subject or the dates say otherwise.
    """
    ordered: list[Recovered] = []
    for reading in readings:
        if any(is_same(reading, before) for before in ordered):
            continue
        less_sure = (
            number
            for number, before in enumerate(ordered)
            if is_surer(reading, before, subject, sent)
        )
        ordered.insert(next(less_sure, len(ordered)), reading)
    first: Recovered | None = None
    for reading in reversed(ordered):
        first = replace(reading, other=first)
    assert first is not None
    return first


def is_surer(one: Recovered, before: Recovered, subject: str, sent: datetime | None) -> bool:
    """Whether a reading agrees better with what is known than the one before it.

    It has the subject of the mail, it is not younger than the mail, or it is younger than the
    other, which can't hold it then: a mail is not older than what is forwarded in it.
    """
    if one.heading is None or before.heading is None:
        return before.heading is None and one.heading is not None
    wanted = without_prefixes(subject).casefold()
    has_subject, had_subject = (
        bool(wanted)
        and heading.has_subject
        and without_prefixes(heading.subject).casefold() == wanted
        for heading in (one.heading, before.heading)
    )
    if not one.is_within and has_subject != had_subject:
        return has_subject
    date, other = one.heading.date, before.heading.date
    if date is None or other is None:
        return False
    if sent is not None and (date - sent > _ZONES) != (other - sent > _ZONES):
        return other - sent > _ZONES
    return one.is_sure and date - other > _ZONES


def is_same(one: Recovered, other: Recovered) -> bool:
    """Whether two readings are of one mail: its author, its date and its text."""
    if one.heading is None or other.heading is None:
        return one.heading is other.heading
    return (
        one.heading.sender == other.heading.sender
        and one.heading.date == other.heading.date
        and one.text.split() == other.text.split()
    )
