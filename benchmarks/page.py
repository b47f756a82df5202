"""The benchmark page of the documentation."""

import os
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from benchmarks.console import DAYS, MESSAGES
from benchmarks.console import ROUNDS as CONSOLE_ROUNDS
from benchmarks.crm_data import MAILS_OF_A_RUN, Sizes
from benchmarks.machine import Machine
from benchmarks.plot import draw
from benchmarks.start import ROUNDS
from benchmarks.tables import Table, verdict
from benchmarks.throughput import Measured

HEAD = """\
# Benchmarks

Written by `make bench` from {rounds} rounds of one run; run it again rather than edit it. It was
measured at commit {commit} on {day} and says nothing of later ones: see
[CHANGELOG](../CHANGELOG.md) for what has become slower or faster since.

The gateway stands beside Postfix's before-queue proxy filter, the Proxy handler that comes with
aiosmtpd, and no proxy at all. The aim is twice Postfix's rate in every cell, the floor 1.5 times.
{verdict}

![Messages per second over Postfix's, cell by cell](benchmarks.svg)
"""

TAIL = """\
## How to read it

- A cell is size, connections, clients: `5kB-kept-100` is 100 clients that send messages of 5 kB
  and keep their connections; with `new` every message has a connection of its own. Every message
  has one recipient, another one for each message of a sample; in the cells with `one` it is the
  same for all, as of `smtp-source` without `-N`.
- Rates are medians. A ratio is the median of the ratios round by round: in a round all peers are
  measured one after the other, first in another order each time, so that whatever else the machine
  does weighs on all of them. Compare ratios between machines, not rates.
- Source, sink and proxy share the cores. smtp-source sends, smtp-sink throws away; both have one
  process. With "no proxy" they talk to each other: 1 MB and new connections can be faster through a
  proxy that keeps its connections to the sink.
- Gateway and Postfix look every recipient up among 100,000 suppressed addresses, and find none. The
  gateway has two workers, SQLite and the rules as shipped; Postfix has up to 250 processes, a hash
  access map, no DNS, no limits per client, and logs to a file.
- The gateway commits every message to its journal before the final dot; the proxy filter of Postfix
  and aiosmtpd's Proxy write nothing down. The journal's relayed deliveries and the sink's messages
  were counted after each sample; a difference would have ended the run.
- Processor time is what the peer's own processes used, user and system, without source and sink;
  the share of the system is sockets and, with the gateway, the disk.
- After a start samples begin at once, with new connections, 10 clients and one recipient; each
  peer is started {starts} times. The first mail is timed from MAIL to the reply after the final
  dot, once the peer has greeted.
- Latency runs from MAIL to the reply after the final dot, on a kept connection, one message at a
  time.
- What is done for speed, and where the time goes: [code.md](code.md#what-exists-for-speed).
- Memory at rest and of idle connections is the proportional set size of all processes: of all roles
  some seconds after a start, nothing being used, or of `smtp` with its two workers; the growth
  during a message is the highest resident set above that before it.
- A decision is the one query that asks the store about a recipient, and what follows from it for
  bulk mail; all are members of one tagged group, in one SQLite file that grows.
- Of the mails to import eight of ten are forwards that real programs wrote, one has a file of
  200 kB, one is a note. They wait in a mailbox of Dovecot, or come to an import listener over one
  connection. Memory is the highest that was seen: the proportional set size of all processes, the
  resident set of the one that reads mails.
- With `--against COMMAND` another gateway, such as an earlier commit's, is measured in turn with
  this one: its rate, its latency, and the mails it imports.
- Beside an import of the feed stands what Python's own `csv` and `sqlite3` take to load the same
  file into one table of texts, with the same indexes: nothing is read, compared or protected
  there. The ratio is that of processor time, round by round. Meanwhile an address is looked up and
  a row is written a hundred times a second: what takes longest of these is what mail, or the
  journal behind it, would wait for.
- Triggered mails are birthday wishes of 1 kB to as many people, over the connections that the
  gateway keeps for mail of its own, to a relay that takes everything at once; such mails through
  the proxy come over 10 kept connections, with nothing else under way. Latency is one client's.
"""


PAGES_BEGIN = "<!-- times of pages: from here on `python -m benchmarks console` writes it -->"
PAGES_HEAD = """\
Written by `python -m benchmarks console`, at commit {commit} on {day}: {cores} × {processor},
Python {python}, SQLite {sqlite}. {load}

The journal has {messages:,} messages of {days} days; beside it the store has {people:,} people with
{applications:,} applications, {campaigns} campaigns, the largest with {members:,} members and what
they did, {triggers} triggers with {occurrences:,} mails, {mails} mails in the inbox with their
originals, {files} files imported with refused rows, and {entries:,} entries of the outbox. Each
page is opened once, then {rounds} times. Times are in milliseconds, from the request to its last
octet (aim: 100); processor time is the median of what server, store and browser used together,
and says more where other work ran beside. What triggers will mail is kept for up to five minutes
while nothing changes. No page asks the store more questions the more it has to list
(`tests/api/console/test_page_queries.py`).
"""


def write_pages(docs: Path, pages: Table, machine: Machine) -> None:
    """Write the times of console pages below their heading at the end of `console.md`."""
    page, sizes = docs / "console.md", Sizes()
    kept, _, _ = page.read_text().partition(PAGES_BEGIN)
    busy = os.getloadavg()[0] - 1  # Without this process and its children.
    head = PAGES_HEAD.format(
        commit=_commit(docs),
        day=f"{datetime.now(UTC):%Y-%m-%d}",
        cores=machine.cores,
        processor=machine.processor,
        python=machine.python,
        sqlite=machine.sqlite,
        load="Nothing else ran."
        if busy < machine.cores / 2
        else f"Other work ran beside: {busy:.0f} processes more than this one waited or ran.",
        messages=MESSAGES,
        days=DAYS,
        people=sizes.people,
        applications=sizes.applications,
        campaigns=sizes.campaigns,
        members=sizes.members,
        triggers=sizes.triggers,
        occurrences=sizes.triggers * sizes.runs * MAILS_OF_A_RUN,
        mails=sizes.mails,
        files=sizes.files,
        entries=sizes.entries,
        rounds=CONSOLE_ROUNDS,
    )
    table = pages.for_page().partition("\n\n")[2]
    page.write_text(f"{kept}{PAGES_BEGIN}\n\n{head}\n{table}\n")


@cache  # Read before the first page is written: that makes the tree dirty, but was not measured.
def _commit(docs: Path) -> str:
    described = subprocess.run(
        ("git", "describe", "--always", "--dirty"),
        cwd=docs,
        capture_output=True,
        text=True,
        check=True,
    )
    return described.stdout.strip()


def write(docs: Path, *, cells: Sequence[Measured], tables: Sequence[Table], rounds: int) -> None:
    """Write `benchmarks.md` and its plot."""
    commit = _commit(docs)
    draw(cells, docs / "benchmarks.svg")
    head = HEAD.format(
        rounds=rounds,
        commit=commit,
        day=f"{datetime.now(UTC):%Y-%m-%d}",
        verdict=verdict(cells),
    )
    sections = (head, *(table.for_page() for table in tables), TAIL.format(starts=ROUNDS))
    (docs / "benchmarks.md").write_text("\n\n".join(part.strip() for part in sections) + "\n")
