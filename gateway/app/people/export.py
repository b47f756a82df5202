"""All data held on a person, as JSON, as a page to read, and with the documents."""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

import orjson

from gateway.app import common
from gateway.config import Settings
from gateway.core.errors import GatewayError
from gateway.core.people.erased_names import PREFIX
from gateway.core.people.export_words import DEFAULT, WORDS
from gateway.core.people.people import PersonRef
from gateway.store.engine.blobs import BlobMissing, Blobs
from gateway.store.engine.database import Database
from gateway.store.people.erasure_subject import ErasureSubject
from gateway.store.people.holdings import HoldingRow, holdings
from gateway.store.people.people import PersonUnknown

_UNSAFE = re.compile(r"[^\w.()+ -]")
_STYLE = """
body { font: 16px/1.5 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em }
h2 { margin-top: 2em } dl { border-top: 1px solid #ccc; padding: .5em 0; margin: 0 }
dt { color: #666; font-size: .85em } dd { margin: 0 0 .4em; white-space: pre-wrap;
overflow-wrap: anywhere }
"""


class ExportFailed(GatewayError):
    """Nothing, or not everything, was written; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonExport:
    """The data held on a person."""

    person: str  #: `candidate:17`, or an address that nobody has.
    name: str
    language: str
    at: str
    held: Mapping[str, Sequence[HoldingRow]]  #: Rows by table.

    def document(self) -> dict[str, object]:
        """Return it as a single JSON document."""
        about = {"person": self.person, "name": self.name, "at": self.at}
        return {**about, "held": {name: list(rows) for name, rows in self.held.items()}}


def gather(settings: Settings, database: Database, subject: ErasureSubject) -> PersonExport:
    """Return all data held on a person; raise `ExportFailed` if there is none."""
    with common.standings(settings, database) as standings, database.reading() as connection:
        erased = [
            name
            for address in subject.addresses
            for name in standings.names_if_erased(connection, address)
        ]
        held = holdings(connection, subject, erased)
    if not held:
        raise ExportFailed(f"nothing is held of {subject.key}: {PersonUnknown.cure}")
    master = held.get("people", [{}])[0]
    language = str(master.get("language", "")) or settings.suppression.language
    return PersonExport(
        person=subject.key,
        name=subject.names[0] if subject.names else subject.key,
        language=language if language in WORDS else DEFAULT,
        at=common.now().isoformat(timespec="seconds"),
        held=held,
    )


def default_folder(subject: ErasureSubject) -> Path:
    """Return the default folder of an export: `candidate-17`."""
    ref: PersonRef | None = subject.ref
    return Path(_file_name(f"{ref.kind}-{ref.crm_id}" if ref else subject.key))


def write(settings: Settings, export: PersonExport, folder: Path) -> int:
    """Write an export to a new or empty folder; return the number of files."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise ExportFailed(f"{folder} is not empty: name another with --to")
        folder.chmod(0o700)
        blobs = Blobs(settings.store.blobs)
        files: dict[str, str] = {}
        for name, digest in _files(export):
            try:
                content = b"".join(blobs.read(digest))
            except BlobMissing:
                continue
            target = folder / name
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(content)
            files[digest] = name
        octets = orjson.dumps(export.document(), option=orjson.OPT_INDENT_2)
        (folder / "person.json").write_bytes(octets + b"\n")
        (folder / "person.html").write_text(page(export, files), encoding="utf-8")
    except OSError as error:
        raise ExportFailed(f"{error.filename or folder}: {error.strerror}") from error
    return len(files) + 2


def page(export: PersonExport, files: Mapping[str, str]) -> str:
    """Return the page; `files` are the paths of blobs by their digests."""
    words = WORDS[export.language]
    values = {"name": export.name, "person": export.person, "date": export.at}
    title, intro = (
        html.escape(Template(words[key]).substitute(values)) for key in ("title", "intro")
    )
    sections = "\n".join(
        f"<h2>{html.escape(words[name])}</h2>\n" + "\n".join(_row(row, files) for row in rows)
        for name, rows in export.held.items()
    )
    return (
        f'<!DOCTYPE html>\n<html lang="{export.language}"><head><meta charset="utf-8">'
        f"<title>{title}</title><style>{_STYLE}</style></head>\n"
        f"<body><h1>{title}</h1>\n<p>{intro}</p>\n{sections}\n</body></html>\n"
    )


def _row(row: HoldingRow, files: Mapping[str, str]) -> str:
    cells = []
    for name, value in row.items():
        text = html.escape(str(value))
        if str(value) in files:
            path = html.escape(files[str(value)])
            text = f'<a href="{path}">{path}</a>'
        cells.append(f"<dt>{html.escape(name.replace('_', ' '))}</dt><dd>{text}</dd>")
    return f"<dl>{''.join(cells)}</dl>"


def _files(export: PersonExport) -> Iterable[tuple[str, str]]:
    """Yield the file name of each blob, and its digest."""
    digests = set()
    for row in export.held.get("documents", ()):
        yield f"documents/{row['id']}-{_file_name(str(row['filename']))}", str(row["sha256"])
        digests.add(str(row["sha256"]))
    for table, column in (("history", "raw"), ("inbox", "content")):
        for row in export.held.get(table, ()):
            digest = str(row[column])
            if digest not in digests and not digest.startswith(PREFIX):
                digests.add(digest)
                yield f"mail/{row['id']}.eml", digest


def _file_name(text: str) -> str:
    return _UNSAFE.sub("_", text).strip(". ")[-120:] or "_"
