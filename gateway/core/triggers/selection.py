"""The people a date event selects: described by each event, found in the store through indexes.

An event describes which rows may be due, and the store finds them (`store/triggers/due.py`). "Whose
birthday is on 1 March" is

    PeopleSelection(day=date(2027, 3, 1), where=(IsAmong("anniversary", (301,)),))

The columns are those of the store's tables. A selection may return more people than are mailed: the
event's conditions are checked afterwards, and again when the mail is sent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from gateway.core.people.training import Qualification


@dataclass(frozen=True, slots=True)
class IsTrue:
    """A boolean column is true."""

    column: str


@dataclass(frozen=True, slots=True)
class IsAmong:
    """A column has one of several values."""

    column: str
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class IsBefore:
    """A date column is before a day."""

    column: str
    day: date


@dataclass(frozen=True, slots=True)
class IsBetween:
    """A date column is between two days, inclusive."""

    column: str
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class IsAhead:
    """A date column is after a day, by at most the number of days in another column.

    With `last`, by at most that after one of the days from `today` to `last`.
    """

    column: str
    days: str
    today: date
    last: date | None = None


Condition = IsTrue | IsAmong | IsBefore | IsBetween | IsAhead


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleSelection:
    """People for whom the event falls on a day: one occurrence per day."""

    day: date
    where: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QualificationSelection:
    """Qualifications, each with its person: one occurrence per value of a date column."""

    where: tuple[Condition, ...]
    occurrence: str  #: That column.
    #: The day when mail about a qualification is due; None: never.
    day_of: Callable[[Qualification], date | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosingSelection:
    """People whose first closing is before a day, but not before an earlier one: once ever."""

    day: date  #: When it is due.
    since: date | None  #: None: however long ago.
    where: tuple[Condition, ...]  #: On the person.


DueSelection = PeopleSelection | QualificationSelection | ClosingSelection
