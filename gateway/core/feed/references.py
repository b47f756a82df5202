"""What a reference means that is nobody's id: a name, or an id mangled by a spreadsheet."""

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import SequenceMatcher
from enum import StrEnum
from functools import cached_property

from gateway.core.feed.feed_mapping import as_compared
from gateway.core.written import as_read, counted

#: How many known ones to suggest if nothing fits.
_NEAREST = 3
_SHOWN = 5  #: How many candidates of an ambiguous reference to name.
_LIKENESS = 0.6
_MOST_DIGITS = 30
_DIGITS = re.compile(rf"[0-9]{{1,{_MOST_DIGITS}}}")
_WHOLE = re.compile(r"([0-9]{1,30})[.,]0{1,6}")
#: 123456 with the thousands separators of a cell's format.
_THOUSANDS = re.compile(r"([1-9][0-9]{0,2}(?:([ .,'’])[0-9]{3})(?:\2[0-9]{3}){0,8})(?:[.,]0{1,2})?")
#: For 123456789012 Excel shows 1.23457E+11: the rounded digits are lost in the file.
_EXPONENT = re.compile(r"([0-9](?:[.,][0-9]{1,15})?)[eE]\+?([0-9]{1,2})")
_SEPARATED = re.compile(r"[;,|/\\+&:()\[\]\r\n\t]|\s[-–—]+\s")
#: How text that must stay text is written for Excel: ="00017" and '00017.
_MARKED = re.compile(r'="(.*)"|\'(.*)')


class UnderstoodBy(StrEnum):
    """How a reference was understood."""

    NAME = "name"
    CASE = "case"  #: The id in other case or with other spaces.
    PART = "part"  #: Among others, or with a remark: `Active; Deceased`, `Deceased (2019)`.
    BENT = "bent"  #: The id as mangled by a spreadsheet: 17 for 00017, 17.0, 1.00E+05.


class ReferenceLead(StrEnum):
    """Where a file's reference leads."""

    UNDERSTOOD = "understood"  #: To something known, though it isn't written as its id.
    UNCERTAIN = "uncertain"  #: The same, but it might mean something else.
    UNKNOWN = "unknown"  #: To nothing.
    BENT_KEY = "bent_key"  #: It isn't a reference: the row's own id, mangled by a spreadsheet.
    WAITING = "waiting"  #: To nothing yet: no such records were ever sent, or they come later.


@dataclass(frozen=True, slots=True)
class NumberRange:
    """The whole numbers a text may stand for, from lowest to highest."""

    low: int
    high: int
    #: Its value if the zeros after the point aren't a fraction: 12000 for `12.000`.
    other: int | None = None
    may_be_id: bool = False  #: Ids are also written like this: `123.456`, `2026 017`.

    @property
    def is_exact(self) -> bool:
        """Whether nothing was rounded."""
        return self.low == self.high


def numbers(text: str) -> NumberRange | None:
    """Return a text as a number that a spreadsheet may have made of an id."""
    if _DIGITS.fullmatch(text):
        return NumberRange(int(text), int(text))
    thousands = _THOUSANDS.fullmatch(text)
    grouped = None if thousands is None else int(re.sub(r"[^0-9]", "", thousands[1]))
    if whole := _WHOLE.fullmatch(text):
        return NumberRange(int(whole[1]), int(whole[1]), grouped)
    if grouped is not None:
        return NumberRange(grouped, grouped, may_be_id=True)
    exponent_form = _EXPONENT.fullmatch(text)
    if exponent_form is None:
        return None
    mantissa, power = Decimal(exponent_form[1].replace(",", ".")), int(exponent_form[2])
    digits = -int(mantissa.as_tuple().exponent)
    unit = Decimal(10) ** (power - digits)
    middle = mantissa * Decimal(10) ** power
    if unit <= 1:
        return NumberRange(int(middle), int(middle)) if middle == int(middle) else None
    return NumberRange(int(middle - unit / 2), int(middle + unit / 2) - 1)


def possible_ids(text: str) -> list[str] | None:
    """Return all ids that a text may have been; None if it was rounded: there are too many.

    >>> possible_ids("17.0")
    ['17', '017', '0017', …
    """
    possible = numbers(without_mark(text))
    if possible is None:
        return []
    if not possible.is_exact:
        return None
    return [
        str(number).zfill(width)
        for number in (possible.low, possible.other)
        if number is not None
        for width in range(len(str(number)), _MOST_DIGITS + 1)
    ]


