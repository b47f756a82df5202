"""What the CRM tells, taken in: staged, compared, and only the differences written at once."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    and_,
    delete,
    exists,
    func,
    select,
    true,
    tuple_,
    update,
)

from gateway.core.feed.references import ReferenceUse
from gateway.core.kinds import TAG_SCOPES, Scope
from gateway.store.engine.database import Database
from gateway.store.engine.upsert import insert_into
from gateway.store.feed import unread
from gateway.store.feed.contested import Duplicate, Widths
from gateway.store.feed.guard import SuppressionGuard, is_halved
from gateway.store.feed.idle_tags import IdleTag, protect_tags
from gateway.store.feed.layouts import (
    APPLICATIONS,
    CLOSINGS,
    GROUPS,
    MEMBERSHIPS,
    PEOPLE,
    PROGRAMMES,
    QUALIFICATIONS,
    STAFF,
    STATUSES,
    UNSURE,
    Gaps,
    TableLayout,
)
from gateway.store.feed.open_references import OpenReferences
from gateway.store.feed.references import References
from gateway.store.feed.staging import Stage
from gateway.store.feed.still_referred import StillReferred, keep, still_referred
from gateway.store.schema import addresses, feeds

_AT_ONCE = 500  #: So many values stand in one statement.

LAYOUTS = {
    layout.what: layout
    for layout in (
        PEOPLE,
        STAFF,
        GROUPS,
        STATUSES,
        MEMBERSHIPS,
        PROGRAMMES,
        APPLICATIONS,
        QUALIFICATIONS,
        CLOSINGS,
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On which terms records are taken in."""

    source: str  #: Who tells; owns what it brings.
    now: datetime
    remove: bool = False  #: What is told is gone; only the keys that were kept count.
    replace: bool = False  #: What this source brought before and doesn't tell now goes.
    lift: bool = False  #: Even if many suppressions are lifted.
    dry_run: bool = False
    tag_scopes: Mapping[str, Scope] = field(default_factory=lambda: TAG_SCOPES)
    #: The columns told; the others stay as they are. None: all.
    told: frozenset[str] | None = None
    file: str = ""  #: Remembered with what it brought.
    is_doubtful: bool = False  #: It may not be whole: only what protects of it counts.
    is_refused: bool = False  #: It had rows, and none could be read: it tells nothing.
    #: Rows that may not be whole.
    doubtful_lines: frozenset[int] = frozenset()
    #: Columns of which the last value may be cut off: nothing ends its row.
    open_columns: frozenset[str] = frozenset()
    is_listing: bool = True  #: What it has is compared with what the next one has.
    called: str = ""  #: The file's name, as people are told it.


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOutcome:
    """What an import did, or would do."""

    added: int
    changed: int
    removed: int
    unchanged: int
    suppressions_added: int
    suppressions_lifted: int
    suppressions_held: int | None  #: Before, by this source; counted where the guard might ask.
    is_held_back: bool  #: The guard let nothing of it through.
    cut_off: str = ""  #: Where it ends, if its last value is but the beginning of the known one.
    rows: int = 0  #: Different records told.
    rows_before: int | None = None  #: What the source's last listing had of them.
    duplicates: tuple[Duplicate, ...] = ()  #: Keys that came more than once.
    #: What stands in the file for something else and is nobody's id; faults first.
    references: tuple[ReferenceUse, ...] = ()
    #: Rows whose reference leads nowhere, or not certainly, by kind of reference.
    reference_faults: Mapping[str, int] = field(default_factory=dict)
    idle_tags: tuple[IdleTag, ...] = ()  #: Tags that weren't taken as they stand.
    #: People out of bulk mail, since nobody can say what status they have; of all sources.
    unread_statuses: int = 0
    #: Missing in a listing, and kept, since they keep mail away from people who have them.
    still_referred: tuple[StillReferred, ...] = ()


