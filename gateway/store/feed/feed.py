"""Takes in the data of the CRM: stages it, compares it, and writes only the differences, at once.

A listing of people, from a source that brought Ann (1), Bob (2) and Clo (3) before:

    line 2: 1,Ann        `staged`: 1, 2, 4       each record, those of one key settled to one
    line 3: 2,Bobby      `changes`: 2, 4         what is new or different
    line 4: 4,Dan        `removed`: 3            what the source had and no longer has

These are temporary tables (`staging.py`), filled while mail goes on. Then one transaction writes
the differences; before it commits, `guard.py` counts how many suppressions it would lift.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection, func, select

from gateway.core.batches import batched
from gateway.core.feed.references import ReferenceUse
from gateway.core.kinds import TAG_SCOPES, Scope
from gateway.core.people.people import PersonKind, PersonRef
from gateway.core.written import counted
from gateway.store.engine.database import VALUES_AT_ONCE, Database
from gateway.store.feed import unread
from gateway.store.feed.comparison import compare, look_for_kept
from gateway.store.feed.contested import Duplicate, SuppressionWidths
from gateway.store.feed.differences import (
    delete_rows,
    note_file,
    unsubscribed_addresses,
    write_addresses,
    write_rows,
)
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
    RowGaps,
    TableLayout,
)
from gateway.store.feed.people_in_doubt import mark_people
from gateway.store.feed.references.open_references import OpenReferences
from gateway.store.feed.references.references import References
from gateway.store.feed.settling import close_entry
from gateway.store.feed.staging import StagingTables
from gateway.store.feed.still_referred import StillReferred, keep, still_referred
from gateway.store.schema.feed import feeds

#: On a server, imports write one after another, as SQLite's writers do: each sees what the previous
#: one removed. Held until the transaction ends.
_IMPORT_TURN = select(func.pg_advisory_xact_lock(func.hashtextextended("gateway import", 0)))
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


class KeepSuppressed(Protocol):
    """Keeps people suppressed whom the feed deletes."""

    def note(self, refs: Sequence[PersonRef]) -> None:
        """Remember what suppresses people who may be deleted, before other files remove it."""

    def keep(self, connection: Connection, refs: Sequence[PersonRef], at: datetime) -> None:
        """Keep people suppressed, in the transaction that deletes them."""

    def keep_unsubscribed(
        self, connection: Connection, left: Iterable[tuple[str, PersonRef]]
    ) -> None:
        """Keep addresses unsubscribed when the people who unsubscribed no longer have them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportTerms:
    """How records are taken in."""

    source: str  #: Whose records these are; the source owns what it brings.
    now: datetime
    remove: bool = False  #: Remove what the file names; only the keys noted count.
    replace: bool = False  #: Remove what this source brought before but not now.
    lift: bool = False  #: Apply the import even if many suppressions are lifted.
    dry_run: bool = False
    tag_scopes: Mapping[str, Scope] = field(default_factory=lambda: TAG_SCOPES)
    #: The columns of the file; the others stay as they are. None: all.
    columns: frozenset[str] | None = None
    file: str = ""  #: A mark of the file, stored with what it brought.
    is_doubtful: bool = False  #: The file may be cut off: only what protects counts.
    is_blank: bool = False  #: It has no row below its header.
    is_refused: bool = False  #: It had rows, but none could be read, so it says nothing.
    #: Lines of rows that may be incomplete.
    doubtful_lines: frozenset[int] = frozenset()
    #: Columns whose last value may be cut off, as the last line has no line end.
    open_columns: frozenset[str] = frozenset()
    is_listing: bool = True  #: Whether the next file's size is compared with this one's.
    #: Keeps addresses of deleted people suppressed, as hashes; None: nothing is kept.
    keep_suppressed: KeepSuppressed | None = None
    called: str = ""  #: The file's name as displayed.


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOutcome:
    """What an import did, or would do."""

    added: int
    changed: int
    removed: int
    unchanged: int
    suppressions_added: int
    suppressions_lifted: int
    suppressions_held: int | None  #: This source's before; counted only if the guard may need it.
    is_held_back: bool  #: Whether the guard held all of it back.
    cut_off: str = ""  #: Why the file seems to be cut off; empty: it doesn't.
    rows: int = 0  #: How many different records it had.
    rows_before: int | None = None  #: How many the source's last listing had.
    duplicates: tuple[Duplicate, ...] = ()  #: Keys that occurred more than once.
    #: Texts in the file that refer to something but aren't an id; faults first.
    references: tuple[ReferenceUse, ...] = ()
    #: Rows whose reference leads nowhere, or is uncertain, by kind of reference.
    reference_faults: Mapping[str, int] = field(default_factory=dict)
    idle_tags: tuple[IdleTag, ...] = ()  #: Tags that weren't taken as written.
    #: People, of all sources, who get no bulk mail because their status or a group of theirs can't
    #: be read or isn't known.
    unread_statuses: int = 0
    #: Missing in a listing but kept, because they keep mail away from people who have them.
    still_referred: tuple[StillReferred, ...] = ()