class NumberedIds:
    """Numeric ids, to find those that a spreadsheet may have turned into a text."""

    def __init__(self, crm_ids: Iterable[str]) -> None:
        self._by_number: dict[int, list[str]] = defaultdict(list)
        for crm_id in crm_ids:
            if _DIGITS.fullmatch(crm_id):
                self._by_number[int(crm_id)].append(crm_id)

    @cached_property
    def _in_order(self) -> list[int]:
        return sorted(self._by_number)

    def possible_originals(self, text: str) -> list[str]:
        """Return the ids a text may have been, except itself, in numeric order."""
        possible = numbers(without_mark(text))
        if possible is None:
            return []
        fitting_numbers: Iterable[int] = (possible.low,)
        if not possible.is_exact:
            begin = bisect_left(self._in_order, possible.low)
            fitting_numbers = self._in_order[begin : bisect_right(self._in_order, possible.high)]
        elif possible.other is not None:
            fitting_numbers = (possible.low, possible.other)
        return [
            crm_id
            for number in fitting_numbers
            for crm_id in self._by_number.get(number, ())
            if crm_id != text
        ]


def without_mark(text: str) -> str:
    """Return a text without Excel's text markers: `="00017"` becomes `00017`."""
    marked = _MARKED.fullmatch(text)
    return (marked[1] or marked[2] or "").strip() if marked else text


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceTarget:
    """Something a reference may lead to."""

    crm_id: str
    names: tuple[str, ...] = ()  #: Its names for people: its name, a colleague's address.
    keeps_away: int = 0  #: How much mail it blocks; 0: none.

    def __str__(self) -> str:
        return f"{self.crm_id} {self.names[0]!r}" if self.names else self.crm_id


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenMeaning:
    """The meaning given to a reference that is nobody's id."""

    crm_id: str = ""  #: Empty: it leads nowhere.
    how: UnderstoodBy | None = None
    is_certain: bool = True
    others: tuple[str, ...] = ()  #: What else it may mean.


NOTHING = GivenMeaning()


