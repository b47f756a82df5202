"""References that lead nowhere: kept as given, followed once what they name comes, and counted."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Integer,
    MetaData,
    Select,
    SelectBase,
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
    tuple_,
    update,
)

from gateway.core.feed.references import NumberedIds, Targets, numbers, without_mark
from gateway.core.kinds import Scope
from gateway.core.people.people import PersonRef
from gateway.store.engine.upsert import insert_into
from gateway.store.feed.layouts import PEOPLE
from gateway.store.feed.references import (
    RELATIONS,
    Relation,
    as_target,
    is_meant,
    keeps_away,
    parts,
    possible_table,
    targets,
    with_ids,
)
from gateway.store.feed.staging import Stage, load
from gateway.store.schema import feeds, groups, memberships, open_references, people
from gateway.store.schema.columns import UtcTime

_EXAMPLES = 3


class OpenReferences:
    """Those that one import opens or closes.

    `look_before` runs when the import's changes are known and nothing is written, `settle` when
    all is: both within the import's transactions.
    """

    def __init__(
        self, connection: Connection, stage: Stage, tag_scopes: Mapping[str, Scope]
    ) -> None:
        self._connection = connection
        self._stage = stage
        self._tag_scopes = tag_scopes
        table = stage.layout.table
        self._own = [relation for relation in RELATIONS if relation.table is table]
        self._led_here = [relation for relation in RELATIONS if relation.target is table]
        self._arrived, self._touched, self._counted, self._possible = _temporary_tables()
        with connection.begin():
            for one in (self._arrived, self._touched, self._counted, self._possible):
                one.create(connection, checkfirst=False)

    def look_before(self) -> None:
        """Find out which open ones the import's changes answer, and which it may change."""
        open_now = self._open_now()
        for relation in self._own:
            self._touch_own(relation, is_open=relation.name in open_now)
        for relation in self._led_here:
            self._touch_removed(relation)
            if relation.name in open_now:
                self._touch_new(relation)
                self._touch_arrived(relation)

    def settle(self, now: datetime) -> None:
        """Follow those that lead somewhere now, and count those that don't."""
        for relation in self._led_here:
            self._follow(relation)
        if self._stage.layout is PEOPLE:
            self._add_all_meant()
        for relation in dict.fromkeys([*self._own, *self._led_here]):
            self._count(relation, now)

    def _open_now(self) -> set[str]:
        return set(self._connection.scalars(select(open_references.c.reference).distinct()))

    # Which may change

    def _touch_own(self, relation: Relation, *, is_open: bool) -> None:
        changes, table = self._stage.changes, relation.table
        if relation.is_list:
            self._touch_lists(relation, is_open=is_open)
            return
        kind, value = relation.kind_of(changes), relation.value(changes)
        new = (
            select(kind.label("of"), value)
            .where(value != "", ~relation.leads(kind, value))
            .distinct()
        )
        self._touch(relation, new)
        if not is_open:
            return
        for gone in (changes, self._stage.removed):
            before = _is_open(relation, table)
            same = self._stage.same_key(gone, table)
            self._touch(
                relation,
                select(relation.kind_of(table).label("of"), relation.value(table))
                .join_from(gone, table, same)
                .where(before)
                .distinct(),
            )

    def _touch_lists(self, relation: Relation, *, is_open: bool) -> None:
        changes, table = self._stage.changes, relation.table
        texts = set(self._connection.scalars(select(relation.value(changes)).distinct()))
        if is_open:
            for gone in (changes, self._stage.removed):
                same = self._stage.same_key(gone, table)
                before = select(relation.value(table)).join_from(gone, table, same)
                texts |= set(self._connection.scalars(before.distinct()))
        given = {part for text in texts for part in parts(text)}
        self._touch_all(relation, (("", part) for part in given))

    def _touch_removed(self, relation: Relation) -> None:
        removed = self._stage.removed
        kind = removed.c.kind if relation.has_kind else literal_column("''")
        rows = select(kind.label("of"), removed.c.crm_id)
        self._touch(relation, rows.where(_of_kind(relation, removed)))

    def _touch_new(self, relation: Relation) -> None:
        changes = self._stage.changes
        kind = changes.c.kind if relation.has_kind else literal_column("''")
        there = exists().where(
            open_references.c.reference == relation.name,
            open_references.c.kind == kind,
            open_references.c.given == changes.c.crm_id,
        )
        new = select(kind.label("of"), changes.c.crm_id)
        self._touch(relation, new.where(changes.c.is_new, _of_kind(relation, changes), there))

    def _touch(self, relation: Relation, rows: SelectBase) -> None:
        found = rows.subquery()
        kind, given = found.c
        named = select(literal(relation.name), kind, given).where(true())
        statement = insert_into(self._connection, self._touched)
        self._connection.execute(
            statement.from_select(["reference", "kind", "given"], named).on_conflict_do_nothing()
        )

    def _touch_all(self, relation: Relation, given: Iterable[tuple[str, str]]) -> None:
        rows = [{"reference": relation.name, "kind": kind, "given": text} for kind, text in given]
        if rows:
            statement = insert_into(self._connection, self._touched)
            self._connection.execute(statement.on_conflict_do_nothing(), rows)

    # What arrives

    def _touch_arrived(self, relation: Relation) -> None:
        if relation.target is people:
            arrived = self._people_arrived(relation)
        else:
            arrived = list(self._arrived_of(relation))
        rows = [(relation.name, *each) for each in arrived]
        load(self._connection, self._arrived, rows)
        self._touch_all(relation, ((kind, given) for kind, given, _ in arrived))

    def _arrived_of(self, relation: Relation) -> Iterator[tuple[str, str, str]]:
        changes = self._stage.changes
        changed = select(changes).where(_of_kind(relation, changes))
        rows = self._connection.execute(changed).mappings().all()
        if not rows:
            return
        mine = select(open_references.c.kind, open_references.c.given)
        given = self._connection.execute(
            mine.where(open_references.c.reference == relation.name)
        ).all()
        known: dict[str, Targets] = {}
        for kind, text in given:
            if kind not in known:
                known[kind] = self._afterwards(relation, kind, rows)
            if text in known[kind].known:
                continue
            meaning = known[kind].meaning(text)
            if meaning.crm_id:
                yield kind, text, meaning.crm_id

    def _afterwards(
        self, relation: Relation, kind: str, changed: Sequence[Mapping[Any, Any]]
    ) -> Targets:
        """Return all there is once the changes are written."""
        table = relation.target
        found = {
            one.crm_id: one for one in targets(self._connection, table, kind, self._tag_scopes)
        }
        for row in changed:
            if not relation.has_kind or row["kind"] == kind:
                found[row["crm_id"]] = as_target(row, self._tag_scopes)
        return Targets(found.values())

    def _people_arrived(self, relation: Relation) -> list[tuple[str, str, str]]:
        """Find new people whom an open reference names by a number a spreadsheet has changed.

        Where it may mean several, all of them shall be members where that keeps mail away.
        """
        changes, mine = self._stage.changes, open_references.c
        new: dict[str, set[str]] = defaultdict(set)
        added = select(changes.c.kind, changes.c.crm_id).where(changes.c.is_new)
        for kind, crm_id in self._connection.execute(added):
            new[kind].add(crm_id)
        numbered = {kind: NumberedIds(crm_ids) for kind, crm_ids in new.items()}
        given = select(mine.kind, mine.given).where(mine.reference == relation.name)
        arrived, possible = [], []
        for kind, text in self._connection.execute(given):
            if kind not in new or text in new[kind]:
                continue
            crm_ids = numbered[kind].fitting(text)
            number = numbers(without_mark(text))
            if len(crm_ids) == 1 and number is not None and number.is_exact:
                arrived.append((kind, text, crm_ids[0]))
            else:
                possible += [(kind, text, crm_id) for crm_id in crm_ids]
        if relation.table is memberships:
            load(self._connection, self._possible, possible)
        return arrived

    def _add_all_meant(self) -> None:
        table, possible = memberships, self._possible
        names = [column.name for column in table.columns]
        made = [possible.c.crm_id if name == "person" else table.c[name] for name in names]
        rows = (
            select(*made)
            .join_from(possible, table, is_meant(possible, table))
            .join(groups, keeps_away(table, self._tag_scopes))
            .where(true())
        )
        statement = insert_into(self._connection, table).from_select(names, rows)
        self._connection.execute(statement.on_conflict_do_nothing())

    def _follow(self, relation: Relation) -> None:
        mine = self._arrived.c
        rows = self._connection.execute(
            select(mine.kind, mine.given, mine.crm_id).where(mine.reference == relation.name)
        ).all()
        for kind, given, crm_id in rows:
            if relation.is_list:
                self._follow_in_lists(relation, given, crm_id)
            else:
                self._follow_one(relation, kind, given, crm_id)

    def _follow_one(self, relation: Relation, kind: str, given: str, crm_id: str) -> None:
        table = relation.table
        uses = and_(relation.value(table) == given, _has_kind(relation, table, kind))
        if relation.column not in table.primary_key.columns:
            self._connection.execute(update(table).where(uses).values({relation.column: crm_id}))
            return
        names = [column.name for column in table.columns]
        moved = [literal(crm_id) if name == relation.column else table.c[name] for name in names]
        statement = insert_into(self._connection, table).from_select(
            names, select(*moved).where(uses)
        )
        self._connection.execute(statement.on_conflict_do_nothing())
        self._connection.execute(delete(table).where(uses))

    def _follow_in_lists(self, relation: Relation, given: str, crm_id: str) -> None:
        table, value = relation.table, relation.value(relation.table)
        keys = [table.c[name] for name in table.primary_key.columns.keys()]  # noqa: SIM118
        rows = self._connection.execute(select(value, *keys).where(_lists(value, given)))
        for text, *key in rows.all():
            new = with_ids(text, {given: crm_id})
            same = [column == each for column, each in zip(keys, key, strict=True)]
            self._connection.execute(update(table).where(*same).values({relation.column: new}))

    # How many lead nowhere

    def _count(self, relation: Relation, now: datetime) -> None:
        touched = self._touched.c
        mine = touched.reference == relation.name
        if self._connection.scalar(select(literal(1)).where(mine).limit(1)) is None:
            return
        self._connection.execute(delete(self._counted))
        names = ["reference", "kind", "given", "uses"]
        counted = insert(self._counted).from_select(names, _uses(relation, self._touched))
        self._connection.execute(counted)
        key = tuple_(open_references.c.kind, open_references.c.given)
        gone = select(touched.kind, touched.given).where(mine)
        still = select(self._counted.c.kind, self._counted.c.given)
        self._connection.execute(
            delete(open_references).where(
                open_references.c.reference == relation.name, key.in_(gone), key.not_in(still)
            )
        )
        rows = select(*(self._counted.c[name] for name in names), literal(now, UtcTime()))
        statement = insert_into(self._connection, open_references).from_select(
            [*names, "since"], rows.where(true())
        )
        keys = ["reference", "kind", "given"]
        new = {"uses": statement.excluded.uses}
        self._connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=new))


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """A text that is given for something else and leads nowhere."""

    reference: str  #: people.status, memberships.group …
    kind: str  #: candidate, contact, application; empty: what is meant has no kinds
    given: str
    uses: int
    since: datetime
    examples: tuple[str, ...] = ()  #: Ids of some of those who bear it.


