"""The gateway as started by a user: a config file, a command, processes and a log."""

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from gateway.crm.importer import import_file
from gateway.store.engine.database import Database
from tests.rig.command_server import ForkedCommand, can_fork, launch_command, run_command
from tests.rig.logfile import LogFile
from tests.rig.process import (
    LOOPBACK,
    Guard,
    descendants,
    ended,
    free_port,
    has_banner,
    has_listener,
    launch,
    open_files,
    open_sockets,
    resident_memory,
    signal_group,
    wait_until,
)
from tests.rig.toml import merge, write_toml

COMMAND = Path(sys.executable).parent / "gateway"


def gateway_config(
    *, store_url: str, relay_port: int, changes: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the smallest config with one listener and one relay, and changes merged into it.

    Mappings are merged, lists (such as `relays`) are replaced as a whole.
    """
    smallest = {
        "store": {"url": store_url},
        "log": {"level": "debug", "format": "json"},
        "relays": [{"name": "relay", "host": LOOPBACK, "port": relay_port}],
        "smtp": {"listeners": [{"name": "crm", "bind": f"{LOOPBACK}:{free_port()}"}]},
        "api": {"bind": f"{LOOPBACK}:{free_port()}"},
    }
    return merge(smallest, changes or {})


class GatewayProcess:
    """One `gateway run` with all its processes, and other commands beside it."""

    def __init__(
        self,
        folder: Path,
        config: Mapping[str, Any] | str,
        *,
        roles: Sequence[str] = ("smtp",),
        environment: Mapping[str, str] | None = None,
        wrapper: Sequence[str] = (),
    ) -> None:
        """Write the config into `folder`; `roles` empty means all of them.

        `wrapper` precedes the command, e.g. `("faketime", "-f", "+1d")`.
        """
        self.folder = folder
        self.roles = tuple(roles)
        self.file = folder / "gateway.toml"
        self._log = LogFile(folder / "gateway.log")
        self._events: list[dict[str, Any]] = []
        self.config: Mapping[str, Any] = {}
        self._environment = {**(environment or {}), "GATEWAY_CONFIG": str(self.file)}
        self._wrapper = tuple(wrapper)
        self._process: subprocess.Popen[bytes] | ForkedCommand | None = None
        self._guard: Guard | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.configure(config)

    def configure(self, config: Mapping[str, Any] | str) -> None:
        """Rewrite the config file: from a mapping, or TOML text as it is."""
        if isinstance(config, str):
            self.file.write_text(config)
            return
        self.config = config
        self.file.write_text(write_toml(config))

    def change(self, changes: Mapping[str, Any]) -> None:
        """Merge changes into the config and write it; `reload` or `start` applies it."""
        self.configure(merge(self.config, changes))

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # Ports

    @property
    def ports(self) -> list[int]:
        """The ports of the listeners, in config order."""
        listeners = self.config.get("smtp", {}).get("listeners", [])
        return [int(str(listener["bind"]).rpartition(":")[2]) for listener in listeners]

    @property
    def port(self) -> int:
        """The port of the first listener."""
        return self.ports[0]

    @property
    def api_port(self) -> int:
        return int(str(self.config["api"]["bind"]).rpartition(":")[2])

    # Life

    async def start(self, *, is_ready: bool = True) -> None:
        """Start it and, unless told otherwise, wait until its listeners greet with 220."""
        arguments = ("run", *self.roles)
        if self._wrapper or not can_fork(self._environment):
            command = [*self._wrapper, str(COMMAND), *arguments]
            self._process = launch(
                command, self._log.path, environment=self._environment, folder=self.folder
            )
        else:
            self._process = launch_command(
                arguments, self._log.path, environment=self._environment, folder=self.folder
            )
        self._guard = Guard.of_group(self._process.pid)
        if is_ready and "smtp" in (self.roles or ("smtp",)):
            await wait_until(self._is_ready, "the banner of the gateway")

    async def _is_ready(self) -> bool:
        assert self.is_running, f"the gateway ended: {self.log_text()}"
        listeners = self.config.get("smtp", {}).get("listeners", [])
        tests = [has_listener if one.get("tls") == "implicit" else has_banner for one in listeners]
        return all([await test(port) for test, port in zip(tests, self.ports, strict=True)])

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id of the command."""
        assert self._process is not None
        return self._process.pid

    async def stop(self, timeout: float = 30.0) -> int:
        """Request its end (SIGTERM to the command only) and return its exit code."""
        assert self._process is not None
        self._process.terminate()
        code = await ended(self._process, timeout)
        self._forget()
        return code

    async def kill(self) -> None:
        """Kill everything at once (SIGKILL to the whole group)."""
        if self._process is None:
            return
        signal_group(self._process.pid, signal.SIGKILL)
        await ended(self._process)
        self._forget()

    def reload(self) -> None:
        """Make it reread its config (SIGHUP to the command only)."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    async def close(self) -> None:
        """End it, whatever state it is in."""
        await self.kill()

    def _forget(self) -> None:
        assert self._guard is not None
        assert self._process is not None
        signal_group(self._process.pid, signal.SIGKILL)
        self._guard.release()
        self._guard = None
        self._process = None

    # Commands

    async def cli(
        self, *arguments: str, stdin: bytes = b"", timeout: float = 60.0
    ) -> subprocess.CompletedProcess[str]:
        """Run another command with the same config."""
        return await run_command(
            *arguments,
            stdin=stdin,
            timeout=timeout,
            environment=self._environment,
            folder=self.folder,
        )

    async def do(self, *arguments: str, stdin: bytes = b"") -> str:
        """Run a command that must exit with 0 and return its output."""
        done = await self.cli(*arguments, stdin=stdin)
        assert done.returncode == 0, f"{arguments}: {done.returncode} {done.stdout}{done.stderr}"
        return done.stdout

    async def cli_json(self, *arguments: str, code: int = 0) -> Any:
        """Run a command with `--json`, which must exit with `code`, and return its document."""
        done = await self.cli(*arguments, "--json")
        assert done.returncode == code, f"{arguments}: {done.returncode} {done.stdout}{done.stderr}"
        return json.loads(done.stdout)

    async def feed(self, kind: str, text: str) -> None:
        """Import rows of one kind, from CSV text with a header row.

        This works like `gateway import`, but in this process: starting a command costs half a
        second.
        """
        file = self.folder / f"{kind}.csv"
        file.write_text(text)
        await asyncio.to_thread(self._take_in, kind, file)

    def _take_in(self, kind: str, file: Path) -> None:
        database = Database(self.config["store"]["url"])
        try:
            database.prepare()
            report = import_file(database, kind, file, source="crm", now=datetime.now(UTC))
        finally:
            database.close()
        assert report.is_good, report

    # Observing it

    def log_text(self) -> str:
        """Return everything its processes have printed."""
        return self._log.text()

    def log_lines(self, event: str = "") -> list[dict[str, Any]]:
        """Return the log's JSON lines, or those of one event; other lines have the key `text`."""
        lines = self._log.lines()
        self._events += map(_log_line, lines[len(self._events) :])
        return [line for line in self._events if event in ("", line.get("event"))]

    async def wait_for_log(self, event: str, count: int = 1, timeout: float = 30.0) -> None:
        """Wait until the log contains an event this many times."""
        what = f"{count} x {event} in the gateway's log"
        await wait_until(lambda: len(self.log_lines(event)) >= count, what, timeout)

    def processes(self) -> list[int]:
        """Return the ids of the command and of all its descendants, parents first."""
        return descendants(self.pid) if self.is_running else []

    def processes_of(self, role: str) -> list[int]:
        """Return the process ids of a role."""
        return [pid for pid in self.processes() if role_of(pid) == role]

    def open_files(self) -> int:
        """Return the number of file descriptors its processes have open."""
        return sum(map(open_files, self.processes()))

    def open_sockets(self) -> int:
        """Return the number of sockets its processes have open."""
        return sum(map(open_sockets, self.processes()))

    def resident_memory(self) -> int:
        """Return the resident memory of its processes in octets."""
        return sum(map(resident_memory, self.processes()))


def role_of(pid: int) -> str:
    """Return the role a process was started for; empty for other processes."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return str(json.loads(words[-2])["role"])
    return ""


def _log_line(line: str) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except ValueError:
        return {"text": line}
    return values if isinstance(values, dict) else {"text": line}
