"""Forks commands of the gateway from a process that has already imported their modules.

Starting Python and importing the gateway takes most of a second of processor time, and the suite
does it hundreds of times. A forked command calls `gateway.__main__.main` like the installed one,
with its own arguments, environment, folder, standard streams and process group, and no other open
files; only its modules are already loaded. Commands with a wrapper, the installed wheel, the demo,
completion, and what `tests/cli/test_startup.py` tests are executed instead.
"""

import asyncio
import atexit
import contextlib
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any

from gateway.supervisor.fork_server import show_as

#: Octets of a request: arguments and environment.
_LONGEST = 200_000
_ROOM = "-" * 400  #: An argument for `show_as` to overwrite with the forked command's own.
#: Variables that Python or the loader reads only when a program is executed.
_READ_AT_START = ("LD_", "PYTHON", "TZ")
#: Loaded before the fork. aioimaplib and the library for Mailchimp never share a process.
_ROLES = ("smtp", "sender")
CONFIG = """\
[store]
url = "sqlite:///gateway.db"
[[relays]]
name = "relay"
host = "127.0.0.1"
port = 1
"""


def can_fork(environment: Mapping[str, str]) -> bool:
    """Whether a command with these additional variables runs the same, forked or executed."""
    return not any(name.startswith(_READ_AT_START) for name in environment)


class ForkedCommand:
    """A running command, with the part of `subprocess.Popen`'s interface that tests use."""

    def __init__(self, args: Sequence[str], reports: int) -> None:
        """`reports` is the end of a pipe that yields the process id, and finally the exit code."""
        self.args = list(args)
        self.returncode: int | None = None
        self._reports = reports
        self._heard = b""
        while b"\n" not in self._heard:
            piece = os.read(reports, 100)
            assert piece, "the server of commands is gone"
            self._heard += piece
        number, _, self._heard = self._heard.partition(b"\n")
        self.pid = int(number)
        os.set_blocking(reports, False)

    def poll(self) -> int | None:
        """Return the exit code; None if it is still running."""
        if self.returncode is None:
            with contextlib.suppress(BlockingIOError):
                self._heard += os.read(self._reports, 100)
            if self._heard.endswith(b"\n"):
                self.returncode = int(self._heard)
                os.close(self._reports)
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Request its termination."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)


class CommandServer:
    """The tests' side of the process that forks commands."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno()), _ROOM],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                cwd=Path(__file__).parents[2],
                start_new_session=True,
            )

    def start(
        self,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: Path | None,
        streams: tuple[IO[Any] | int, IO[Any] | int, IO[Any] | int],
    ) -> ForkedCommand:
        """Start `gateway ARGUMENTS …`; `streams` are its standard input, output and error."""
        assert can_fork(environment), environment
        args = ["gateway", *arguments]
        order = {
            "args": args,
            "environment": {**os.environ, **environment},
            "folder": str(folder or Path.cwd()),
        }
        ours, theirs = os.pipe()
        numbers = [each if isinstance(each, int) else each.fileno() for each in streams]
        socket.send_fds(self._control, [json.dumps(order).encode()], [*numbers, theirs])
        os.close(theirs)
        return ForkedCommand(args, ours)

    def close(self) -> None:
        """End the server; commands it has started continue."""
        self._control.close()
        self._process.wait()


@cache
def command_server() -> CommandServer:
    """Return this test process's server, starting it on first use."""
    server = CommandServer()
    atexit.register(server.close)
    return server


def launch_command(
    arguments: Sequence[str], log: Path, *, environment: Mapping[str, str], folder: Path
) -> ForkedCommand:
    """Start `gateway ARGUMENTS …` with its output appended to a file."""
    with log.open("ab") as output, Path(os.devnull).open("rb") as nothing:
        return command_server().start(
            arguments, environment=environment, folder=folder, streams=(nothing, output, output)
        )


async def run_command(
    *arguments: str,
    timeout: float = 60.0,
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run `gateway ARGUMENTS …` to its end beside the event loop; its output is UTF-8."""
    with (
        tempfile.TemporaryFile() as given,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        given.write(stdin)
        given.seek(0)
        command = command_server().start(
            arguments, environment=environment or {}, folder=folder, streams=(given, out, err)
        )
        try:
            async with asyncio.timeout(timeout):
                while (code := command.poll()) is None:
                    await asyncio.sleep(0.005)
        except TimeoutError:
            command.kill()
            raise AssertionError(f"{command.args} did not end within {timeout:g} s") from None
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
    return subprocess.CompletedProcess(command.args, code, *texts)


def _load() -> None:
    """Import what `gateway run` and the commands share."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # as `__main__` has it
    from gateway.app.roles.role_process import load_roles
    from gateway.cli.commands import app
    from gateway.cli.operation import running  # noqa: F401
    from gateway.config import load

    assert app
    load_roles(_ROLES)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "gateway.toml"
        file.write_text(CONFIG)
        load(file, {})  # builds the validators


def _serve(control: socket.socket) -> dict[str, Any]:
    """Fork a process for each request and report on it; in the child, return its request."""
    hears, tells = os.pipe()
    os.set_blocking(tells, False)
    signal.set_wakeup_fd(tells)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    running: dict[int, int] = {}  # process id: where to report
    while True:
        ready, _, _ = select.select([control.fileno(), hears], [], [])
        if hears in ready:
            os.read(hears, 1000)
            with contextlib.suppress(ChildProcessError):
                while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                    pid, status = ended
                    with contextlib.suppress(BrokenPipeError):  # The tests have ended.
                        os.write(running[pid], b"%d\n" % os.waitstatus_to_exitcode(status))
                    os.close(running.pop(pid))
        if control.fileno() in ready:
            order, descriptors, _, _ = socket.recv_fds(control, _LONGEST, 4)
            if not order:
                os._exit(0)
            if (pid := os.fork()) == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                control.close()
                wanted: dict[str, Any] = json.loads(order)
                _become(wanted, descriptors)
                return wanted
            running[pid] = descriptors.pop()
            for descriptor in descriptors:
                os.close(descriptor)


def _become(order: Mapping[str, Any], descriptors: Sequence[int]) -> None:
    """Turn into the requested process, as if it had been executed."""
    os.setsid()
    *streams, reports = descriptors
    os.write(reports, b"%d\n" % os.getpid())
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = order["args"]
    sys.stdin = open(0, encoding=sys.stdin.encoding, errors=sys.stdin.errors, closefd=False)  # noqa: SIM115
    sys.stdout = open(  # noqa: SIM115
        1, "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors, closefd=False
    )
    sys.stderr = open(  # noqa: SIM115
        2, "w", buffering=1, encoding=sys.stderr.encoding, errors=sys.stderr.errors, closefd=False
    )
    show_as("\0".join(order["args"]))


if __name__ == "__main__":
    _load()
    gc.collect()
    gc.freeze()
    _serve(socket.socket(fileno=int(sys.argv[1])))
    from gateway.__main__ import main

    main()
