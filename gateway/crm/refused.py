"""Rows of a file that weren't taken in whole, as they stood, to be mended and dropped again."""

import csv
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from gateway.core.written import plain
from gateway.crm.columns import LINE, REASON
from gateway.crm.files import FeedFile
from gateway.crm.importer import ImportReport

#: So many are written at most; the report counts the rest.
MOST = 10_000


def write_refused(file: FeedFile, report: ImportReport, target: Path) -> int:
    """Write the rows a report finds fault with, each with its line and the reason.

    The file has the header, the delimiter and the cells of the first one, and imports as that did.
    Returns how many rows there are; without any no file is made. OSError if it can't be written.
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
            writer.writerow([*cells[: len(header)], line, reason])
            count += 1
        if count == MOST:
            break
    if count:
        text = out.getvalue()
        # Excel takes what has no byte order mark for text in the code page of Windows.
        encoding = "utf-8" if text.isascii() else "utf-8-sig"
        # What could not be decoded stays as it was, octet for octet.
        target.write_bytes(text.encode(encoding, errors="surrogateescape"))
    return count


class _Reasons:
    """What is wrong with a row: by its line, or by a text of it that leads nowhere."""

    def __init__(self, report: ImportReport) -> None:
        self._by_line: dict[int, list[str]] = {}
        for problem in report.problems:
            self._by_line.setdefault(problem.line, []).append(problem.text)
        self._by_text = {
            (use.column, use.given): str(use) for use in report.outcome.references if use.is_fault
        }
        self._columns = sorted({column for column, _ in self._by_text})

    def of(self, line: int, texts: Mapping[str, str]) -> str:
        """Return it in one line; empty: nothing is."""
        reasons = list(self._by_line.get(line, ()))
        if not reasons:
            for column in self._columns:
                text = plain(texts.get(column, ""))
                # A cell may name several: `17; 18`.
                for part in (text, *map(str.strip, text.split(";"))):
                    if reason := self._by_text.get((column, part)):
                        reasons.append(reason)
        return "; ".join(dict.fromkeys(reasons))
