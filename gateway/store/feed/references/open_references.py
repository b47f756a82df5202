"""References that lead nowhere: kept and counted, and resolved once what they name is there."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Integer,
    MetaData,
    Table,
    Text,
    delete,
    func,
    insert,
    literal,
    select,
    true,
    tuple_,
    update,
)

from gateway.core.feed.references import NumberedIds, ReferenceTargets, numbers, without_mark
from gateway.core.kinds import Scope
from gateway.core.people.people import PersonRef
from gateway.store.engine.upsert import insert_into
from gateway.store.feed.references.relations import (
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
from gateway.store.feed.references.touched_references import ReferenceQuestion, touching_references
from gateway.store.feed.staging import StagingTables
from gateway.store.feed.staging_tables import load, make
from gateway.store.schema.columns import UtcTime
from gateway.store.schema.feed import feeds, groups, memberships, people
from gateway.store.schema.references import open_references

_EXAMPLES = 3


class OpenReferences:
    """The open references that one import opens or closes.

    `look_before` is called when the import's changes are known but not yet written, `settle` once
    they are written; both within the import's transactions.
    """

    def __init__(
        self, connection: Connection, stage: StagingTables, tag_scopes: Mapping[str, Scope]
    ) -> None:
        self._connection = connection
        self._stage = stage
        self._tag_scopes = tag_scopes
        table = stage.layout.table
        self._own = [relation for relation in RELATIONS if relation.table is table]
        self._led_here = [relation for relation in RELATIONS if relation.target is table]
        self._arrived_references, self._touched, self._counted, self._possible = _temporary_tables()
        self._has_looked = False  # Without differences there is nothing to look for.
        #: Whether some lead somewhere now (they are in `arrived_references`).
        self.has_arrived = False
        #: Whether an ambiguous reference may mean new people, who then become members.
        self.has_possible = False

    def look_before(self) -> None:
        """Find the open references that the import resolves, and those whose count may change.

        Another import may have changed what was found when the rows were understood.
        """
        stage = self._stage
        self._has_looked = True
        open_now = frozenset(self._connection.scalars(_OPEN_RELATIONS))
        make(self._connection, self._touched)
        self._touch(
            ReferenceQuestion(
                open_now=open_now,
                has_changes=stage.counts.has_changes,
                has_removed=stage.counts.removed > 0,
            )
        )
        for relation in self._own:
            if relation.is_list:
                self._touch_lists(relation, is_open=relation.name in open_now)
        for relation in self._led_here if stage.counts.has_changes else ():
            # An open reference may name something new by another name or a changed id.
            if relation.name not in open_now:
                continue
            if relation.target is people:
                arrived = self._people_arrived(relation)
            else:
                arrived = list(self._resolved_references(relation))
            if arrived:
                make(self._connection, self._arrived_references)
                rows = [(relation.name, *row) for row in arrived]
                load(self._connection, self._arrived_references, rows)
                self.has_arrived = True
            self._touch_all(relation, ((kind, text) for kind, text, _ in arrived))

    def settle(self, now: datetime) -> None:
        """Resolve those that lead somewhere now, and count those that don't.

        The names in the changes that lead nowhere are queried again: since `look_before`, another
        import may have removed a status that nobody had.
        """
        if self._has_looked and self._stage.counts.has_changes:
            self._touch(_NAMED_NOW)
        for relation in self._led_here if self.has_arrived else ():
            self._follow(relation)
        if self.has_possible:
            # If the group keeps mail away, everybody a member's id may mean becomes a member.
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
        touched = set(self._connection.scalars(_TOUCHED_RELATIONS)) if self._has_looked else ()
        for relation in dict.fromkeys([*self._own, *self._led_here]):
            if relation.name in touched:
                self._count(relation, now)

    def _touch(self, question: ReferenceQuestion) -> None:
        touching = touching_references(
            self._connection.dialect.name, self._touched, self._stage.layout, question
        )
        if touching is not None:
            self._connection.execute(touching)

    def _touch_lists(self, relation: Relation, *, is_open: bool) -> None:
        """Note what changed rows list now, and what they and removed rows listed before."""
        changes, removed, table = self._stage.changes, self._stage.removed, relation.table
        scalars = self._connection.scalars
        texts = set(scalars(select(relation.value(changes)).distinct()))
        for gone in (changes, removed) if is_open else ():
            same = self._stage.same_key(gone, table)
            before = select(relation.value(table)).join_from(gone, table, same)
            texts |= set(scalars(before.distinct()))
        items = {part for text in texts for part in parts(text)}
        if not items:
            return
        c = open_references.c
        known_ids = set(scalars(select(relation.target.c.crm_id)))
        known_ids -= set(scalars(select(c.given).where(c.reference == relation.name)))
        self._touch_all(relation, (("", part) for part in items - known_ids))

    def _touch_all(self, relation: Relation, texts: Iterable[tuple[str, str]]) -> None:
        rows = [{"reference": relation.name, "kind": kind, "given": text} for kind, text in texts]
        if rows:
            statement = insert_into(self._connection, self._touched)
            self._connection.execute(statement.on_conflict_do_nothing(), rows)

    def _resolved_references(self, relation: Relation) -> Iterator[tuple[str, str, str]]:
        """Yield open references that lead somewhere once the changes are written, with the id."""
        changes, table = self._stage.changes, relation.target
        changed = select(changes).where(relation.may_lead_to(changes))
        rows = self._connection.execute(changed).mappings().all()
        if not rows:
            return
        query = select(open_references.c.kind, open_references.c.given)
        open_texts = self._connection.execute(
            query.where(open_references.c.reference == relation.name)
        ).all()
        targets_by_kind: dict[str, ReferenceTargets] = {}
        for kind, text in open_texts:
            if kind not in targets_by_kind:
                targets_now = targets(self._connection, table, kind, self._tag_scopes)
                afterwards = {target.crm_id: target for target in targets_now}
                for row in rows:
                    if not relation.has_kind or row["kind"] == kind:
                        afterwards[row["crm_id"]] = as_target(row, self._tag_scopes)
                targets_by_kind[kind] = ReferenceTargets(afterwards.values())
            if text in targets_by_kind[kind].targets:
                continue
            meaning = targets_by_kind[kind].meaning(text)
            if meaning.crm_id:
                yield kind, text, meaning.crm_id

    def _people_arrived(self, relation: Relation) -> list[tuple[str, str, str]]:
        """Find new people named by an open reference with a number that a spreadsheet changed.

        If it may mean several people, all of them become members if that keeps mail away.
        """
        changes, columns = self._stage.changes, open_references.c
        new: dict[str, set[str]] = defaultdict(set)
        added = select(changes.c.kind, changes.c.crm_id).where(changes.c.is_new)
        for kind, crm_id in self._connection.execute(added):
            new[kind].add(crm_id)
        numbered = {kind: NumberedIds(crm_ids) for kind, crm_ids in new.items()}
        query = select(columns.kind, columns.given).where(columns.reference == relation.name)
        arrived, possible = [], []
        for kind, text in self._connection.execute(query):
            if kind not in new or text in new[kind]:
                continue
            crm_ids = numbered[kind].possible_originals(text)
            number = numbers(without_mark(text))
            if len(crm_ids) == 1 and number is not None and number.is_exact:
                arrived.append((kind, text, crm_ids[0]))
            else:
                possible += [(kind, text, crm_id) for crm_id in crm_ids]
        if relation.table is memberships and possible:
            make(self._connection, self._possible)
            load(self._connection, self._possible, possible)
            self.has_possible = True
        return arrived

    def _follow(self, relation: Relation) -> None:
        """Replace each text that leads somewhere now with the id."""
        arrived, table = self._arrived_references.c, relation.table
        value, execute = relation.value(table), self._connection.execute
        rows = execute(
            select(arrived.kind, arrived.given, arrived.crm_id).where(
                arrived.reference == relation.name
            )
        ).all()
        names = [column.name for column in table.columns]
        keys = list(table.primary_key.columns)
        for kind, given_text, crm_id in rows:
            uses = relation.is_given(kind, given_text)
            if relation.is_list:
                lists = execute(select(value, *keys).where(uses)).all()
                for text, *key in lists:
                    same = [column == part for column, part in zip(keys, key, strict=True)]
                    new = {relation.column: with_ids(text, {given_text: crm_id})}
                    execute(update(table).where(*same).values(new))
            elif relation.column not in table.primary_key.columns:
                execute(update(table).where(uses).values({relation.column: crm_id}))
            else:
                # A row with that key may be there already.
                moved = [
                    literal(crm_id) if name == relation.column else table.c[name] for name in names
                ]
                statement = insert_into(self._connection, table).from_select(
                    names, select(*moved).where(uses)
                )
                execute(statement.on_conflict_do_nothing())
                execute(delete(table).where(uses))

    def _count(self, relation: Relation, now: datetime) -> None:
        touched = self._touched.c
        of_relation = touched.reference == relation.name
        make(self._connection, self._counted)
        self._connection.execute(delete(self._counted))
        names = ["reference", "kind", "given", "uses"]
        # Rows with a touched reference that leads nowhere.
        table = relation.table
        bears = relation.is_given(touched.kind, touched.given)
        uses = (
            select(touched.reference, touched.kind, touched.given, func.count())
            .join_from(self._touched, table, bears)
            .where(of_relation, ~relation.leads(touched.kind, touched.given))
            .group_by(touched.reference, touched.kind, touched.given)
        )
        self._connection.execute(insert(self._counted).from_select(names, uses))
        key = tuple_(open_references.c.kind, open_references.c.given)
        gone = select(touched.kind, touched.given).where(of_relation)
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
class OpenText:
    """A text that should refer to something but leads nowhere."""

    reference: str  #: people.status, memberships.group …
    kind: str  #: candidate, contact, application; empty: its target has no kinds
    given: str
    uses: int
    since: datetime
    examples: tuple[str, ...] = ()  #: Ids of some records that have it.


def list_open_texts(
    connection: Connection,
    *,
    reference: str = "",
    since: datetime | None = None,
    limit: int | None = None,
) -> tuple[OpenText, ...]:
    """Return the open references, most frequent first."""
    c = open_references.c
    statement = select(open_references).order_by(c.reference, c.uses.desc(), c.kind, c.given)
    if reference:
        statement = statement.where(c.reference == reference)
    if since is not None:
        statement = statement.where(c.since >= since)
    open_ones = []
    for row in connection.execute(statement.limit(limit)).all():
        relation = _BY_NAME[row.reference]
        table = relation.table
        holder = table.c[relation.holder]
        examples = (
            select(holder)
            .where(relation.is_given(row.kind, row.given))
            .order_by(holder)
            .limit(_EXAMPLES)
        )
        open_ones.append(
            OpenText(
                reference=row.reference,
                kind=row.kind,
                given=row.given,
                uses=row.uses,
                since=row.since,
                examples=tuple(connection.scalars(examples)),
            )
        )
    return tuple(open_ones)


def of_person(connection: Connection, ref: PersonRef) -> tuple[tuple[str, str], ...]:
    """Return a person's references that lead nowhere: their kinds, and what they name."""
    open_ones: list[tuple[str, str]] = []
    for relation in RELATIONS:
        table = relation.table
        if relation.may_wait or relation.is_list:
            continue
        holder = table.c.crm_id if table is people else table.c.person
        value = relation.value(table)
        rows = select(value).where(
            table.c.kind == ref.kind.value, holder == ref.crm_id, relation.is_open()
        )
        open_ones += [(relation.name, text) for text in connection.scalars(rows.distinct())]
    return tuple(sorted(open_ones))


