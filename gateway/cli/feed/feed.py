"""Files of the CRM's feed, imported by hand."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from gateway.app.common import now
from gateway.app.feed.deleted_people import DeletedPeople
from gateway.cli.context import Context, of, wrong_use
from gateway.cli.listing import ListColumns, ListForm, ListRequest, in_memory, lists
from gateway.cli.output import complain, one_line, print_json, print_line
from gateway.core.moments import in_utc
from gateway.crm.importer import ImportReport, import_file
from gateway.crm.kinds import KINDS
from gateway.crm.propose import propose as proposed_mapping
from gateway.documents.feed import open_reference_document, past_import_document
from gateway.store.feed import feed_faults
from gateway.store.feed.feed_faults import PastImport
from gateway.store.feed.references import open_references
from gateway.store.feed.references.open_references import OpenText

_WAITING, _PAST = "waiting", "past"
_MOST_PAST = 10_000
_NOTHING_WAITS = (
    "Nothing waits. Rows whose group, status or person isn't known yet are listed here."
)
ImportedKind = StrEnum("ImportedKind", {name: name for name in (*KINDS, _WAITING, _PAST)})  # type: ignore[misc]

_Kind = Annotated[
    ImportedKind,
    typer.Argument(
        metavar="KIND",
        help="What the rows of the file are; `waiting` lists rows that wait, `past` the imports.",
    ),
]
_File = Annotated[
    Path | None,
    typer.Argument(metavar="FILE", help="CSV or .xlsx with a header row, or JSON Lines."),
]
_Replace = Annotated[
    bool, typer.Option("--replace", help="Remove what this source sent before and no longer has.")
]
_Lift = Annotated[bool, typer.Option("--lift", help="Apply it even if it lifts many suppressions.")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")]
_Propose = Annotated[
    bool,
    typer.Option("--propose", help="Only print the [crm.map] that the file needs, as TOML."),
]
_Source = Annotated[
    str | None, typer.Option(help="Who owns the rows; by default [crm] source.", metavar="NAME")
]


@lists()
def import_feed(
    context: typer.Context,
    request: ListRequest,
    kind: _Kind,
    file: _File = None,
    *,
    replace: _Replace = False,
    lift: _Lift = False,
    dry_run: _DryRun = False,
    source: _Source = None,
    propose: _Propose = False,
) -> None:
    """Import a file from the CRM, or list what waits for a group, status or person still to come.

    All changes are applied in one transaction. Fields that can't be read are reported with their
    line and keep their old value; the others are imported. An import that would lift many
    suppressions changes nothing without --lift.
    """
    invocation = of(context)
    if kind.value == _WAITING:
        list_waiting(invocation, request)
        return
    if kind.value == _PAST:
        list_past(invocation, request)
        return
    if request.is_part or request.form is ListForm.CSV:
        wrong_use("--limit, --since, --after and --csv go with `waiting` and `past`")
    if file is None:
        wrong_use(f"name the file: gateway import {kind.value} FILE")
    if not file.exists():
        wrong_use(f"FILE: file '{file}' does not exist")
    if file.is_dir():
        wrong_use(f"FILE: '{file}' is a folder: name a file in it")
    if propose:
        print_line(proposed_mapping(file, KINDS[kind.value]).removesuffix("\n"))
        return
    with invocation.store() as store, _progress() as progress:
        report = import_file(
            store,
            kind.value,
            file,
            source=source or invocation.settings.crm.source,
            now=now(),
            replace=replace,
            lift=lift,
            dry_run=dry_run,
            progress=progress,
            tag_scopes=invocation.settings.suppression.tags,
            zone=invocation.zone,
            mapping=invocation.settings.crm.mapping(kind.value),
            keep_suppressed=DeletedPeople(invocation.settings, store),
        )
    for line in complaints(report):
        complain(line)
    if request.form is ListForm.JSON:
        print_json(report.document())
    else:
        outcome = report.outcome
        lead = "Would be" if report.dry_run or outcome.is_held_back else "Done"
        print_line(
            f"{lead}: {outcome.added} added, {outcome.changed} changed, {outcome.removed} removed, "
            f"{outcome.unchanged} unchanged; suppressions: {outcome.suppressions_added} added, "
            f"{outcome.suppressions_lifted} lifted"
        )
        for line in report.shortfall.lines(invocation.zone) if report.shortfall else ():
            print_line(line)
    raise typer.Exit(0 if report.is_good else 1)


_COLUMNS: ListColumns[OpenText] = {
    "reference": lambda waits: waits.reference,
    "kind": lambda waits: waits.kind,
    "names": lambda waits: one_line(waits.given),
    "rows": lambda waits: waits.uses,
    "since": lambda waits: waits.since,
    "of": lambda waits: one_line(
        ", ".join(waits.examples) + (" …" if waits.uses > len(waits.examples) else "")
    ),
}


def list_waiting(invocation: Context, request: ListRequest) -> None:
    """Print the references that lead nowhere yet, each with its rows and how many there are."""
    with invocation.store() as store, store.reading() as connection:
        listed = open_references.list_open_texts(connection, since=request.since)
    source = in_memory(
        listed, lambda waits: one_line(f"{waits.reference} {waits.kind} {waits.given}")
    )
    request.print(source, _COLUMNS, document=open_reference_document, empty=_NOTHING_WAITS)


_PAST_COLUMNS: ListColumns[PastImport] = {
    "at": lambda done: done.at,
    "source": lambda done: done.source,
    "kind": lambda done: done.what,
    "file": lambda done: one_line(done.file),
    "added": lambda done: done.added,
    "changed": lambda done: done.changed,
    "removed": lambda done: done.removed,
    "unchanged": lambda done: done.unchanged,
    "suppressions": lambda done: f"+{done.suppressions_added} -{done.suppressions_lifted}",
    "problems": lambda done: done.problems,
    "held back": lambda done: "yes" if done.held_back else "",
}
_NO_IMPORTS = "No imports yet. `gateway import people FILE`, the feed's folder and the API import."


def list_past(invocation: Context, request: ListRequest) -> None:
    """Print the result of each import, newest first."""
    with invocation.store() as store, store.reading() as connection:
        listed = feed_faults.list_imports(connection, since=request.since, limit=_MOST_PAST)
    source = in_memory(listed, lambda done: f"{in_utc(done.at)} {done.source} {done.what}")
    request.print(source, _PAST_COLUMNS, document=past_import_document, empty=_NO_IMPORTS)


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on a terminal, and nothing elsewhere."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("Reading", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def complaints(report: ImportReport) -> Iterator[str]:
    """Yield the faults of a file, line by line, then their consequences for the whole."""
    for problem in report.problems:
        cure = "" if problem.cure in problem.text else f"; {problem.cure}"
        yield f"{report.file}:{problem.line}: {problem.text}{cure}"
    hidden = report.problem_count - len(report.problems)
    if hidden:
        yield f"{report.file}: {hidden} more problems"
    if report.is_incomplete:
        why = "the file is incomplete" if report.is_truncated else "a row's key can't be read"
        yield f"{report.file}: nothing was removed: {why}"
    for remark in report.remarks:
        yield f"{report.file}: {remark}"
    outcome = report.outcome
    if report.is_truncated:
        yield (
            f"{report.file}: is incomplete, {report.is_truncated}: only what keeps mail away was "
            "applied; export it again, or repeat with --lift if nothing is missing"
        )
    if outcome.is_held_back:
        yield (
            f"{report.file}: would lift {report.lifted_of_held}: nothing was applied; if that is "
            "right, repeat with --lift"
        )
