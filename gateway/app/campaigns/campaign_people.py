"""Whom the command line and the API add to a campaign: people one by one, groups, files."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from gateway.app import common
from gateway.config import Settings
from gateway.core.errors import GatewayError
from gateway.core.mail.typed.typed_address import NotAnAddress, read_address
from gateway.core.people.people import Group, PersonKind, PersonRef
from gateway.store.campaigns import campaign_members
from gateway.store.engine.database import Database
from gateway.store.people import people as store_people
from gateway.store.people.people import PersonUnknown

#: The columns of a file that name a person, by key or by address.
KEYS = ("person", "crm_id", "id")
ADDRESSES = ("address", "email", "emails")

#: Returns who has an address.
Holders = Callable[[str], tuple[PersonRef, ...]]


class NobodyMeant(GatewayError):
    """Nobody is known as, or no group is, what was named."""


class PeopleFileRefused(GatewayError):
    """A file of people can't be read."""


@dataclass(frozen=True, slots=True)
class PeopleFileRow:
    """One row of a file: who is meant, or why nobody is."""

    line: int
    people: tuple[PersonRef, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Who was named, and what is wrong with lines of files that name nobody."""

    people: tuple[PersonRef, ...]
    problems: tuple[str, ...]


def chosen(
    settings: Settings,
    store: Database,
    *,
    persons: Sequence[PersonRef | str] = (),
    groups: Sequence[str] = (),
    files: Sequence[Path] = (),
) -> Chosen:
    """Return the people named by key or address, in groups and in files.

    Raises `NobodyMeant` for a person or a group nobody knows, and `PeopleFileRefused`.
    """
    refs: list[PersonRef] = []
    problems: list[str] = []
    for person in persons:
        refs += named(settings, store, person)
    with store.reading() as connection:

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
    return Chosen(tuple(refs), tuple(problems))


def named(settings: Settings, store: Database, wanted: PersonRef | str) -> tuple[PersonRef, ...]:
    """Return the person of a key, or everybody who has an address; `NobodyMeant` if nobody."""
    if isinstance(wanted, PersonRef):
        return (wanted,)
    with store.reading() as connection:
        holders = store_people.holders(connection, common.lookup(settings, wanted))
    if not holders:
        raise NobodyMeant(f"nobody known as {wanted}: {PersonUnknown.cure}")
    return tuple(holders)


def rows(path: Path, holders: Holders) -> Iterator[PeopleFileRow]:
    """Yield the people of a CSV file.

    With a header row, `kind` and `crm_id` (or `person`) name a person, or an `email` does; other
    columns don't matter. Without one, each line begins with `candidate:17` or an address.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            first = next(reader, [])
            names = [cell.strip().lower() for cell in first]
            columns: Sequence[str] = names
            given: Iterator[list[str]] = reader
            start = 1
            if not {*KEYS, *ADDRESSES} & set(names):
                columns, given, start = ("person",), chain([first], reader), 0
            for line, values in enumerate(given, start + 1):
                cells = dict(zip(columns, (value.strip() for value in values), strict=False))
                if any(cells.values()):
                    yield row(line, cells, holders)
    except UnicodeDecodeError as error:
        raise PeopleFileRefused(f"{path}: is not UTF-8") from error
    except csv.Error as error:
        raise PeopleFileRefused(f"{path}: {error}") from error


def row(line: int, cells: Mapping[str, str], holders: Holders) -> PeopleFileRow:
    """Return whom a line of a file names, by key or address, or why it names nobody."""
    key = next(filter(None, (cells.get(name) for name in KEYS)), "")
    email = next(filter(None, (cells.get(name) for name in ADDRESSES)), "")
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


def chosen_group(wanted: str, groups: Sequence[Group]) -> Group:
    """Return the group meant by `candidate:7`, `7` or a name; candidates' where both kinds fit."""
    kind, colon, _ = wanted.partition(":")
    if colon and kind in set(PersonKind):
        groups = [group for group in groups if group.kind == kind]
    if not groups:
        raise NobodyMeant(f"there is no group {wanted}")
    return groups[0]


def group_name(wanted: str) -> str:
    """Return a group's crm_id or name without the kind before it."""
    kind, colon, name = wanted.partition(":")
    return name if colon and kind in set(PersonKind) else wanted
