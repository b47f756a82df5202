"""Imports a file of the feed and reports on it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from gateway.core.batches import batched
from gateway.core.feed.feed_mapping import AS_OURS, KindMapping
from gateway.core.kinds import TAG_SCOPES, Scope
from gateway.core.mail.keepable import keepable_line
from gateway.core.people.people import PersonKind
from gateway.core.written import counted, readable_name
from gateway.crm.by_column import ColumnReader
from gateway.crm.cells.values import FieldFault, KeyUnreadable, RowFields
from gateway.crm.files import FeedFile, FieldReading, FileRefused, RawRow, RowBlock
from gateway.crm.kinds import KINDS, FileKind, Record
from gateway.documents.feed import ImportReportDocument
from gateway.store.engine.database import Database, RowRefused, StoreUnavailable
from gateway.store.feed import feed_faults
from gateway.store.feed.contested import Duplicate
from gateway.store.feed.feed import LAYOUTS, Feed, ImportOutcome, ImportTerms, KeepSuppressed, feed
from gateway.store.feed.guard import is_halved
from gateway.store.feed.layouts import RowGaps
from gateway.store.views import status
from gateway.store.views.status import Shortfall

_BATCH = 5_000
#: How many problems are listed individually; the rest are only counted.
_MOST_LISTED = 1_000

_HELD_BACK = f"{feed_faults.HELD_BACK} it would lift many suppressions"

RowProgress = Callable[[int, int], None]


def no_progress(done: int, total: int) -> None:
    """Show no progress."""


@dataclass(frozen=True, slots=True)
class RowProblem:
    """What is wrong with a row or one of its fields."""

    line: int
    text: str
    column: str = ""  #: Empty: the row itself.
    value: str = ""  #: As written in the file.
    cure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """The outcome of a file."""

    kind: str
    file: str
    source: str
    at: datetime
    replace: bool
    dry_run: bool
    records: int  #: Rows that could be read.
    outcome: ImportOutcome
    problems: tuple[RowProblem, ...]  #: The first thousand.
    problem_count: int
    is_incomplete: bool  #: Nothing was removed, because what is missing isn't known.
    remarks: tuple[str, ...] = ()  #: About the file as a whole: how it was read.
    shortfall: Shortfall | None = None  #: After all imports; None if not requested.
    is_truncated: str = ""  #: Why the file is cut off; then only what blocks mail counts.

    @property
    def lifted_of_held(self) -> str:
        """What the guard held back, in words: `30 of 100 suppressions`."""
        lifted, held = self.outcome.suppressions_lifted, self.outcome.suppressions_held
        if held is not None:
            return f"{lifted} of {counted(held, 'suppression')}"
        rows, before = self.outcome.rows, self.outcome.rows_before
        held_back = counted(lifted, "suppression")
        if before is None:
            return f"{held_back}, with no row"
        return f"{held_back}, with {counted(rows, 'row')} where the last file had {before}"

    @property
    def took_nothing(self) -> bool:
        """Whether there were rows, and none could be imported."""
        return bool(self.problem_count) and not self.records

    @property
    def takes_all_away(self) -> bool:
        """Whether the file counts as complete: if it replaces, what isn't in it is removed."""
        is_held_back = self.outcome.is_held_back
        return not (self.is_incomplete or self.is_truncated or is_held_back or self.took_nothing)

    @property
    def is_good(self) -> bool:
        """Whether everything in the file was imported."""
        return not (self.problem_count or self.outcome.is_held_back or self.is_truncated)

    def document(self) -> ImportReportDocument:
        """Return the report as printed and stored beside a file."""
        outcome = self.outcome
        document: ImportReportDocument = {
            "kind": self.kind,
            "file": self.file,
            "source": self.source,
            "at": self.at.isoformat(),
            "replace": self.replace,
            "dry_run": self.dry_run,
            "records": self.records,
            "added": outcome.added,
            "changed": outcome.changed,
            "removed": outcome.removed,
            "unchanged": outcome.unchanged,
            "suppressions_added": outcome.suppressions_added,
            "suppressions_lifted": outcome.suppressions_lifted,
            "suppressions_held": outcome.suppressions_held,
            "is_held_back": outcome.is_held_back,
            "cut_off": outcome.cut_off,
            "rows": outcome.rows,
            "rows_before": outcome.rows_before,
            "duplicates": [
                {
                    "key": ":".join(duplicate.key),
                    "lines": list(duplicate.lines),
                    "differs": dict(duplicate.differs),
                }
                for duplicate in outcome.duplicates[:_MOST_LISTED]
            ],
            "references": [
                {
                    "reference": use.reference,
                    "kind": use.kind,
                    "given": use.given,
                    "lead": use.lead,
                    "rows": use.rows,
                    "line": use.line,
                    "crm_id": use.crm_id,
                    "how": use.how,
                    "others": list(use.others),
                    "nearest": list(use.nearest),
                    "text": str(use),
                }
                for use in outcome.references
            ],
            "reference_faults": dict(outcome.reference_faults),
            "idle_tags": [
                {"line": idle.line, "tag": idle.tag, "taken_for": idle.taken_for}
                for idle in outcome.idle_tags
            ],
            "unread_statuses": outcome.unread_statuses,
            "still_referred": [
                {
                    "kind": record.kind,
                    "crm_id": record.crm_id,
                    "name": record.name,
                    "people": record.people,
                }
                for record in outcome.still_referred
            ],
            "duplicate_count": len(outcome.duplicates),
            "truncated": self.is_truncated,
            "nothing_removed": self.is_incomplete,
            "problems": [
                {
                    "line": problem.line,
                    "text": problem.text,
                    "column": problem.column,
                    "value": problem.value,
                    "cure": problem.cure,
                }
                for problem in self.problems
            ],
            "problem_count": self.problem_count,
            "remarks": list(self.remarks),
        }
        if self.shortfall is not None:
            since = self.shortfall.unread_since
            document["shortfall"] = {
                "protected_without_address": self.shortfall.protected_without_address,
                "references_to_nothing": dict(self.shortfall.references_to_nothing),
                "unread_fields": dict(self.shortfall.unread_fields),
                "unread_since": None if since is None else since.isoformat(),
            }
        return document


