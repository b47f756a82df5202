"""The feed's folder: files dropped there are imported and moved aside."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Literal

from gateway.core.errors import GatewayError
from gateway.core.feed.feed_mapping import AS_OURS, KindMapping
from gateway.core.kinds import Scope
from gateway.core.mail.keepable import keepable_line
from gateway.core.written import readable_name
from gateway.crm.files import FeedFile, FieldReading, FileRefused
from gateway.crm.folder.dropped_files import DroppedFile, found_at, is_for_feed
from gateway.crm.folder.laid_aside import free_target, refused_beside, report_beside
from gateway.crm.folder.people_ahead import FilesAhead, PeopleAhead
from gateway.crm.importer import ImportReport, import_file
from gateway.crm.kinds import KINDS
from gateway.crm.refused import write_refused
from gateway.store.engine.database import (
    Database,
    RowRefused,
    StoreUnavailable,
)
from gateway.store.feed.feed import KeepSuppressed, last_file

_HELD_BACK = "would lift {lifted}; nothing was applied. If that is right: {command}"
_FAULT = (
    "the gateway failed on this file ({fault}); its log says more. Import it by hand, or drop it "
    "again after an update"
)

#: For a full file, if nobody knows whom the full file of people would have removed: those people
#: must stay suppressed.
_ADDED_ONLY = (
    "what it adds was taken in, but nothing was removed: {people}, dropped with it or before it, "
    "could not be taken in whole, and whoever is missing from both would no longer be suppressed. "
    "Drop both again"
)

#: Otherwise somebody who may only drop files here could make the gateway read any other file.
_LINK = "a link: drop the file itself"


def _as_ours(_kind: str) -> KindMapping:
    return AS_OURS


class FolderUnusable(GatewayError):
    """The feed's folder can't be read or written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandledFile:
    """The outcome of a file in the folder."""

    name: str  #: In readable form.
    state: Literal["done", "failed", "waiting"]  #: A waiting one is retried at the next scan.
    report: ImportReport | None = None
    error: str = ""  #: Why it failed or waits, or what people should know.
    fault: Exception | None = None  #: An internal error of the gateway.

    @property
    def is_whole(self) -> bool:
        """Whether it was imported completely, now or before."""
        return self.state == "done" and (self.report is None or self.report.takes_all_away)


