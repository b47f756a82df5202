"""Starts role processes by forking: what they all load is loaded once and kept in memory once.

A fork server is a process without threads, event loop, connections or other processes' sockets. A
process forked from it therefore inherits no lock held by a missing thread, and no connection that
two processes would write to. The supervisor starts it after loading what is needed, and before any
of these. If it dies, processes are started as separate programs, and share nothing they load. Other
people's mail is never parsed in a forked process (`inbound/reading/readers.py`).
"""

import asyncio
import contextlib
import ctypes
import gc
import json
import multiprocessing
import os
import select
import signal
import socket
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Self

from gateway import logs
from gateway.runtime import processes
from gateway.runtime.periodic import pause

log = logs.get("supervisor")

MOST_DESCRIPTORS = 250  #: In one message: SCM_MAX_FD is 253 (unix(7)).
_LONGEST = 100_000  #: Octets of a process's arguments, or of an answer.
_LOOK = timedelta(seconds=0.1)
ENDS_WITHIN = timedelta(seconds=5)  #: A fork server, once the supervisor no longer needs it.
#: Fields 48 and 49 of /proc/PID/stat, counted after the command's name (proc_pid_stat(5)).
_ARGUMENTS = slice(45, 47)

Arguments = Mapping[str, Any]


class ForkedProcess:
    """A forked process, with the interface of `asyncio.subprocess.Process` that is needed."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None  #: Also None if nobody can tell any more.
        self._name = processes.name_of(pid)
        self._ended = asyncio.Event()

    async def wait(self) -> int | None:
        """Return the exit code once the process has ended; None if unknown."""
        await self._ended.wait()
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, unless the process has ended."""
        if not self._ended.is_set():
            os.kill(self.pid, number)

    def note_ended(self, code: int | None) -> None:
        """Record its end."""
        self.returncode = code
        self._ended.set()

    async def watch(self) -> None:
        """Detect the end of the process without its parent, which can't report it any more."""
        while processes.is_running(self._name):
            await pause(self._ended, _LOOK)
        self.note_ended(None)


