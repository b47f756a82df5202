"""References of the feed: understood where they can be, kept open where they lead nowhere."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    MetaData,
    Table,
    Text,
    and_,
    delete,
    exists,
    func,
    insert,
    literal,
    literal_column,
    select,
    true,
    update,
)

from gateway.core.feed.references import (
    NOTHING,
    How,
    Lead,
    Meaning,
    NumberedIds,
    ReferenceUse,
    Target,
    Targets,
    numbers,
    without_mark,
)
from gateway.core.kinds import Scope
from gateway.store.feed.staging import load
from gateway.store.schema import (
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

#: So many that lead nowhere are told one by one for each kind of reference.
_TOLD = 50
_WIDTH = {Scope.MAILCHIMP: 1, Scope.BULK: 2, Scope.ALL: 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A column that names something of another table."""

    name: str  #: As in the files: `people.status`.
    table: Table
    column: str
    target: Table
    kind: str = ""  #: Of the target, where it isn't that of the row.
    is_list: bool = False  #: Several, `;` between them.
    holder: str = "crm_id"  #: The column that tells whose reference it is.
    #: What is named may come later: no fault, as long as it isn't told without it.
    may_wait: bool = False

    @property
    def has_kind(self) -> bool:
        """Whether what is named has a kind."""
        return "kind" in self.target.c

    def value(self, rows: Table) -> ColumnElement[str]:
        """Return the column in the table itself or in one with its columns."""
        found: ColumnElement[str] = rows.c[self.column]
        return found

    def kind_of(self, rows: Table) -> ColumnElement[str]:
        """Return of which kind a row's reference is."""
        if self.kind or not self.has_kind:
            return literal_column(f"'{self.kind}'")
        found: ColumnElement[str] = rows.c.kind
        return found

    def leads(self, kind: ColumnElement[str], value: ColumnElement[str]) -> ColumnElement[bool]:
        """Say that something has an id."""
        there = self.target.alias("there")
        same = there.c.crm_id == value
        return exists().where(and_(same, there.c.kind == kind) if self.has_kind else same)


RELATIONS = (
    Relation(name="people.status", table=people, column="status", target=statuses),
    Relation(name="people.owner", table=people, column="owner", target=staff),
    Relation(
        name="memberships.group",
        table=memberships,
        column="group_id",
        target=groups,
        holder="person",
    ),
    Relation(
        name="memberships.person",
        table=memberships,
        column="person",
        target=people,
        holder="group_id",
        may_wait=True,
    ),
    Relation(
        name="applications.person",
        table=applications,
        column="person",
        target=people,
        holder="reference",
    ),
    Relation(
        name="applications.programme",
        table=applications,
        column="programme",
        target=programmes,
        holder="reference",
    ),
    Relation(
        name="applications.status",
        table=applications,
        column="status",
        target=statuses,
        kind="application",
        holder="reference",
    ),
    Relation(
        name="applications.responsible",
        table=applications,
        column="responsible",
        target=staff,
        is_list=True,
        holder="reference",
    ),
    Relation(name="qualifications.person", table=qualifications, column="person", target=people),
    Relation(
        name="qualifications.created_by", table=qualifications, column="created_by", target=staff
    ),
    Relation(name="deliveries.person", table=closings, column="person", target=people),
)
#: Whose rows have an id of their own, which a spreadsheet may have changed too.
_KEYED = (people, groups, statuses, staff, programmes)


@dataclass(frozen=True, slots=True)
class _Given:
    """A text of the file that is nobody's id."""

    kind: str
    text: str
    rows: int
    line: int