def listed(
    connection: Connection, *, reference: str = "", limit: int | None = None
) -> tuple[Open, ...]:
    """Return those that are open, the ones that most rows bear first."""
    c = open_references.c
    statement = select(open_references).order_by(c.reference, c.uses.desc(), c.kind, c.given)
    if reference:
        statement = statement.where(c.reference == reference)
    rows = connection.execute(statement.limit(limit)).all()
    return tuple(
        Open(
            reference=row.reference,
            kind=row.kind,
            given=row.given,
            uses=row.uses,
            since=row.since,
            examples=_examples(connection, row),
        )
        for row in rows
    )


def of_person(connection: Connection, ref: PersonRef) -> tuple[tuple[str, str], ...]:
    """Return which kinds of reference lead nowhere at a person, and what they name."""
    found: list[tuple[str, str]] = []
    for relation in RELATIONS:
        table = relation.table
        if relation.may_wait or relation.is_list:
            continue
        holder = table.c.crm_id if table is people else table.c.person
        value = relation.value(table)
        rows = select(value).where(
            table.c.kind == ref.kind.value, holder == ref.crm_id, _is_open(relation, table)
        )
        found += [(relation.name, given) for given in connection.scalars(rows.distinct())]
    return tuple(sorted(found))


def counts(connection: Connection) -> dict[str, int]:
    """Return how many rows bear an open reference, by kind of reference."""
    c = open_references.c
    rows = connection.execute(
        select(c.reference, func.sum(c.uses)).group_by(c.reference).order_by(c.reference)
    )
    return {reference: int(uses) for reference, uses in rows}