def import_file(
    database: Database,
    kind: str,
    path: Path,
    *,
    source: str,
    now: datetime,
    replace: bool = False,
    remove: bool = False,
    lift: bool = False,
    dry_run: bool = False,
    progress: RowProgress = no_progress,
    tag_scopes: Mapping[str, Scope] = TAG_SCOPES,
    mark: str = "",
    zone: tzinfo = UTC,
    mapping: KindMapping = AS_OURS,
    is_listing: bool = True,
    is_file: bool = False,
    keep_suppressed: KeepSuppressed | None = None,
) -> ImportReport:
    """Import a file of one of `KINDS`.

    `progress` is called with the octets read so far and in total. `mark` is stored with the data,
    see `gateway.store.feed.feed.last_file`. With `remove`, what the file names is removed. `zone`
    is assumed for times without one; `mapping` maps the CRM's columns and values. Without
    `is_listing` (a single record), the file isn't compared with the one before; what is wrong with
    it is kept all the same if it `is_file`, such as an upload. `keep_suppressed` keeps people who
    are removed suppressed. Raise `FileRefused` and `StoreUnavailable`; then nothing was applied.
    """
    name = readable_name(path.name)
    is_kept = (is_listing or is_file) and not dry_run and path.exists()
    fault_record = _FaultRecord(database, source, kind, name, now, is_kept=is_kept)
    reading = FieldReading(mapping=mapping, zone=zone, today=now.astimezone(zone).date())
    file = FeedFile(path, KINDS[kind], reading)
    with fault_record.failure(), feed(database, kind) as under_way:
        file_import = _FileImport(KINDS[kind], under_way, zone)
        (file_import.take_keys if remove else file_import.take)(file, progress)
        is_doubtful = bool(file.is_truncated) and not lift
        # A row with an unreadable key would look as if it were missing, and be removed.
        is_incomplete = replace and (file_import.has_lost_rows or is_doubtful)
        terms = ImportTerms(
            source=source,
            now=now,
            replace=replace and not is_incomplete,
            remove=remove,
            lift=lift,
            dry_run=dry_run,
            tag_scopes=tag_scopes,
            columns=file.columns,
            file=mark,
            called=name,
            is_listing=is_listing,
            keep_suppressed=keep_suppressed,
            is_doubtful=is_doubtful,
            is_blank=not (file_import.records or file_import.problem_count or file.left_out),
            is_refused=bool(file_import.problem_count) and not file_import.records,
            doubtful_lines=frozenset() if lift else frozenset(file_import.doubtful_lines),
            open_columns=frozenset() if lift else file.open_columns,
        )
        outcome = under_way.apply(terms)
    file_import.report_duplicates(outcome.duplicates)
    file_import.report_references(outcome)
    file_import.report_idle_tags(outcome)
    file_import.report_still_referred(outcome)
    remarks = list(file.remarks)
    if is_halved(outcome.rows, outcome.rows_before):
        # The file didn't replace, so nothing was removed for the missing rows.
        remarks.append(
            f"has {outcome.rows} {kind} where the last file had {outcome.rows_before}: if it "
            "should have all of them, the export is broken"
        )
    remarks += (str(use) for use in outcome.references if not use.is_fault)
    if outcome.unread_statuses:
        people = outcome.unread_statuses
        remarks.append(
            f"{counted(people, 'person gets', 'people get')} no bulk mail, since the status or a "
            "group can't be read or leads nowhere: give a known one"
        )
    shortfall = None
    if is_listing:
        with database.reading() as connection:
            shortfall = status.shortfall(connection)
    report = ImportReport(
        kind=kind, file=name, source=source, at=now, replace=replace, dry_run=dry_run,
        records=file_import.records,
        outcome=outcome,
        problems=tuple(file_import.problems),
        problem_count=file_import.problem_count,
        remarks=tuple(remarks),
        is_incomplete=is_incomplete or (replace and bool(outcome.cut_off)),
        is_truncated=file.is_truncated or outcome.cut_off,
        shortfall=shortfall,
    )  # fmt: skip
    fault_record.end(report)
    if not dry_run and (is_listing or report.records > 1):
        feed_faults.note_import(
            database,
            feed_faults.PastImport(
                at=now,
                source=source,
                what=kind,
                file=name,
                added=outcome.added,
                changed=outcome.changed,
                removed=outcome.removed,
                unchanged=outcome.unchanged,
                suppressions_added=outcome.suppressions_added,
                suppressions_lifted=outcome.suppressions_lifted,
                problems=report.problem_count,
                held_back=outcome.is_held_back,
            ),
        )
    return report


