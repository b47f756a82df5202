"""The context of a role's process: its settings, its sockets, and when to stop."""

import asyncio
import contextlib
import json
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

from gateway import logs
from gateway.config import ConfigText, Settings
from gateway.core.errors import GatewayError
from gateway.runtime.periodic import pause
from gateway.supervisor import worker

log = logs.get("role")

_LONGEST_LINE = 2**26  #: Octets of a line from the supervisor, which may be a config file.

ApplySettings = Callable[[Settings], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleArguments:
    """The supervisor's arguments for a process, as JSON in a single argument."""

    role: str
    number: int  #: The process's number, for its log.
    sockets: Mapping[str, Sequence[int]]  #: Listening file descriptors, by listener.
    others: Mapping[str, Sequence[int]]  #: Those of the role's other processes.
    link: int  #: File descriptor of the socket to the supervisor.
    store: str  #: The identity of the store that must be there; empty: none was seen yet.

    @classmethod
    def read(cls, text: str) -> Self:
        """Parse the supervisor's arguments."""
        return cls(**json.loads(text))


class SupervisorGone(GatewayError):
    """The supervisor ended before it had sent the config."""


class RoleContext:
    """The argument of a role's main function; inside `async with` it has the settings.

    The role calls `ready` once it works, assigns `apply` if it can take new settings while running,
    and returns soon after `stopping` is set, having finished the work in progress.
    """

    config: ConfigText  #: As the supervisor read it; the file may have changed since.
    settings: Settings  #: Those of `config`.

    def __init__(self, arguments: RoleArguments) -> None:
        self.sockets = _open_sockets(arguments.sockets)
        self.others = _open_sockets(arguments.others)
        self.stopping = asyncio.Event()
        #: The latest state of the roles: processes wanted and ready, and restarts.
        self.roles: Mapping[str, Mapping[str, int]] = {}
        #: Applies new settings; if it raises, the old ones stay.
        self.apply: ApplySettings = _nothing_to_do
        self.number = arguments.number
        #: The identity of the store that must be there; empty: none was seen yet.
        self.store = arguments.store
        self._arguments = arguments
        self._supervisor: asyncio.StreamWriter | None = None
        self._is_ready = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Read the config; raise ConfigError if it can't be used, or SupervisorGone."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.stopping.set)
        link = socket.socket(fileno=self._arguments.link)
        reader, self._supervisor = await asyncio.open_connection(sock=link, limit=_LONGEST_LINE)
        first = await reader.readline()
        if not first:
            raise SupervisorGone("the supervisor is gone")
        self.config, self.settings = _read(json.loads(first)["config"])
        log_settings = self.settings.log
        logs.setup(log_settings.level, log_settings.format, role=self._arguments.role)
        self._run(self._hear(reader))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        if self._supervisor is not None:
            self._supervisor.close()

    async def rest(self, duration: timedelta) -> None:
        """Wait this long, or until the process has to end."""
        await pause(self.stopping, duration)

    def ready(self) -> None:
        """Report to the supervisor that this process is working."""
        log.info("started", number=self._arguments.number, pid=os.getpid())
        self._say(worker.READY)
        self._is_ready.set()

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        """Follow the supervisor; when it ends, however that came about, so do we."""
        with contextlib.suppress(OSError):
            while line := await reader.readline():
                match json.loads(line):
                    case {"config": config}:
                        self._run(self._reload(config))
                    case {"roles": roles}:
                        self.roles = roles
        if not self.stopping.is_set():
            log.warning("supervisor_gone")
        self.stopping.set()

    async def _reload(self, sent: Mapping[str, str]) -> None:
        async with self._reloading:
            await self._is_ready.wait()  # Before that, a role may not have assigned `apply`.
            try:
                config, settings = _read(sent)
                await self.apply(settings)
            except Exception as error:  # The supervisor counts on an answer.
                is_known = isinstance(error, GatewayError | OSError)
                log.error("reload_refused", reason=str(error), exc_info=not is_known)
                self._say(worker.REFUSED)
                return
            self.config, self.settings = config, settings
            self._say(worker.RELOADED)
            log.info("reloaded", number=self._arguments.number)

    def _say(self, line: bytes) -> None:
        if self._supervisor is not None:
            self._supervisor.write(line)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _read(sent: Mapping[str, str]) -> tuple[ConfigText, Settings]:
    config = ConfigText(**sent)
    return config, config.settings(os.environ)


async def _nothing_to_do(_: Settings) -> None:
    """Do nothing, for roles that reread `RoleContext.settings` in each round."""


def _open_sockets(numbers: Mapping[str, Sequence[int]]) -> dict[str, tuple[socket.socket, ...]]:
    return {
        name: tuple(socket.socket(fileno=number) for number in descriptors)
        for name, descriptors in numbers.items()
    }
