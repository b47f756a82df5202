"""The people whom full files in the folder will remove, found before anything is imported.

When a person was deleted in the CRM, a full export has neither the person nor what suppressed them,
and memberships are imported first:

    memberships.full.csv      candidate 17 is no longer a member of "no bulk mail"
    people.full.csv           there is no candidate 17 any more

So the people to be removed are found first, and what suppresses them is recorded. If that isn't
possible, because the file of people is refused, held back or lacks a row, the other full files
remove nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from gateway.core.people.people import PersonRef
from gateway.crm.files import FileRefused
from gateway.crm.folder.dropped_files import DroppedFile, is_full
from gateway.crm.importer import ImportReport
from gateway.store.engine.database import (
    Database,
    RowRefused,
    StoreTransaction,
    StoreUnavailable,
)
from gateway.store.feed import feed_faults
from gateway.store.feed.feed import KeepSuppressed

#: Returns what a file would do and whom it would remove, without importing it.
ImportAhead = Callable[[DroppedFile, KeepSuppressed], ImportReport]


@dataclass(slots=True)
class FilesAhead:
    """What looking ahead shows about the files to be imported next."""

    #: Internal errors, by the mark of the file that caused them.
    faults: dict[str, Exception] = field(default_factory=dict)
    #: The name of a full file of people if nobody knows whom it removes; otherwise empty.
    unknown: str = ""


class PeopleAhead:
    """Looks ahead in one folder, and remembers the outcome of its last full file of people."""

    def __init__(
        self, database: Database, source: str, keep_suppressed: KeepSuppressed, dry_run: ImportAhead
    ) -> None:
        self._database = database
        self._source = source
        self._keep_suppressed = keep_suppressed
        self._dry_run = dry_run
        #: The name of the last full file of people, if it wasn't imported completely.
        self._not_whole = ""

    def note_outcome(self, file: DroppedFile, *, is_whole: bool) -> None:
        """Remember the outcome of a file."""
        if file.names_all_people:
            self._not_whole = "" if is_whole else file.name

    def read_ahead(self, files: Sequence[DroppedFile], done: Mapping[str, bool]) -> FilesAhead:
        """Look at the files to import next; record what suppresses the people they will remove.

        `done` has the files, by mark, that were handled but couldn't be moved yet: whether each was
        imported completely.
        """
        ahead, going = FilesAhead(), _GoingPeople()
        all_people = [file for file in files if file.names_all_people]
        if not all_people:
            ahead.unknown = self._refused_before()
        elif len(files) > 1:
            for file in all_people:
                if file.mark in done:
                    is_known = done[file.mark]
                else:
                    is_known = not file.is_link and self._tells_who_goes(file, going, ahead)
                if not is_known:
                    ahead.unknown = file.name
            self._keep_suppressed.note(going.refs)
        return ahead

    def _tells_who_goes(self, file: DroppedFile, going: "_GoingPeople", ahead: FilesAhead) -> bool:
        """Whether a full file of people will be imported whole; `going` gets whom it removes."""
        try:
            with suppress(FileRefused, RowRefused):
                return self._dry_run(file, going).takes_all_away
        except StoreUnavailable:
            raise
        except Exception as error:
            ahead.faults[file.mark] = error
        return False

    def _refused_before(self) -> str:
        """Return the last full file of people, unless it was imported completely; else empty."""
        with self._database.reading() as connection:
            states = feed_faults.states(connection)
        faults = {(state.source, state.what): state.fault for state in states}
        fault = faults.get((self._source, "people"))
        if fault is None:
            self._not_whole = ""
        elif fault.failed and is_full(fault.file):
            return fault.file  # Even if another process handled it.
        return self._not_whole


class _GoingPeople:
    """Collects the people who would be removed."""

    def __init__(self) -> None:
        self.refs: list[PersonRef] = []

    def note(self, refs: Sequence[PersonRef]) -> None:
        """Do nothing."""

    def keep(
        self,
        connection: StoreTransaction,  # noqa: ARG002
        refs: Sequence[PersonRef],
        at: datetime,  # noqa: ARG002
    ) -> None:
        """Remember whom the file would remove."""
        self.refs += refs

    def keep_unsubscribed(
        self, connection: StoreTransaction, left: Iterable[tuple[str, PersonRef]]
    ) -> None:
        """Do nothing."""
