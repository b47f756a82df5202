"""Adds people to a campaign for the command line and the API: one by one, groups, files."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from gateway.app import common
from gateway.config import Settings
from gateway.core.errors import GatewayError
from gateway.core.mail.typed.typed_address import NotAnAddress, read_address
from gateway.core.people.people import Group, PersonKind, PersonRef, RefOrAddress
from gateway.crm.delimited import CellRow
from gateway.crm.synonyms import certainty_of, suggest_column
from gateway.crm.tables import ObjectRow, Objects, TableRefused, open_table, padded_cells
from gateway.crm.text_encoding import UnknownEncoding
from gateway.crm.workbook import WorkbookRefused
from gateway.store.campaigns import campaign_members
from gateway.store.engine.database import Database
from gateway.store.people import people as store_people
from gateway.store.people.people import PersonUnknown

#: Columns of a file that identify a person, by key or by address.
KEYS = ("person", "crm_id", "id")
ADDRESSES = ("address", "email", "emails")

#: Returns the people who have an address.
Holders = Callable[[str], tuple[PersonRef, ...]]


class NobodyMeant(GatewayError):
    """No person, or no group, is known by the given name."""


class PeopleFileRefused(GatewayError):
    """A file of people can't be read."""


@dataclass(frozen=True, slots=True)
class PeopleFileRow:
    """A row of a file: the person meant, or why there is none."""

    line: int
    people: tuple[PersonRef, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ChosenPeople:
    """The people named, and faults in lines of files that name nobody."""

    people: tuple[PersonRef, ...]
    problems: tuple[str, ...]


def choose_people(
    settings: Settings,
    database: Database,
    *,
    persons: Sequence[RefOrAddress] = (),
    groups: Sequence[str] = (),
    files: Sequence[Path] = (),
) -> ChosenPeople:
    """Return the people named by key or address, in groups and in files.

    Raises `NobodyMeant` for an unknown person or group, and `PeopleFileRefused`.
    """
    refs: list[PersonRef] = []
    problems: list[str] = []
    for person in persons:
        refs += find_people(settings, database, person)
    with database.reading() as connection:

        def holders(address: str) -> tuple[PersonRef, ...]:
            return store_people.holders(connection, common.lookup(settings, address))

        for name in groups:
            same_named = campaign_members.find_groups(connection, group_name(name))
            refs += campaign_members.people_in(connection, chosen_group(name, same_named))
        for file in files:
            for row in rows(file, holders):
                refs += row.people
                if row.problem:
                    problems.append(f"{file.name}:{row.line}: {row.problem}")
    return ChosenPeople(tuple(refs), tuple(problems))


def find_people(
    settings: Settings, database: Database, ref_or_address: RefOrAddress
) -> tuple[PersonRef, ...]:
    """Return the person with a key, or everybody with an address; `NobodyMeant` if none."""
    if isinstance(ref_or_address, PersonRef):
        return (ref_or_address,)
    with database.reading() as connection:
        holders = store_people.holders(connection, common.lookup(settings, ref_or_address))
    if not holders:
        raise NobodyMeant(f"nobody known as {ref_or_address}: {PersonUnknown.cure}")
    return tuple(holders)


def rows(path: Path, holders: Holders) -> Iterator[PeopleFileRow]:
    """Yield the people in a file, whatever its encoding and delimiter.

    With a header row, `kind` and `crm_id` (or `person`) identify a person, or an `email` does;
    other columns are ignored. Without one, each line starts with `candidate:17` or an address.
    Anything the feed can read is accepted: Excel's CSV has semicolons in most of Europe, and its
    workbooks aren't CSV. Raises PeopleFileRefused.
    """
    try:
        with path.open("rb") as file:
            table = open_table(file, "", _is_header, _known_names).table
            names = [_column(name) for name in table.names]
            entries: Iterable[CellRow | ObjectRow] = table.rows()
            if not _is_header(table.names):
                if isinstance(table, Objects):
                    raise PeopleFileRefused(f"{path.name}: no column names a person or an address")
                names = ["person"]
                entries = chain([CellRow(table.header_line, list(table.names))], entries)
            for entry in entries:
                if entry.problem:
                    yield PeopleFileRow(entry.line, (), entry.problem)
                    continue
                values = padded_cells(entry, len(names))
                cells = {name: value.strip() for name, value in zip(names, values, strict=True)}
                if any(cells.values()):
                    yield row(entry.line, cells, holders)
    except (TableRefused, UnknownEncoding, WorkbookRefused) as error:
        raise PeopleFileRefused(f"{path.name}: {error}") from error


def _column(name: str) -> str:
    """Return a column's name as used here: `E-Mail` is `emails`, `Kandidaat-id` is `crm_id`."""
    key = name.strip().lower()
    if key in {*KEYS, *ADDRESSES, "kind"}:
        return key
    ours = suggest_column("people", name)
    # A mere resemblance to a column's name may be a person: `contact:1` is like `contactid`.
    return ours if certainty_of("people", name, ours) else key


def _known_names(names: Sequence[str]) -> int:
    return sum(_column(name) in {*KEYS, *ADDRESSES, "kind"} for name in names)


def _is_header(names: Sequence[str]) -> bool:
    return any(_column(name) in {*KEYS, *ADDRESSES} for name in names)


def row(line: int, cells: Mapping[str, str], holders: Holders) -> PeopleFileRow:
    """Return the person a line names, by key or address, or why it names nobody."""
    key = next(filter(None, (cells.get(name) for name in KEYS)), "")
    email = next(filter(None, (cells.get(name) for name in ADDRESSES)), "")
    if not key.isprintable():
        return PeopleFileRow(line, (), "the key can't be read; save the file as CSV UTF-8")
    try:
        if key and "@" not in key:
            if ":" in key:
                return PeopleFileRow(line, (PersonRef.parse(key),))
            kind = PersonKind(cells.get("kind", "").lower() or PersonKind.CANDIDATE)
            return PeopleFileRow(line, (PersonRef(kind, key),))
    except ValueError as error:
        return PeopleFileRow(line, (), str(error))
    text = (email or key).partition(";")[0].strip()
    read = read_address(text)
    if isinstance(read, NotAnAddress):
        return PeopleFileRow(line, (), str(read) if text else "names nobody: the address is blank")
    refs = holders(read.address)
    return PeopleFileRow(line, refs, "" if refs else f"nobody has {read.address}")


def chosen_group(key_or_name: str, groups: Sequence[Group]) -> Group:
    """Return the group meant by `candidate:7`, `7` or a name; candidates' if both kinds match."""
    kind, colon, _ = key_or_name.partition(":")
    if colon and kind in set(PersonKind):
        groups = [group for group in groups if group.kind == kind]
    if not groups:
        raise NobodyMeant(f"there is no group {key_or_name}")
    return groups[0]


def group_name(key_or_name: str) -> str:
    """Return a group's crm_id or name without the leading kind."""
    kind, colon, name = key_or_name.partition(":")
    return name if colon and kind in set(PersonKind) else key_or_name
