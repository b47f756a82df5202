"""One process of a role: started, watched, and restarted when it dies."""

import asyncio
import contextlib
import json
import signal
import socket
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from gateway import logs
from gateway.runtime.periodic import pause
from gateway.supervisor.fork_server import MOST_DESCRIPTORS, ForkedProcess, ForkServer
from gateway.supervisor.listening import HostAndPort

log = logs.get("supervisor")

#: Lines from a process to the supervisor.
READY = b"ready\n"
RELOADED = b"reloaded\n"  #: It has taken up the config it was sent, or
REFUSED = b"refused\n"  #: goes on with the one before.


_LAST_LINES = 1.0  #: Seconds for reading what a process that has ended had sent.


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What is run in separate processes, and the addresses they listen at."""

    name: str
    processes: int = 1
    binds: Mapping[str, HostAndPort] = field(default_factory=dict)  #: By the role's name for each.
    #: Where the config has each address: `smtp.listeners[0].bind in FILE`.
    keys: Mapping[HostAndPort, str] = field(default_factory=dict, compare=False)
    #: What else a running process can't change; compared only, to see whether new ones are needed.
    fixed: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """A config that was checked, and what is run under it."""

    roles: Sequence[Role]
    sent: object = None  #: What each process reads its settings from, as JSON.


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The supervisor's timeouts."""

    first_turn: timedelta = timedelta(seconds=1)  #: How long the first role starts alone.
    first_wait: timedelta = timedelta(seconds=1)  #: Before a dead process is restarted.
    longest_wait: timedelta = timedelta(seconds=30)
    healthy: timedelta = timedelta(minutes=1)  #: After running this long, the wait is short again.
    grace: timedelta = timedelta(seconds=30)  #: From SIGTERM to SIGKILL, and for getting ready.


class RoleProcess:
    """A process that is kept alive until it is told to stop.

    The process gets its arguments as JSON, from the fork server or appended to `command`. Over the
    socket named in them it receives lines of JSON, `{"config": …}` first and at each reload, and
    news of the roles; it sends the lines above. When that socket closes, the supervisor is gone.

    A process that is started again gets the config that the one before went by, whatever the file
    says by then; or a newer one that was offered meanwhile, if it gets ready under that. Files that
    the config names it reads as they are by then.
    """

    def __init__(
        self,
        role: Role,
        number: int,
        *,
        command: Sequence[str],
        arguments: Mapping[str, Any],
        config: object,
        sockets: Mapping[str, Sequence[socket.socket]],
        others: Mapping[str, Sequence[socket.socket]],
        timing: Timing,
        changed: Callable[[], None],
        ended: Callable[[int], None],
        fork_server: ForkServer | None = None,
    ) -> None:
        self.role = role
        self.number = number
        self.restarts = 0
        self.ready = asyncio.Event()
        self.gone = asyncio.Event()  #: After `stop`, once the process has ended.
        self.answered = asyncio.Event()  #: The process has taken up or refused its last config.
        self.answered.set()
        self._command = command
        self._arguments = arguments  #: May be changed while the process runs.
        self._config = config
        self._offered: deque[object] = deque()  #: Configs sent at reloads, as yet unanswered.
        self._sockets = _numbers(sockets)
        self._others = _numbers(others)
        self._timing = timing
        self._changed = changed
        self._ended = ended
        self._fork_server = fork_server
        self._stopping = asyncio.Event()
        self._process: asyncio.subprocess.Process | ForkedProcess | None = None
        self._link: asyncio.StreamWriter | None = None

    async def keep(self) -> None:
        """Run the process, restarting it after growing waits, until `stop`."""
        try:
            loop = asyncio.get_running_loop()
            wait = self._timing.first_wait
            while not self._stopping.is_set():
                started = loop.time()
                try:
                    code = await self.run_once()
                except OSError as error:  # out of memory or processes: perhaps later
                    log.error("start_failed", process=self.role.name, reason=str(error))
                    code = None
                if self._stopping.is_set():
                    return
                if loop.time() - started >= self._timing.healthy.total_seconds():
                    wait = self._timing.first_wait
                log.error(
                    "process_died",
                    process=self.role.name,
                    number=self.number,
                    code=code,
                    again_in=wait.total_seconds(),
                )
                await pause(self._stopping, wait)
                wait = min(wait * 2, self._timing.longest_wait)
                self.restarts += 1
        finally:
            self.gone.set()

    def stop(self) -> None:
        """Let the process finish its work in progress, then end."""
        self._stopping.set()
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the process at once."""
        self._stopping.set()
        self._signal(signal.SIGKILL)

    def reload(self, config: object) -> None:
        """Have the process take up a new config; it may refuse."""
        self._offered.append(config)
        if self._link is not None:
            self.answered.clear()
        self.tell({"config": config})

    def tell(self, news: object) -> None:
        """Send the process a line of JSON; if it isn't running, it misses it."""
        if self._link is not None and not self._link.is_closing():
            self._link.write(json.dumps(news).encode() + b"\n")

    async def run_once(self) -> int | None:
        """Start the process, listen to it, and return its exit code when it has ended.

        None: its parent, the fork server, is gone and can't report the code.
        """
        our_end, their_end = socket.socketpair()
        with their_end:
            link = their_end.fileno()
            passed = {"sockets": self._sockets, "others": self._others, "link": link}
            arguments = {**self._arguments, "role": self.role.name, "number": self.number, **passed}
            groups = (*self._sockets.values(), *self._others.values())
            descriptors = [link, *(number for group in groups for number in group)]
            process = await self._start(arguments, descriptors)
        log.info("process_started", process=self.role.name, number=self.number, pid=process.pid)
        self._process = process
        reader, self._link = await asyncio.open_connection(sock=our_end)
        # One offered while no process ran, or unanswered when it died, is tried once.
        config = self._offered.pop() if self._offered else self._config
        self._offered.clear()
        self.tell({"config": config})
        was_ready = False
        if self._stopping.is_set():
            self._signal(signal.SIGTERM)

        async def listen() -> None:
            nonlocal was_ready
            with contextlib.suppress(OSError):
                while line := await reader.readline():
                    if line == READY:
                        self._config, was_ready = config, True
                        self.ready.set()
                        self._changed()
                    elif line in (RELOADED, REFUSED):
                        offered = self._offered.popleft()
                        self._config = offered if line == RELOADED else self._config
                        if not self._offered:
                            self.answered.set()

        listener = asyncio.create_task(listen())
        try:
            code = await process.wait()
            await asyncio.wait([listener], timeout=_LAST_LINES)
            return code
        finally:
            listener.cancel()
            self._link.close()
            self._process = self._link = None
            if not was_ready and config is not self._config and not self._stopping.is_set():
                why = "doesn't start under the new config, and goes by the one before"
                log.error("reload_refused", reason=f"{self.role.name}: {why}")
            self._ended(process.pid)
            self.ready.clear()
            self.answered.set()  # The next one begins with it.
            self._changed()

    async def _start(
        self, arguments: Mapping[str, Any], descriptors: Sequence[int]
    ) -> asyncio.subprocess.Process | ForkedProcess:
        server = self._fork_server
        if server is not None and not server.is_gone and len(descriptors) <= MOST_DESCRIPTORS:
            return await server.start(arguments, descriptors)
        return await asyncio.create_subprocess_exec(
            *self._command,
            json.dumps(arguments),
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=descriptors,
        )

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)


def _numbers(sockets: Mapping[str, Sequence[socket.socket]]) -> dict[str, list[int]]:
    return {name: [listening.fileno() for listening in group] for name, group in sockets.items()}
