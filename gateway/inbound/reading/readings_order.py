"""The order of the readings of a forwarded mail, where it has more than one."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from gateway.core.replies.forwarded.original import Heading
from gateway.core.replies.subject_prefixes import without_prefixes
from gateway.inbound.reading.recovered import RecoveredMail

_ZONES = timedelta(hours=26)  #: By which dates without zones may differ.
_MOST_MINOR = 8  #: Readings that count only where they are the candidate's …
_LARGEST_MINOR = 1_000_000  #: … and characters of them all.


def in_order(
    readings: list[RecoveredMail], *, subject: str, sent: datetime | None
) -> RecoveredMail:
    """Return the surest of the readings of a mail, with the others chained behind it.

    `subject` is that of the mail around them, `sent` its date. They come in the order in which
    programs write: what is found first counts, unless the subject or the dates say otherwise.
    """
    ordered: list[RecoveredMail] = []
    minor: list[RecoveredMail] = []
    outer, size = readings[0], 0
    for reading in readings:
        if reading.is_minor and not is_meant(reading, outer, subject, sent):
            size += len(reading.text) + len(reading.html) + len(reading.staff_text)
            minor += [reading] if len(minor) < _MOST_MINOR and size < _LARGEST_MINOR else []
            continue
        if reading.is_minor:
            reading = replace(reading, is_minor=False, is_within=False)  # noqa: PLW2901
        else:
            outer = reading
        if any(is_same(reading, before) for before in ordered):
            continue
        less_sure = (
            number
            for number, before in enumerate(ordered)
            if is_surer(reading, before, subject, sent)
        )
        ordered.insert(next(less_sure, len(ordered)), reading)
    ordered += [reading for reading in minor if not any(map(partial(is_same, reading), ordered))]
    first: RecoveredMail | None = None
    for reading in reversed(ordered):
        first = replace(reading, other=first)
    assert first is not None
    return first


def is_surer(
    reading: RecoveredMail, before: RecoveredMail, subject: str, sent: datetime | None
) -> bool:
    """Whether a reading agrees better with what is known than the one before it.

    It has the subject of the mail, it is not younger than the mail, or it is younger than the
    other, which can't hold it then: a mail is not older than what is forwarded in it.
    """
    if reading.heading is None or before.heading is None:
        return before.heading is None and reading.heading is not None
    has_subject = has_subject_of(subject, reading.heading)
    had_subject = has_subject_of(subject, before.heading)
    if not reading.is_within and has_subject != had_subject:
        return has_subject
    date, other = reading.heading.date, before.heading.date
    if date is None or other is None:
        return False
    if sent is not None and (date - sent > _ZONES) != (other - sent > _ZONES):
        return other - sent > _ZONES
    return reading.is_sure and date - other > _ZONES


def is_meant(
    minor: RecoveredMail, outer: RecoveredMail, subject: str, sent: datetime | None
) -> bool:
    """Whether the mail says that a minor reading is what was forwarded, or the dates say that it
    is in no other one: it alone has the subject, or it is younger than what would hold it.
    """
    if minor.heading is None or outer.heading is None or not minor.is_sure:
        return False
    if (
        outer.heading.has_subject
        and has_subject_of(subject, minor.heading)
        and not has_subject_of(subject, outer.heading)
    ):
        return True
    date, other = minor.heading.date, outer.heading.date
    if date is None or other is None or (sent is not None and date - sent > _ZONES):
        return False
    return date - other > _ZONES


def has_subject_of(subject: str, heading: Heading) -> bool:
    """Whether a heading tells a subject, and it is the one of the mail around it."""
    wanted = without_prefixes(subject).casefold()
    return (
        bool(wanted)
        and heading.has_subject
        and without_prefixes(heading.subject).casefold() == wanted
    )


def is_same(reading: RecoveredMail, other: RecoveredMail) -> bool:
    """Whether two readings are of one mail: its author, its date and its text."""
    if reading.heading is None or other.heading is None:
        return reading.heading is other.heading
    return (
        reading.heading.sender == other.heading.sender
        and reading.heading.date == other.heading.date
        and reading.text.split() == other.text.split()
    )
