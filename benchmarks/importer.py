"""The importer's cost for 1,000 mails: from a mailbox (Dovecot), and from an import listener.

Another gateway, such as an earlier commit's, can be measured alternately (`--against`).
"""

import asyncio
import shutil
import sqlite3
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks import gateway_peer
from benchmarks.client import Client
from benchmarks.memory import proportional, status
from benchmarks.peers import OTHER
from benchmarks.processes import (
    BenchmarkError,
    Cpu,
    cpu_used,
    free_port,
    own_modules,
    process_text,
    process_tree,
    running,
    wait_until,
)
from tests.inbound.mails import forward, with_file
from tests.inbound.program_forwards import CORPUS, as_sent
from tests.inbound.program_forwards import mails as program_forwards
from tests.rig.certificates import make_certificates
from tests.rig.client import stuff
from tests.rig.dovecot import OWNER, Dovecot
from tests.rig.mailboxes import PASSWORD

MAILS = 1_000
WAYS = ("mailbox", "listener")
ROUNDS = 5
LIMIT = 300.0  #: Time limit for all of them.
PAUSE = 0.2  #: Seconds between two checks, which cost processor time.
FILE = b"%PDF" * 50_000  #: The attachment of every tenth mail.
STAFF = "sanne@bureau.example"
AUTHSERV = "mail.bureau.example"
MARKS = f"Authentication-Results: {AUTHSERV}; dmarc=pass header.from=bureau.example\r\n"
SETTLED = "SELECT count(*) FROM inbox WHERE state <> 'waiting'"

