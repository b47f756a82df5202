"""Which columns of the feed refer to another table, and to what there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    MetaData,
    Select,
    Table,
    Text,
    and_,
    exists,
    func,
    literal,
    literal_column,
    select,
    true,
)

from gateway.core.feed.references import ReferenceTarget
from gateway.core.kinds import Scope
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
from gateway.store.schema.references import open_references


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A column that refers to something in another table."""

    name: str  #: As in the files: `people.status`.
    table: Table
    column: str
    target: Table
    kind: str = ""  #: The target's kind, if it isn't that of the row.
    is_list: bool = False  #: Whether it holds several references with `;` between them.
    holder: str = "crm_id"  #: The column that says whose reference it is.
    #: Whether the target may come later. It becomes a fault if a file of targets lacks it.
    may_wait: bool = False

    @property
    def has_kind(self) -> bool:
        """Whether the target has a kind."""
        return "kind" in self.target.c

    def value(self, rows: Table) -> ColumnElement[str]:
        """Return the column, in the table itself or in one with the same columns."""
        column: ColumnElement[str] = rows.c[self.column]
        return column

    def kind_of(self, rows: Table) -> ColumnElement[str]:
        """Return the kind of a row's reference."""
        if self.kind or not self.has_kind:
            return literal_column(f"'{self.kind}'")
        column: ColumnElement[str] = rows.c.kind
        return column

    def given_in(self, rows: Table) -> Select[str, str]:
        """Return a query of the different texts in rows, each with the kind of the reference."""
        value = self.value(rows)
        return (
            select(self.kind_of(rows).label("kind"), value.label("given"))
            .where(value != "")
            .distinct()
        )

    def leads(self, kind: ColumnElement[str], value: ColumnElement[str]) -> ColumnElement[bool]:
        """Return the condition that the target has such an id."""
        targets = self.target.alias("there")
        same = targets.c.crm_id == value
        # Not `*`: SQLite would read the row, which its index of the ids leads to.
        ids = select(targets.c.crm_id)
        return ids.where(and_(same, targets.c.kind == kind) if self.has_kind else same).exists()

    def is_given(self, kind: Any, text: Any) -> ColumnElement[bool]:
        """Return the condition that a row has this reference; a list, as one of its items."""
        value = self.value(self.table)
        if self.is_list:
            whole = literal(";") + value + literal(";")
            without = func.replace(whole, literal(";") + text + literal(";"), "")
            is_part: ColumnElement[bool] = without != whole
            return is_part
        same: ColumnElement[bool] = value == text
        if self.has_kind and not self.kind:
            same = and_(same, self.kind_of(self.table) == kind)
        return same

    def is_open(self) -> ColumnElement[bool]:
        """Return the condition that a row's reference is open: it leads nowhere."""
        return exists().where(
            open_references.c.reference == self.name,
            open_references.c.kind == self.kind_of(self.table),
            open_references.c.given == self.value(self.table),
        )

    def may_lead_to(self, rows: Table) -> ColumnElement[bool]:
        """Return the condition that rows of the target's table have a kind it may refer to."""
        if self.kind:
            return rows.c.kind == literal(self.kind)
        if self.target is statuses:
            return rows.c.kind != literal("application")
        return true()


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


# Every import needs these; making them takes longer than running them for a few rows.
@cache
def any_unknown(table: Table, staged: Table) -> Select[*tuple[Any, ...]] | None:
    """Return a query of whether some text isn't an id: a column for each relation.

    It covers the relations of a table to small tables, without lists, and checks each different
    text only once. None: the table has no such relation.
    """
    columns = []
    for relation in RELATIONS:
        if relation.table is table and relation.target is not people and not relation.is_list:
            texts = relation.given_in(staged).subquery()
            unknown = select(texts).where(~relation.leads(texts.c.kind, texts.c.given))
            columns.append(unknown.exists().label(relation.name))
    return select(*columns) if columns else None


@cache
def unknown_texts(relation: Relation, staged: Table) -> Select[str, str, int, int]:
    """Return a query of the texts that aren't ids: kind, text, rows, first line."""
    value, kind = relation.value(staged), relation.kind_of(staged)
    return (
        select(kind, value, func.count(), func.min(staged.c.line))
        .where(value != "", ~relation.leads(kind, value))
        .group_by(*([kind] if relation.has_kind and not relation.kind else []), value)
    )


def targets(
    connection: Connection, table: Table, kind: str, tag_scopes: Mapping[str, Scope]
) -> Iterator[ReferenceTarget]:
    """Yield everything of one kind that a reference may lead to; not people, who are too many."""
    condition = table.c.kind == kind if "kind" in table.c else true()
    for row in connection.execute(select(table).where(condition)):
        yield as_target(row._mapping, tag_scopes)


def as_target(row: Mapping[Any, Any], tag_scopes: Mapping[str, Scope]) -> ReferenceTarget:
    """Return a row of groups, statuses, staff or programmes as the target of a reference."""
    names = (row["name"], row.get("address", ""))
    scope = tag_scopes.get(row.get("tag", "")) if row.get("active", True) else None
    return ReferenceTarget(
        crm_id=row["crm_id"],
        names=tuple(filter(None, names)),
        keeps_away=scope.width if scope else 0,
    )


def with_ids(text: str, ids: Mapping[str, str]) -> str:
    """Return a list with the items in `ids` replaced by their ids."""
    return ";".join(ids.get(part, part) for part in parts(text))


def parts(text: str) -> list[str]:
    """Return the items separated by `;`."""
    return [part for part in map(str.strip, text.split(";")) if part]


def is_meant(possible: Table, rows: Table) -> ColumnElement[bool]:
    """Return the condition that a membership names somebody by a text that may mean a person."""
    return and_(possible.c.kind == rows.c.kind, possible.c.given == rows.c.person)


def keeps_away(rows: Table, tag_scopes: Mapping[str, Scope]) -> ColumnElement[bool]:
    """Return the condition that a membership is in a group that keeps mail away."""
    its_group = and_(groups.c.kind == rows.c.kind, groups.c.crm_id == rows.c.group_id)
    return and_(its_group, groups.c.active, groups.c.tag.in_(tag_scopes))


@cache
def possible_table(name: str) -> Table:
    """Return a temporary table of people that texts may mean, perhaps several for one text."""
    return Table(
        name,
        MetaData(),
        *(Column(name, Text, primary_key=True) for name in ("kind", "given", "crm_id")),
        prefixes=["TEMPORARY"],
    )