def counts(connection: Connection) -> dict[str, int]:
    """Return how many rows have an open reference, by kind of reference."""
    c = open_references.c
    rows = connection.execute(
        select(c.reference, func.sum(c.uses)).group_by(c.reference).order_by(c.reference)
    )
    return {reference: int(uses) for reference, uses in rows}


def faults(connection: Connection) -> dict[str, int]:
    """Return the same without references that may still wait, so their targets should exist.

    The person of a membership should exist once people were imported after it; anything else once
    anything of its sort is known.
    """
    rows = connection.execute(
        select(open_references.c.reference, open_references.c.kind).distinct()
    )
    uses_by_reference: dict[str, int] = defaultdict(int)
    for reference, kind in rows.all():
        relation = _BY_NAME[reference]
        target = relation.target
        condition = target.c.kind == kind if relation.has_kind else true()
        any_target = select(literal(1)).select_from(target).where(condition).limit(1)
        if connection.scalar(any_target) is None:
            continue
        c = open_references.c
        same_reference = [c.reference == reference, c.kind == kind]
        if relation.may_wait:
            last_fed = select(func.max(feeds.c.at)).where(feeds.c.what == target.name)
            same_reference.append(c.since < last_fed.scalar_subquery())
        uses_by_reference[reference] += (
            connection.scalar(select(func.sum(c.uses)).where(*same_reference)) or 0
        )
    return {reference: int(uses) for reference, uses in sorted(uses_by_reference.items()) if uses}


_BY_NAME = {relation.name: relation for relation in RELATIONS}


@cache
def _temporary_tables() -> tuple[Table, Table, Table, Table]:
    def table(name: str, *more: Column[Any]) -> Table:
        return Table(
            name,
            MetaData(),
            *(Column(name, Text, primary_key=True) for name in ("reference", "kind", "given")),
            *more,
            prefixes=["TEMPORARY"],
        )

    return (
        table("arrived_references", Column("crm_id", Text, nullable=False)),
        table("touched_references"),
        table("counted_references", Column("uses", Integer, nullable=False)),
        possible_table("may_mean_new"),
    )


_OPEN_RELATIONS = select(open_references.c.reference).distinct()
#: What the changed rows name, whatever is open.
_NAMED_NOW = ReferenceQuestion(open_now=frozenset(), has_changes=True, has_removed=False)
_TOUCHED_RELATIONS = select(_temporary_tables()[1].c.reference).distinct()