class References:
    """The references in the rows of one import, read before these are compared."""

    def __init__(
        self, connection: Connection, table: Table, tag_scopes: Mapping[str, Scope]
    ) -> None:
        self._connection = connection
        self._table = table
        self._tag_scopes = tag_scopes
        self._own = [relation for relation in RELATIONS if relation.table is table]
        self._known: dict[tuple[str, str], Targets] = {}
        self._uses: list[ReferenceUse] = []
        #: Rows whose reference leads nowhere or isn't certain, by kind of reference.
        self.faults: dict[str, int] = {}
        self._numbered: dict[str, NumberedIds] = {}
        self._meant, self._possible = _meant_table(), possible_table("may_mean")
        with connection.begin():
            self._meant.create(connection, checkfirst=False)
            self._possible.create(connection, checkfirst=False)

    @property
    def uses(self) -> tuple[ReferenceUse, ...]:
        """What was found that somebody should know."""
        return tuple(sorted(self._uses, key=lambda use: (not use.is_fault, use.line)))

    # The file's rows, before they are compared

    def understand(self, staged: Table) -> tuple[tuple[int, tuple[str, ...]], ...]:
        """Put ids where names and changed ids stand in the rows; note the rest.

        Returns the keys, each with its line, of what is known and may be meant by a row whose own
        key a spreadsheet has changed: it isn't gone, though the file doesn't name it.
        """
        with self._connection.begin():
            kept = tuple(self._understand_keys(staged))
            for relation in self._own:
                if relation.is_list:
                    self._understand_lists(relation, staged)
                else:
                    self._understand(relation, staged)
        return kept

    def statuses_to_nothing(self, staged: Table) -> list[tuple[int, str]]:
        """Return the people's rows whose status is none, where the known one keeps mail away.

        Each is a line and what is wrong. Whoever is deceased and gets the status `g999` may be
        deceased still: nobody has said what `g999` is.
        """
        relation = next(one for one in self._own if one.column == "status")
        old = statuses.alias("old")
        statement = (
            select(staged.c.line, staged.c.status)
            .join(people, and_(people.c.kind == staged.c.kind, people.c.crm_id == staged.c.crm_id))
            .join(old, and_(old.c.kind == people.c.kind, old.c.crm_id == people.c.status))
            .where(
                ~staged.c.kept,
                staged.c.status != "",
                old.c.tag.in_(self._tag_scopes),
                ~relation.leads(staged.c.kind, staged.c.status),
            )
        )
        with self._connection.begin():
            rows = self._connection.execute(statement).all()
        return [(line, f"{status!r} leads nowhere") for line, status in rows]

    def _understand(self, relation: Relation, staged: Table) -> None:
        given = self._unknown(relation, staged)
        if not given:
            return
        waiting, rest = self._apart(relation, given)
        self._note_waiting(relation, waiting)
        meanings = self._meanings(relation, rest)
        self._replace(relation, staged, meanings)
        if self._table is memberships and relation.target is people:
            self._add_all_meant(staged, meanings)
        self._note(relation, rest, meanings)

    def _unknown(self, relation: Relation, staged: Table) -> list[_Given]:
        value, kind = relation.value(staged), relation.kind_of(staged)
        statement = (
            select(kind, value, func.count(), func.min(staged.c.line))
            .where(value != "", ~relation.leads(kind, value))
            .group_by(*([kind] if relation.has_kind and not relation.kind else []), value)
        )
        return [_Given(*row) for row in self._connection.execute(statement)]

    def _apart(
        self, relation: Relation, given: Iterable[_Given]
    ) -> tuple[list[_Given], list[_Given]]:
        """Tell apart what waits, since nothing of the sort was ever told, and the rest."""
        waiting: list[_Given] = []
        rest: list[_Given] = []
        known: dict[str, bool] = {}
        for one in given:
            if one.kind not in known:
                known[one.kind] = self._has_any(relation, one.kind)
            (rest if known[one.kind] else waiting).append(one)
        return waiting, rest

    def _has_any(self, relation: Relation, kind: str) -> bool:
        condition = relation.target.c.kind == kind if relation.has_kind else true()
        some = select(literal(1)).select_from(relation.target).where(condition).limit(1)
        return self._connection.scalar(some) is not None

    def _meanings(self, relation: Relation, given: Sequence[_Given]) -> dict[_Given, Meaning]:
        if not given:
            return {}
        if relation.target is people:
            return self._people_meant(given)
        return {one: self._targets(relation, one.kind).meaning(one.text) for one in given}

    def _targets(self, relation: Relation, kind: str) -> Targets:
        key = (relation.target.name, kind)
        if key not in self._known:
            rows = targets(self._connection, relation.target, kind, self._tag_scopes)
            self._known[key] = Targets(rows)
        return self._known[key]

    def _people_meant(self, given: Sequence[_Given]) -> dict[_Given, Meaning]:
        """Find people by their numbers: of them there are too many to go through one by one."""
        meanings = {}
        for one in given:
            crm_ids = self._people_numbered(one.kind).fitting(one.text)
            possible = numbers(without_mark(one.text))
            if len(crm_ids) == 1:
                is_certain = possible is None or possible.is_exact
                meanings[one] = Meaning(crm_id=crm_ids[0], how=How.BENT, is_certain=is_certain)
            else:
                meanings[one] = Meaning(others=tuple(sorted(crm_ids)), is_certain=not crm_ids)
        return meanings

    def _people_numbered(self, kind: str) -> NumberedIds:
        if kind not in self._numbered:
            mine = select(people.c.crm_id).where(people.c.kind == kind)
            self._numbered[kind] = NumberedIds(self._connection.scalars(mine))
        return self._numbered[kind]

    def _add_all_meant(self, staged: Table, meanings: Mapping[_Given, Meaning]) -> None:
        """Have all whom a member's id may mean be members, where the group keeps mail away."""
        possible = [
            (one.kind, one.text, crm_id)
            for one, meaning in meanings.items()
            for crm_id in meaning.others
        ]
        if not possible:
            return
        self._connection.execute(delete(self._possible))
        load(self._connection, self._possible, possible)
        names = [column.name for column in staged.columns]
        # No line of the file tells of them; where one does, it is the later one, which counts.
        number = func.row_number().over(order_by=(staged.c.line, self._possible.c.crm_id))
        lowest = self._connection.scalar(select(func.min(staged.c.line))) or 0
        made = {"line": min(lowest, 0) - number, "person": self._possible.c.crm_id}
        rows = select(*(made.get(name, staged.c[name]) for name in names)).select_from(staged)
        self._connection.execute(
            insert(staged).from_select(
                names,
                rows.join(self._possible, is_meant(self._possible, staged))
                .join(groups, keeps_away(staged, self._tag_scopes))
                .where(~staged.c.kept),
            )
        )

    def _replace(
        self, relation: Relation, staged: Table, meanings: Mapping[_Given, Meaning]
    ) -> None:
        meant = [
            (one.kind, one.text, meaning.crm_id)
            for one, meaning in meanings.items()
            if meaning.crm_id
        ]
        if not meant:
            return
        table = self._meant
        self._connection.execute(delete(table))
        load(self._connection, table, meant)
        mine = and_(
            table.c.kind == relation.kind_of(staged), table.c.given == relation.value(staged)
        )
        new = select(table.c.crm_id).where(mine).scalar_subquery()
        change = update(staged).where(exists().where(mine)).values({relation.column: new})
        self._connection.execute(change)

    # Lists

    def _understand_lists(self, relation: Relation, staged: Table) -> None:
        value = relation.value(staged)
        statement = (
            select(value, func.count(), func.min(staged.c.line)).where(value != "").group_by(value)
        )
        texts = [_Given("", *row) for row in self._connection.execute(statement)]
        known = set(self._connection.scalars(select(relation.target.c.crm_id)))
        given: dict[str, _Given] = {}
        for one in texts:
            for part in parts(one.text):
                if part not in known:
                    before = given.get(part, _Given("", part, 0, one.line))
                    line = min(before.line, one.line)
                    given[part] = _Given("", part, before.rows + one.rows, line)
        waiting, rest = self._apart(relation, given.values())
        self._note_waiting(relation, waiting)
        meanings = self._meanings(relation, rest)
        ids = {one.text: meaning.crm_id for one, meaning in meanings.items() if meaning.crm_id}
        whole = {
            one: Meaning(crm_id=text)
            for one in texts
            if (text := with_ids(one.text, ids)) != one.text
        }
        self._replace(relation, staged, whole)
        self._note(relation, rest, meanings)

    # Keys

    def _understand_keys(self, staged: Table) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Look at new ids of rows: has a spreadsheet made them of known ones?

        `17.0` is 17, since no CRM has both. `17` may be 00017 without its zeros or another one:
        both stay, and a person is asked. What is rounded may be anybody, so all of them stay. An
        id like `123.456` that isn't a known one's is taken as it stands.
        """
        some = select(literal(1)).select_from(self._table).limit(1)
        if self._table not in _KEYED or self._connection.scalar(some) is None:
            return
        relation = Relation(
            name=f"{self._table.name}.crm_id",
            table=self._table,
            column="crm_id",
            target=self._table,
        )
        given = [
            one
            for one in self._unknown_keys(relation, staged)
            if without_mark(one.text) != one.text or numbers(one.text) is not None
        ]
        meanings = self._meanings(relation, given)
        sure: dict[_Given, Meaning] = {}
        doubtful: dict[_Given, Meaning] = {}
        for one, meaning in meanings.items():
            is_digits = one.text.isdecimal()
            number = numbers(one.text)
            if meaning == NOTHING and number is not None and number.may_be_id:
                continue
            if meaning.crm_id and meaning.how is How.BENT and not is_digits and meaning.is_certain:
                sure[one] = meaning
            elif not is_digits or (meaning.crm_id and meaning.how is How.BENT):
                doubtful[one] = replace(meaning, is_certain=False)
        there = self._staged_ids(staged, doubtful.values()) if doubtful else set()
        doubtful = {one: each for one, each in doubtful.items() if each.crm_id not in there}
        self._replace(relation, staged, sure)
        self._note_keys(relation, sure, doubtful)
        for one, meaning in doubtful.items():
            for crm_id in (meaning.crm_id, *meaning.others):
                if crm_id and crm_id not in there:
                    yield one.line, (one.kind, crm_id) if relation.has_kind else (crm_id,)

    def _unknown_keys(self, relation: Relation, staged: Table) -> list[_Given]:
        if not relation.has_kind:
            return self._unknown(relation, staged) if self._has_any(relation, "") else []
        return self._apart(relation, self._unknown(relation, staged))[1]

    def _staged_ids(self, staged: Table, meanings: Iterable[Meaning]) -> set[str]:
        wanted = {crm_id for one in meanings for crm_id in (one.crm_id, *one.others) if crm_id}
        return wanted & set(self._connection.scalars(select(staged.c.crm_id)))

    def _note_keys(
        self,
        relation: Relation,
        sure: Mapping[_Given, Meaning],
        doubtful: Mapping[_Given, Meaning],
    ) -> None:
        for given in (sure, doubtful):
            if given:
                first = min(given, key=lambda one: one.line)
                meaning = given[first]
                self._add(
                    relation,
                    first,
                    Lead.BENT_KEY,
                    rows=sum(one.rows for one in given),
                    crm_id=meaning.crm_id if given is sure else "",
                    others=() if given is sure or not meaning.crm_id else (meaning.crm_id,),
                )

    # What is told

    def _note_waiting(self, relation: Relation, waiting: Sequence[_Given]) -> None:
        for kind in sorted({one.kind for one in waiting}):
            mine = [one for one in waiting if one.kind == kind]
            first = min(mine, key=lambda one: one.line)
            self._add(relation, first, Lead.WAITING, rows=sum(one.rows for one in mine))

    def _note(
        self,
        relation: Relation,
        given: Sequence[_Given],
        meanings: Mapping[_Given, Meaning],
    ) -> None:
        later = [one for one in given if relation.may_wait and meanings[one] == Meaning()]
        self._note_waiting(relation, later)
        rest = sorted(set(given) - set(later), key=lambda one: one.line)
        bent = [one for one in rest if _is_plainly_bent(meanings[one])]
        if bent:
            meaning, rows = meanings[bent[0]], sum(one.rows for one in bent)
            self._add(
                relation,
                bent[0],
                Lead.UNDERSTOOD,
                rows=rows,
                crm_id=meaning.crm_id,
                how=meaning.how,
            )
        told = 0
        for one in rest:
            meaning = meanings[one]
            if _is_plainly_bent(meaning):
                continue
            if not meaning.crm_id or not meaning.is_certain:
                self.faults[relation.name] = self.faults.get(relation.name, 0) + one.rows
                told += 1
                if told > _TOLD:
                    continue
            self._add_meaning(relation, one, meaning)

    def _add_meaning(self, relation: Relation, one: _Given, meaning: Meaning) -> None:
        if meaning.crm_id:
            lead = Lead.UNDERSTOOD if meaning.is_certain else Lead.UNCERTAIN
            nearest: tuple[str, ...] = ()
        else:
            lead, nearest = Lead.UNKNOWN, self._nearest(relation, one)
        self._add(
            relation,
            one,
            lead,
            rows=one.rows,
            crm_id=meaning.crm_id,
            how=meaning.how,
            others=meaning.others,
            nearest=nearest,
        )

    def _add(self, relation: Relation, one: _Given, lead: Lead, **facts: Any) -> None:
        use = ReferenceUse(
            reference=relation.name,
            kind=one.kind,
            given=one.text,
            lead=lead,
            line=one.line,
            **facts,
        )
        self._uses.append(use)
        if lead is Lead.BENT_KEY:
            self.faults[relation.name] = self.faults.get(relation.name, 0) + use.rows

    def _nearest(self, relation: Relation, one: _Given) -> tuple[str, ...]:
        if relation.has_kind and (other := self._of_another_kind(relation, one)):
            return (other,)
        if relation.target is people:
            return ()
        return self._targets(relation, one.kind).nearest(one.text)

    def _of_another_kind(self, relation: Relation, one: _Given) -> str:
        target = relation.target.c
        statement = select(target.kind).where(target.crm_id == one.text).limit(1)
        kind = self._connection.scalar(statement)
        return f"{one.text} of kind {kind}" if kind else ""


def targets(
    connection: Connection, table: Table, kind: str, tag_scopes: Mapping[str, Scope]
) -> Iterator[Target]:
    """Yield all of one kind that a reference may lead to; not for people, who are too many."""
    condition = table.c.kind == kind if "kind" in table.c else true()
    for row in connection.execute(select(table).where(condition)):
        yield as_target(row._mapping, tag_scopes)


def as_target(row: Mapping[Any, Any], tag_scopes: Mapping[str, Scope]) -> Target:
    """Return what a row of groups, statuses, staff or programmes is to those who name it."""
    names = (row["name"], row.get("address", ""))
    scope = tag_scopes.get(row.get("tag", "")) if row.get("active", True) else None
    return Target(
        crm_id=row["crm_id"],
        names=tuple(filter(None, names)),
        keeps_away=_WIDTH[scope] if scope else 0,
    )


def with_ids(text: str, ids: Mapping[str, str]) -> str:
    """Return a list with the ids of those of its parts that mean something else."""
    return ";".join(ids.get(part, part) for part in parts(text))


def parts(text: str) -> list[str]:
    """Return what stands between `;`."""
    return [part for part in map(str.strip, text.split(";")) if part]


def _is_plainly_bent(meaning: Meaning) -> bool:
    return bool(meaning.crm_id) and meaning.how is How.BENT and meaning.is_certain


def is_meant(possible: Table, rows: Table) -> ColumnElement[bool]:
    """Say that a member's row names somebody by a text that may mean a person."""
    return and_(possible.c.kind == rows.c.kind, possible.c.given == rows.c.person)


def keeps_away(rows: Table, tag_scopes: Mapping[str, Scope]) -> ColumnElement[bool]:
    """Say that a member's row is of a group that keeps mail away."""
    its_group = and_(groups.c.kind == rows.c.kind, groups.c.crm_id == rows.c.group_id)
    return and_(its_group, groups.c.active, groups.c.tag.in_(tag_scopes))


@cache
def possible_table(name: str) -> Table:
    """Return a temporary table of people whom a text may mean, several of one text."""
    return Table(
        name,
        MetaData(),
        *(Column(each, Text, primary_key=True) for each in ("kind", "given", "crm_id")),
        prefixes=["TEMPORARY"],
    )


@cache
def _meant_table() -> Table:
    return Table(
        "meant_references",
        MetaData(),
        Column("kind", Text, primary_key=True),
        Column("given", Text, primary_key=True),
        Column("crm_id", Text, nullable=False),
        prefixes=["TEMPORARY"],
    )