class _FaultRecord:
    """Stores what is wrong with the last file of a kind, until one is imported completely."""

    def __init__(
        self,
        database: Database,
        source: str,
        kind: str,
        file: str,
        now: datetime,
        *,
        is_kept: bool,
    ) -> None:
        self._database = database
        self._source = source
        self._kind = kind
        self._file = file
        self._now = now
        self._is_kept = is_kept

    @contextmanager
    def failure(self) -> Iterator[None]:
        """Record a file that is refused as a whole."""
        try:
            yield
        except (FileRefused, RowRefused) as error:
            # The path of an upload is private, and the file is named separately.
            reason = str(error).partition(f"{self._file}: ")[2] or str(error)
            self._note(1, reason, failed=True)
            raise
        except StoreUnavailable:
            raise
        except Exception as error:  # An internal error counts as one of the file.
            self._note(1, keepable_line(f"{type(error).__name__}: {error}"), failed=True)
            raise

    def end(self, report: ImportReport) -> None:
        """Record a file of which all, a part, or nothing was imported."""
        if report.is_good and self._is_kept:
            feed_faults.clear(self._database, self._source, self._kind)
        elif not report.is_good:
            first = next((problem.text for problem in report.problems), report.is_truncated)
            failed = report.took_nothing or report.outcome.is_held_back
            reason = _HELD_BACK if report.outcome.is_held_back else first
            self._note(report.problem_count, reason, failed=failed)

    def _note(self, problems: int, reason: str, *, failed: bool) -> None:
        if not self._is_kept:
            return
        fault = feed_faults.FeedFault(
            source=self._source,
            what=self._kind,
            since=self._now,
            at=self._now,
            problems=problems,
            failed=failed,
            file=self._file,
            reason=reason,
        )
        feed_faults.note(self._database, fault)


