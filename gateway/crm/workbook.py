"""Rows of a sheet in an Excel workbook (.xlsx), as text."""

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO
from zipfile import ZIP_STORED, BadZipFile, ZipFile
from zlib import error as ZlibError  # noqa: N812  (it is an exception)

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook

ZIP = b"PK\x03\x04"
#: OLE2, section 2.2 of MS-CFB: an .xls, or a password-protected workbook.
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MOST_OCTETS = 400_000_000  #: When unpacked.
_MOST_CELLS = 10_000_000  #: All cells from the first to the last row and column in use are kept.
_MOST_PARTS = 1_000
_WORKBOOK = "xl/workbook.xml"
_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")
#: A cell that isn't blank. The library treats a cell with an error, or with a formula whose value
#: isn't stored, as blank, so such cells are converted to text first.
# No match may go beyond the next tag, so that the sheet is searched only once.
_FULL_CELL = re.compile(
    rb"<(?:\w+:)?c\s(?:[^<>]*?\s)?r=[\"']([A-Z]{1,3})(\d{1,7})[\"'][^<>]*(?<!/)>"
)
_ERROR = re.compile(rb"(<(?:\w+:)?c\s[^<>]*?\bt=)([\"'])e\2")
_FORMULA = re.compile(
    rb"(<(?:\w+:)?c\s(?:[^<>]*?\s)?r=[\"'][A-Z]+\d+[\"'])[^<>]*>"
    rb"\s*<(?:\w+:)?f(?:\s[^<>]*)?(?:/>|>[^<]*</(?:\w+:)?f>)"
    rb"\s*(?:<(?:\w+:)?v(?:\s*/>|>\s*</(?:\w+:)?v>)\s*)?(?=</(?:\w+:)?c>)"
)
_EPOCH_1904 = re.compile(rb"\bdate1904=[\"'](?:1|true)[\"']")
_FORMULA_BEGIN = re.compile(rb"<(?:\w+:)?f[\s>/]")
#: The text for a formula without a value; Excel's own errors keep their names, `#N/A`.
NO_VALUE = "#FORMULA"


class WorkbookRefused(ValueError):
    """The workbook can't be read."""


Cell = int | float | str | bool | date | datetime | time | timedelta


class Workbook:
    """A sheet of a workbook; its rows can be read several times."""

    def __init__(self, file: BinaryIO, preferred: str) -> None:
        """Choose the sheet named `preferred`, else the only one that isn't blank.

        Raise WorkbookRefused.
        """
        from python_calamine import CalamineError, CalamineWorkbook

        try:
            unpacked = _bounded(file)
            #: Whether day numbers count from 1904, as in old Mac workbooks.
            with ZipFile(unpacked) as parts:
                self.is_of_1904 = _EPOCH_1904.search(parts.read(_WORKBOOK)) is not None
            unpacked.seek(0)
            self._sheet = _choose_sheet(CalamineWorkbook.from_filelike(unpacked), preferred)
        except (CalamineError, BadZipFile, ZlibError, EOFError, RuntimeError) as error:
            raise WorkbookRefused(f"is not a complete workbook: {error}") from error

    @property
    def name(self) -> str:
        """The name of the sheet."""
        return self._sheet.name

    def rows(self) -> Iterator[tuple[int, list[Cell]]]:
        """Yield the rows with their numbers in the sheet."""
        return enumerate(self._sheet.iter_rows(), 1)


def as_text(cell: Cell) -> str:
    """Return a cell as it would be in a text file: 17 is `17`, a date is in ISO form."""
    match cell:
        case str():
            return cell
        case bool():
            return "true" if cell else "false"
        case int():
            return str(cell)
        case float():
            # From sixteen digits on, Excel has lost the last ones: formatted as Excel shows it.
            return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else f"{cell:.15G}"
        case datetime():
            return cell.date().isoformat() if cell.time() == time() else cell.isoformat(" ")
        case _:
            return str(cell)


def _choose_sheet(workbook: "CalamineWorkbook", preferred: str) -> "CalamineSheet":
    from python_calamine import SheetVisibleEnum

    visible_names = [
        sheet.name
        for sheet in workbook.sheets_metadata
        if sheet.visible is SheetVisibleEnum.Visible
    ]
    sheets = [workbook.get_sheet_by_name(name) for name in visible_names]
    used = [sheet for sheet in sheets if sheet.height]
    preferred_sheets = [sheet for sheet in used if sheet.name.strip().casefold() == preferred]
    if not used:
        raise WorkbookRefused("is empty")
    if len(used) > 1 and not preferred_sheets:
        names = ", ".join(repr(sheet.name) for sheet in used)
        raise WorkbookRefused(
            f"has several sheets with something in them: {names}; call the one to read "
            f"{preferred!r}, or save it alone"
        )
    return (preferred_sheets or used)[0]


def _bounded(file: BinaryIO) -> BytesIO:
    """Return the workbook unpacked, within limits, with its sheets made safe to read."""
    unpacked = BytesIO()
    left = _MOST_OCTETS
    with ZipFile(file) as packed, ZipFile(unpacked, "w", ZIP_STORED) as out:
        parts = packed.infolist()
        if _WORKBOOK not in packed.namelist():
            raise WorkbookRefused(
                "is not an Excel workbook (.xlsx); save it as one, or as CSV UTF-8"
            )
        if len(parts) > _MOST_PARTS:
            raise WorkbookRefused(f"has more than {_MOST_PARTS} parts")
        for part in parts:
            if part.filename.endswith("/") or "/media/" in part.filename:
                continue
            if part.flag_bits & 1:
                raise WorkbookRefused("is protected by a password; save it without one")
            with packed.open(part) as member:
                octets = member.read(left + 1)
            left -= len(octets)
            if left < 0:
                raise WorkbookRefused(
                    f"unpacks to more than {_MOST_OCTETS // 1_000_000} MB; split it, or save it as "
                    "CSV UTF-8"
                )
            if _SHEET.fullmatch(part.filename):
                octets = _made_safe(octets)
            out.writestr(part.filename, octets)
    unpacked.seek(0)
    return unpacked


def _made_safe(sheet: bytes) -> bytes:
    if sheet.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        raise WorkbookRefused("has sheets in UTF-16; save it again, or as CSV UTF-8")
    columns: set[bytes] = set()
    last_row = 0
    for column, row in _FULL_CELL.findall(sheet):
        columns.add(column)
        last_row = max(last_row, int(row))
    width = 0
    for letters in columns:  # A, B … Z, AA: a number of which each letter is a digit
        number = 0
        for letter in letters:
            number = number * 26 + letter - 64
        width = max(width, number)
    if width * last_row > _MOST_CELLS:
        raise WorkbookRefused(
            f"has cells as far as column {width} and row {last_row}: {_MOST_CELLS} cells are read "
            "at most; save the sheet as CSV UTF-8"
        )
    if b't="e"' in sheet or b"t='e'" in sheet:
        sheet = _ERROR.sub(rb"\1\2str\2", sheet)
    if _FORMULA_BEGIN.search(sheet):
        sheet = _FORMULA.sub(rb'\1 t="str"><v>' + NO_VALUE.encode() + rb"</v>", sheet)
    return sheet
