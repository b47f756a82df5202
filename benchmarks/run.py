"""A benchmark run: peers are started, measured part by part, and ended."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import (
    console,
    decision,
    feed,
    importer,
    latency,
    machine,
    memory,
    selection,
    start,
    tables,
    throughput,
    triggered,
)
from benchmarks.cells import MATRIX, Cell
from benchmarks.console import PageTime
from benchmarks.decision import Decision
from benchmarks.feed import FeedImports
from benchmarks.importer import Importing
from benchmarks.latency import Latency
from benchmarks.machine import Machine
from benchmarks.memory import Memory
from benchmarks.peers import PEERS, Peer, started
from benchmarks.selection import Selection
from benchmarks.start import Start
from benchmarks.tables import Table
from benchmarks.throughput import Measured
from benchmarks.triggered import Triggered

PARTS = (
    *("throughput", "start", "latency", "memory", "decision", "selection", "importer"),
    *("feed", "triggered", "console"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to measure; by default, everything."""

    parts: Sequence[str] = PARTS
    cells: Sequence[Cell] = MATRIX
    peers: Sequence[str] = tuple(PEERS)
    rounds: int = 7
    start_rounds: int = start.ROUNDS
    seconds: float = 2.5  #: Approximate duration of a sample.
    sizes: Sequence[int] = decision.SIZES
    import_rounds: int = importer.ROUNDS
    feed_rounds: int = feed.ROUNDS
    rows: int = feed.ROWS  #: In each file of the feed.
    triggered_rounds: int = triggered.ROUNDS
    journaled: int = console.MESSAGES  #: Messages in the journal behind the pages.
    against: Path | None = None  #: The command of the other gateway, if it is a peer, too.

    @property
    def steps(self) -> int:
        """The number of steps in the progress bar."""
        rounds = {"throughput": len(self.cells) * self.rounds, "latency": self.rounds}
        beside = sum(rounds.get(part, 0) for part in self.parts) * len(self.peers)
        alone = len(self.sizes) * ("decision" in self.parts) + ("selection" in self.parts)
        alone += self.start_rounds * len(start.PEERS & {*self.peers}) * ("start" in self.parts)
        imports = len(importer.WAYS) * (2 if self.against else 1) * self.import_rounds
        alone += imports * ("importer" in self.parts)
        alone += self.feed_rounds * feed.FILES * ("feed" in self.parts)
        alone += self.triggered_rounds * ("triggered" in self.parts)
        return beside + ("memory" in self.parts) + ("console" in self.parts) + alone


@dataclass(slots=True, kw_only=True)
class Results:
    """The results; parts that were not requested stay empty."""

    machine: Machine
    cells: list[Measured] = field(default_factory=list)
    starts: Sequence[Start] = ()
    latency: Sequence[Latency] = ()
    memory: Memory | None = None
    decisions: Sequence[Decision] = ()
    selections: Sequence[Selection] = ()
    imports: Sequence[Importing] = ()
    feeds: Sequence[FeedImports] = ()
    triggered: Sequence[Triggered] = ()
    pages: Sequence[PageTime] = ()

    def tables(self) -> list[Table]:
        """Return all tables with results."""
        measured: list[Table] = []
        if self.cells:
            measured += [tables.throughput(self.cells), tables.processor_time(self.cells)]
        if self.starts:
            measured.append(tables.starts(self.starts))
        if self.latency:
            measured.append(tables.latency(self.latency))
        if self.memory:
            measured.append(tables.memory(self.memory))
        if self.decisions:
            measured.append(tables.decisions(self.decisions))
        if self.selections:
            measured.append(tables.selections(self.selections))
        if self.imports:
            measured.append(tables.imports(self.imports))
        if self.feeds:
            measured.append(tables.feeds(self.feeds))
        if self.triggered:
            measured.append(tables.triggered(self.triggered))
        if self.pages:
            measured.append(tables.pages(self.pages))
        return [*measured, tables.machine(self.machine)]


def run(plan: Plan, directory: Path) -> Results:
    """Carry out the plan, with a progress bar; `directory` is on the disk to measure."""
    results = Results(machine=machine.describe(directory))
    columns = (TextColumn("{task.description:<22}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), transient=True) as progress:
        task = progress.add_task("starting the peers", total=plan.steps)

        def step(description: str) -> None:
            progress.update(task, description=description, advance=1)

        if set(plan.parts) & {"throughput", "latency", "memory"}:
            with started(plan.peers, directory, against=plan.against) as peers:
                _beside_each_other(plan, peers, results, directory, step)
        if "start" in plan.parts:
            results.starts = start.measure(
                plan.peers, directory, rounds=plan.start_rounds, step=step
            )
        if "decision" in plan.parts:
            results.decisions = decision.measure(directory, plan.sizes, step)
        if "selection" in plan.parts:
            results.selections = selection.measure(directory, step)
        if "importer" in plan.parts:
            results.imports = importer.measure(
                directory, rounds=plan.import_rounds, against=plan.against, step=step
            )
        if "feed" in plan.parts:
            results.feeds = feed.measure(
                directory, rounds=plan.feed_rounds, rows=plan.rows, step=step
            )
        if "triggered" in plan.parts:
            results.triggered = triggered.measure(
                directory, rounds=plan.triggered_rounds, step=step
            )
        if "console" in plan.parts:
            results.pages = console.measure(
                directory, count=plan.journaled, rounds=console.ROUNDS, step=step
            )
    return results


def _beside_each_other(
    plan: Plan,
    peers: Sequence[Peer],
    results: Results,
    directory: Path,
    step: Callable[[str], None],
) -> None:
    if "throughput" in plan.parts:
        for cell in plan.cells:
            measured = throughput.measure(
                peers, cell, rounds=plan.rounds, seconds=plan.seconds, step=step
            )
            results.cells.append(measured)
    if "latency" in plan.parts:
        results.latency = latency.measure(peers, rounds=plan.rounds, step=step)
    for peer in peers:
        if "memory" in plan.parts and peer.name == "gateway":
            results.memory = memory.measure(peer, directory)
            step("memory")
