"""The cost of importing a million people, beside SQLite merely loading the same file.

The peer is Python's own `csv` and `sqlite3`: the rows unchanged in one table, then the gateway's
indexes on people and addresses. It parses no cells, compares nothing and protects nobody. Meanwhile
this process does what the proxy does: it looks up an address, and writes a little.
"""

import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryFile

from sqlalchemy import text

from benchmarks.memory import status
from benchmarks.processes import BenchmarkError, Cpu, own_modules
from gateway.core.kinds import TAG_SCOPES
from gateway.store.engine.database import Database
from gateway.store.people.suppression import Standings

ROWS = 1_000_000
ROUNDS = 3
_FILES = {"people": "people", "the same people again": "people", "memberships": "memberships"}
FILES = len(_FILES)
PAUSE = 0.01  #: Seconds between two lookups, and between two writes.
_COLUMNS = (
    "kind,crm_id,first_name,last_name,emails,status,finance_status,owner,language,birthday,"
    "consent_email,mail_on_set_date,mail_after_first_delivery,active"
)
_FIRST = ("Anna", "Jan", "Jürgen", "Maria", "Zoë", "Luc", "Noémie", "Tom")
_LAST = ("Jansen", "de Vries", "Müller", "Dubois", "d'Hondt", "van den Berg", "Lefèvre", "Smit")
_LANGUAGES = ("nl", "nl", "de", "fr", "en", "")
_SMALL = {
    "statuses": (
        "kind,crm_id,name,tag",
        *(
            f"{kind},s{number},Status {number},{'NoMailTag' if number == 9 else ''}"
            for kind in ("candidate", "contact")
            for number in range(1, 10)
        ),
    ),
    "staff": ("crm_id,name", *(f"o{number},Staff {number}" for number in range(120))),
    "groups": (
        "kind,crm_id,name,tag",
        *(
            f"{kind},g{number},Group {number},{'NoMailingsTag' if number == 1 else ''}"
            for kind in ("candidate", "contact")
            for number in range(1, 30)
        ),
    ),
}
#: Loads a file into a table of texts, then creates indexes. Arguments: store, file, table, indexes.
_PEER = """
import csv, sqlite3, sys
store, file, table, *indexes = sys.argv[1:]
connection = sqlite3.connect(store)
connection.execute("PRAGMA journal_mode = WAL")
with open(file, newline="", encoding="utf-8") as lines:
    rows = csv.reader(lines)
    names = ['"' + name + '"' for name in next(rows)]
    connection.execute("CREATE TABLE " + table + " (" + " TEXT, ".join(names) + " TEXT)")
    marks = ", ".join("?" * len(names))
    connection.executemany("INSERT INTO " + table + " VALUES (" + marks + ")", rows)
for number, index in enumerate(indexes):
    connection.execute(f"CREATE INDEX i{number} ON {table} {index}")
connection.commit()
"""
#: The gateway's indexes for people, addresses and members.
_INDEXES = {
    "people": (
        *("(kind, crm_id)", "(owner)", "(substr(birthday, 6))", "(emails, kind, crm_id)"),
        "(kind, crm_id) WHERE mail_on_set_date = 'True'",
        "(kind, crm_id) WHERE mail_after_first_delivery = 'True'",
    ),
    "memberships": ('(kind, person, "group")', '(kind, "group")'),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedImport:
    """The cost of importing a file once."""

    seconds: float
    cpu: Cpu
    memory: int  #: Octets, the highest resident set.
    look_up: float = 0  #: Seconds of the longest lookup of an address meanwhile.
    wait: float = 0  #: Seconds of the longest small write meanwhile.


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedImports:
    """All imports of a file, each beside the peer's."""

    what: str
    gateway: Sequence[FeedImport]
    peer: Sequence[FeedImport]

    def median(self, value: Callable[[FeedImport], float]) -> float:
        """Return the median of one of the gateway's values."""
        return statistics.median(map(value, self.gateway))

    @property
    def ratio(self) -> float:
        """Processor time relative to the peer's, as the median of all rounds."""
        return statistics.median(
            own.cpu.total / other.cpu.total
            for own, other in zip(self.gateway, self.peer, strict=True)
        )


def measure(
    directory: Path, *, rounds: int, rows: int, step: Callable[[str], None]
) -> tuple[FeedImports, ...]:
    """Import people twice, then memberships, alternating with the peer."""
    folder = directory / "feed-import"
    folder.mkdir()
    for kind, lines in {**_SMALL, **_large(rows)}.items():
        with (folder / f"{kind}.csv").open("w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
    own: dict[str, list[FeedImport]] = {what: [] for what in _FILES}
    peer: dict[str, list[FeedImport]] = {what: [] for what in _FILES}
    for number in range(rounds):
        store = folder / f"gateway-{number}"
        store.mkdir()
        (store / "gateway.toml").write_text('[store]\nurl = "sqlite:///gateway.db"\n')
        for kind in _SMALL:
            _run(_command(store, kind, folder))
        loaded: dict[str, FeedImport] = {}
        for what, kind in _FILES.items():
            if kind not in loaded:
                table = folder / f"peer-{number}-{kind}.db"
                command = (sys.executable, "-c", _PEER, str(table), str(folder / f"{kind}.csv"))
                loaded[kind] = _run((*command, kind, *_INDEXES[kind]))
                table.unlink()
            with _Meanwhile(store / "gateway.db") as meanwhile:
                taken_in = _run(_command(store, kind, folder))
            own[what].append(meanwhile.added_to(taken_in))
            peer[what].append(loaded[kind])
            step("imports of a feed")
    return tuple(FeedImports(what=what, gateway=own[what], peer=peer[what]) for what in _FILES)


def _large(rows: int) -> dict[str, Iterator[str]]:
    return {"people": _people(rows), "memberships": _memberships(rows)}


def _kind(number: int) -> str:
    return "candidate" if number % 10 else "contact"


def _people(rows: int) -> Iterator[str]:
    """Yield people; multiples of a prime replace random numbers, so every run is the same."""
    yield _COLUMNS
    for n in range(1, rows + 1):
        first, last = _FIRST[n * 31 % 8], f"{_LAST[n * 7919 % 8]}-{n * 104_729 % 997}"
        address = f"p{n * 7919 % rows}@mail{n * 104_729 % 997}.example"
        emails = {
            0: "",
            1: f"{address};work.{address}",
            2: f"{first} <{address}>",
            3: address.upper(),
        }.get(n % 31, address)
        born = date(1950, 1, 1) + timedelta(days=n * 7919 % 20_000) if n % 7 else ""
        flags = f"{'yes' if n % 3 else 'no'},{n % 20 == 0},{n % 30 == 0},{'yes' if n % 2 else ''}"
        yield (
            f"{_kind(n)},{n},{first},{last},{emails},s{n % 9 + 1},{f'f{n % 3}' if n % 4 else ''},"
            f"o{n % 120},{_LANGUAGES[n % 6]},{born},{flags}"
        )


def _memberships(rows: int) -> Iterator[str]:
    yield "kind,group,person"
    for n in range(1, rows + 1):
        yield f"{_kind(n)},g{n * 7919 % 29 + 1},{n}"


def _command(store: Path, kind: str, folder: Path) -> tuple[str, ...]:
    gateway = Path(sys.executable).with_name("gateway")
    config = str(store / "gateway.toml")
    return (str(gateway), "--config", config, "import", kind, str(folder / f"{kind}.csv"))


def _run(command: Sequence[str]) -> FeedImport:
    """Run a command separately, to measure its own processor time and memory."""
    began = time.perf_counter()
    with TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=own_modules())
        memory = 0
        while (ended := os.wait4(process.pid, os.WNOHANG))[0] == 0:
            memory = max(memory, status(process.pid, "VmHWM"))
            time.sleep(PAUSE)
        _, code, used = ended
        process.returncode = os.waitstatus_to_exitcode(code)
        if process.returncode:
            output.seek(0)
            said = output.read().decode(errors="replace")
            raise BenchmarkError(f"{command[:6]}: {said[-2000:]}")
    return FeedImport(
        seconds=time.perf_counter() - began,
        cpu=Cpu(used.ru_utime, used.ru_stime),
        memory=memory,
    )


class _Meanwhile:
    """Looks up addresses and writes to the store while a file is imported."""

    def __init__(self, store: Path) -> None:
        self._database = Database(f"sqlite:///{store}")
        self._standings = Standings(self._database, tag_scopes=TAG_SCOPES)
        self._ended = threading.Event()
        self._longest = {self._look_up: 0.0, self._write: 0.0}
        self._threads = [threading.Thread(target=self._repeat, args=(do,)) for do in self._longest]
        self._number = 0

    def __enter__(self) -> "_Meanwhile":
        self._database.prepare()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()
        self._standings.close()
        self._database.close()

    def added_to(self, taken_in: FeedImport) -> FeedImport:
        """Return an import with the delays it caused."""
        return FeedImport(
            seconds=taken_in.seconds,
            cpu=taken_in.cpu,
            memory=taken_in.memory,
            look_up=self._longest[self._look_up],
            wait=self._longest[self._write],
        )

    def _repeat(self, do: Callable[[], None]) -> None:
        while not self._ended.wait(PAUSE):
            began = time.perf_counter()
            do()
            self._longest[do] = max(self._longest[do], time.perf_counter() - began)

    def _look_up(self) -> None:
        self._number += 1
        self._standings.now([f"p{self._number}@mail1.example"])

    def _write(self) -> None:
        with self._database.writing(durable=False) as connection:
            connection.execute(text("UPDATE schema_version SET version = version"))
