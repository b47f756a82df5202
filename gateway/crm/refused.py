"""Rows of a file that weren't fully imported, as written, to be corrected and dropped again."""

import csv
import re
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from gateway.core.feed.spreadsheet import harmless
from gateway.core.written import plain
from gateway.crm.columns import LINE, REASON, guard
from gateway.crm.files import FeedFile
from gateway.crm.importer import ImportReport

#: How many are written at most; the report counts all.
MOST = 10_000
_NO_OCTETS = re.compile("[\ud800-\udc7f\udd00-\udfff]")


def write_refused(file: FeedFile, report: ImportReport, target: Path) -> int:
    """Write the faulty rows of a report, each with its line and the reason.

    The new file has the header, delimiter and cells of the old one and can be imported like it.
    What a spreadsheet would take for a formula gets an apostrophe, which importing removes. Return
    the number of rows; if there are none, no file is made. Raise OSError if it can't be written.
    """
    reasons = _Reasons(report)
    rows = file.as_written()
    _, header, _ = next(rows)
    if header[-2:] == [LINE, REASON]:
        header = header[:-2]
    count = 0
    out = StringIO(newline="")
    writer = csv.writer(out, delimiter=file.delimiter, lineterminator="\n")
    writer.writerow([*header, LINE, REASON])
    for line, cells, texts in rows:
        if reason := reasons.of(line, texts):
            writer.writerow([*map(guard, cells[: len(header)]), line, harmless(reason)])
            count += 1
        if count == MOST:
            break
    if count:
        text = out.getvalue()
        target.write_bytes(as_octets(text))
    return count


def as_octets(text: str) -> bytes:
    """Encode rows for spreadsheets; octets that couldn't be decoded stay the same.

    Half a character, possible in JSON (`"\\ud83d"`), becomes U+FFFD.
    """
    # Without a byte order mark, Excel assumes the Windows code page.
    encoding = "utf-8" if text.isascii() else "utf-8-sig"
    return _NO_OCTETS.sub("\ufffd", text).encode(encoding, errors="surrogateescape")


class _Reasons:
    """What is wrong with a row, by its line, or by one of its texts that leads nowhere."""

    def __init__(self, report: ImportReport) -> None:
        self._by_line: dict[int, list[str]] = {}
        for problem in report.problems:
            self._by_line.setdefault(problem.line, []).append(problem.text)
        self._by_text = {
            (use.column, use.given): str(use) for use in report.outcome.references if use.is_fault
        }
        self._columns = sorted({column for column, _ in self._by_text})

    def of(self, line: int, texts: Mapping[str, str]) -> str:
        """Return what is wrong on one line; empty: nothing."""
        reasons = list(self._by_line.get(line, ()))
        if not reasons:
            for column in self._columns:
                text = plain(texts.get(column, ""))
                # A cell may name several: `17; 18`.
                for part in (text, *map(str.strip, text.split(";"))):
                    if reason := self._by_text.get((column, part)):
                        reasons.append(reason)
        return "; ".join(dict.fromkeys(reasons))
