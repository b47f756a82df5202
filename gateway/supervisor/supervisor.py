"""The parent of all processes: it holds the sockets, passes signals on and never touches mail."""

import asyncio
import contextlib
import itertools
import signal
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from gateway import logs
from gateway.core.errors import GatewayError
from gateway.supervisor import systemd
from gateway.supervisor.fork_server import ForkServer
from gateway.supervisor.listening import HostAndPort, Place, Sockets
from gateway.supervisor.worker import Role, RoleProcess, RunConfig, Timing

log = logs.get("supervisor")


class Supervisor:
    """Runs roles until SIGTERM or SIGINT; SIGHUP reloads the config.

    Processes are started by `fork_server` while there is one, else by `command`; each gets
    `arguments` plus its role, number and sockets, and the config over its link. `reread` reads the
    config again and checks it, or raises `GatewayError`; `ended` is called with the pid of every
    process that is gone.
    """

    def __init__(
        self,
        config: RunConfig,
        *,
        command: Sequence[str],
        arguments: Mapping[str, Any],
        reread: Callable[[], RunConfig],
        ended: Callable[[int], None] = lambda _: None,
        timing: Timing | None = None,
        fork_server: ForkServer | None = None,
    ) -> None:
        self._config = config
        self._roles = {role.name: role for role in config.roles}
        self._command = command
        self._arguments = arguments
        self._reread = reread
        self._ended = ended
        self._timing = timing or Timing()
        self._fork_server = fork_server
        self._sockets = Sockets()
        self._numbers = itertools.count(1)
        self._workers: list[RoleProcess] = []
        self._stopping = asyncio.Event()
        self._changed = asyncio.Event()  #: The state of the roles has changed.
        self._is_reload_due = False
        self._reloading = asyncio.Lock()
        self._chores: set[asyncio.Task[None]] = set()
        self._tasks: asyncio.TaskGroup

    async def run(self) -> None:
        """Start everything, and return when everything has ended after SIGTERM or SIGINT.

        Raise `CantListen` before anything is started.
        """
        self._sockets.open(places_of(self._roles.values()), keys_of(self._roles.values()))
        async with asyncio.TaskGroup() as self._tasks:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self._stopping.set)
            loop.add_signal_handler(signal.SIGHUP, self._reload_soon)
            self._do(self._begin())
            await self._stopping.wait()
            systemd.tell("STOPPING=1")
            for chore in self._chores:
                chore.cancel()
            await self._end(self._workers)
        self._sockets.keep_only(set())

    def status(self) -> dict[str, dict[str, int]]:
        """Return for each role how many processes are wanted and ready, and the restarts."""
        status = {}
        for name, role in self._roles.items():
            workers = [worker for worker in self._workers if worker.role.name == name]
            status[name] = {
                "wanted": role.processes,
                "ready": sum(worker.ready.is_set() for worker in workers),
                "restarts": sum(worker.restarts for worker in workers),
            }
        return status

    async def _begin(self) -> None:
        """Start the first role, whose clients are waiting, and all others once it is ready."""
        async with self._reloading:
            for role in self._roles.values():
                workers = self._start(role, self._config)
                if len(workers) == len(self._workers):
                    ready = [worker.ready for worker in workers]
                    await all_set(ready, within=self._timing.first_turn)
        await self.tell_systemd()

    def _do(self, chore: Coroutine[Any, Any, None]) -> None:
        task = self._tasks.create_task(chore)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)

    def _reload_soon(self) -> None:
        """Reload the config; of requests during a reload, all together bring one more."""
        if not (self._is_reload_due or self._stopping.is_set()):
            self._is_reload_due = True
            self._do(self.apply_changes())

    async def tell_systemd(self) -> None:
        """Notify systemd when everything is up, then keep its watchdog fed."""
        while not all(worker.ready.is_set() for worker in self._workers):
            self._changed.clear()
            await self._changed.wait()
        systemd.tell("READY=1")
        log.info("ready", roles=self.status())
        interval = systemd.watchdog_interval()
        while interval is not None:
            await asyncio.sleep(interval.total_seconds())
            systemd.tell("WATCHDOG=1")

    def _start(self, role: Role, config: RunConfig) -> list[RoleProcess]:
        """Start the processes of a role under a config.

        Each gets the sockets of its own place and, in `others`, those of the role's other
        processes: it serves them if one has died.
        """
        workers = []
        for place in range(role.processes):
            sockets = {name: self._sockets.at((bind, place)) for name, bind in role.binds.items()}
            others = {
                name: tuple(
                    listening
                    for other in range(role.processes)
                    if other != place
                    for listening in self._sockets.at((bind, other))
                )
                for name, bind in role.binds.items()
            }
            worker = RoleProcess(
                role,
                next(self._numbers),
                command=self._command,
                arguments=self._arguments,
                config=config.sent,
                sockets=sockets,
                others=others,
                timing=self._timing,
                changed=self.spread_status,
                ended=self._ended,
                fork_server=self._fork_server,
            )
            workers.append(worker)
        self._workers += workers
        for worker in workers:
            self._tasks.create_task(worker.keep())
        return workers

    def spread_status(self) -> None:
        """Send every process the state of the roles, after each change of it."""
        self._changed.set()
        status = self.status()
        for worker in self._workers:
            worker.tell({"roles": status})

    async def _end(self, workers: Sequence[RoleProcess]) -> None:
        for worker in workers:
            worker.stop()
        try:
            async with asyncio.timeout(self._timing.grace.total_seconds()):
                for worker in workers:
                    await worker.gone.wait()
        except TimeoutError:
            log.error(
                "killed", processes=[left.number for left in workers if not left.gone.is_set()]
            )
            for worker in workers:
                worker.kill()

    async def apply_changes(self) -> None:
        """Reload the config: a role that has changed is handed over to new processes.

        The old processes of such a role end once the new ones are ready; if those aren't ready in
        time, the old ones stay, under the old config. It returns once every process has taken the
        config up, or has refused it.
        """
        async with self._reloading:
            self._is_reload_due = False
            try:
                config = await asyncio.to_thread(self._reread)  # It may look hosts up.
                self._sockets.open(places_of(config.roles), keys_of(config.roles))
            except Exception as error:  # Nothing in a file may end all processes.
                # Clients would connect to what was bound before the error, and never be greeted.
                self._sockets.keep_only(places_of(self._roles.values()))
                is_known = isinstance(error, GatewayError | OSError)
                log.error("reload_refused", reason=str(error), exc_info=not is_known)
                return
            self._config = config
            answers = []
            for role in config.roles:
                running = [worker for worker in self._workers if worker.role.name == role.name]
                if self._roles[role.name] != role:
                    await self._hand_over(role, running)
                    continue
                for worker in running:
                    if worker.role == role:
                        worker.reload(config.sent)
                        answers.append(worker.answered)
            await all_set(answers, within=self._timing.grace)
            self._sockets.keep_only(places_of(self._roles.values()))
            log.info("reloaded", roles=self.status())

    async def _hand_over(self, role: Role, running: Sequence[RoleProcess]) -> None:
        new = self._start(role, self._config)
        if await all_set([worker.ready for worker in new], within=self._timing.grace):
            self._roles[role.name] = role
            leaving = running
        else:
            log.error("replacement_failed", process=role.name, kept=len(running))
            leaving = new
        self._workers = [worker for worker in self._workers if worker not in leaving]
        self.spread_status()
        await self._end(leaving)


async def all_set(events: Iterable[asyncio.Event], *, within: timedelta) -> bool:
    """Wait until all these events are set; return False if some aren't in time."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within.total_seconds()):
            for event in events:
                await event.wait()
        return True
    return False


def keys_of(roles: Iterable[Role]) -> dict[HostAndPort, str]:
    """Return where the config has each address the roles' processes listen at."""
    return {bind: key for role in roles for bind, key in role.keys.items()}


def places_of(roles: Iterable[Role]) -> set[Place]:
    """Return the places where the roles' processes listen."""
    return {
        (bind, place)
        for role in roles
        for bind in role.binds.values()
        for place in range(role.processes)
    }