def faults(connection: Connection) -> dict[str, int]:
    """Return the same without those that wait: what they name was told of since, without it.

    Of a person in a group that is so if people were told of after the group's members, of all
    others if anything of the sort is known.
    """
    rows = connection.execute(
        select(open_references.c.reference, open_references.c.kind).distinct()
    )
    found: dict[str, int] = defaultdict(int)
    for reference, kind in rows.all():
        relation = _BY_NAME[reference]
        if not _is_told(connection, relation, kind):
            continue
        c = open_references.c
        mine = [c.reference == reference, c.kind == kind]
        if relation.may_wait:
            told = select(func.max(feeds.c.at)).where(feeds.c.what == relation.target.name)
            mine.append(c.since < told.scalar_subquery())
        found[reference] += connection.scalar(select(func.sum(c.uses)).where(*mine)) or 0
    return {reference: int(uses) for reference, uses in sorted(found.items()) if uses}


_BY_NAME = {relation.name: relation for relation in RELATIONS}


def _is_told(connection: Connection, relation: Relation, kind: str) -> bool:
    target = relation.target
    condition = target.c.kind == kind if relation.has_kind else true()
    some = select(literal(1)).select_from(target).where(condition).limit(1)
    return connection.scalar(some) is not None


def _examples(connection: Connection, row: Any) -> tuple[str, ...]:
    relation = _BY_NAME[row.reference]
    table = relation.table
    uses = (
        _lists(relation.value(table), row.given)
        if relation.is_list
        else and_(relation.value(table) == row.given, _has_kind(relation, table, row.kind))
    )
    holder = table.c[relation.holder]
    return tuple(connection.scalars(select(holder).where(uses).order_by(holder).limit(_EXAMPLES)))