class _FileImport:
    """Reads rows, passes the records on, and collects what is wrong."""

    def __init__(self, kind: FileKind, feed: Feed, zone: tzinfo) -> None:
        self._kind = kind
        self._feed = feed
        self._zone = zone
        self._of_unknown_kind: list[RawRow] = []
        self._gaps: dict[int, RowGaps] = {}  #: For the rows of a batch, by line.
        self._missing_beside: dict[tuple[str, ...], frozenset[str]] = {}
        self.records = 0
        self.problems: list[RowProblem] = []
        self.problem_count = 0
        self.has_lost_rows = False  #: Whether any rows had an unreadable key.
        #: Rows next to one with a wrong number of fields: a line end within a cell splits a row.
        self.doubtful_lines: set[int] = set()
        self._last_line: int | None = None
        self._is_beside = False  #: Whether the last row had a wrong number of fields.

    def take(self, file: FeedFile, progress: RowProgress) -> None:
        """Pass on the records of a file, a batch at a time."""
        reader: ColumnReader | None = None
        rows = 0
        for block in file.blocks():
            rows += len(block.lines if isinstance(block, RowBlock) else block)
            if rows >= _BATCH:
                progress(file.position, file.size)
                rows = 0
            if isinstance(block, RowBlock):
                if reader is None:
                    reader = ColumnReader(
                        self._kind, LAYOUTS[self._kind.name], block.reading, self._zone
                    )
                read = reader.read(block)
                if file.is_delimited:
                    self._note_doubtful((line, False) for line in read.outermost_lines)
                self._feed.add_columns(
                    read.lines, read.columns, mailed=read.mailed, missing=reader.missing
                )
                self.records += len(read.lines)
                self._take_rows(read.others)
            else:
                if file.is_delimited:
                    self._note_doubtful((row.line, bool(row.problem)) for row in block)
                self._take_rows(block)
        progress(file.position, file.size)
        self._add_of_unknown_kind()

    def take_keys(self, file: FeedFile, progress: RowProgress) -> None:
        """Collect what the file names, to be removed."""
        for batch in batched(file.rows(), _BATCH):
            keys = []
            for row in batch:
                if row.problem:
                    self._report(RowProblem(row.line, row.problem))
                    continue
                try:
                    key = self._kind.key(RowFields(row.texts, self._zone, row.unread))
                except KeyUnreadable as error:
                    self._report_fault(row.line, error.fault)
                else:
                    keys.append((row.line, key))
            self._feed.keep_all(keys)
            self.records += len(keys)
            progress(file.position, file.size)

    def _take_rows(self, rows: Sequence[RawRow]) -> None:
        """Read rows one by one, and pass on their records."""
        if not rows:
            return
        records = [(row.line, record) for row in rows if (record := self._record(row)) is not None]
        self._feed.add(records, self._gaps)
        self._gaps.clear()
        self.records += len(records)

    def _add_of_unknown_kind(self) -> None:
        """Apply rows with an unknown kind to every person known by their id.

        Say a row of kind *company* has the id 17 and the status deceased. It then counts for
        candidate 17 and for contact 17, if they exist, as far as it blocks mail. Rows with unknown
        ids are lost.
        """
        rows, self._of_unknown_kind = self._of_unknown_kind, []
        # If both exist, a second row is added; its line is negative, as the file has only one.
        for number, kind in enumerate(PersonKind):
            records: list[tuple[int, Record]] = []
            gaps: dict[int, RowGaps] = {}
            for row in rows:
                fields = RowFields({**row.texts, "kind": kind.value}, self._zone, row.unread)
                try:
                    record = self._kind.record(fields)
                except KeyUnreadable:
                    continue
                line = -row.line if number else row.line
                records.append((line, record))
                gaps[line] = self._gaps_of(row, fields, adds_only=True)
            are_known = self._feed.are_known([record for _, record in records])
            known_records = [
                record for record, is_known in zip(records, are_known, strict=True) if is_known
            ]
            for batch in batched(known_records, _BATCH):
                self._feed.add(batch, gaps)
            self.records += len(known_records)
            for line, _ in known_records:
                text = (
                    f"kind: taken for a {kind}, who has this id; only what keeps mail away is added"
                )
                self._report(
                    RowProblem(abs(line), text, "kind", cure="write the kind that is meant")
                )

    def _note_doubtful(self, rows: Iterable[tuple[int, bool]]) -> None:
        """Note lines next to one with a wrong number of fields (the second value of each)."""
        for line, has_problem in rows:
            if has_problem and self._last_line is not None:
                self.doubtful_lines.add(self._last_line)
            if self._is_beside:
                self.doubtful_lines.add(line)
            self._last_line, self._is_beside = line, has_problem

    def _record(self, row: RawRow) -> Record | None:
        fields = RowFields(row.texts, self._zone, row.unread)
        if row.problem:
            self._report(RowProblem(row.line, row.problem))
            self.has_lost_rows = True
            if not row.texts:
                return None
        try:
            record = self._kind.record(fields)
        except KeyUnreadable as error:
            self._report_fault(row.line, error.fault)
            self.has_lost_rows = True
            if error.fault.column == "kind":
                self._of_unknown_kind.append(row)
            return None
        self.has_lost_rows |= fields.is_unsure
        for fault in (*fields.unread.values(), *fields.remarks):
            self._report_fault(row.line, fault)
        adds_only = bool(row.problem) or fields.is_unsure
        gaps = self._gaps_of(row, fields, adds_only=adds_only)
        if gaps.missing or gaps.unread or fields.partly or adds_only:
            self._gaps[row.line] = gaps
        return record

    def _gaps_of(self, row: RawRow, fields: RowFields, *, adds_only: bool) -> RowGaps:
        # A JSON line may have fewer columns than others; most rows have the same.
        columns = tuple(row.texts)
        missing = self._missing_beside.get(columns)
        if missing is None:
            missing = frozenset(self._kind.columns).difference(columns)
            self._missing_beside[columns] = missing
        return RowGaps(
            unread={name: fault.text for name, fault in fields.unread.items()},
            missing=missing,
            adds_addresses="emails" in fields.partly,
            adds_only=adds_only,
        )

    def report_duplicates(self, duplicates: Sequence[Duplicate]) -> None:
        """Report the keys whose rows say different things."""
        for duplicate in duplicates:
            if duplicate.differs:
                lines = ", ".join(map(str, duplicate.lines))
                differences = "; ".join(
                    f"{column}: {text}" for column, text in duplicate.differs.items()
                )
                self._report(
                    RowProblem(
                        duplicate.lines[-1],
                        f"{':'.join(duplicate.key)} stands in lines {lines}, which differ: "
                        f"{differences}",
                        column=next(iter(duplicate.differs)),
                        cure="leave one row for each",
                    )
                )

    def report_references(self, outcome: ImportOutcome) -> None:
        """Report references that lead nowhere: the first ones one by one, the rest as a number."""
        faults = [use for use in outcome.references if use.is_fault]
        for use in faults:
            self._report(RowProblem(use.line, str(use), use.column, use.given, use.cure))
        rows = sum(outcome.reference_faults.values())
        self.problem_count += max(0, rows - len(faults))

    def report_idle_tags(self, outcome: ImportOutcome) -> None:
        """Report tags that weren't used as written."""
        cure = f"write one of {', '.join(TAG_SCOPES)}, or leave it blank"
        for idle_tag in outcome.idle_tags:
            self._report(RowProblem(idle_tag.line, f"tag: {idle_tag}", "tag", idle_tag.tag, cure))

    def report_still_referred(self, outcome: ImportOutcome) -> None:
        """Report records missing from a listing that are kept because others refer to them."""
        cure = "give these people another one, or import the file with --lift"
        for missing in outcome.still_referred:
            self._report(RowProblem(1, str(missing), "crm_id", missing.crm_id, cure))

    def _report_fault(self, line: int, fault: FieldFault) -> None:
        self._report(RowProblem(line, str(fault), fault.column, fault.value, fault.cure))

    def _report(self, problem: RowProblem) -> None:
        self.problem_count += 1
        if len(self.problems) < _MOST_LISTED:
            self.problems.append(problem)
