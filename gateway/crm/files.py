"""Rows of a CSV file (a comma, a header row) or of JSON Lines, in UTF-8."""

import csv
import json
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BufferedReader
from itertools import chain
from pathlib import Path

from gateway.core.errors import GatewayError
from gateway.crm.kinds import FileKind


class FileRefused(GatewayError):
    """The file can't be taken in as it is; nothing of it was."""


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row as it stands in the file."""

    line: int  #: Where it begins; the first line is 1.
    texts: Mapping[str, str]
    problem: str = ""  #: Why there are no texts.


class FeedFile:
    """A file of one kind, read row by row."""

    def __init__(self, path: Path, kind: FileKind) -> None:
        self._path = path
        self._kind = kind
        self.size = 0  #: In octets.
        self.position = 0  #: How many of them are read.
        self._told: set[str] = set()

    @property
    def told(self) -> frozenset[str]:
        """The columns seen so far."""
        return frozenset(self._told)

    def rows(self) -> Iterator[RawRow]:
        """Yield the rows; `FileRefused` says why the file as a whole can't be read."""
        try:
            with self._path.open("rb") as file:
                self.size = self._path.stat().st_size
                yield from self._rows(file)
        except OSError as error:
            raise self._refused(error.strerror or str(error)) from error

    def _rows(self, file: BufferedReader) -> Iterator[RawRow]:
        if file.peek(2).startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
            raise self._refused("is UTF-16; save it as UTF-8")
        lines = self._lines(file)
        for number, first in enumerate(lines, 1):
            if not first.strip():
                continue
            read = self._json if first.lstrip().startswith("{") else self._csv
            yield from read(first, lines, number)
            return
        raise self._refused("is empty")

    def _lines(self, file: BufferedReader) -> Iterator[str]:
        for number, line in enumerate(file):
            self.position += len(line)
            octets = line.removeprefix(BOM_UTF8) if number == 0 else line
            # What isn't UTF-8 shows up as lone surrogates: the row is refused, not the file.
            yield octets.decode(errors="surrogateescape")

    def _csv(self, first: str, lines: Iterator[str], start: int) -> Iterator[RawRow]:
        reader = csv.reader(chain([first], lines), strict=True)
        columns = self._header(reader)
        while True:
            line = start + reader.line_num
            try:
                values = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield RawRow(line, {}, str(error))
                continue
            if values:
                yield _row(line, columns, values)

    def _header(self, reader: Iterator[list[str]]) -> list[str]:
        try:
            columns = [name.strip() for name in next(reader)]
        except csv.Error as error:
            raise self._refused(f"line 1: {error}") from error
        self._check(columns)
        if missing := self._kind.needed - set(columns):
            raise self._refused(f"has no column {', '.join(sorted(missing))}")
        if len(set(columns)) < len(columns):
            raise self._refused("has a column twice")
        return columns

    def _json(self, first: str, lines: Iterator[str], start: int) -> Iterator[RawRow]:
        for line, text in enumerate(chain([first], lines), start):
            if not text.strip():
                continue
            try:
                texts = _texts(text)
            except (ValueError, RecursionError) as error:
                yield RawRow(line, {}, str(error))
                continue
            self._check(list(texts), f"line {line}: ")
            yield RawRow(line, texts)

    def _check(self, columns: list[str], where: str = "") -> None:
        unknown = [name for name in columns if name not in self._kind.columns]
        if unknown:
            known = ", ".join(self._kind.columns)
            names = ", ".join(map(repr, unknown))
            raise self._refused(f"{where}unknown column {names}; {self._kind.name} has {known}")
        self._told.update(columns)

    def _refused(self, reason: str) -> FileRefused:
        return FileRefused(f"{self._path}: {reason}")


def _row(line: int, columns: list[str], values: list[str]) -> RawRow:
    if len(values) != len(columns):
        return RawRow(line, {}, f"has {len(values)} fields where the header has {len(columns)}")
    return RawRow(line, dict(zip(columns, values, strict=True)))


def _texts(line: str) -> dict[str, str]:
    try:
        values = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error.msg} at column {error.colno}") from error
    if not isinstance(values, dict):
        raise ValueError("is not a JSON object")
    return {name: _text(name, value) for name, value in values.items()}


def _text(name: str, value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case int():
            return str(value)
        case list():
            return ";".join(_text(name, each) for each in value)
        case _:
            raise ValueError(f"{name}: neither text, number, true, false, null nor a list of them")