def _uses(relation: Relation, touched: Table) -> Select[Any]:
    """Count the rows that bear a touched reference and lead nowhere with it."""
    table, t = relation.table, touched.c
    value, kind = relation.value(table), relation.kind_of(table)
    bears = _lists(value, t.given) if relation.is_list else value == t.given
    if relation.has_kind and not relation.kind:
        bears = and_(bears, kind == t.kind)
    return (
        select(t.reference, t.kind, t.given, func.count())
        .join_from(touched, table, bears)
        .where(t.reference == relation.name, ~relation.leads(t.kind, t.given))
        .group_by(t.reference, t.kind, t.given)
    )


def _lists(value: Any, given: Any) -> Any:
    """Say that a text lists something between `;`, as it stands."""
    whole = literal(";") + value + literal(";")
    return func.replace(whole, literal(";") + given + literal(";"), "") != whole


def _has_kind(relation: Relation, table: Table, kind: str) -> Any:
    return relation.kind_of(table) == kind if relation.has_kind and not relation.kind else true()


def _of_kind(relation: Relation, rows: Table) -> Any:
    """Say that rows of the target's table are of the kind a reference may lead to."""
    if relation.kind:
        return rows.c.kind == relation.kind
    if relation.target.name == "statuses":
        return rows.c.kind != "application"
    return true()


def _is_open(relation: Relation, table: Table) -> Any:
    return exists().where(
        open_references.c.reference == relation.name,
        open_references.c.kind == relation.kind_of(table),
        open_references.c.given == relation.value(table),
    )


@cache
def _temporary_tables() -> tuple[Table, Table, Table, Table]:
    def table(name: str, *more: Column[Any]) -> Table:
        return Table(
            name,
            MetaData(),
            *(Column(each, Text, primary_key=True) for each in ("reference", "kind", "given")),
            *more,
            prefixes=["TEMPORARY"],
        )

    return (
        table("arrived_references", Column("crm_id", Text, nullable=False)),
        table("touched_references"),
        table("counted_references", Column("uses", Integer, nullable=False)),
        possible_table("may_mean_new"),
    )
