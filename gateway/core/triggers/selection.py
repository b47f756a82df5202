"""The people a date event selects: described by each event, found in the store through indexes.

An event says which rows may be due, the store finds them (`store/triggers/due.py`). "Whose
birthday is on 1 March" is

    PeopleSelection(day=date(2027, 3, 1), where=(IsAmong("anniversary", (301,)),))

The columns are those of the store's tables. A selection may bring more people than are mailed: the
event's conditions are looked at afterwards, and again when the mail leaves.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from gateway.core.people.training import Qualification


@dataclass(frozen=True, slots=True)
class IsTrue:
    """A column of yes and no says yes."""

    column: str


@dataclass(frozen=True, slots=True)
class IsAmong:
    """A column has one of some values."""

    column: str
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class IsBefore:
    """A column of days lies before a day."""

    column: str
    day: date


@dataclass(frozen=True, slots=True)
class IsBetween:
    """A column of days lies between two days, both included."""

    column: str
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class IsAhead:
    """A column of days lies after a day, by no more than as many days as another column says.

    With `last`, by no more than that after one of the days from `today` to `last`.
    """

    column: str
    days: str
    today: date
    last: date | None = None


Condition = IsTrue | IsAmong | IsBefore | IsBetween | IsAhead


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleSelection:
    """People for whom the event falls on a day: an occurrence for each day."""

    day: date
    where: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QualificationSelection:
    """Qualifications, each with its person: an occurrence for each value of a column of days."""

    where: tuple[Condition, ...]
    occurrence: str  #: That column.
    #: On which day mail about a qualification is due; None: never.
    day_of: Callable[[Qualification], date | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosingSelection:
    """People whose first closing lies before a day, but not before an earlier one: once ever."""

    day: date  #: On which it is due.
    since: date | None  #: None: however long ago.
    where: tuple[Condition, ...]  #: On the person.


DueSelection = PeopleSelection | QualificationSelection | ClosingSelection
