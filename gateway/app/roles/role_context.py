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
from pathlib import Path
from typing import Any, Self

from gateway import logs
from gateway.config import Settings, load
from gateway.core.errors import GatewayError
from gateway.runtime.periodic import pause
from gateway.supervisor import worker

log = logs.get("role")

ApplySettings = Callable[[Settings], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleArguments:
    """The supervisor's arguments for a process, as JSON in a single argument."""

    role: str
    number: int  #: The process's number, for its log.
    config: str | None  #: The config file named on the command line.
    binds: Mapping[str, Sequence[str | int]]  #: Host and port of each listener that is open.
    sockets: Mapping[str, Sequence[int]]  #: Listening file descriptors, by listener.
    others: Mapping[str, Sequence[int]]  #: Those of the role's other processes.
    link: int  #: File descriptor of the socket to the supervisor.
    store: str  #: The identity of the store that must be there; empty: none was seen yet.

    @classmethod
    def read(cls, text: str) -> Self:
        """Parse the supervisor's arguments."""
        return cls(**json.loads(text))

    def settings(self) -> Settings:
        """Load the settings; ConfigError says what is wrong with them."""
        return load(Path(self.config) if self.config else None, os.environ)


class RoleContext:
    """The argument of a role's main function.

    The role calls `ready` once it works, assigns `apply` if it can take new settings while running,
    and returns soon after `stopping` is set, having finished the work in progress.
    """

    def __init__(self, arguments: RoleArguments, settings: Settings) -> None:
        self.settings = settings
        #: By listener; in the config they may have another address since, or not exist any more.
        self.binds = {name: tuple(bind) for name, bind in arguments.binds.items()}
        self.sockets = _opened(arguments.sockets)
        self.others = _opened(arguments.others)
        self.stopping = asyncio.Event()
        #: The latest state of the roles: processes wanted and ready, and restarts.
        self.roles: Mapping[str, Mapping[str, int]] = {}
        #: Applies new settings; if it raises, the old ones stay.
        self.apply: ApplySettings = _nothing_to_do
        self.number = arguments.number
        #: The config file that the settings are read from; None: the default place.
        self.config = Path(arguments.config) if arguments.config else None
        #: The identity of the store that must be there; empty: none was seen yet.
        self.store = arguments.store
        self._arguments = arguments
        self._supervisor: asyncio.StreamWriter | None = None
        self._reloading = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload_soon)
        link = socket.socket(fileno=self._arguments.link)
        reader, self._supervisor = await asyncio.open_connection(sock=link)
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
        if self._supervisor is not None:
            self._supervisor.write(worker.READY)

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        """Follow the supervisor; when it ends, however that came about, so do we."""
        with contextlib.suppress(OSError):
            while line := await reader.readline():
                match json.loads(line):
                    case worker.RELOAD:
                        self._reload_soon()
                    case {"roles": roles}:
                        self.roles = roles
        if not self.stopping.is_set():
            log.warning("supervisor_gone")
        self.stopping.set()

    def _reload_soon(self) -> None:
        self._run(self._reload())

    async def _reload(self) -> None:
        async with self._reloading:
            try:
                settings = self._arguments.settings()
                await self.apply(settings)
            except (GatewayError, OSError) as error:
                log.error("reload_refused", reason=str(error))
                return
            self.settings = settings
            logs.setup(settings.log.level, settings.log.format, role=self._arguments.role)
            log.info("reloaded", number=self._arguments.number)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _nothing_to_do(_: Settings) -> None:
    """Do nothing, for roles that reread `RoleContext.settings` in each round."""


def _opened(numbers: Mapping[str, Sequence[int]]) -> dict[str, tuple[socket.socket, ...]]:
    return {
        name: tuple(socket.socket(fileno=number) for number in descriptors)
        for name, descriptors in numbers.items()
    }
