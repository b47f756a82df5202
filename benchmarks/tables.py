"""The results as tables, for the terminal and for the page."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from textwrap import wrap

from rich.table import Table as RichTable

from benchmarks.console import MESSAGES as MESSAGES_OF_PAGES
from benchmarks.console import PageTime
from benchmarks.decision import Decision
from benchmarks.feed import ROWS, FeedImports
from benchmarks.importer import MAILS, Importing
from benchmarks.latency import Latency
from benchmarks.machine import Machine
from benchmarks.memory import Memory
from benchmarks.peers import OTHER, PEERS
from benchmarks.selection import Selection
from benchmarks.start import MESSAGES, SAMPLES, Start
from benchmarks.throughput import Measured
from benchmarks.triggered import MAILS as MAILS_DUE
from benchmarks.triggered import Triggered

AIM = 2.0
FLOOR = 1.5
ALLOWED_LATENCY = 0.3e-3  #: Seconds.
TITLES = {
    "gateway": "gateway",
    "postfix": "Postfix proxy filter",
    "aiosmtpd": "aiosmtpd Proxy",
    "direct": "no proxy",
    OTHER: OTHER,
}


@dataclass(frozen=True, slots=True)
class Table:
    """A title, headings and rows of text."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def for_terminal(self) -> RichTable:
        table = RichTable(title=self.title, title_justify="left")
        for position, name in enumerate(self.head):
            table.add_column(name, justify="right" if position else "left")
        for row in self.rows:
            table.add_row(*row)
        return table

    def for_page(self) -> str:
        """Return the table in Markdown, below its title."""
        ruler = ("---", *("---:" for _ in self.head[1:]))
        lines = (f"| {' | '.join(row)} |" for row in (self.head, ruler, *self.rows))
        return f"## {self.title}\n\n" + "\n".join(lines)


def throughput(cells: Sequence[Measured]) -> Table:
    """Return the messages per second of every peer in every cell, and the gateway's ratios."""
    peers = _peers(cells)
    others = [name for name in peers if name != "gateway" and "gateway" in peers]
    head = ("cell", *(TITLES[name] for name in peers), *(f"÷ {TITLES[name]}" for name in others))
    rows = tuple(
        (
            cell.cell.name,
            *(f"{cell.rate(name):,.0f}" for name in peers),
            *(f"{cell.ratio('gateway', name):.2f}" for name in others),
        )
        for cell in cells
    )
    return Table("Messages per second", head, rows)


def verdict(cells: Sequence[Measured]) -> str:
    """Return how many cells reach the aim and the floor, and where even no proxy would not."""
    ratios = [cell.ratio("gateway", "postfix") for cell in cells]
    aim, floor = (sum(ratio >= wanted for ratio in ratios) for wanted in (AIM, FLOOR))
    counts = (
        f"Of {len(ratios)} cells {aim} reach {AIM} times Postfix's rate and {floor} at least"
        f" {FLOOR}; the lowest ratio is {min(ratios):.2f}."
    )
    bounds = [cell.ratio("direct", "postfix") for cell in cells if "direct" in cell.samples]
    if bounded := [bound for bound in bounds if bound < AIM]:
        counts += (
            f" In {len(bounded)} source and sink come to {min(bounded):.2f} to"
            f" {max(bounded):.2f} times Postfix's rate with no proxy at all: they use up the same"
            " cores."
        )
    return "\n".join(wrap(counts, 100))


def processor_time(cells: Sequence[Measured]) -> Table:
    """Return the processor time of a message for each peer, and the system's share of it."""
    peers = _peers(cells)
    head = ("cell", *("sink" if name == "direct" else TITLES[name] for name in peers))
    rows = tuple(
        (
            cell.cell.name,
            *(f"{cell.cpu(name) * 1000:.2f} ({cell.system_share(name):.0%})" for name in peers),
        )
        for cell in cells
    )
    return Table("Processor time per message, ms (of it in the system)", head, rows)


def starts(measured: Sequence[Start]) -> Table:
    """Return the cost of the first messages after a start, compared with later ones."""
    rows = tuple(
        (
            TITLES[each.name],
            f"{each.first_mail * 1000:.1f}",
            *(
                f"{each.rate(sample):,.0f} ({each.cpu(sample) * 1000:.2f})"
                for sample in range(SAMPLES)
            ),
            f"{each.first_to_last:.2f}",
        )
        for each in measured
    )
    if {each.name for each in measured} == {"gateway", "postfix"}:
        gateway, other = sorted(measured, key=lambda each: each.name)
        ratios = (f"{gateway.ratio(other, sample):.2f}" for sample in range(SAMPLES))
        rows = (*rows, ("gateway ÷ Postfix proxy filter", "", *ratios, ""))
    samples = (f"sample {first + 1}" for first in range(SAMPLES))
    head = ("", "first mail, ms", *samples, f"1 ÷ {SAMPLES}")
    title = f"After a start: messages per second (and processor time, ms), {MESSAGES:,} a sample"
    return Table(title, head, rows)


