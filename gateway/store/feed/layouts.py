"""The table of each kind of record of the feed, and how records become its rows."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, Table, and_

from gateway.core.mail.address import lookup_form
from gateway.core.people.applications import Application, Programme
from gateway.core.people.people import (
    NAME_LANGUAGES,
    Group,
    Membership,
    Names,
    Person,
    Staff,
    Status,
)
from gateway.core.people.training import Closing, Qualification
from gateway.store.schema.columns import microseconds
from gateway.store.schema.feed import (
    applications,
    closings,
    groups,
    memberships,
    people,
    programmes,
    qualifications,
    staff,
    statuses,
)

TableRow = tuple[object, ...]
#: A person's addresses from this position on only keep mail away.
UNSURE = 1_000
#: Columns the store fills in itself.
_OWN = frozenset({"source", "since", "status_since", "doubtful", "status_unread_since"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RowGaps:
    """What is missing in a row of a file."""

    #: Columns that can't be read, each with what is wrong.
    unread: Mapping[str, str] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()  #: Columns that other rows of the file have.
    #: Whether addresses known before still count, as some of the row's can't be read.
    adds_addresses: bool = False
    adds_only: bool = False  #: The row may be incomplete: only what protects counts.


@dataclass(frozen=True, kw_only=True, eq=False)  # one for each kind; what is made for it is cached
class TableLayout:
    """The table of a kind of record, and how a record becomes one of its rows."""

    table: Table
    keys: tuple[str, ...]
    row: Callable[[Any], TableRow]  #: The values of `columns`, in their order.
    #: Columns that belong to another one, and that one.
    follows: Mapping[str, str] = field(default_factory=dict)
    #: Columns that say what is wrong with the column they belong to.
    faults: frozenset[str] = frozenset()
    called: str = ""  #: The kind's name, if it isn't the table's.

    @property
    def what(self) -> str:
        """The kind's name: people, staff, groups …"""
        return self.called or self.table.name

    @property
    def has_owner_in_key(self) -> bool:
        """Whether each source has its own rows, even for the same thing."""
        return "source" in self.table.primary_key.columns

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns of a record, keys first."""
        return (*self.keys, *self.values)

    @cached_property
    def values(self) -> tuple[str, ...]:
        """The columns of a record other than its key."""
        names = (column.name for column in self.table.columns)
        return tuple(name for name in names if name not in _OWN and name not in self.keys)

    @cached_property
    def units(self) -> Mapping[str, tuple[str, ...]]:
        """The columns of a file, each with the store's columns that it fills."""
        units: dict[str, tuple[str, ...]] = {}
        for name in self.values:
            if name not in self.faults:
                lead = self.follows.get(name, name)
                units[lead] = (*units.get(lead, ()), name)
        return units

    def same_key(self, first: Table, second: Table) -> ColumnElement[bool]:
        """Return the condition that rows of two tables have the same key."""
        return and_(*(first.c[name] == second.c[name] for name in self.keys))

    def mask(self, unread: Iterable[str], missing: Iterable[str]) -> int:
        """Return the bits of the values that a row lacks, given a file's columns it lacks."""
        bad, left_out = frozenset(unread), frozenset(missing)
        return sum(
            1 << place
            for place, name in enumerate(self.values)
            if self.follows.get(name, name) in (left_out if name in self.faults else bad | left_out)
        )

    def bit(self, name: str) -> int:
        """Return the bit of a value."""
        return 1 << self.values.index(name)

    def values_of(self, columns: frozenset[str] | None) -> tuple[str, ...]:
        """Return the values that these columns of a file fill; None: all columns."""
        if columns is None:
            return self.values
        return tuple(name for name in self.values if self.follows.get(name, name) in columns)


def person_row(person: Person) -> TableRow:
    """Return the values of a person, in the order of its columns."""
    born, anniversary = birthday_values(person.birthday)
    return (
        person.ref.kind.value,
        person.ref.crm_id,
        person.first_name,
        person.last_name,
        ";".join(person.emails),
        ";".join(person.unusable),
        person.status,
        person.finance_status,
        person.owner,
        person.language,
        born,
        person.consent_email,
        person.mail_on_set_date,
        person.mail_after_first_delivery,
        person.active,
        anniversary,
    )


def birthday_values(born: date | None) -> tuple[str | None, int | None]:
    """Return a birthday and, as a number, its day in the year: 229 is 29 February."""
    return (None, None) if born is None else (iso_day(born), 100 * born.month + born.day)


