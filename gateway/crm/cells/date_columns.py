"""The date columns of a file: the format of each, and their values in ISO form."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, tzinfo

from gateway.core.feed.feed_mapping import DateOrder
from gateway.core.written import plain
from gateway.crm.cells.dates import ISO_DAY, DateReader, Evidence, weigh
from gateway.crm.cells.unreadable import UnreadableCell

_ISO = re.compile(
    "(?!9999)" + ISO_DAY.pattern + r"(?:[T ]\d\d:\d\d(?::\d\d)?(?:[+-]\d\d:\d\d|Z)?)?"
)
#: The column whose dates are always in the past, and the one whose time of day matters.
_PAST, _MOMENTS = "birthday", "submitted_at"


class DateColumns:
    """The date columns of a file, by our names, and how their texts are read.

    The values of a column show whether the day or the month comes first; if they don't (`03/04`),
    the file's other columns decide. That takes all values: `written` reads through the file and
    returns the distinct texts of the columns `names`. It is called at the first text that isn't
    ISO. `order` is the order from the settings, if any; without `has_serials`, no number is taken
    for a date.
    """

    def __init__(
        self,
        names: Sequence[str],
        written: Callable[[], Mapping[str, set[str]]],
        order: DateOrder | None,
        *,
        zone: tzinfo = UTC,
        today: date | None = None,
        has_serials: bool = True,
    ) -> None:
        self._iso = {name: _ISO if name == _MOMENTS else ISO_DAY for name in names}
        self._written = written
        self._set = order
        self._zone = zone
        self._today = today
        self._has_serials = has_serials
        self._readable: dict[str, dict[str, str | UnreadableCell]] | None = None
        self.remarks: list[str] = []  #: Filled at the first text that isn't ISO.

    def translate(self, texts: dict[str, str]) -> dict[str, UnreadableCell]:
        """Convert a row's dates to ISO form; return those that can't be read."""
        unread = {}
        for name, iso in self._iso.items():
            text = plain(texts.get(name, ""))
            if not text or iso.fullmatch(text):
                continue
            if self._readable is None:
                self._readable = self._read_all()
            read = self._readable.get(name, {}).get(text)
            if isinstance(read, UnreadableCell):
                unread[name] = read
            elif read is not None:
                texts[name] = read
        return unread

    def _read_all(self) -> dict[str, dict[str, str | UnreadableCell]]:
        """Read every text that isn't ISO, in the date order shown by its column."""
        written = self._written()
        all_readable: dict[str, dict[str, str | UnreadableCell]] = {}
        foreign = {
            name: {text for text in texts if text and not self._iso[name].fullmatch(text)}
            for name, texts in written.items()
        }
        evidence = {name: weigh(texts, self._zone) for name, texts in foreign.items() if texts}
        orders = {
            column_evidence.order for column_evidence in evidence.values() if column_evidence.order
        }
        for name, column_evidence in evidence.items():
            others = next(iter(orders)) if len(orders) == 1 else None
            is_all = self._has_serials and len(foreign[name]) == len(written[name] - {""})
            is_silent = not (column_evidence.day_first or column_evidence.month_first)
            reader = DateReader(
                order=self._set or column_evidence.order or (others if is_silent else None),
                are_serials=column_evidence.are_serials and is_all,
                are_early=column_evidence.are_early,
                today=self._today,
                is_past=name == _PAST,
                zone=self._zone,
            )
            readable = all_readable[name] = {}
            for text in foreign[name]:
                try:
                    day = reader.moment(text) if name == _MOMENTS else reader.day(text)
                except UnreadableCell as error:
                    readable[text] = error
                else:
                    readable[text] = "" if day is None else day.isoformat()
            self._remark(name, column_evidence, reader)
        return all_readable

    def _remark(self, name: str, evidence: Evidence, reader: DateReader) -> None:
        if reader.are_serials:
            self.remarks.append(f"{name}: numbers are read as a spreadsheet's day numbers")
        if reader.are_early and name != _MOMENTS:
            self.remarks.append(
                f"{name}: times a few seconds before midnight count as the next day"
            )
        if evidence.open and reader.order:
            example = evidence.day_first or evidence.month_first
            why = "as the settings say" if self._set else "as the other dates are"
            because = why if self._set or not example else f"as {example!r} shows"
            self.remarks.append(f"{name}: dates are read {reader.order}, {because}")
        if evidence.day_first and evidence.month_first and not self._set:
            self.remarks.append(
                f"{name}: some dates have the day first ({evidence.day_first!r}), others the month "
                f"({evidence.month_first!r})"
            )
        if evidence.short_year and reader.today:
            span = "before today" if reader.is_past else "within fifty years of today"
            self.remarks.append(f"{name}: two-digit years are taken to be {span}")
