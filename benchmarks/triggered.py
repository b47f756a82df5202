"""10,000 triggered mails due at once: how fast they are sent, and the effect on proxy clients."""

import sqlite3
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text

from benchmarks import gateway_peer
from benchmarks.cells import Cell
from benchmarks.client import LINE, Client
from benchmarks.load import send, sink
from benchmarks.processes import BenchmarkError, Cpu, cpu_used, free_port, running, wait_until
from benchmarks.store import NUMBERS
from gateway.store.engine.database import Database

MAILS = 10_000
ROUNDS = 3
LIKE_THEM = Cell(1_000, kept=True, clients=10)  #: The same mail through the proxy.
LATENCIES = 500  #: Messages for the proxy's latency at rest.
PAUSE = 0.005  #: Seconds between two messages: a working client, not a load.
LOOK = 0.1  #: Seconds between two checks of the ledger.
LIMIT = 600.0  #: Time limit for all mails.

SENT = "SELECT count(*) FROM occurrences WHERE state = 'sent'"

CONFIG = """\
time_zone = "UTC"

{as_usual}
[notices]
from = "office@bench.example"

[triggers]
daily_at = "00:00"
"""
TRIGGER = """\
enabled = true
event = "birthday"
template = "birthday"
kind = "individual"
"""
TEMPLATE = "Subject: Happy birthday, {{ person.first_name }}!\n\nDear {{ person.name }},\n\n" + (
    "Many happy returns of the day from all of us at the office of this agency.\n" * 8
)
PEOPLE = """\
INSERT INTO people
  (kind, crm_id, first_name, last_name, emails, consent_email, birthday, anniversary)
SELECT 'candidate', n, 'Ann', 'Number ' || n, 'p' || n || '@bench.example', TRUE, :born, :day
FROM numbers
"""
ADDRESSES = """\
INSERT INTO addresses (kind, person, address)
SELECT 'candidate', n, 'p' || n || '@bench.example' FROM numbers
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Triggered:
    """The results of one round."""

    rate: float  #: Mails per second, from the first to the last the relay accepted.
    proxy: float  #: Similar messages per second through the proxy.
    cpu: Cpu  #: Of all processes, per mail.
    at_rest: float  #: Median seconds of a message through the proxy; nothing else is sent.
    meanwhile: float  #: The same while triggered mails are sent.


def measure(directory: Path, *, rounds: int, step: Callable[[str], None]) -> tuple[Triggered, ...]:
    """Send the mails `rounds` times, each time from a new store."""
    measured = []
    for number in range(rounds):
        measured.append(_measure(directory / f"triggered-{number}"))
        step("triggered")
    return tuple(measured)


def _measure(root: Path) -> Triggered:
    with sink(root / "sink") as relay:
        port = _prepare(root, relay.port)
        with _gateway(root, port, "smtp"):
            at_rest = _latency(port, lambda taken: len(taken) >= LATENCIES)
            proxy = MAILS / send(LIKE_THEM, port=port, messages=MAILS)
        _fill(root)
        taken: list[float] = []
        has_ended = threading.Event()
        with _gateway(root, port, "smtp", "sender") as pid, _ledger(root) as sent:
            client = threading.Thread(
                target=lambda: taken.append(_latency(port, lambda _: has_ended.is_set()))
            )
            _wait(lambda: sent() > 0)
            first, began, used = sent(), time.perf_counter(), cpu_used(pid)
            client.start()
            _wait(lambda: sent() >= MAILS)
            seconds, cpu = time.perf_counter() - began, cpu_used(pid)
            has_ended.set()
            client.join()
    return Triggered(
        rate=(MAILS - first) / seconds,
        proxy=proxy,
        cpu=cpu.since(used, share=MAILS - first),
        at_rest=at_rest,
        meanwhile=taken[0],
    )


def _prepare(root: Path, relay: int) -> int:
    """Write a gateway's config, trigger and template; return its port."""
    port = free_port()
    for name, content in (
        ("gateway.toml", CONFIG.format(as_usual=gateway_peer.config_text(port, relay))),
        ("triggers/birthday.toml", TRIGGER),
        ("templates/birthday/en.txt", TEMPLATE),
    ):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return port


def _fill(root: Path) -> None:
    """Make it the birthday of as many people as mails are wanted."""
    database, today = Database(f"sqlite:///{root}/gateway.db"), datetime.now(UTC)
    numbers = {
        "first": 1,
        "last": MAILS,
        "born": f"1980-{today:%m-%d}",
        "day": today.strftime("%m%d"),
    }
    for statement in (PEOPLE, ADDRESSES):
        command, rest = statement.split("SELECT", 1)
        with database.writing() as connection:
            connection.execute(text(f"{command} {NUMBERS} SELECT {rest}"), numbers)
    database.close()


@contextmanager
def _gateway(root: Path, port: int, *roles: str) -> Iterator[int]:
    command = [
        sys.executable,
        "-m",
        "gateway",
        "--config",
        str(root / "gateway.toml"),
        "run",
        *roles,
    ]
    with running(command, log=root / "gateway.log", port=port) as process:
        yield process.pid


@contextmanager
def _ledger(root: Path) -> Iterator[Callable[[], int]]:
    """Yield a counter of occurrences whose mail was sent."""
    with closing(sqlite3.connect(f"file:{root}/gateway.db?mode=ro", uri=True)) as store:
        yield lambda: int(store.execute(SENT).fetchone()[0])


def _wait(condition: Callable[[], bool]) -> None:
    if not wait_until(condition, LIMIT, pause=LOOK):
        raise BenchmarkError("triggered mails don't leave")


def _latency(port: int, is_enough: Callable[[list[float]], bool]) -> float:
    """Return the median seconds a message takes, measured until stopped."""
    taken: list[float] = []
    with Client(port) as client:
        while not is_enough(taken):
            began = time.perf_counter()
            client.send([LINE * (LIKE_THEM.size // len(LINE))])
            taken.append(time.perf_counter() - began)
            time.sleep(PAUSE)
    return statistics.median(taken)
