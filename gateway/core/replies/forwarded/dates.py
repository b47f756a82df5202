"""Dates as mail programs in all languages write them above a forwarded mail."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from email.utils import parsedate_to_datetime

from gateway.core.replies.forwarded.language.am_pm import is_past_noon
from gateway.core.replies.forwarded.language.months import (
    month_number,
    month_within,
    persian_month_within,
)
from gateway.core.replies.forwarded.language.zones import ZONES

_LONGEST = 120
_COLONS = {ord(mark): ":" for mark in "∶：︰"}
_CENTURY = 2000
#: The offset of Thai years, and from which year on it is assumed.
_BUDDHIST, _BUDDHIST_FROM = 543, 2500
_YEARS = range(1970, 2200)
_YEAR_FIRST_IN = frozenset(["eu", "ja", "ko", "ne", "zh"])  #: Languages: `26. 3. 4.`
_PERSIAN_YEARS = range(1349, 1500)

_INTERNET = re.compile(
    r"(?:[A-Za-z]{3}, )?\d{1,2} [A-Za-z]{3} \d{4} \d\d:\d\d(?::\d\d)? (?:[+-]\d{4}|GMT)"
)
_YEAR_FIRST = re.compile(r"(?<!\d)(\d{4}) ?[-/.年년] ?(\d{1,2}) ?[-/.月월] ?(\d{1,2})(?!\d)")
_NUMBERS = re.compile(r"(?<!\d)(\d{1,2}) ?[-/.] ?(\d{1,2}) ?[-/.] ?(\d{4}|\d{2})(?!\d)")
_SHORT_YEAR_FIRST = re.compile(r"(?<!\d)(\d\d) ?[-/.] ?(\d{1,2}) ?[-/.] ?(\d{1,2})(?!\d)")
_PLAIN_YEAR_FIRST = re.compile(r"(?<![\d:./-])(\d{4}) (\d{1,2}) (\d{1,2})(?![\d:./-])")
#: `thg 3 4, 2026` is in March, as `Mar 4, 2026` is.
_NUMBERED_MONTH = re.compile(r"\b(?:thg|tháng) (\d{1,2}) (\d{1,2}),? (\d{4})(?!\d)")
#: `4 3 2026`, `4 de 3 de 2026`, `4 tháng 3, 2026`
_PLAIN_NUMBERS = re.compile(
    r"(?<![\d:./-])(\d{1,2}),?(?: de| tháng| thg)? (\d{1,2})(?: de|,)?(?: năm)? (\d{4})(?![\d:./-])"
)
_LINK = r"(?:[ ](?:(?:de|del|of)(?= )|d(?=[’'])))?[- ’'/]{0,2}"
_WORD = r"([^\W\d_][^\s\d,:;/()’'-]{1,20})"
_DAY_FIRST = re.compile(
    rf"(?<!\d)(\d{{1,2}})(?:st|nd|rd|th|er|º|ª)?[.,]?{_LINK}{_WORD}[.,]{{0,2}}{_LINK}"
    r"(?:[คพ]\.ศ\. ?)?(\d{4}|\d\d)(?![\d:])"
)
_MONTH_FIRST = re.compile(
    rf"(?<!\w){_WORD}\.? (\d{{1,2}})(?:st|nd|rd|th)?[.,]?(?: de)? (\d{{4}})(?!\d)"
)
#: Windows in Canadian English: `March-09-12 4:22 PM`.
_MONTH_FIRST_JOINED = re.compile(
    r"(?<![\w-])([^\W\d_]{2,20})\.?[-/](\d{1,2})[-/](\d{4}|\d\d)(?![\d:])"
)
_YEAR_MONTH = re.compile(
    rf"(?<!\d)(\d{{4}})(?:\(e\)ko)?[.,]?(?: m\.| թ\.)?[ -]{_WORD}(?: mēn\.)?[ -](\d{{1,2}})(?!\d)"
)
_YEAR_DAY = re.compile(rf"(?<!\d)(\d{{4}})\. (?:gada|g\.) (\d{{1,2}})\. {_WORD}")
#: In Croatian, day and year end in a full stop: `7. listopada 2026. u 9:15` is not in November.
_CROATIAN = re.compile(rf"(?<!\d)\d{{1,2}}\. (?:{_WORD}\.? \d{{4}}\.(?!\d)|listopada\b)")

#: A number and, if it is a time, the rest of it; times are matched as narrowly as possible.
_NUMBER = re.compile(r"(?<!\d)(\d{1,4})((?:[:.]\d\d){1,2})?(?!\d)")
#: A number that is a month: `11월 23, 2026`, `2026 оны 11-р сарын 23`.
_MONTH = re.compile(r"(?<!\d)(\d{1,2}) ?(?:월|月|-р сар|-ئاي)")
_TIME = re.compile(
    r"(?<![\d.])(\d{1,2}) ?[:.hHu時시点點] ?(\d\d|\d(?=[分분]))(?:[:.分분] ?(\d\d))?(?!\d)"
)
_CLOCK = re.compile(r"\d ?[:.hHu時시点點] ?\d")  #: What every time contains.
#: Halves of the day, before or after the time: first those from noon on, then the others.
_HALF = re.compile(
    r"(?<=\d) ?(?:(p\.? ?m(?![a-z])|μ\.?μ|م\b|PTG\b|MD\b|m\.d\.|شام)"
    r"|(?:a\.? ?m(?![a-z])|π\.?μ|ص\b|PG\b|p\.d\.|صبح))"
    r"|(?:(午後|下午|晚上|中午|傍晚|오후|ප\.ව\.|\b(?-i:PM)(?= \d))"
    r"|(?:午前|上午|凌晨|清晨|早上|오전|පෙ\.ව\.|\b(?-i:AM)(?= \d)))(?= ?\d)",
    re.IGNORECASE,
)
#: Parts of the day in Indian languages: night, noon and evening; all others are mornings.
_PART = re.compile(
    r"(?:(রাত|રાત|रात|ರಾತ್ರಿ|രാത്രി|ਰਾਤ|రాత్రి|राती|रात्री|राति|पहाटे|rati)"
    r"|(দুপুর|બપોર|दोपहर|ಮಧ್ಯಾಹ್ನ|ഉച്ച|दुपारी|दिउँसो|ਦੁਪਹਿਰ|మధ్యాహ్నం|दनपारां|donparam)"
    r"|(বিকাল|সন্ধ্যা|સાંજ|शाम|ಸಂಜೆ|വൈകുന്നേരം|सायंकाळी|साँझ|ਸ਼ਾਮ|సాయంత్రం|सांजे|सांज|sanje))"
    r"\S{0,8}(?: \S{1,12})? \d"
)
#: Thai and Lao write `9 o'clock 15 minutes 02 seconds`.
_CLOCK_WORDS = re.compile(r"(?<=\d) (?:นาฬิกา|นาที|ໂມງ|ນາທີ) (?=\d)")
#: An unmistakable offset, wherever it is: Chinese has it before the time.
_ZONE = re.compile(r"(?:\b(?:GMT|UTC?)|(?=\+)) ?([+\-−])(\d{1,2})(?::?(\d\d))?(?![\d:])")
_MOST_HOURS = 14  #: The most that a place is ahead of UTC.
_OFFSET = re.compile(r"(?<!\d)([+\-−])(\d{1,2}):?(\d\d)?(?!\d)")
_NAMED = re.compile(r"(?<![A-Za-z])([A-ZČ]{3,5}|Z)(?![A-Za-z])")


def parse_date(text: str, *, languages: Iterable[str] = (), zone: tzinfo) -> datetime | None:
    """Return the moment a date means, aware, or None if it is unreadable.

    `languages` decide between months with the same name and, in ambiguous dates, whether an
    American put the month first; `zone` is assumed if the text names none.
    """
    text = _CLOCK_WORDS.sub(":", " ".join(text[:_LONGEST].translate(_COLONS).split()))
    if is_internet_date(text):
        try:
            parsed = parsedate_to_datetime(text)
        except ValueError:
            return None
        if text.endswith("-0000"):  # UTC, the sender's place unknown
            return parsed.replace(tzinfo=UTC)
        return parsed if parsed.tzinfo else parsed.replace(tzinfo=zone)
    if _CLOCK.search(text) is None:
        return None
    text, offset = without_offset(text)
    known_languages = tuple(languages) or (("hr",) if _CROATIAN.search(text) else ())
    for day, rest in days_in(text, known_languages):
        match = _TIME.search(rest)
        clock = clock_of(match, rest, known_languages) if match else None
        if match is not None and clock is not None:
            named_zone = zone_of(rest[match.end() :]) if offset is None else offset
            return datetime.combine(day, clock, named_zone or zone)
    return None


def without_offset(text: str) -> tuple[str, timezone | None]:
    """Remove an offset, whose digits belong to neither day nor time: `GMT+8 9:15`."""
    match = _ZONE.search(text)
    if match is None or int(match[2]) > _MOST_HOURS:
        return text, None
    return f"{text[: match.start()]} {text[match.end() :]}", _timezone(*match.groups())


def is_internet_date(text: str) -> bool:
    """Whether a date has the form of a mail header (RFC 5322, 3.3)."""
    return _INTERNET.fullmatch(text) is not None


def days_in(text: str, languages: tuple[str, ...]) -> Iterator[tuple[date, str]]:
    """Yield each day the text may mean, with the rest of the text, the surest first."""
    for match in _NUMBERED_MONTH.finditer(text):
        yield from _day(text, match, match[3], match[1], match[2])
    for pattern in (_YEAR_FIRST, _PLAIN_YEAR_FIRST):
        for match in pattern.finditer(text):
            yield from _day(text, match, *match.groups())
    for pattern, order in (
        (_DAY_FIRST, "dmy"),
        (_YEAR_MONTH, "ymd"),
        (_YEAR_DAY, "ydm"),
        (_MONTH_FIRST, "mdy"),
        (_MONTH_FIRST_JOINED, "mdy"),
    ):
        for match in pattern.finditer(text):
            parts = dict(zip(order, match.groups(), strict=True))
            month = month_number(parts["m"], languages)
            if month is not None:
                yield from _day(text, match, parts["y"], str(month), parts["d"])
    if languages and _YEAR_FIRST_IN.issuperset(languages):
        for match in _SHORT_YEAR_FIRST.finditer(text):
            yield from _day(text, match, *match.groups())
    for match in (*_NUMBERS.finditer(text), *_PLAIN_NUMBERS.finditer(text)):
        first, second, year = match.groups()
        if is_american(text, int(first), int(second), languages):
            first, second = second, first
        yield from _day(text, match, year, second, first)
    yield from days_in_any_order(text)


def days_in_any_order(text: str) -> Iterator[tuple[date, str]]:
    """Parse a day whose month is a word of any language, with its parts in any order.

    There must be a year and one other number, besides the time: `2026 оны арван нэгдүгээр сарын 23`
    """
    month = _MONTH.search(text)
    plain = [
        match
        for match in _NUMBER.finditer(text)
        if match[2] is None and (month is None or match.start() != month.start())
    ]
    years = [match for match in plain if len(match[1]) == 4]
    days = [match for match in plain if len(match[1]) <= 2]
    if len(years) != 1 or len(days) != 1:
        return
    year, day = int(years[0][1]), int(days[0][1])
    rest = text
    for match in (years[0], days[0]):
        blank = "|" * (match.end() - match.start())
        rest = f"{rest[: match.start()]}{blank}{rest[match.end() :]}"
    if year in _PERSIAN_YEARS:
        parsed_date = persian_day(year, persian_month_within(text), day)
    else:
        number = int(month[1]) if month else month_within(text)
        if number is None or year not in _YEARS:
            return
        try:
            parsed_date = date(year, number, day)
        except ValueError:
            return
    if parsed_date is not None:
        yield parsed_date, rest


def persian_day(year: int, month: int | None, day: int) -> date | None:
    """Return a day of the Persian calendar; until 2124, eight of 33 years are leap years."""
    if month is None or day > 31:
        return None
    years = year - 979
    days = 365 * years + years // 33 * 8 + (years % 33 + 3) // 4
    days += 31 * min(month - 1, 6) + 30 * max(month - 7, 0) + day - 1
    return date(1600, 3, 20) + timedelta(days=days)


def is_american(text: str, first: int, second: int, languages: tuple[str, ...]) -> bool:
    """Whether the first of two numbers is the month: `11/23/2026`, `3/4/2026 9:15 AM`."""
    if max(first, second) > 12:
        return second > 12
    halved = _HALF.search(text) is not None
    return halved and "/" in text and (not languages or "en" in languages)


def _day(
    text: str, match: re.Match[str], year: str, month: str, day: str
) -> Iterator[tuple[date, str]]:
    number = int(year) if len(year) > 2 else int(year) + _CENTURY
    if number > _BUDDHIST_FROM:
        number -= _BUDDHIST
    if number not in _YEARS:
        return
    try:
        parsed_date = date(number, int(month), int(day))
    except ValueError:
        return
    yield parsed_date, f"{text[: match.start()]} | {text[match.end() :]}"


def clock_of(match: re.Match[str], text: str, languages: tuple[str, ...]) -> time | None:
    """Return the matched time, given the half or part of the day the text names."""
    hour, minute, second = (int(part or 0) for part in match.groups())
    half = _HALF.search(text)
    past_noon = is_past_noon(text[: match.start()], text[match.end() :], languages)
    if half is not None and hour <= 12:
        hour = hour % 12 + (12 if half[1] or half[2] else 0)
    elif past_noon is not None and hour <= 12:
        hour = hour % 12 + (12 if past_noon else 0)
    elif hour <= 12 and (part := _PART.search(text)) is not None:
        is_late = part[3] or (part[1] and 6 < hour < 12) or (part[2] and (hour < 6 or hour == 12))
        hour = hour % 12 + (12 if is_late else 0)
    try:
        return time(hour, minute, second)
    except ValueError:
        return None


def zone_of(text: str) -> timezone | None:
    """Return the zone a text names, by offset or letters; None if it names none."""
    match = _OFFSET.search(text)
    if match is not None and int(match[2]) <= _MOST_HOURS:
        return _timezone(*match.groups())
    for name in _NAMED.findall(text):
        if name in ZONES:
            return timezone(timedelta(hours=ZONES[name]))
    return None


def _timezone(sign: str, hours: str, minutes: str | None) -> timezone:
    offset = timedelta(hours=int(hours), minutes=int(minutes or 0) % 60)
    return timezone(offset if sign == "+" else -offset)
