"""`python -m benchmarks`: measure, show, and write docs/benchmarks.md after a full run.

The times of the console's pages go into docs/console.md.
"""

import argparse
import resource
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from benchmarks import page
from benchmarks.cells import MATRIX
from benchmarks.peers import OTHER, PEERS
from benchmarks.processes import BenchmarkError
from benchmarks.run import PARTS, Plan, Results, run
from benchmarks.tables import pages, verdict

DOCS = Path(__file__).parent.parent / "docs"
DISK = "/var/tmp"  # where /tmp may be memory, and a commit would cost nothing
FULL = Plan()
QUICK_ROUNDS, QUICK_SECONDS, QUICK_SIZES = 1, 1.0, FULL.sizes[:3]
QUICK_JOURNAL = 20_000  #: Messages.
QUICK_ROWS = 100_000  #: In each file of the feed.


def main() -> int:
    """Run what the command line requests; return 1 if a count differs or a peer fails."""
    console, plan = Console(), _plan()
    _allow_many_connections()
    try:
        results = _run_on_disk(plan)
    except BenchmarkError as error:
        console.print(f"[red]{error}", soft_wrap=True)
        return 1
    for table in results.tables():
        console.print(table.for_terminal(), "")
    if results.cells and {"gateway", "postfix"} <= set(plan.peers):
        console.print(verdict(results.cells))
    if _is_full(plan):
        page.write(DOCS, cells=results.cells, tables=results.tables(), rounds=plan.rounds)
    if results.pages and plan.journaled == FULL.journaled:
        page.write_pages(DOCS, pages(results.pages), results.machine)
    return 0


def _run_on_disk(plan: Plan) -> Results:
    with tempfile.TemporaryDirectory(prefix="benchmark.", dir=DISK) as name:
        directory = Path(name)
        directory.chmod(0o755)  # Postfix's processes run as a separate user
        return run(plan, directory)


def _plan() -> Plan:
    options = _parser().parse_args()
    wanted = [cell for cell in MATRIX if cell.name in (options.cell or [cell.name])]
    peers = [name for name in PEERS if name in (options.peer or PEERS)]
    return Plan(
        parts=options.parts or FULL.parts,
        cells=wanted,
        peers=[*peers, OTHER] if options.against else peers,
        rounds=QUICK_ROUNDS if options.quick else options.rounds,
        start_rounds=QUICK_ROUNDS if options.quick else FULL.start_rounds,
        seconds=QUICK_SECONDS if options.quick else options.seconds,
        sizes=QUICK_SIZES if options.quick else FULL.sizes,
        import_rounds=QUICK_ROUNDS if options.quick else FULL.import_rounds,
        feed_rounds=QUICK_ROUNDS if options.quick else FULL.feed_rounds,
        rows=QUICK_ROWS if options.quick else FULL.rows,
        triggered_rounds=QUICK_ROUNDS if options.quick else FULL.triggered_rounds,
        journaled=QUICK_JOURNAL if options.quick else FULL.journaled,
        against=options.against and options.against.absolute(),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    cells = [cell.name for cell in MATRIX]
    parser.add_argument("parts", nargs="*", metavar="PART", type=_part, help=", ".join(PARTS))
    parser.add_argument("--cell", action="append", choices=cells, help="only this; repeatable")
    parser.add_argument("--peer", action="append", choices=[*PEERS], help="only this; repeatable")
    parser.add_argument("--rounds", type=int, default=FULL.rounds)
    parser.add_argument("--seconds", type=float, default=FULL.seconds, help="of a sample, about")
    parser.add_argument(
        "--against",
        type=Path,
        metavar="COMMAND",
        help="another gateway, e.g. ../earlier/.venv/bin/gateway, that relays, answers and"
        " imports in turn with this; docs/benchmarks.md stays as it is",
    )
    parser.add_argument("--quick", action="store_true", help="one short round; writes no page")
    return parser


def _part(name: str) -> str:
    if name not in PARTS:
        raise argparse.ArgumentTypeError(f"not one of {', '.join(PARTS)}")
    return name


def _is_full(plan: Plan) -> bool:
    everything = (FULL.parts, len(FULL.cells), len(FULL.peers), FULL.sizes)
    planned = (tuple(plan.parts), len(plan.cells), len(plan.peers), plan.sizes)
    return planned == everything and plan.rounds >= FULL.rounds


def _allow_many_connections() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    sys.exit(main())
