"""The gateway as measured: two workers, rules as shipped, SQLite on disk."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks.client import Client
from benchmarks.processes import BenchmarkError, free_port, own_modules, running
from benchmarks.store import relayed
from gateway.store.engine.database import Database

COMMAND = Path(sys.executable).with_name("gateway")  #: This gateway's.
WORKERS = 2
BULK = b"Subject: bench\r\nPrecedence: bulk\r\n\r\n"

_CONFIG = """\
[store]
url = "sqlite:///gateway.db"

[smtp]
workers = {workers}
max_message_size = "200MB"

[[smtp.listeners]]
name = "crm"
bind = "127.0.0.1:{port}"
kind = "auto"

[api]
bind = "127.0.0.1:{api}"

[[relays]]
name = "sink"
host = "127.0.0.1"
port = {relay}
tls = "none"
"""


def config_text(port: int, relay: int) -> str:
    """Return the config of a gateway that listens at one port and relays to another."""
    return _CONFIG.format(port=port, relay=relay, workers=WORKERS, api=free_port())


@contextmanager
def gateway(
    root: Path, *, relay: int, suppressed: Sequence[str], command: Path = COMMAND
) -> Iterator[tuple[int, int, Callable[[], int]]]:
    """Run a gateway before `relay` that holds these suppressed addresses.

    Yields its port, the pid of its supervisor, and a counter of its journal's relayed deliveries.
    """
    port = prepare(root, relay=relay, suppressed=suppressed, command=command)
    with serving(root, port, command) as pid:
        with Client(port) as client:
            client.send([], recipient=suppressed[0], header=BULK, code=b"550")
        database = Database(f"sqlite:///{root}/gateway.db")
        yield port, pid, partial(relayed, database)
        database.close()


def prepare(root: Path, *, relay: int, suppressed: Sequence[str], command: Path = COMMAND) -> int:
    """Set up what `gateway` runs; return its port."""
    root.mkdir(parents=True)
    port, config = free_port(), root / "gateway.toml"
    config.write_text(config_text(port, relay))
    _write_feed(root, suppressed)
    for kind in ("groups", "people", "memberships"):
        _run(command, config, "import", kind, str(root / f"{kind}.csv"))
    return port


def is_ready(root: Path) -> bool:
    """Whether the gateway run there has said that all its processes are ready."""
    return b'"event":"ready"' in (root / "gateway.log").read_bytes()


@contextmanager
def serving(
    root: Path, port: int, command: Path = COMMAND, *, roles: Sequence[str] = ("smtp",)
) -> Iterator[int]:
    """Run what was prepared for the duration of the block; yield the pid of its supervisor.

    No `roles` means all of them.
    """
    words = _command(command, root / "gateway.toml", "run", *roles)
    with running(words, log=root / "gateway.log", port=port, folder=root) as process:
        yield process.pid


def _write_feed(root: Path, suppressed: Sequence[str]) -> None:
    people = (f"{number},{address}\n" for number, address in enumerate(suppressed))
    members = (f"no-mail,{number}\n" for number, _ in enumerate(suppressed))
    (root / "groups.csv").write_text("crm_id,name,tag\nno-mail,No mail,NoMailingsTag\n")
    (root / "people.csv").write_text("crm_id,emails\n" + "".join(people))
    (root / "memberships.csv").write_text("group,person\n" + "".join(members))


def _run(command: Path, config: Path, *arguments: str) -> None:
    words = _command(command, config, *arguments)
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, cwd=config.parent, env=own_modules()
    )
    if done.returncode != 0:
        raise BenchmarkError(f"gateway {' '.join(arguments)}: {done.stdout}{done.stderr}")


def _command(command: Path, config: Path, *arguments: str) -> list[str]:
    return [str(command), "--config", str(config), *arguments]