class ReferenceTargets:
    """Everything that one kind of reference may lead to."""

    def __init__(self, targets: Iterable[ReferenceTarget]) -> None:
        self.targets = {target.crm_id: target for target in targets}
        self._by_name = _by_form(
            (as_read(name), target) for target in self.targets.values() for name in target.names
        )
        self._by_id = _by_form(
            (as_compared(target.crm_id), target) for target in self.targets.values()
        )
        self._numbered = NumberedIds(self.targets)

    def meaning(self, text: str) -> GivenMeaning:
        """Return the meaning of a text that is nobody's id, as far as it is clear.

        Of several candidates the one that blocks the most mail counts: whoever is meant is
        protected, and the report says it isn't certain. If none blocks mail, it leads nowhere.
        """
        fits = dict(self._fitting_targets(text))
        if not fits:
            return self.meaning_of_parts(text)
        first, *others = sorted(fits, key=lambda target: (-target.keeps_away, target.crm_id))
        also = tuple(target.crm_id for target in others)
        if others and not first.keeps_away:
            return GivenMeaning(others=(first.crm_id, *also), is_certain=False)
        how = fits[first]
        number = numbers(without_mark(text)) if how is UnderstoodBy.BENT else None
        is_exact = number is None or number.is_exact
        return GivenMeaning(
            crm_id=first.crm_id, how=how, is_certain=is_exact and not others, others=also
        )

    def meaning_of_parts(self, text: str) -> GivenMeaning:
        """Return what blocks mail among several, or beside a remark; else nothing."""
        parts = [part for piece in _SEPARATED.split(text) if (part := piece.strip())]
        targets = {
            target.crm_id: target
            for part in parts
            for target in (self.targets.get(part), *(fit for fit, _ in self._fitting_targets(part)))
            if target is not None
        }
        if not any(target.keeps_away for target in targets.values()):
            return NOTHING
        first, *others = sorted(
            targets.values(), key=lambda target: (-target.keeps_away, target.crm_id)
        )
        also = tuple(target.crm_id for target in others)
        return GivenMeaning(
            crm_id=first.crm_id, how=UnderstoodBy.PART, is_certain=False, others=also
        )

    def nearest_names(self, text: str) -> tuple[str, ...]:
        """Return the known targets whose id or name is most similar to a text, as suggestions."""
        form = as_read(text)
        ranked = sorted(
            (
                (
                    max(
                        SequenceMatcher(None, form, as_read(name)).ratio()
                        for name in (target.crm_id, *target.names)
                    ),
                    target.crm_id,
                )
                for target in self.targets.values()
            ),
            key=lambda pair: (-pair[0], pair[1]),
        )
        close = [crm_id for likeness, crm_id in ranked[:_NEAREST] if likeness >= _LIKENESS]
        return tuple(str(self.targets[crm_id]) for crm_id in close)

    def _fitting_targets(self, text: str) -> Iterator[tuple[ReferenceTarget, UnderstoodBy]]:
        """Yield each that fits; the surest way last, which is the one kept."""
        for target in self._by_name.get(as_read(text), ()):
            yield target, UnderstoodBy.NAME
        yield from (
            (self.targets[crm_id], UnderstoodBy.BENT) for crm_id in self.ids_turned_into(text)
        )
        for target in self._by_id.get(as_compared(text), ()):
            yield target, UnderstoodBy.CASE

    def ids_turned_into(self, text: str) -> list[str]:
        """Return the known ids that a spreadsheet may have turned into a text."""
        plain = without_mark(text)
        if plain != text and plain in self.targets:
            return [plain]
        return self._numbered.possible_originals(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceUse:
    """A text in a file that refers to something without being its id."""

    reference: str  #: The kind of reference: `people.status`, `memberships.group`.
    kind: str  #: The target's: candidate, contact, application; empty: it has no kinds.
    given: str  #: Empty: several, which are all waiting.
    lead: ReferenceLead
    rows: int
    line: int  #: The line of its first occurrence.
    crm_id: str = ""  #: What it is taken to mean.
    how: UnderstoodBy | None = None
    others: tuple[str, ...] = ()  #: What else it may mean.
    nearest: tuple[str, ...] = field(default=())

    @property
    def is_fault(self) -> bool:
        """Whether somebody must look into it."""
        return self.lead in (ReferenceLead.UNKNOWN, ReferenceLead.UNCERTAIN, ReferenceLead.BENT_KEY)

    @property
    def column(self) -> str:
        """Its column in the file."""
        return self.reference.partition(".")[2]

    @property
    def cure(self) -> str:
        """How to fix it; empty: nothing to do."""
        match self.lead:
            case ReferenceLead.UNKNOWN if self.others:
                ids, more = self.others[:_SHOWN], len(self.others) - _SHOWN
                choices = f"{', '.join(ids)} and {more} more" if more > 0 else " or ".join(ids)
                if self.reference == "memberships.person":
                    choices += "; all of them are members if the group keeps mail away"
                return f"it may mean {choices}: write the id"
            case ReferenceLead.UNKNOWN:
                none = "nothing has this id"
                if self.kind:
                    none = f"no {self._sort()} have this id or name"
                return f"{none}; nearest: {', '.join(self.nearest)}" if self.nearest else none
            case ReferenceLead.UNCERTAIN if self.others:
                return f"it may mean {', '.join(self.others)} too; what keeps mail away counts"
            case ReferenceLead.UNCERTAIN if self.how is UnderstoodBy.PART:
                return "nobody knows the rest of it; what keeps mail away counts"
            case ReferenceLead.UNCERTAIN:
                return f"a spreadsheet has rounded the id; {_AS_TEXT}"
            case ReferenceLead.BENT_KEY if self.crm_id:
                return f"taken for {self.crm_id}; {_AS_TEXT}"
            case ReferenceLead.BENT_KEY if self.others:
                return f"it may be {self.others[0]}, which stays as it is; {_AS_TEXT}"
            case ReferenceLead.BENT_KEY:
                return _AS_TEXT
            case _:
                return ""

    def __str__(self) -> str:
        what = self.column
        rows = counted(self.rows, "row")
        match self.lead:
            case ReferenceLead.WAITING:
                wait = "waits" if self.rows == 1 else "wait"
                return f"{what}: {rows} {wait} for {self._sort()} still to come: {_WAITING}"
            case ReferenceLead.UNKNOWN:
                return f"{what}: {self.given!r} leads nowhere ({rows}): {self.cure}"
            case ReferenceLead.BENT_KEY:
                return f"{what}: {self.given!r} is an id {_CHANGED} ({rows}): {self.cure}"
            case _:
                text = f"{what} given by {_HOW[self.how]}: {self.given!r} = {self.crm_id} ({rows})"
                return text if self.lead is ReferenceLead.UNDERSTOOD else f"{text}: {self.cure}"

    def _sort(self) -> str:
        sort = _SORTS[self.reference]
        return f"{sort} of {self.kind}s" if self.kind and sort != "people" else sort


_WAITING = "gateway import waiting"
_CHANGED = "that a spreadsheet has changed"
_AS_TEXT = "export the column as text"
_HOW = {
    UnderstoodBy.NAME: "name",
    UnderstoodBy.CASE: "an id in other letters",
    UnderstoodBy.PART: "a part of what is written",
    UnderstoodBy.BENT: f"an id {_CHANGED}",
    None: "",
}
_SORTS = {
    "people.status": "statuses",
    "people.owner": "staff",
    "memberships.group": "groups",
    "memberships.person": "people",
    "applications.person": "people",
    "applications.programme": "programmes",
    "applications.status": "statuses",
    "applications.responsible": "staff",
    "qualifications.person": "people",
    "qualifications.created_by": "staff",
    "deliveries.person": "people",
}


def _by_form(pairs: Iterable[tuple[str, ReferenceTarget]]) -> dict[str, list[ReferenceTarget]]:
    targets: dict[str, list[ReferenceTarget]] = defaultdict(list)
    for form, target in pairs:
        if form:
            targets[form].append(target)
    return targets