def staff_row(staff: Staff) -> TableRow:
    """Return the values of a member of staff, in the order of its columns."""
    address = lookup_form(staff.email)
    return (staff.crm_id, staff.name, staff.email, address, ";".join(staff.roles), staff.language)


def group_row(group: Group) -> TableRow:
    """Return the values of a group, in the order of its columns."""
    own = (group.kind.value, group.crm_id, group.name, group.tag, group.active)
    return (*own, *_names(group.names))


def status_row(status: Status) -> TableRow:
    """Return the values of a status, in the order of its columns."""
    kind = status.kind.value
    own = (kind, status.crm_id, status.name, status.tag, status.initial, status.closed)
    return (*own, *_names(status.names))


def _names(names: Names) -> Iterator[str]:
    by_language = dict(names)
    return (by_language.get(language, "") for language in NAME_LANGUAGES)


def membership_row(membership: Membership) -> TableRow:
    """Return the values of a membership, in the order of its columns."""
    return (membership.kind.value, membership.person, membership.group)


def programme_row(programme: Programme) -> TableRow:
    """Return the values of a programme, in the order of its columns."""
    return (programme.crm_id, programme.name)


def application_row(application: Application) -> TableRow:
    """Return the values of an application, in the order of its columns."""
    return (
        application.reference,
        application.person.kind.value,
        application.person.crm_id,
        application.programme,
        application.title,
        application.status,
        ";".join(application.responsible),
        time_value(application.submitted_at),
    )


def qualification_row(qualification: Qualification) -> TableRow:
    """Return the values of a qualification, in the order of its columns."""
    return (
        qualification.crm_id,
        qualification.person.kind.value,
        qualification.person.crm_id,
        qualification.name,
        qualification.licence_number,
        qualification.examiner_number,
        qualification.examiner,
        qualification.created_by,
        iso_day(qualification.acquired_on),
        iso_day(qualification.expires_on),
        qualification.notice_days,
    )


def closing_row(closing: Closing) -> TableRow:
    """Return the values of a closing, in the order of its columns."""
    return (
        closing.crm_id,
        closing.person.kind.value,
        closing.person.crm_id,
        iso_day(closing.closed_on),
    )


def iso_day(day: date | None) -> str | None:
    """Return a day in the form that `load` takes."""
    return None if day is None else day.isoformat()


def time_value(moment: datetime | None) -> int | None:
    """Return a time in the form that `load` takes."""
    return None if moment is None else microseconds(moment)


def mailboxes(emails: Iterable[str], lookalikes: Iterable[str] = ()) -> Iterable[tuple[str, int]]:
    """Return the addresses a person is found by, each with its position.

    The mailbox of a plus address (`ann@` for `ann+jobs@`) has -1: it counts only with
    `plus_addresses`. Addresses found in unreadable text, `lookalikes`, come last.
    """
    positions: dict[str, int] = {}
    for position, email in enumerate(emails):
        positions.setdefault(lookup_form(email), position)
    for position, email in enumerate(lookalikes, UNSURE):
        positions.setdefault(lookup_form(email), position)
    for form in [form for form in positions if "+" in form]:
        positions.setdefault(lookup_form(form, plus_addresses=True), -1)
    return positions.items()


PEOPLE = TableLayout(
    table=people,
    keys=("kind", "crm_id"),
    row=person_row,
    follows={"unusable": "emails", "anniversary": "birthday"},
    faults=frozenset({"unusable"}),
)
STAFF = TableLayout(table=staff, keys=("crm_id",), row=staff_row, follows={"address": "email"})
GROUPS = TableLayout(table=groups, keys=("kind", "crm_id"), row=group_row)
STATUSES = TableLayout(table=statuses, keys=("kind", "crm_id"), row=status_row)
MEMBERSHIPS = TableLayout(
    table=memberships, keys=("kind", "person", "group_id"), row=membership_row
)
PROGRAMMES = TableLayout(table=programmes, keys=("crm_id",), row=programme_row)
APPLICATIONS = TableLayout(
    table=applications, keys=("reference",), row=application_row, follows={"kind": "person"}
)
QUALIFICATIONS = TableLayout(
    table=qualifications, keys=("crm_id",), row=qualification_row, follows={"kind": "person"}
)
CLOSINGS = TableLayout(
    table=closings,
    keys=("crm_id",),
    row=closing_row,
    follows={"kind": "person"},
    called="deliveries",
)