class Feed:
    """One import under way: records are added, then applied together."""

    def __init__(self, database: Database, connection: Connection, layout: TableLayout) -> None:
        self._database = database
        self._connection = connection
        self._layout = layout
        self._stage = Stage(connection, layout)

    def add(
        self, records: Sequence[tuple[int, Any]], gaps: Mapping[int, Gaps] | None = None
    ) -> None:
        """Stage records, each with its line; those of one key are settled for protection.

        `gaps` says by line what a row doesn't tell: that keeps its old value.
        """
        self._stage.add(records, gaps or {})

    def known(self, records: Sequence[Any]) -> list[bool]:
        """Say of each record whether what it tells of is known; of a member, the person."""
        is_of_members = self._layout is MEMBERSHIPS
        table = PEOPLE.table if is_of_members else self._layout.table
        if "crm_id" not in table.c or "kind" not in table.c:
            return [False] * len(records)
        keys = [(str(kind), str(crm_id)) for kind, crm_id, *_ in map(self._layout.row, records)]
        wanted: dict[str, list[str]] = defaultdict(list)
        for kind, crm_id in keys:
            wanted[kind].append(crm_id)
        there: set[tuple[str, str]] = set()
        with self._connection.begin():
            for rows in (table,) if is_of_members else (table, self._stage.staged):
                for kind, crm_ids in wanted.items():
                    for begin in range(0, len(crm_ids), _AT_ONCE):
                        some = crm_ids[begin : begin + _AT_ONCE]
                        mine = (rows.c.kind == kind, rows.c.crm_id.in_(some))
                        found = self._connection.scalars(select(rows.c.crm_id).where(*mine))
                        there |= {(kind, crm_id) for crm_id in found}
        return [key in there for key in keys]

    def keep_all(self, keys: Sequence[tuple[int, tuple[str, ...]]]) -> None:
        """Note many keys, each with its line."""
        self._stage.keep_all(keys)

    def apply(self, terms: Terms) -> ImportOutcome:
        """Write the differences in one transaction, or nothing; return what changed."""
        references = References(self._connection, self._layout.table, terms.tag_scopes)
        for line, key in references.understand(self._stage.staged):
            self._stage.keep(line, key)
        if self._layout is PEOPLE:
            self._stage.keep_old("status", references.statuses_to_nothing(self._stage.staged))
        is_tagged = "tag" in self._layout.values and not terms.remove
        idle_tags = (
            protect_tags(self._connection, self._stage, terms.tag_scopes)
            if is_tagged and not terms.lift
            else []
        )
        told = frozenset(self._layout.values) if terms.told is None else terms.told
        widths = Widths(self._connection, terms.tag_scopes)
        before = self._rows_before(terms)
        lacking = self._lacking(terms, before)
        duplicates = self._stage.close_entry(
            told=told,
            widths=widths,
            adds_only=terms.is_doubtful or bool(lacking),
            open_columns=terms.open_columns,
            doubtful_lines=terms.doubtful_lines,
        )
        self._stage.cut_off = self._stage.cut_off or lacking
        left_open = OpenReferences(self._connection, self._stage, terms.tag_scopes)
        guard = SuppressionGuard(self._connection, self._layout.what, terms.tag_scopes)
        with self._connection.begin():
            self._compare(terms)
            left_open.look_before()
            guard.look_before(terms.source)
            counts = self._counts()
            stay = (
                still_referred(self._connection, self._stage, terms.tag_scopes)
                if terms.replace and not terms.lift
                else ()
            )
        with self._database.writing_on(self._connection):
            # The guard is asked about all of it, before what people still have is kept.
            trial = self._connection.begin_nested() if stay else None
            unread_statuses = self._write(terms, left_open)
            effects = guard.look_after()
            is_held_back = not terms.lift and (
                effects.is_alarming
                or (terms.replace and effects.lifted > 0 and is_halved(counts["staged"], before))
            )
            if trial is not None and not is_held_back:
                trial.rollback()
                keep(self._connection, self._stage, stay)
                counts["removed"] -= len(stay)
                unread_statuses = self._write(terms, left_open)
                effects = guard.look_after()
            if is_held_back or terms.dry_run:
                self._connection.rollback()
        return ImportOutcome(
            added=counts["added"],
            changed=counts["changed"],
            removed=counts["removed"],
            unchanged=counts["staged"] - counts["added"] - counts["changed"],
            suppressions_added=effects.added,
            suppressions_lifted=effects.lifted,
            suppressions_held=effects.held_before,
            is_held_back=is_held_back,
            rows=counts["staged"],
            rows_before=before,
            cut_off=self._stage.cut_off,
            duplicates=tuple(duplicates),
            references=references.uses,
            reference_faults=references.faults,
            idle_tags=tuple(idle_tags),
            unread_statuses=unread_statuses,
            still_referred=stay,
        )

    def _rows_before(self, terms: Terms) -> int | None:
        if terms.remove or not terms.is_listing:
            return None
        mine = (feeds.c.source == terms.source, feeds.c.what == self._layout.what)
        with self._connection.begin():
            return self._connection.scalar(select(feeds.c.records).where(*mine))

    def _lacking(self, terms: Terms, before: int | None) -> str:
        """Say what makes a listing look as if its end were missing; empty: nothing does.

        Cut off just behind a row it has nothing that is broken. What isn't in it would be taken
        for gone; so the next file that has as many rows, or an end, must say the same.
        """
        if before is None or not (terms.replace and terms.open_columns):
            return ""
        with self._connection.begin():
            rows = self._counts()["staged"]
        if rows >= before:
            return ""
        return f"its last line has no end, and it has {rows} rows where the last file had {before}"

    def _compare(self, terms: Terms) -> None:
        if terms.remove and terms.is_doubtful:
            return
        if terms.remove:
            self._stage.look_for_kept(source=terms.source)
            return
        told = self._layout.told(terms.told)
        replace = terms.replace and not self._stage.cut_off
        self._stage.compare(source=terms.source, told=told, now=terms.now, replace=replace)

    def _counts(self) -> dict[str, int]:
        staged, changes, removed = self._stage.staged, self._stage.changes, self._stage.removed
        count = self._connection.scalar
        return {
            "staged": count(_count(select(staged).where(~staged.c.kept))) or 0,
            "added": count(_count(select(changes).where(changes.c.is_new))) or 0,
            "changed": count(_count(select(changes).where(~changes.c.is_new))) or 0,
            "removed": count(_count(select(removed))) or 0,
        }

    def _write(self, terms: Terms, left_open: OpenReferences) -> int:
        """Write the differences; return how many people have a status that can't be read."""
        # What suppresses comes first: tags and memberships are there before anything goes.
        self._upsert(terms)
        if self._layout is PEOPLE:
            self._write_addresses()
        self._delete(terms.source)
        self._note_unread(terms)
        if not terms.is_refused:
            self._note_feed(terms)
        left_open.settle(terms.now)
        if self._layout not in (PEOPLE, STATUSES):
            return 0
        return unread.mark_statuses(self._connection)

    def _upsert(self, terms: Terms) -> None:
        table, changes = self._layout.table, self._stage.changes
        names = [column.name for column in table.columns]
        rows = select(*(changes.c[name] for name in names)).where(true())
        order = [changes.c[name] for name in self._layout.keys]
        statement = insert_into(self._connection, table).from_select(names, rows.order_by(*order))
        if self._layout.has_owner_in_key:
            self._connection.execute(statement.on_conflict_do_nothing())
            return
        told = {*self._layout.told(terms.told), "source"} | ({"status_since"} & set(names))
        values = {name: statement.excluded[name] for name in names if name in told}
        keys = list(self._layout.keys)
        self._connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=values))

    def _write_addresses(self) -> None:
        changes, staged = self._stage.changes, self._stage.addresses
        key = tuple_(addresses.c.kind, addresses.c.person)
        people = select(changes.c.kind, changes.c.crm_id)
        moved = people.where(changes.c.is_moved, ~changes.c.is_new)
        for gone in (
            moved.where(~changes.c.adds_addresses),
            select(self._stage.removed.c.kind, self._stage.removed.c.crm_id),
        ):
            self._connection.execute(delete(addresses).where(key.in_(gone)))
        self._put_behind(moved.where(changes.c.adds_addresses))
        rows = (
            select(staged.c.address, changes.c.kind, changes.c.crm_id, staged.c.position)
            .join_from(changes, staged, staged.c.line == changes.c.line)
            .where(changes.c.is_moved)
            .order_by(staged.c.address)
        )
        names = ["address", "kind", "person", "position"]
        statement = insert_into(self._connection, addresses).from_select(names, rows)
        keys, given = ["address", "kind", "person"], statement.excluded.position
        is_surer = and_(given.between(0, UNSURE - 1), ~addresses.c.position.between(0, UNSURE - 1))
        self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=keys, set_={"position": given}, where=is_surer
            )
        )

    def _put_behind(self, people: Select[Any]) -> None:
        """Put what people were known by behind what their rows have now, where it has some."""
        changes, staged = self._stage.changes, self._stage.addresses
        key = tuple_(addresses.c.kind, addresses.c.person)
        is_mailed = exists().where(
            staged.c.line == changes.c.line, staged.c.position.between(0, UNSURE - 1)
        )
        behind = update(addresses).values(position=addresses.c.position + UNSURE)
        is_given = addresses.c.position.between(0, UNSURE - 1)
        self._connection.execute(behind.where(is_given, key.in_(people.where(is_mailed))))

    def _delete(self, source: str) -> None:
        table, removed = self._layout.table, self._stage.removed
        names = self._layout.keys
        gone = select(*(removed.c[name] for name in names))
        is_gone = _key(table, names).in_(gone)
        self._connection.execute(delete(table).where(is_gone, table.c.source == source))

    def _note_unread(self, terms: Terms) -> None:
        """Note what could not be read; removing tells nothing of what stays."""
        told = () if terms.remove else self._layout.told(terms.told)
        unread.take_in(
            self._connection, self._stage, told=told, source=terms.source,
            file=terms.called, now=terms.now,
        )  # fmt: skip

    def _note_feed(self, terms: Terms) -> None:
        records = _count(select(self._stage.staged)).scalar_subquery()
        row = {"source": terms.source, "what": self._layout.what, "at": terms.now}
        statement = insert_into(self._connection, feeds).values(
            **row, records=records, file=terms.file
        )
        told = {"at"} | ({"file"} if terms.file else set())
        if terms.is_listing and not terms.remove:
            told |= {"records"}
        values = {name: statement.excluded[name] for name in told}
        keys = ["source", "what"]
        self._connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=values))


@contextmanager
def feed(database: Database, what: str) -> Iterator[Feed]:
    """Begin an import of `people`, `staff`, `groups` … (`LAYOUTS`)."""
    with database.private() as connection:
        yield Feed(database, connection, LAYOUTS[what])


def last_file(connection: Connection, source: str, what: str) -> str:
    """Return the last file from the folder that was applied; empty: none yet."""
    mine = select(feeds.c.file).where(feeds.c.source == source, feeds.c.what == what)
    return connection.scalar(mine) or ""


def _key(table: Any, names: Sequence[str]) -> Any:
    return tuple_(*(table.c[name] for name in names))


def _count(rows: Select[Any]) -> Select[int]:
    return select(func.count()).select_from(rows.subquery())
