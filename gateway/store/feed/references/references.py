"""References of the feed: resolved where that is possible, otherwise kept open."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    Table,
    Text,
    and_,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)

from gateway.core.feed.references import (
    NOTHING,
    GivenMeaning,
    ReferenceUse,
    UnderstoodBy,
    numbers,
    without_mark,
)
from gateway.core.kinds import Scope
from gateway.store.feed.references.meanings import GivenText, Meanings
from gateway.store.feed.references.reference_notes import ReferenceNotes
from gateway.store.feed.references.relations import (
    RELATIONS,
    Relation,
    any_unknown,
    is_meant,
    keeps_away,
    parts,
    possible_table,
    unknown_texts,
    with_ids,
)
from gateway.store.feed.staging_tables import has_rows, load, make
from gateway.store.schema.feed import groups, memberships, people, programmes, staff, statuses

#: Tables whose rows have their own ids, which a spreadsheet may have changed as well.
_KEYED = (people, groups, statuses, staff, programmes)


class References:
    """The references in the rows of one import, resolved before the rows are compared."""

    def __init__(
        self, connection: Connection, table: Table, tag_scopes: Mapping[str, Scope]
    ) -> None:
        self._connection = connection
        self._table = table
        self._tag_scopes = tag_scopes
        self._meanings = Meanings(connection, tag_scopes)
        self._notes = ReferenceNotes(self._meanings)
        self._meant_table, self._possible = _meant_table(), possible_table("may_mean")
        #: The relations for which every text in the rows is somebody's id.
        self.all_lead: frozenset[str] = frozenset()

    @property
    def uses(self) -> tuple[ReferenceUse, ...]:
        """What people should know about the references found; faults first."""
        return self._notes.uses

    @property
    def faults(self) -> dict[str, int]:
        """Rows whose reference leads nowhere or is uncertain, by kind of reference."""
        return self._notes.faults

    def understand(self, staged: Table) -> tuple[tuple[int, tuple[str, ...]], ...]:
        """Replace names and changed ids in the rows with ids; note the rest.

        If a spreadsheet changed the key of a row, the row may mean a known record that the file
        doesn't seem to have. Returns the keys of such records, each with its line: they must not be
        removed.
        """
        with self._connection.begin():
            kept_keys = tuple(self._understand_keys(staged))
            # A single query: many rows have only a few different texts, nearly all of them known.
            if (asking := any_unknown(self._table, staged)) is not None:
                has_unknown = self._connection.execute(asking).one()._mapping
                self.all_lead = frozenset(name for name, is_so in has_unknown.items() if not is_so)
            for relation in RELATIONS:
                if relation.table is not self._table or relation.name in self.all_lead:
                    continue
                if relation.is_list:
                    self._understand_lists(relation, staged)
                    continue
                unknown = self._unknown_texts(relation, staged)
                if not unknown:
                    self.all_lead |= {relation.name}
                    continue
                waiting, rest = self._meanings.separate_waiting(relation, unknown)
                self._notes.note_waiting(relation, waiting)
                meanings = self._meanings.of(relation, rest)
                self._replace(relation, staged, meanings)
                if self._table is memberships and relation.target is people:
                    self._add_all_meant(staged, meanings)
                self._notes.note_meanings(relation, rest, meanings)
        return kept_keys

    def statuses_to_nothing(self, staged: Table) -> list[tuple[int, str]]:
        """Return rows of people with an unknown status whose old status keeps mail away.

        Each is a line and what is wrong. If somebody deceased gets the status `g999`, they may
        still be deceased: nobody knows what `g999` is.
        """
        relation = next(
            each_relation for each_relation in RELATIONS if each_relation.name == "people.status"
        )
        if relation.name in self.all_lead:
            return []
        with self._connection.begin():
            if not self._unknown_texts(relation, staged):
                return []
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

    def _unknown_texts(self, relation: Relation, staged: Table) -> list[GivenText]:
        """Return the texts of a column that aren't ids."""
        return [
            GivenText(*row) for row in self._connection.execute(unknown_texts(relation, staged))
        ]

    def _add_all_meant(self, staged: Table, meanings: Mapping[GivenText, GivenMeaning]) -> None:
        """Add everybody a member's id may mean as a member, if the group keeps mail away."""
        possible = [
            (text.kind, text.text, crm_id)
            for text, meaning in meanings.items()
            for crm_id in meaning.others
        ]
        if not possible:
            return
        make(self._connection, self._possible)
        self._connection.execute(delete(self._possible))
        load(self._connection, self._possible, possible)
        names = [column.name for column in staged.columns]
        # Their lines are negative, as the file has none; a line of the file is later, and counts.
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
        self, relation: Relation, staged: Table, meanings: Mapping[GivenText, GivenMeaning]
    ) -> None:
        rows = [
            (text.kind, text.text, meaning.crm_id)
            for text, meaning in meanings.items()
            if meaning.crm_id
        ]
        if not rows:
            return
        table = self._meant_table
        make(self._connection, table)
        self._connection.execute(delete(table))
        load(self._connection, table, rows)
        same_text = and_(
            table.c.kind == relation.kind_of(staged), table.c.given == relation.value(staged)
        )
        new = select(table.c.crm_id).where(same_text).scalar_subquery()
        change = update(staged).where(exists().where(same_text)).values({relation.column: new})
        self._connection.execute(change)

    def _understand_lists(self, relation: Relation, staged: Table) -> None:
        value = relation.value(staged)
        statement = (
            select(value, func.count(), func.min(staged.c.line)).where(value != "").group_by(value)
        )
        texts = [GivenText("", *row) for row in self._connection.execute(statement)]
        if not texts:
            return
        known_ids = set(self._connection.scalars(select(relation.target.c.crm_id)))
        unknown_parts: dict[str, GivenText] = {}
        for listed in texts:
            for part in parts(listed.text):
                if part not in known_ids:
                    before = unknown_parts.get(part, GivenText("", part, 0, listed.line))
                    line = min(before.line, listed.line)
                    unknown_parts[part] = GivenText("", part, before.rows + listed.rows, line)
        waiting, rest = self._meanings.separate_waiting(relation, unknown_parts.values())
        self._notes.note_waiting(relation, waiting)
        meanings = self._meanings.of(relation, rest)
        ids = {
            listed.text: meaning.crm_id for listed, meaning in meanings.items() if meaning.crm_id
        }
        whole = {
            listed: GivenMeaning(crm_id=text)
            for listed in texts
            if (text := with_ids(listed.text, ids)) != listed.text
        }
        self._replace(relation, staged, whole)
        self._notes.note_meanings(relation, rest, meanings)

    def _understand_keys(self, staged: Table) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Check whether new ids of rows are known ones that a spreadsheet changed.

        `17.0` is 17, as no CRM has both. `17` may be 00017 without its zeros, or a different
        record: both stay, and a person is asked. A rounded id may be anybody's, so all of them
        stay. An id like `123.456` that can't be made from a known one is taken as written.
        """
        if self._table not in _KEYED or not has_rows(self._connection, self._table):
            return
        relation = Relation(
            name=f"{self._table.name}.crm_id",
            table=self._table,
            column="crm_id",
            target=self._table,
        )
        # If nothing of a kind is known, there are no ids that could have been changed.
        _, unknown = self._meanings.separate_waiting(
            relation, self._unknown_texts(relation, staged)
        )
        changed = [
            key
            for key in unknown
            if without_mark(key.text) != key.text or numbers(key.text) is not None
        ]
        sure: dict[GivenText, GivenMeaning] = {}
        doubtful: dict[GivenText, GivenMeaning] = {}
        for key, meaning in self._meanings.of(relation, changed).items():
            is_digits = key.text.isdecimal()
            number = numbers(key.text)
            if meaning == NOTHING and number is not None and number.may_be_id:
                continue
            if (
                meaning.crm_id
                and meaning.how is UnderstoodBy.BENT
                and not is_digits
                and meaning.is_certain
            ):
                sure[key] = meaning
            elif not is_digits or (meaning.crm_id and meaning.how is UnderstoodBy.BENT):
                doubtful[key] = replace(meaning, is_certain=False)
        # Somebody with their own row in the file isn't meant by another row.
        own_rows = set[str]()
        if doubtful:
            meant_ids = {
                id_
                for meaning in doubtful.values()
                for id_ in (meaning.crm_id, *meaning.others)
                if id_
            }
            own_rows = meant_ids & set(self._connection.scalars(select(staged.c.crm_id)))
        doubtful = {
            key: meaning for key, meaning in doubtful.items() if meaning.crm_id not in own_rows
        }
        self._replace(relation, staged, sure)
        self._notes.keys(relation, sure, doubtful)
        for key, meaning in doubtful.items():
            for crm_id in (meaning.crm_id, *meaning.others):
                if crm_id and crm_id not in own_rows:
                    yield key.line, (key.kind, crm_id) if relation.has_kind else (crm_id,)


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
