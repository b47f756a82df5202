"""Imports the CRM's data received over HTTP, with the same code as its files."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from gateway.api.services import FeedAdapter, FeedRefused, FeedTaken, FeedTerms
from gateway.app import common
from gateway.app.feed.deleted_people import DeletedPeople
from gateway.config import Settings
from gateway.core.feed.laid_aside import LaidAside
from gateway.core.people.people import PersonKind, StatusKind
from gateway.core.written import readable_name
from gateway.crm.files import FeedFile, FieldReading, FileRefused
from gateway.crm.folder.laid_aside import file_laid_aside, laid_aside, refused_rows
from gateway.crm.importer import import_file
from gateway.crm.kinds import KINDS
from gateway.crm.refused import write_refused
from gateway.store.engine.database import Database

_OF_A_KIND = ("people", "groups", "statuses")
#: A group and a person; the ids of both may contain slashes: `2026/1/candidate:2026/17`.
_MEMBERSHIP = re.compile(rf"(.+?)/({'|'.join(PersonKind)}):(.+)", re.DOTALL)


class StoreFeedAdapter(FeedAdapter):
    """Imports the feed into the store, and reports on the configured folder."""

    def __init__(self, settings: Callable[[], Settings], database: Database) -> None:
        self._settings = settings
        self._database = database

    def kinds(self) -> Mapping[str, tuple[str, ...]]:
        return {name: kind.columns for name, kind in KINDS.items()}

    def key(self, kind: str, text: str) -> Mapping[str, str]:
        """Return the columns a path represents: `candidate:17`, `g1/candidate:17`, `4711`."""
        if kind == "memberships":
            match = _MEMBERSHIP.fullmatch(text)
            if match is None:
                raise ValueError(f"not a membership: '{text}' (write g1/candidate:17)")
            return {"group": match[1], "kind": match[2], "person": match[3]}
        if kind in _OF_A_KIND:
            sort, colon, crm_id = text.partition(":")
            if not (colon and crm_id and sort in set(StatusKind)):
                raise ValueError(f"not one of the {kind}: '{text}' (write candidate:17)")
            return {"kind": sort, "crm_id": crm_id}
        return {next(name for name in KINDS[kind].columns if name in KINDS[kind].needed): text}

    def take_in(self, kind: str, file: Path, terms: FeedTerms) -> FeedTaken:
        settings = self._settings()
        try:
            report = import_file(
                self._database,
                kind,
                file,
                source=terms.source,
                now=common.now(),
                replace=terms.replace,
                remove=terms.remove,
                lift=terms.lift,
                dry_run=terms.dry_run,
                tag_scopes=settings.suppression.tags,
                zone=common.time_zone(settings),
                is_listing=terms.replace,
                is_file=terms.is_file,
                mapping=settings.crm.mapping(kind),
                keep_suppressed=DeletedPeople(settings, self._database),
            )
        except FileRefused as error:
            raise FeedRefused(str(error).removeprefix(f"{readable_name(str(file))}: ")) from error
        if terms.refused is not None and report.problem_count:
            reading = FieldReading(
                mapping=settings.crm.mapping(kind), zone=common.time_zone(settings)
            )
            write_refused(FeedFile(file, KINDS[kind], reading), report, terms.refused)
        document = {name: value for name, value in report.document().items() if name != "file"}
        return FeedTaken(
            report=document, records=report.records, is_held_back=report.outcome.is_held_back
        )

    def source(self) -> str:
        return self._settings().crm.source

    def folder(self) -> Path | None:
        return self._settings().crm.folder

    def laid_aside(self, limit: int) -> Sequence[LaidAside]:
        folder = self.folder()
        return () if folder is None else laid_aside(folder, limit)

    def file_laid_aside(self, state: str, name: str) -> LaidAside | None:
        folder = self.folder()
        return None if folder is None else file_laid_aside(folder, state, name)

    def refused_rows(self, aside: LaidAside) -> bytes:
        folder = self.folder()
        if folder is None:
            raise FileNotFoundError(aside.name)
        return refused_rows(folder, aside)