class FeedFolder:
    """Scans for files periodically; a file that changed since the last scan waits.

    `people*.csv`, `groups*.jsonl` … are imported by kind, first those that suppress, then by age;
    `….full.csv` replaces what the source sent before.
    """

    def __init__(
        self,
        database: Database,
        path: Path,
        *,
        source: str,
        tag_scopes: Mapping[str, Scope],
        clock: Callable[[], datetime],
        zone: tzinfo = UTC,
        mapping: Callable[[str], KindMapping] = _as_ours,
        keep_suppressed: KeepSuppressed | None = None,
    ) -> None:
        self._database = database
        self._path = path
        self._source = source
        self._tag_scopes = tag_scopes
        self._clock = clock
        self._zone = zone
        self._mapping = mapping
        self._keep_suppressed = keep_suppressed
        self._last_marks: dict[Path, str] = {}
        self._not_moved: dict[str, HandledFile] = {}  #: Files handled but not moved yet, by mark.
        self._people_ahead: PeopleAhead | None = None
        if keep_suppressed is not None:
            self._people_ahead = PeopleAhead(database, source, keep_suppressed, self._would_do)

    def import_settled(self) -> Iterator[HandledFile]:
        """Import the files that no longer change, and yield the outcome of each.

        A file that fails doesn't hold up the others. Raise `FolderUnusable` (only at the end, if it
        is about single files) and `StoreUnavailable`; then the files wait for the next scan.
        """
        try:
            paths = sorted(self._path.iterdir())
        except OSError as error:
            raise FolderUnusable(
                f"{self._path}: {error.strerror}: make it a folder of the gateway's user"
            ) from error
        candidates = (found_at(path) for path in paths if is_for_feed(path.name))
        waiting = [file for file in candidates if file is not None]
        settled = self._settled_files(waiting)
        self._last_marks = {file.path: file.mark for file in waiting}
        marks = {file.mark for file in waiting}
        self._not_moved = {
            mark: handled for mark, handled in self._not_moved.items() if mark in marks
        }
        ahead = FilesAhead()
        if self._people_ahead is not None:
            done = {mark: handled.is_whole for mark, handled in self._not_moved.items()}
            ahead = self._people_ahead.read_ahead(settled, done)
        unusable: FolderUnusable | None = None
        for file in sorted(settled, key=lambda file: file.order):
            handled = self._not_moved.get(file.mark)
            if handled is None:
                handled = self._take(file, ahead)
            if self._people_ahead is not None:
                self._people_ahead.note_outcome(file, is_whole=handled.is_whole)
            if handled.state != "waiting" and found_at(file.path) == file:
                # Remembered until it is moved, or each scan would import it again.
                self._not_moved[file.mark] = handled
                try:
                    handled = self._put_aside(file, handled)
                except FolderUnusable as error:
                    unusable = unusable or error
                    continue
                del self._not_moved[file.mark]
                yield handled
            elif handled.state == "waiting":
                yield handled
        if unusable is not None:
            raise unusable

    def _settled_files(self, waiting: Sequence[DroppedFile]) -> list[DroppedFile]:
        """Return the files that no longer change.

        While a full file of people still changes, other full files wait: it says who is gone.
        """
        settled = [file for file in waiting if self._last_marks.get(file.path) == file.mark]
        if any(file.names_all_people and file not in settled for file in waiting):
            return [file for file in settled if not file.replaces]
        return settled

    def _take(self, file: DroppedFile, ahead: FilesAhead) -> HandledFile:
        """Import a file, unless looking ahead at it already made the gateway fail."""
        name = readable_name(file.path.name)
        try:
            fault = ahead.faults.get(file.mark)
            if fault is not None:
                raise fault
            return self._take_in(file, name, unknown=ahead.unknown)
        except GatewayError as error:
            # The cause is elsewhere, such as an unreadable key file: the dropped file may be fine,
            # so it waits.
            if isinstance(error, StoreUnavailable):
                # Raises if the store is really away; otherwise this file causes the failure.
                with self._database.reading() as connection:
                    last_file(connection, self._source, "")
            return HandledFile(name=name, state="waiting", error=str(error))
        except Exception as error:
            error_line = keepable_line(f"{type(error).__name__}: {error}")
            why = _FAULT.format(fault=error_line)
            return HandledFile(name=name, state="failed", error=why, fault=error)

    def _take_in(self, file: DroppedFile, name: str, *, unknown: str) -> HandledFile:
        if file.is_link:
            return HandledFile(name=name, state="failed", error=_LINK)
        if file.kind is None:
            return HandledFile(
                name=name, state="failed", error=f"no kind of file: {', '.join(KINDS)}"
            )
        with self._database.reading() as connection:
            is_taken = last_file(connection, self._source, file.kind) == file.mark
        if is_taken:
            return HandledFile(name=name, state="done", error="was imported before, and not moved")
        adds_only = bool(unknown) and file.replaces and file.kind != "people"
        try:
            report = self._import(
                file,
                file.kind,
                replace=file.replaces and not adds_only,
                # Otherwise it would be skipped when dropped again.
                mark="" if adds_only else file.mark,
                keep_suppressed=self._keep_suppressed,
            )
        except (FileRefused, RowRefused) as error:
            return HandledFile(name=name, state="failed", error=str(error))
        if report.outcome.is_held_back:
            replace = " --replace" if report.replace else ""
            command = f"gateway import {report.kind} FILE --lift{replace}"
            why = _HELD_BACK.format(lifted=report.lifted_of_held, command=command)
            return HandledFile(name=name, state="failed", report=report, error=why)
        if report.took_nothing:
            first = report.problems[0]
            why = f"no row could be imported; line {first.line}: {first.text}"
            return HandledFile(name=name, state="failed", report=report, error=why)
        if adds_only:
            why = _ADDED_ONLY.format(people=unknown)
            return HandledFile(name=name, state="failed", report=report, error=why)
        return HandledFile(name=name, state="done", report=report)

    def _would_do(self, file: DroppedFile, hears_who_goes: KeepSuppressed) -> ImportReport:
        """Return what a full file of people would do, without doing it."""
        return self._import(
            file, "people", replace=True, dry_run=True, keep_suppressed=hears_who_goes
        )

    def _import(
        self,
        file: DroppedFile,
        kind: str,
        *,
        replace: bool,
        keep_suppressed: KeepSuppressed | None,
        mark: str = "",
        dry_run: bool = False,
    ) -> ImportReport:
        return import_file(
            self._database,
            kind,
            file.path,
            source=self._source,
            now=self._clock(),
            replace=replace,
            dry_run=dry_run,
            tag_scopes=self._tag_scopes,
            mark=mark,
            zone=self._zone,
            mapping=self._mapping(kind),
            keep_suppressed=keep_suppressed,
        )

    def _put_aside(self, file: DroppedFile, handled: HandledFile) -> HandledFile:
        """Move a file to `done/` or `failed/`, and put its report and refused rows beside it."""
        folder, laid = self._path / handled.state, list[Path]()
        try:
            folder.mkdir(exist_ok=True)
            target = free_target(folder, handled.name, self._clock())
            report = handled.report
            document: dict[str, object] = {
                "file": handled.name,
                "state": handled.state,
                "error": handled.error,
                **({} if report is None else report.document()),
            }
            text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
            with report_beside(target).open(
                "x", encoding="utf-8", errors="backslashreplace"
            ) as opened:
                laid.append(report_beside(target))
                opened.write(text)
            if handled.state == "done" and report and report.problem_count:
                laid.append(refused_beside(target))
                try:
                    self._lay_refused_beside(file, report, target)
                except OSError:
                    raise
                except FileRefused:
                    pass  # The file has changed since.
                except Exception as error:
                    handled = replace(handled, fault=error)
            file.path.rename(target)
        except OSError as error:
            for path in laid:  # Or each scan would put them there again, under other names.
                with suppress(OSError):
                    path.unlink()
            where = readable_name(str(error.filename or file.path))
            raise FolderUnusable(f"{where}: {error.strerror}") from error
        return handled

    def _lay_refused_beside(self, file: DroppedFile, report: ImportReport, target: Path) -> None:
        reading = FieldReading(mapping=self._mapping(report.kind), zone=self._zone)
        feed_file = FeedFile(file.path, KINDS[report.kind], reading)
        write_refused(feed_file, report, refused_beside(target))
