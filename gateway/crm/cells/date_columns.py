"""The columns of dates of a file: how each of them is written, and its values in ISO's form."""

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
#: The column whose days lie behind; the time, where the column has one, counts in the other.
_PAST, _MOMENTS = "birthday", "submitted_at"


class DateColumns:
    """What stands in columns of dates, by our names, and how it is read.

    A column is of the order its values show; one whose values show none is of that of the file's
    others. So `written`, which goes through the file, returns the different texts of the columns
    `names`; it is asked once a text isn't as ISO has it. `order` is the one that is set; without
    `has_serials` no number is a day.
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
        self.remarks: list[str] = []  #: Known once a text wasn't as ISO has it.

    def translate(self, texts: dict[str, str]) -> dict[str, UnreadableCell]:
        """Put a row's dates in ISO's form; return those that can't be read."""
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
        """Read every text that isn't as ISO has it, by the order that its column shows."""
        written = self._written()
        all_readable: dict[str, dict[str, str | UnreadableCell]] = {}
        foreign = {
            name: {text for text in texts if text and not self._iso[name].fullmatch(text)}
            for name, texts in written.items()
        }
        evidence = {name: weigh(texts, self._zone) for name, texts in foreign.items() if texts}
        shown = {
            column_evidence.order for column_evidence in evidence.values() if column_evidence.order
        }
        for name, column_evidence in evidence.items():
            others = next(iter(shown)) if len(shown) == 1 else None
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
            self.remarks.append(f"{name}: numbers are read as a spreadsheet's days")
        if reader.are_early and name != _MOMENTS:
            self.remarks.append(
                f"{name}: times some seconds before midnight are read as the day that begins"
            )
        if evidence.open and reader.order:
            example = evidence.day_first or evidence.month_first
            why = "as is set" if self._set else "as the other dates are"
            because = why if self._set or not example else f"as {example!r} shows"
            self.remarks.append(f"{name}: dates are read {reader.order}, {because}")
        if evidence.day_first and evidence.month_first and not self._set:
            self.remarks.append(
                f"{name}: has the day first ({evidence.day_first!r}) and the month first "
                f"({evidence.month_first!r})"
            )
        if evidence.short_year and reader.today:
            span = "before today" if reader.is_past else "within fifty years of today"
            self.remarks.append(f"{name}: years of two digits are read as those {span}")
