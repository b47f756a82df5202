"""The order of a forwarded mail's readings, if it has more than one."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from gateway.core.replies.forwarded.original import Heading
from gateway.core.replies.subject_prefixes import without_prefixes
from gateway.inbound.reading.recovered import RecoveredMail

_ZONES = timedelta(hours=26)  #: The most that one time can differ between two zones.
_MOST_MINOR = 8  #: How many minor readings (`RecoveredMail.is_minor`) are kept …
_LARGEST_MINOR = 1_000_000  #: … and how many characters of all of them together.


def in_order(
    readings: list[RecoveredMail], *, subject: str, sent: datetime | None
) -> RecoveredMail:
    """Return the surest reading of a mail, with the others chained as `other`.

    `subject` is the outer mail's, `sent` its date. `readings` are in the order in which they were
    found: the first counts, unless the subject or the dates say otherwise.
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
    """Whether a reading fits better than the one before it.

    It does if only it has the subject of the mail, or if the other is dated after the mail, which
    is impossible; or if it is newer than the other, which then can't contain it: a mail is never
    older than what is forwarded in it.
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
    """Whether a minor reading is what was forwarded after all.

    It is if only it has the subject of the mail, or if it is newer than the reading that would
    contain it, and so can't be part of that.
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
    """Whether a heading has a subject, and it is that of the outer mail."""
    outer_subject = without_prefixes(subject).casefold()
    return (
        bool(outer_subject)
        and heading.has_subject
        and without_prefixes(heading.subject).casefold() == outer_subject
    )


def is_same(reading: RecoveredMail, other: RecoveredMail) -> bool:
    """Whether two readings are the same mail, by author, date and text."""
    if reading.heading is None or other.heading is None:
        return reading.heading is other.heading
    return (
        reading.heading.sender == other.heading.sender
        and reading.heading.date == other.heading.date
        and reading.compared_text.split() == other.compared_text.split()
    )
