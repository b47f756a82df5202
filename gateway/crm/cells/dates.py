"""Dates and times as exports write them: in nl, de, fr and en, by databases and spreadsheets.

Whether 03/04/2026 is in March or April is decided by the other values of its column; see
`Evidence`.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo

from gateway.core.feed.feed_mapping import DateOrder
from gateway.core.moments import ENGLISH_MONTHS
from gateway.crm.cells.unreadable import UnreadableCell

_CLOCK = (
    r"(?:[T,\s]\s*(?:um\s|om\s|à\s)?(?P<hour>\d{1,2})[:.h](?P<minute>\d\d)"
    r"(?:[:.](?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"\s*(?P<half>[ap]\.?m\.?)?(?:\s*(?:uhr|uur|h))?"
    # Java's ZonedDateTime ends with the zone's name: `+02:00[Europe/Berlin]`.
    r"\s*(?P<zone>Z|UTC|GMT|[+-]\d\d:?(?:\d\d)?)?(?:\[[\w/+-]{1,40}\])?)?"
)
_WEEKDAY = r"(?:[^\W\d_]{2,9}\.?,?\s+)?"
_FORMS = tuple(
    re.compile(form + _CLOCK, re.IGNORECASE)
    for form in (
        # An XML Schema date (xs:date) may have a zone; it means that day in that zone.
        r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})"
        r"(?:Z|[+-]\d\d:\d\d)?",
        r"(?P<year>(?:18|19|20|21)\d\d)(?P<month>\d\d)(?P<day>\d\d)",
        rf"{_WEEKDAY}(?P<first>\d{{1,2}})(?P<mark>[-/.\s])\s?(?P<last>\d{{1,2}})(?P=mark)\s?"
        r"(?P<year>\d{4}|\d\d)",
        rf"{_WEEKDAY}(?P<day>\d{{1,2}})(?:er|e|ste|de|st|nd|rd|th)?[-.,/\s]*(?:of\s|de\s)?"
        r"(?P<name>[^\W\d_]{3,9})[-.,/\s]*(?P<year>\d{4}|\d\d)",
        rf"{_WEEKDAY}(?P<name>[^\W\d_]{{3,9}})[-.,/\s]*(?P<day>\d{{1,2}})(?:st|nd|rd|th)?[-.,/\s]+"
        r"(?P<year>\d{4})",
        r"(?P<year>\d{4})[-/.\s](?P<name>[^\W\d_]{3,9})[-/.\s](?P<day>\d{1,2})",
    )
)
#: SheetJS (npm's xlsx 0.18.5) miscalculates seconds because of how zones differed from UTC in 1899:
#: in Paris each date it reads becomes 23:59:39 of the day before, in Madrid each date it writes
#: becomes 23:59:16. A time of 23:59:59 is not such an error: it is the end of a day.
_TOO_EARLY = (time(23, 59, 1), time(23, 59, 58))
#: Placeholder dates that programs write for no date; nobody's birthday.
_NO_DAYS = frozenset(
    (
        date(1, 1, 1),  #: Zero in Go and .NET, and in Business Central's API.
        date(1601, 1, 1),  #: Zero of Windows file times.
        date(1753, 1, 1),  #: SQL Server's earliest.
        date(1899, 12, 30),  #: Zero of OLE Automation: Access, Delphi, LibreOffice.
        date(1899, 12, 31),
        date(1900, 1, 1),  #: SQL Server's date for an empty text, and a blank in Dynamics 365.
    )
)
#: An ISO date that may be a real one.
ISO_DAY = re.compile(rf"(?!0000|{'|'.join(sorted(map(str, _NO_DAYS)))})\d{{4}}-\d\d-\d\d")
#: What databases write for no date, and what Excel makes of looking up a blank cell.
_NONE = re.compile(
    r"0000-00-00(?:[T ]00:00(?::00)?)?|00:00(?::00)?|0?0[./-]0?1[./-]1900|0?1[./-]0?0[./-]1900"
    r"|1900-01-00|-{1,2}|—|–"
)
_SERIAL = re.compile(r"(?P<days>[1-7]\d{4})(?:[.,](?P<part>\d{1,15}))?")
_SERIALS = range(10_000, 75_000)  #: 1927 to 2105.
_EPOCH = date(1899, 12, 30)  #: Day 0 of spreadsheets; correct from March 1900 on.
_MONTHS = {
    name: month
    for month, names in enumerate(
        (
            "jan january januari januar jaenner janner janvier janv",
            "feb febr february februari februar feber fevrier fevr fev",
            "mar march maart mrt marz maerz mars mrz",
            "apr april avril avr",
            "may mei mai",
            "jun june juni juin",
            "jul july juli juillet juil",
            "aug august augustus aout",
            "sep sept september septembre",
            "oct okt october oktober octobre",
            "nov november novembre",
            "dec dez december dezember decembre",
        ),
        1,
    )
    for name in names.split()
}
_A_DATE, _A_TIME = "a date such as 1980-05-31", "a time such as 1980-05-31T08:30"
_CURE = "write it as 1980-05-31"


@dataclass(frozen=True, slots=True)
class _Written:
    """A parsed date; with `first` and `last`, it isn't known which is the day."""

    year: int
    is_short: bool  #: The year has two digits.
    month: int
    day: int
    first: int = 0
    last: int = 0
    clock: time | None = None  #: Aware if a zone is given.

    @property
    def is_open(self) -> bool:
        """Whether both numbers could be the day."""
        return bool(self.first) and self.first != self.last and max(self.first, self.last) <= 12


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the values of a column show about its date format."""

    day_first: str = ""  #: A value with the day first, such as 31/12/1980.
    month_first: str = ""
    open: str = ""  #: An ambiguous value, such as 03/04/2026.
    short_year: str = ""  #: A value with a two-digit year.
    are_serials: bool = False  #: All values are a spreadsheet's day numbers.
    #: All values with a time have the same one, a few seconds before midnight.
    are_early: bool = False

    @property
    def order(self) -> DateOrder | None:
        """The order, if the values agree on one."""
        if bool(self.day_first) == bool(self.month_first):
            return None
        return DateOrder.DAY_FIRST if self.day_first else DateOrder.MONTH_FIRST


def weigh(texts: Iterable[str], zone: tzinfo | None = None) -> Evidence:
    """Return what the values of a column show; values that aren't dates show nothing.

    Times with a zone are converted to `zone`.
    """
    day_first = month_first = undecided = short = ""
    serials = others = 0
    clocks: set[time] = set()
    for text in sorted(texts):  # So that two reports on one file show the same values.
        if _SERIAL.fullmatch(text):
            serials += 1
            continue
        others += 1
        written = _take_apart(text)
        if written is None:
            continue
        if written.clock:
            clocks.add(_clock_in(zone, written))
        if written.is_short:
            short = short or text
        if written.is_open:
            undecided = undecided or text
        elif 31 >= written.first > 12 >= written.last:
            day_first = day_first or text
        elif 31 >= written.last > 12 >= written.first > 0:
            month_first = month_first or text
    are_serials = bool(serials) and not others
    are_early = len(clocks) == 1 and _TOO_EARLY[0] <= clocks.pop() <= _TOO_EARLY[1]
    return Evidence(day_first, month_first, undecided, short, are_serials, are_early)


@dataclass(frozen=True, slots=True, kw_only=True)
class DateReader:
    """Reads the dates of a column."""

    #: Whether the day or the month comes first in 03/04/2026; None: refuse it.
    order: DateOrder | None = None
    are_serials: bool = False  #: Whether 29586 is a date.
    are_early: bool = False  #: Whether 1979-12-31 23:59:39 means the day that starts then.
    today: date | None = None  #: Needed for two-digit years; None: refuse them.
    is_past: bool = False  #: Whether two-digit years mean dates before today, as for birthdays.
    zone: tzinfo | None = None  #: Of dates, and of times without a zone; None: taken as written.

    def day(self, text: str) -> date | None:
        """Read a date; None if there is none.

        A time after it only counts if it has a zone: 1979-12-31T23:00:00Z is 1 January in
        Amsterdam. Raise UnreadableCell.
        """
        if not text or _NONE.fullmatch(text):
            return None
        day, clock = self._read(text, _A_DATE)
        if clock is None or clock.replace(tzinfo=None) == time():
            return None if day in _NO_DAYS else day
        moment = datetime.combine(day, clock)
        try:
            if clock.tzinfo and self.zone:
                moment = moment.astimezone(self.zone)
            day = (moment + timedelta(minutes=1) if self.are_early else moment).date()
        except OverflowError:
            pass  # 9999-12-31, which means "never" in .NET.
        return None if day in _NO_DAYS else day

    def moment(self, text: str) -> datetime | None:
        """Read a time, or a date as its midnight; None if there is none.

        Raise UnreadableCell.
        """
        if not text or _NONE.fullmatch(text):
            return None
        day, clock = self._read(text, _A_TIME)
        if day in _NO_DAYS:
            return None
        moment = datetime.combine(day, clock or time())
        if moment.tzinfo is None and self.zone:
            moment = moment.replace(tzinfo=self.zone)
        try:
            return moment if moment.tzinfo is None else moment.astimezone(UTC)
        except OverflowError:  # 9999-12-31 in New York is past the last representable moment.
            raise UnreadableCell(f"not {_A_TIME}: {text!r}", _CURE) from None

    def _read(self, text: str, form: str) -> tuple[date, time | None]:
        serial = _SERIAL.fullmatch(text)
        if serial:
            return self._serial(text, int(serial["days"]), float(f"0.{serial['part'] or 0}"))
        written = _take_apart(text)
        if written is None:
            cure = "write it as 1980-05-31T08:30" if form is _A_TIME else _CURE
            raise UnreadableCell(f"not {form}: {text!r}", cure)
        month, day = self._month_and_day(text, written)
        year = self._year(text, written, month, day)
        try:
            read = date(year, month, day)
        except ValueError:
            # A month that doesn't exist may be the day, written in an order that isn't meant.
            cure = "write a day that exists" if month <= 12 else _CURE
            raise UnreadableCell(f"not {form}: {text!r}", cure) from None
        return read, written.clock

    def _serial(self, text: str, days: int, part: float) -> tuple[date, time]:
        if days not in _SERIALS:
            raise UnreadableCell(f"not {_A_DATE}: {text!r}", _CURE)
        moment = datetime.combine(_EPOCH, time()) + timedelta(days, round(part * 86_400))
        if not self.are_serials:
            raise UnreadableCell(
                f"not {_A_DATE}: {text!r} (as a spreadsheet's day number: {moment:%Y-%m-%d})",
                f"format the column as a date, or {_CURE}",
            )
        return moment.date(), moment.time()

    def _month_and_day(self, text: str, written: _Written) -> tuple[int, int]:
        """Return month and day."""
        if not written.first:
            return written.month, written.day
        if self.order is None and written.is_open:
            day_first = f"{written.first} {ENGLISH_MONTHS[written.last - 1]}"
            month_first = f"{written.last} {ENGLISH_MONTHS[written.first - 1]}"
            raise UnreadableCell(
                f"{text!r} is {day_first} or {month_first}, and nothing in its column decides",
                f'say which by [crm] date_order = "day-first" or "month-first", or {_CURE}',
            )
        is_day_first = (
            written.first > 12 if self.order is None else self.order is DateOrder.DAY_FIRST
        )
        day, month = (
            (written.first, written.last) if is_day_first else (written.last, written.first)
        )
        if month > 12 >= day and self.order is not None:
            raise UnreadableCell(f"not {_A_DATE}: {text!r}, read {self.order}", _CURE)
        return month, day

    def _year(self, text: str, written: _Written, month: int, day: int) -> int:
        if not written.is_short:
            return written.year
        if self.today is None:
            raise UnreadableCell(f"the year has two digits: {text!r}", _CURE)
        # For a birthday, the last such year before today; otherwise within fifty years of today.
        year = self.today.year - self.today.year % 100 + written.year
        if self.is_past:
            is_ahead = (year, month, day) > (self.today.year, self.today.month, self.today.day)
            return year - 100 if is_ahead else year
        if year - self.today.year > 50:
            return year - 100
        return year + 100 if self.today.year - year >= 50 else year


def _take_apart(text: str) -> _Written | None:
    match = next(filter(None, (form.fullmatch(text) for form in _FORMS)), None)
    if match is None:
        return None
    groups = match.groupdict()
    clock = _clock(groups)
    if groups["hour"] and clock is None:
        return None
    year, is_short = int(groups["year"]), len(groups["year"]) == 2
    if groups.get("first"):
        first, last = int(groups["first"]), int(groups["last"])
        if groups["mark"] == ".":
            # With dots, the day comes first.
            return _Written(year, is_short, last, first, clock=clock)
        return _Written(year, is_short, 0, 0, first, last, clock)
    month = month_number(groups["name"]) if groups.get("name") else int(groups["month"])
    return _Written(year, is_short, month, int(groups["day"]), clock=clock) if month else None


def _clock_in(zone: tzinfo | None, written: _Written) -> time:
    """Return the time in a zone, to the second; as written if the zone or the day isn't known."""
    assert written.clock is not None
    clock = written.clock.replace(microsecond=0)
    if clock.tzinfo is None or zone is None or written.first:
        return clock.replace(tzinfo=None)
    try:
        day = date(written.year, written.month, written.day)
        return datetime.combine(day, clock).astimezone(zone).time()
    except (ValueError, OverflowError):
        return clock.replace(tzinfo=None)


def month_number(name: str) -> int:
    """Return the number of a month from its name in nl, de, fr or en (`Mrz`, `août`); 0: none."""
    folded = unicodedata.normalize("NFKD", name.casefold())
    return _MONTHS.get("".join(letter for letter in folded if not unicodedata.combining(letter)), 0)


def _clock(groups: dict[str, str | None]) -> time | None:
    if groups["hour"] is None:
        return None
    hour = int(groups["hour"])
    if half := groups["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half.casefold().startswith("p") else 0)
    fraction = (groups["fraction"] or "").ljust(6, "0")[:6]
    try:
        return time(
            hour,
            int(groups["minute"] or 0),
            int(groups["second"] or 0),
            int(fraction),
            tzinfo=_zone(groups["zone"]),
        )
    except ValueError:
        return None


def _zone(text: str | None) -> tzinfo | None:
    if not text:
        return None
    if text.upper() in ("Z", "UTC", "GMT"):
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)