class ForkServer:
    """The supervisor's side of a fork server."""

    def __init__(self, control: socket.socket) -> None:
        self.is_gone = False
        self._control = control
        #: Starts waiting for their answer.
        self._starts: deque[asyncio.Future[ForkedProcess]] = deque()
        self._running: dict[int, ForkedProcess] = {}
        self._is_heard = False
        self._watches: set[asyncio.Task[None]] = set()

    @classmethod
    @contextlib.contextmanager
    def started(cls, run: Callable[[str], int]) -> Iterator[Self]:
        """Start a fork server for the duration of the block; before any thread and event loop.

        Each process it forks calls `run` with its arguments as JSON, and exits with the code it
        returns.
        """
        our_end, their_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        gc.collect()
        gc.freeze()  # No garbage collection writes to shared pages.
        process = multiprocessing.get_context("fork").Process(
            target=_serve, args=(our_end, their_end, run)
        )
        process.start()
        their_end.close()
        our_end.setblocking(False)
        try:
            yield cls(our_end)
        finally:
            our_end.close()
            process.join(ENDS_WITHIN.total_seconds())
            if process.is_alive():  # stopped or stuck: the processes it started continue without it
                process.kill()
                process.join()

    async def start(self, arguments: Arguments, descriptors: Sequence[int]) -> ForkedProcess:
        """Start a process with these file descriptors; raise OSError on failure."""
        if not self._is_heard:
            asyncio.get_running_loop().add_reader(self._control, self._hear)
            self._is_heard = True
        answer: asyncio.Future[ForkedProcess] = asyncio.get_running_loop().create_future()
        text = json.dumps(renumbered(arguments, list(descriptors).index))
        socket.send_fds(self._control, [text.encode()], list(descriptors))
        self._starts.append(answer)
        return await answer

    def _hear(self) -> None:
        try:
            answer = self._control.recv(_LONGEST)
        except BlockingIOError:
            return
        except OSError:
            answer = b""
        match json.loads(answer or "{}"):
            case {"started": pid}:
                self._running[pid] = process = ForkedProcess(pid)
                self._starts.popleft().set_result(process)
            case {"failed": reason}:
                self._starts.popleft().set_exception(OSError(reason))
            case {"ended": pid, "code": code}:
                self._running.pop(pid).note_ended(code)
            case _:
                self._lose()

    def _lose(self) -> None:
        """Continue without the server, as do the processes it started."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._control)
        self.is_gone = True
        log.warning("fork_server_gone", processes=len(self._running))
        for answer in self._starts:
            answer.set_exception(ConnectionResetError("the fork server is gone"))
        self._starts.clear()
        for process in self._running.values():
            watch = loop.create_task(process.watch())
            self._watches.add(watch)
            watch.add_done_callback(self._watches.discard)


def renumbered(arguments: Arguments, number_of: Callable[[int], int]) -> dict[str, Any]:
    """Return arguments with its file descriptors renumbered."""

    def every(groups: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
        return {name: [number_of(number) for number in group] for name, group in groups.items()}

    return {
        **arguments,
        "sockets": every(arguments["sockets"]),
        "others": every(arguments["others"]),
        "link": number_of(arguments["link"]),
    }


def _serve(supervisors: socket.socket, control: socket.socket, run: Callable[[str], int]) -> None:
    """Fork a process for each request, until the supervisor closes its end or is gone."""
    supervisors.close()
    show_as("gateway.app\0fork server")
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123  # a descriptor
        os.dup2(nothing.fileno(), 0)
    # Ctrl-C and the end of a terminal reach the whole process group: only the supervisor decides
    # how to end, and when to reload. What is forked here ignores them, too.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    fork = multiprocessing.get_context("fork")
    running: dict[int, BaseProcess] = {}  # by the object that becomes readable when it ends
    while True:
        ready, _, _ = select.select([control.fileno(), *running], [], [])
        answers: list[dict[str, Any]] = []
        for sentinel in running.keys() & set(ready):
            process = running.pop(sentinel)
            process.join()
            answers.append({"ended": process.pid, "code": process.exitcode})
            process.close()
        if control.fileno() in ready:
            arguments, descriptors, _, _ = socket.recv_fds(control, _LONGEST, MOST_DESCRIPTORS)
            if not arguments:
                os._exit(0)  # don't wait for those still finishing their work
            process = fork.Process(target=_run, args=(control, arguments, descriptors, run))
            try:
                process.start()
            except OSError as error:  # out of memory or processes
                answers.append({"failed": str(error)})
            else:
                running[process.sentinel] = process
                answers.append({"started": process.pid})
            for descriptor in descriptors:
                os.close(descriptor)
        with contextlib.suppress(OSError):  # That the supervisor has ended is read next.
            for answer in answers:
                control.send(json.dumps(answer).encode())


def _run(
    control: socket.socket, text: bytes, descriptors: Sequence[int], run: Callable[[str], int]
) -> None:
    """Become the process forked for these arguments."""
    control.close()
    arguments = renumbered(json.loads(text), descriptors.__getitem__)
    show_as(
        f"gateway.app\0{json.dumps({'role': arguments['role'], 'number': arguments['number']})}"
    )
    raise SystemExit(run(json.dumps(arguments)))


def show_as(words: str) -> None:
    """Make `ps` show these words (each terminated by NUL) instead of the program forked from.

    They overwrite the process's own arguments, if there is room.
    """
    try:
        fields = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:  # Without /proc nobody would see it.
        return
    start, end = (int(field) for field in fields[_ARGUMENTS])
    room = end - start - 1
    if start and len(words) <= room:
        ctypes.memmove(start, words.ljust(room).encode() + b"\0", room + 1)