def latency(measured: Sequence[Latency]) -> Table:
    """Return the time of a message, and what it adds to no proxy at all."""
    direct = next((each.median for each in measured if each.name == "direct"), None)
    rows = tuple(
        (
            TITLES[each.name],
            f"{each.median * 1000:.2f}",
            f"{each.slow * 1000:.2f}",
            "" if direct is None else f"{(each.median - direct) * 1000:.2f}",
        )
        for each in measured
    )
    title = f"Latency with one client, 5 kB, ms (aim: {ALLOWED_LATENCY * 1000:.2f} added)"
    return Table(title, ("", "median", "99th of 100", "added at the median"), rows)


def memory(measured: Memory) -> Table:
    """Return the growth of the gateway's memory."""
    rows = (
        ("all roles at rest (aim: 110)", f"{measured.all_roles / 1e6:.1f} MB"),
        ("the smtp role at rest, after some mail", f"{measured.at_rest / 1e6:.1f} MB"),
        ("an idle connection, of 1,000", f"{measured.per_connection / 1e3:.1f} kB"),
        ("during a message of 100 MB", f"{measured.large_message / 1e6:.2f} MB"),
    )
    return Table("Memory", ("", "gateway"), rows)


def decisions(measured: Sequence[Decision]) -> Table:
    """Return the cost of a decision by number of suppressed addresses."""
    rows = tuple(
        (f"{each.addresses:,}", f"{each.clear * 1e6:.0f}", f"{each.suppressed * 1e6:.0f}")
        for each in measured
    )
    head = ("suppressed addresses", "recipient not among them", "recipient among them")
    return Table("Cost of a decision, µs at the median", head, rows)


def selections(measured: Sequence[Selection]) -> Table:
    """Return the time to find the people for each date event."""
    rows = tuple((each.event, f"{each.selected:,}", f"{each.seconds:.2f}") for each in measured)
    title = "Due occurrences of 1,000,000 people (aim: 5 s)"
    return Table(title, ("event", "selected", "seconds"), rows)


def imports(measured: Sequence[Importing]) -> Table:
    """Return the cost of importing a mailbox full of mails."""
    rows = tuple(
        (
            f"{importing.gateway}, {importing.way}",
            f"{importing.median(lambda run: run.cpu.total):.2f}",
            f"{importing.median(lambda run: run.seconds):.2f}",
            f"{importing.median(lambda run: run.memory) / 1e6:.1f} MB",
            f"{importing.median(lambda run: run.reader) / 1e6:.1f} MB",
        )
        for importing in measured
    )
    head = ("", "processor time, s", "seconds", "memory, all processes", "of the reading process")
    return Table(f"{MAILS:,} mails to import", head, rows)


def feeds(measured: Sequence[FeedImports]) -> Table:
    """Return the cost of importing files of the feed, beside SQLite alone."""
    rows = tuple(
        (
            imports.what,
            f"{imports.median(lambda run: run.cpu.total):.1f}",
            f"{imports.ratio:.1f}",
            f"{imports.median(lambda run: run.seconds):.1f}",
            f"{max(run.memory for run in imports.gateway) / 1e6:.0f} MB",
            f"{max(run.look_up for run in imports.gateway) * 1000:.0f}",
            f"{max(run.wait for run in imports.gateway):.1f}",
        )
        for imports in measured
    )
    head = (
        *("", "processor time, s", "÷ sqlite3", "seconds", "memory"),
        *("longest look-up meanwhile, ms", "longest write meanwhile, s"),
    )
    return Table(f"{ROWS:,} rows of the feed (aim: 4 times sqlite3, 200 MB)", head, rows)


def triggered(rounds: Sequence[Triggered]) -> Table:
    """Return how fast triggered mails are sent, and how the proxy performs meanwhile."""

    def median(value: Callable[[Triggered], float]) -> float:
        return statistics.median(map(value, rounds))

    rows = (
        ("triggered mails per second", f"{median(lambda run: run.rate):,.0f}"),
        ("÷ such mails through the proxy", f"{median(lambda run: run.rate / run.proxy):.2f}"),
        ("processor time of one, ms", f"{median(lambda run: run.cpu.total) * 1000:.2f}"),
        (
            "the proxy's latency meanwhile ÷ at rest",
            f"{median(lambda run: run.meanwhile / run.at_rest):.2f}",
        ),
    )
    title = f"{MAILS_DUE:,} triggered mails due at once (aims: 0.5 of the proxy's rate, 1.5)"
    return Table(title, ("", ""), rows)


def pages(measured: Sequence[PageTime]) -> Table:
    """Return the times of console pages."""
    rows = tuple(
        (
            each.page,
            str(each.questions),
            *(f"{value * 1000:.0f}" for value in (each.processor, each.median, each.longest)),
        )
        for each in measured
    )
    title = f"Pages of the console, {MESSAGES_OF_PAGES:,} messages in the journal, ms (aim: 100)"
    head = ("page", "questions to the store", "processor time", "median", "longest of 20")
    return Table(title, head, rows)


def machine(described: Machine) -> Table:
    """Return the machine's description."""
    rows = (
        ("processor", f"{described.cores} × {described.processor}"),
        ("Python", described.python),
        ("SQLite", described.sqlite),
        ("Postfix", described.postfix),
        ("fsync of 4 kB, median", f"{described.fsync * 1000:.2f} ms"),
        ("durability of the store", described.durability),
    )
    return Table("Machine", ("", ""), rows)


def _peers(cells: Sequence[Measured]) -> list[str]:
    return [name for name in (*PEERS, OTHER) if name in cells[0].samples]