class Feed:
    """One import: records are added, then applied together."""

    def __init__(self, database: Database, connection: Connection, layout: TableLayout) -> None:
        self._database = database
        self._connection = connection
        self._layout = layout
        self._stage = StagingTables(connection, layout)

    def add(
        self, records: Sequence[tuple[int, Any]], gaps: Mapping[int, RowGaps] | None = None
    ) -> None:
        """Stage records, each with its line; those with the same key are settled for protection.

        `gaps` says, by line, which values a row lacks: those keep their old value.
        """
        self._stage.add(records, gaps or {})

    def add_columns(
        self,
        lines: Sequence[int],
        columns: Mapping[str, Sequence[object]],
        *,
        mailed: Sequence[tuple[int, str, int]],
        missing: frozenset[str],
    ) -> None:
        """Stage records by column (`StagingTables.add_columns`); all lack the columns `missing`."""
        self._stage.add_columns(lines, columns, mailed, missing)

    def are_known(self, records: Sequence[Any]) -> list[bool]:
        """Return for each record whether it is known already; for a membership, the person."""
        is_of_members = self._layout is MEMBERSHIPS
        table = PEOPLE.table if is_of_members else self._layout.table
        if "crm_id" not in table.c or "kind" not in table.c:
            return [False] * len(records)
        keys = [(str(kind), str(crm_id)) for kind, crm_id, *_ in map(self._layout.row, records)]
        ids_by_kind: dict[str, list[str]] = defaultdict(list)
        for kind, crm_id in keys:
            ids_by_kind[kind].append(crm_id)
        known_keys: set[tuple[str, str]] = set()
        with self._connection.begin():
            for rows in (table,) if is_of_members else (table, self._stage.staged):
                for kind, crm_ids in ids_by_kind.items():
                    for chunk in batched(crm_ids, VALUES_AT_ONCE):
                        among_these = (rows.c.kind == kind, rows.c.crm_id.in_(chunk))
                        known_ids = self._connection.scalars(
                            select(rows.c.crm_id).where(*among_these)
                        )
                        known_keys |= {(kind, crm_id) for crm_id in known_ids}
        return [key in known_keys for key in keys]

    def keep_all(self, keys: Sequence[tuple[int, tuple[str, ...]]]) -> None:
        """Note many keys, each with its line."""
        self._stage.keep_all(keys)

    def apply(self, terms: ImportTerms) -> ImportOutcome:
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
        columns = frozenset(self._layout.values) if terms.columns is None else terms.columns
        widths = SuppressionWidths(self._connection, terms.tag_scopes)
        before = None
        if terms.is_listing and not terms.remove:
            among_these = (feeds.c.source == terms.source, feeds.c.what == self._layout.what)
            with self._connection.begin():
                before = self._connection.scalar(select(feeds.c.records).where(*among_these))
        lacking = self._lacking(terms, before)
        duplicates = close_entry(
            self._stage,
            columns=columns,
            widths=widths,
            adds_only=terms.is_doubtful or bool(lacking),
            open_columns=terms.open_columns,
            doubtful_lines=terms.doubtful_lines,
        )
        self._stage.cut_off = self._stage.cut_off or lacking
        if self._layout is GROUPS and self._stage.has_unread:
            unread.count_as_active(self._stage)
        told_columns = self._layout.values_of(terms.columns)
        left_open = OpenReferences(self._connection, self._stage, terms.tag_scopes)
        guard = SuppressionGuard(self._connection, self._layout.what, terms.tag_scopes)
        with self._connection.begin():
            if not terms.remove:
                compare(
                    self._stage,
                    source=terms.source,
                    columns=told_columns,
                    now=terms.now,
                    replace=terms.replace and not self._stage.cut_off,
                )
            elif not terms.is_doubtful:
                look_for_kept(self._stage, source=terms.source)
            counts = self._stage.count()
            if counts.has_differences:
                left_open.look_before()
                has_arrived = left_open.has_arrived or left_open.has_possible
                guard.look_before(terms.source, has_arrived=has_arrived)
            stay = (
                still_referred(self._connection, self._stage, terms.tag_scopes)
                if terms.replace and not terms.lift
                else ()
            )
        with self._database.writing_on(self._connection):
            if not self._database.is_sqlite:
                self._connection.execute(_IMPORT_TURN)
            # First the guard judges the whole import, as if what people still have were removed.
            trial = self._connection.begin_nested() if stay else None
            unread_statuses = self._write(terms, left_open)
            effects = guard.look_after()
            is_held_back = not terms.lift and (
                effects.is_alarming
                or (
                    terms.replace
                    and effects.lifted > 0
                    and (terms.is_blank or is_halved(counts.staged, before))
                )
            )
            if trial is not None and not is_held_back:
                trial.rollback()
                keep(self._connection, self._stage, stay)
                counts.removed -= len(stay)
                unread_statuses = self._write(terms, left_open)
                effects = guard.look_after()
            if is_held_back or terms.dry_run:
                self._connection.rollback()
        return ImportOutcome(
            added=counts.added,
            changed=counts.changed,
            removed=counts.removed,
            unchanged=counts.staged - counts.added - counts.changed,
            suppressions_added=effects.added,
            suppressions_lifted=effects.lifted,
            suppressions_held=effects.held_before,
            is_held_back=is_held_back,
            rows=counts.staged,
            rows_before=before,
            cut_off=self._stage.cut_off,
            duplicates=tuple(duplicates),
            references=references.uses,
            reference_faults=references.faults,
            idle_tags=tuple(idle_tags),
            unread_statuses=unread_statuses,
            still_referred=stay,
        )

    def _lacking(self, terms: ImportTerms, before: int | None) -> str:
        """Say why a listing looks as if its end were missing; empty: it doesn't.

        A file that was cut off right after a row looks intact, but what it lacks would be removed.
        So nothing is removed until a file has as many rows as the last, or a line end.
        """
        if before is None or not (terms.replace and terms.open_columns):
            return ""
        with self._connection.begin():
            rows = self._stage.count().staged
        if rows >= before:
            return ""
        has = counted(rows, "row")
        return f"its last line has no end, and it has {has} where the last file had {before}"

    def _write(self, terms: ImportTerms, left_open: OpenReferences) -> int:
        """Write the differences; return how many people are in doubt (`mark_people`)."""
        connection, stage = self._connection, self._stage
        columns = self._layout.values_of(terms.columns)
        if self._layout is PEOPLE and stage.counts.removed and terms.keep_suppressed is not None:
            going = connection.execute(select(stage.removed.c.kind, stage.removed.c.crm_id))
            refs = [PersonRef(PersonKind(row.kind), row.crm_id) for row in going]
            terms.keep_suppressed.keep(connection, refs, terms.now)
        # What suppresses is written first: tags and memberships are there before anything is
        # removed.
        if stage.counts.has_changes:
            write_rows(connection, stage, columns)
        if self._layout is PEOPLE and stage.counts.has_differences:
            before = unsubscribed_addresses(connection, stage)
            write_addresses(connection, stage)
            left = before - unsubscribed_addresses(connection, stage) if before else ()
            if left and terms.keep_suppressed is not None:
                terms.keep_suppressed.keep_unsubscribed(connection, left)
        if stage.counts.removed:
            delete_rows(connection, stage, terms.source)
        unread.take_in(
            connection,
            stage,
            columns=() if terms.remove else columns,  # Removing says nothing about what stays.
            source=terms.source,
            file=terms.called,
            now=terms.now,
        )
        if not terms.is_refused:
            note_file(
                connection,
                stage,
                source=terms.source,
                now=terms.now,
                file=terms.file,
                is_listing=terms.is_listing and not terms.remove,
            )
        left_open.settle(terms.now)
        if self._layout not in (PEOPLE, STATUSES, GROUPS, MEMBERSHIPS):
            return 0
        return mark_people(connection, terms.tag_scopes)


@contextmanager
def feed(database: Database, what: str) -> Iterator[Feed]:
    """Begin an import of `people`, `staff`, `groups` … (`LAYOUTS`)."""
    with database.private() as connection:
        yield Feed(database, connection, LAYOUTS[what])


def last_file(connection: Connection, source: str, what: str) -> str:
    """Return the last file applied from the folder; empty if there is none yet."""
    among_these = select(feeds.c.file).where(feeds.c.source == source, feeds.c.what == what)
    return connection.scalar(among_these) or ""
