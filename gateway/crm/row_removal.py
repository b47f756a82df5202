"""Removes rows about an erased person from handled feed files."""

import csv
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from io import StringIO
from pathlib import Path

from gateway.core.errors import GatewayError
from gateway.core.people.people import PersonRef
from gateway.core.written import readable_name, short_name
from gateway.crm.files import FeedFile, FieldReading, FileRefused
from gateway.crm.kinds import KINDS
from gateway.crm.refused import as_octets
from gateway.crm.synonyms import KIND_WORDS
from gateway.crm.text_encoding import UnknownEncoding, find_encoding

_WORKBOOKS = (".xlsx", ".xls", ".xlsb", ".ods")
REPORT = ".report.json"


class RowsNotRemovable(GatewayError):
    """The file names the person, or may: it can only be deleted as a whole."""


def remove_rows(
    file: Path,
    *,
    names_person: Callable[[str], bool],
    ref: PersonRef | None,
    reading: FieldReading,
    dry_run: bool,
) -> list[int]:
    """Remove every row of a person from a file; return the lines in which they began.

    A row is the person's if `names_person` says so of its text, or if it has their key in a column
    where this kind of file names a person. With `dry_run` the file stays. Raise `RowsNotRemovable`
    and OSError.
    """
    name = file.name.lower()
    kind = next((kind for kind in KINDS if name.startswith(kind)), None)
    if name.endswith(_WORKBOOKS):
        if kind is None or _rows_of(file, kind, reading, names_person, ref)[1]:
            raise RowsNotRemovable(
                f"{readable_name(str(file))}: a workbook that names the person, or may name them"
            )
        return []
    text = _text_of(file)
    if not (names_person(text) or (ref is not None and ref.crm_id in text)):
        return []
    if kind is None:
        if names_person(text):
            raise RowsNotRemovable(
                f"{readable_name(str(file))}: names the person, and its name tells no kind of file"
            )
        return []
    others, their_lines = _rows_of(file, kind, reading, names_person, ref)
    if their_lines and not dry_run:
        _write_anew(file, others)
    return their_lines


def report_of(file: Path) -> Path:
    """Return the path of the report beside a handled file."""
    return file.with_name(f"{file.name}{REPORT}")


def remove_from_report(
    file: Path, lines: Collection[int], without: Callable[[str], str], ref: PersonRef | None
) -> None:
    """Remove from a file's report what it says about some lines, and a person's words.

    Raise OSError.
    """

    def cleaned(value: object) -> object:
        match value:
            case dict():
                return {name: cleaned(part) for name, part in value.items()}
            case list():
                return [
                    cleaned(part)
                    for part in value
                    if not (isinstance(part, dict) and part.get("line") in lines)
                ]
            case str() if ref is not None and value == ref.crm_id:
                return without(str(ref))
            case str():
                return without(value)
            case _:
                return value

    try:
        before = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    except ValueError:  # not one of our reports
        before = file.read_text(encoding="utf-8", errors="replace")
    after = cleaned(before)
    if after != before:
        text = after if isinstance(after, str) else json.dumps(after, indent=2, ensure_ascii=False)
        _write_anew(file, f"{text}\n".encode("utf-8", "backslashreplace"))


def _rows_of(
    file: Path,
    kind: str,
    reading: FieldReading,
    names_person: Callable[[str], bool],
    ref: PersonRef | None,
) -> tuple[bytes, list[int]]:
    """Return the file without a person's rows, and the lines in which those begin."""
    feed_file = FeedFile(file, KINDS[kind], reading)
    column = "crm_id" if kind == "people" else "person"
    out, their_lines = StringIO(newline=""), list[int]()
    lines = file.read_bytes().split(b"\n") if file.name.lower().endswith(".jsonl") else []
    others: list[bytes] = []
    try:
        rows = feed_file.as_written()
        _, header, _ = next(rows)
        writer = csv.writer(out, delimiter=feed_file.delimiter, lineterminator="\n")
        writer.writerow(header)
        for line, cells, texts in rows:
            if names_person("\t".join(cells)) or (ref is not None and _names(texts, column, ref)):
                their_lines.append(line)
            elif lines:
                others.append(lines[line - 1].rstrip(b"\r") + b"\n")
            else:
                writer.writerow(cells)
    except FileRefused as error:
        raise RowsNotRemovable(f"{file}: {error}") from error
    if lines:
        return b"".join(others), their_lines
    return as_octets(out.getvalue()), their_lines


def _names(texts: Mapping[str, str], column: str, ref: PersonRef) -> bool:
    crm_ids: Sequence[str] = [part.strip() for part in texts.get(column, "").split(";")]
    word = texts.get("kind", "").strip().casefold()
    return ref.crm_id in crm_ids and KIND_WORDS.get(word, word or "candidate") == ref.kind.value


def _text_of(file: Path) -> str:
    with file.open("rb") as opened:
        try:
            encoding = find_encoding(opened)
        except UnknownEncoding:
            return ""
        opened.seek(encoding.start)
        return opened.read().decode(encoding.codec, errors="replace")


def _write_anew(file: Path, octets: bytes) -> None:
    """Replace a file's content atomically."""
    fresh = file.with_name(f".{short_name(readable_name(file.name), 200)}.new")
    try:
        fresh.write_bytes(octets)
        fresh.chmod(file.stat().st_mode & 0o777)
        fresh.replace(file)
    finally:
        fresh.unlink(missing_ok=True)
