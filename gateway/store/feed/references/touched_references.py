"""Which references an import may open or close: those in its rows, and those that name its rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from sqlalchemy import (
    Insert,
    Select,
    Table,
    exists,
    literal,
    literal_column,
    select,
    true,
    union_all,
)

from gateway.store.engine.upsert import insert_for
from gateway.store.feed.layouts import TableLayout
from gateway.store.feed.references.relations import RELATIONS, Relation
from gateway.store.feed.staging_tables import staging_tables
from gateway.store.schema.references import open_references


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceQuestion:
    """What to query about the references an import may open or close."""

    open_now: frozenset[str]  #: Relations that have open references now.
    has_changes: bool
    has_removed: bool


@cache  # Making it takes longer than running it for a few rows.
def touching_references(
    dialect: str, touched: Table, layout: TableLayout, question: ReferenceQuestion
) -> Insert | None:
    """Return the statement that fills `touched`, except lists; None if there is nothing to fill."""
    queries = []
    for relation in RELATIONS:
        for query in _queries(relation, layout, question):
            kind, text = query.subquery().c
            queries.append(select(literal(relation.name), kind, text))
    if not queries:
        return None
    rows = union_all(*queries).subquery()
    # Without the condition, SQLite would take the `ON` that follows for that of a join.
    statement = insert_for(dialect, touched).from_select(
        list(touched.c.keys()), select(*rows.c).where(true())
    )
    return statement.on_conflict_do_nothing()


def _queries(
    relation: Relation, layout: TableLayout, question: ReferenceQuestion
) -> Iterator[Select[str, str]]:
    """Yield queries of what the import's rows name, and of what names them, each with its kind."""
    tables = staging_tables(layout)
    changes, removed = tables["changes"], tables["removed"]
    is_open = relation.name in question.open_now
    if relation.table is layout.table and not relation.is_list:
        if question.has_changes:
            new = relation.given_in(changes).subquery()
            leads = relation.leads(new.c.kind, new.c.given)
            yield select(new.c.kind, new.c.given).where(~leads)
        if is_open and question.has_changes:
            yield _named_before(relation, layout, changes)
        if is_open and question.has_removed:
            yield _named_before(relation, layout, removed)
    if relation.target is layout.table:
        # References to removed rows lead nowhere from now on.
        if question.has_removed:
            yield _ids(relation, removed)
        # An open reference may name something new, by its id.
        if question.has_changes and is_open:
            c = open_references.c
            new_ids = _ids(relation, changes).where(changes.c.is_new)
            kind, crm_id = new_ids.selected_columns
            yield new_ids.where(
                exists().where(c.reference == relation.name, c.kind == kind, c.given == crm_id)
            )


def _named_before(relation: Relation, layout: TableLayout, rows: Table) -> Select[str, str]:
    """Return a query of the open references that rows had before."""
    table = relation.table
    return (
        select(relation.kind_of(table).label("of"), relation.value(table))
        .join_from(rows, table, layout.same_key(rows, table))
        .where(relation.is_open())
        .distinct()
    )


def _ids(relation: Relation, rows: Table) -> Select[str, str]:
    """Return a query of the ids of rows that a relation may name, each with its kind."""
    kind = rows.c.kind if relation.has_kind else literal_column("''")
    return select(kind.label("of"), rows.c.crm_id).where(relation.may_lead_to(rows))