CONFIG = """\
[store]
url = "sqlite:///gateway.db"

[[smtp.listeners]]
name = "import"
bind = "127.0.0.1:{port}"
purpose = "import"
trust = "authentication-results"
authserv_id = "{authserv}"

[[relays]]
name = "relay"
host = "127.0.0.1"
port = 1

[notices]
from = "gateway@bureau.example"

[[inbound.mailboxes]]
name = "replies"
host = "127.0.0.1"
port = {imap}
tls = "none"
username = "{user}"
password = '{password}'
trust = "authentication-results"
authserv_id = "{authserv}"
"""
FEED = {
    "staff": f"crm_id,name,email,roles\ns1,Sanne de Vries,{STAFF},personnel_manager\n",
    "people": "crm_id,first_name,last_name,emails\n17,Anna,Müller,anna@kandidaat.example\n",
    "programmes": "crm_id,name\np1,Lehrkräfte\n",
    # An application for each mail: otherwise a third of them would count as already filed.
    "applications": "reference,person,programme,responsible\n"
    + "".join(f"{9001 + number},17,p1,s1\n" for number in range(MAILS)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """A gateway's cost of importing all mails once."""

    seconds: float
    cpu: Cpu  #: Of all processes, from the first mail on.
    memory: int  #: Octets: the peak proportional set size of all processes together.
    reader: int  #: Octets: the peak resident set size of the process that reads mails.


@dataclass(frozen=True, slots=True, kw_only=True)
class Importing:
    """One gateway and one way, over all rounds."""

    gateway: str
    way: str
    rounds: tuple[Import, ...]

    def median(self, value: Callable[[Import], float]) -> float:
        """Return the median of one of the values."""
        return statistics.median(map(value, self.rounds))


def measure(
    directory: Path, *, rounds: int, against: Path | None, step: Callable[[str], None]
) -> tuple[Importing, ...]:
    """Have every gateway import the mails in every way, alternately."""
    commands = {"gateway": gateway_peer.COMMAND}
    if against is not None:
        commands[OTHER] = against
    mails = list(_mails())
    measured: dict[tuple[str, str], list[Import]] = {
        (name, way): [] for way in WAYS for name in commands
    }
    root = directory / "importer"
    root.mkdir()
    dovecot = Dovecot(make_certificates(root))
    with asyncio.Runner() as runner:
        runner.run(dovecot.start())
        try:
            for number in range(rounds):
                for (name, way), imports in measured.items():
                    place = root / f"{number}-{way}-{name.replace(' ', '-')}"
                    imports.append(_import(commands[name], place, dovecot, way, mails))
                    step("importer")
                    shutil.rmtree(place)
        finally:
            runner.run(dovecot.close())
    return tuple(
        Importing(gateway=name, way=way, rounds=tuple(imports))
        for (name, way), imports in measured.items()
    )


def _mails() -> Iterator[bytes]:
    """Yield mails: of ten, one is a note by staff, one has a file, eight are from real programs."""
    files = program_forwards()
    if not files:
        raise BenchmarkError(f"{CORPUS} has no mails")
    for number in range(MAILS):
        subject = "WG: Ihre Bewerbung"
        if number % 10 == 0:
            octets = forward(subject=subject, text="Hat angerufen.", results=None).as_bytes()
        elif number % 10 == 1:
            octets = with_file(forward(subject=subject, results=None), content=FILE).as_bytes()
        else:
            octets = files[number % len(files)].read_bytes()
        yield MARKS.encode() + as_sent(octets, str(9001 + number)).replace(b"\n", b"\r\n")


def _import(command: Path, root: Path, dovecot: Dovecot, way: str, mails: list[bytes]) -> Import:
    root.mkdir()
    port, user = free_port(), root.name
    config = root / "gateway.toml"
    config.write_text(
        CONFIG.format(port=port, authserv=AUTHSERV, imap=dovecot.port, user=user, password=PASSWORD)
    )
    for kind, rows in FEED.items():
        file = root / f"{kind}.csv"
        file.write_text(rows)
        done = subprocess.run(
            [command, "--config", config, "import", kind, file],
            capture_output=True,
            check=False,
            cwd=root,
            env=own_modules(),
        )
        if done.returncode:
            raise BenchmarkError(f"{command} import {kind}: {done.stdout!r}{done.stderr!r}")
    log = root / "gateway.log"
    arguments = [str(command), "--config", str(config), "run", "smtp", "inbound"]
    with running(arguments, log=log, port=port, folder=root) as process:
        if not wait_until(lambda: "mailbox_opened" in log.read_text(), LIMIT):
            raise BenchmarkError(log.read_text()[-2000:])
        before, began = cpu_used(process.pid), time.perf_counter()
        peaks, store = Peaks(), sqlite3.connect(f"file:{root}/gateway.db?mode=ro", uri=True)

        def is_settled() -> bool:
            peaks.look(process.pid)
            return bool(store.execute(SETTLED).fetchone()[0] == len(mails))

        with ThreadPoolExecutor(1) as thread:
            if way == "mailbox":
                bringing = thread.submit(_put_into_mailbox, dovecot.folder / "mail" / user, mails)
            else:
                bringing = thread.submit(_send, port, mails)
            if not wait_until(is_settled, LIMIT, pause=PAUSE):
                raise BenchmarkError(f"mails are left over:\n{log.read_text()[-2000:]}")
            bringing.result()
        seconds = time.perf_counter() - began
        cpu = cpu_used(process.pid).since(before, share=1)
        store.close()
    return Import(seconds=seconds, cpu=cpu, memory=peaks.all, reader=peaks.reader)


def _put_into_mailbox(folder: Path, mails: list[bytes]) -> None:
    """Put mails into a Maildir: each appears when it is renamed."""
    for number, mail in enumerate(mails):
        file = folder / "tmp" / f"{number}.bench"
        file.write_bytes(mail)
        shutil.chown(file, OWNER, OWNER)
        file.rename(folder / "new" / file.name)


def _send(port: int, mails: list[bytes]) -> None:
    with Client(port) as client:
        for mail in mails:
            client.send([stuff(mail).removesuffix(b".\r\n")], header=b"")


class Peaks:
    """Peak memory, in octets."""

    def __init__(self) -> None:
        self.all = 0  #: Proportional set size of all processes together.
        self.reader = 0  #: Peak resident set size of the process that reads mails.

    def look(self, pid: int) -> None:
        """Measure the processes of a gateway."""
        self.all = max(self.all, proportional(pid))
        for child in process_tree(pid):
            if "reader" in process_text(Path(f"/proc/{child}/cmdline")):
                self.reader = max(self.reader, status(child, "VmHWM"))
