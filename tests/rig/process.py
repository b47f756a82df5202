"""Starting, watching and ending processes for tests."""

import asyncio
import contextlib
import os
import random
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

import pytest

LOOPBACK = "127.0.0.1"
#: Below the kernel's ephemeral range, so that no outgoing connection uses a port given out here.
PORTS = range(12_000, 32_000)
SBIN = ("/usr/sbin", "/usr/local/sbin", "/sbin")

_given_ports: set[int] = set()


def needs(part: str, reason: str) -> None:
    """Skip the test because a real part is missing; under CI that is a failure."""
    text = f"needs {part}: {reason}"
    if os.environ.get("CI", "").lower() in {"1", "true", "yes"}:
        pytest.fail(text)
    pytest.skip(text)


def program(name: str, part: str) -> str:
    """Return the path of a program, or skip: `part` is its Debian package."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *SBIN))
    found = shutil.which(name, path=path)
    if found is None:
        needs(part, f"{name} is not installed")
    return str(found)


def free_port() -> int:
    """Return a TCP port on 127.0.0.1 that is free and was given to no other call."""
    chance = random.SystemRandom()
    while True:
        port = chance.choice(PORTS)
        if port not in _given_ports and _can_bind(port):
            _given_ports.add(port)
            return port


def _can_bind(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


async def wait_until(
    condition: Callable[[], bool | Awaitable[bool]], what: str, timeout: float = 30.0
) -> None:
    """Return as soon as the condition holds; after `timeout` seconds fail with `what`.

    Checks become less frequent over time, as they take time from what is awaited.
    """
    begun = time.monotonic()
    try:
        async with asyncio.timeout(timeout):
            while not await _holds(condition):
                waited = time.monotonic() - begun
                await asyncio.sleep(min(max(waited / 20, 0.01), 0.2))
    except TimeoutError:
        raise AssertionError(f"waited {timeout:g} s for {what}") from None


async def _holds(condition: Callable[[], bool | Awaitable[bool]]) -> bool:
    answer = condition()
    return answer if isinstance(answer, bool) else await answer


async def has_banner(port: int, host: str = LOOPBACK) -> bool:
    """Whether an SMTP or LMTP server greets with 220 on this port within a second."""
    try:
        async with asyncio.timeout(1):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                greeting = await reader.readline()
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except (OSError, TimeoutError):
        return False
    return greeting.startswith(b"220")


async def has_listener(port: int, host: str = LOOPBACK) -> bool:
    """Whether this port accepts a connection."""
    try:
        async with asyncio.timeout(1):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.transport.abort()
    return True


async def run(
    *command: str,
    timeout: float = 60.0,
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end beside the event loop; its output is decoded as UTF-8."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **(environment or {})},
        cwd=folder,
    )
    try:
        async with asyncio.timeout(timeout):
            out, err = await process.communicate(stdin)
    except TimeoutError:
        process.kill()
        await process.communicate()
        raise AssertionError(f"{shlex.join(command)} did not end within {timeout:g} s") from None
    code = process.returncode
    assert code is not None
    return subprocess.CompletedProcess(
        command, code, out.decode(errors="replace"), err.decode(errors="replace")
    )


class Ending(Protocol):
    """A process that can report whether it has ended."""

    @property
    def args(self) -> Any: ...

    def poll(self) -> int | None: ...


async def ended(process: Ending, timeout: float = 30.0) -> int:
    """Wait for the process to end and return its exit code."""
    await wait_until(lambda: process.poll() is not None, f"the end of {process.args!r}", timeout)
    code = process.poll()
    assert code is not None
    return code


def signal_group(group: int, number: signal.Signals) -> None:
    """Send a signal to every process of a group; one already gone is fine."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


class Guard:
    """Runs a shell command if the tests end without releasing it, however they end."""

    def __init__(self, command: str) -> None:
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", f"read -r released && exit 0\n{command}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @classmethod
    def of_group(cls, group: int, folder: Path | None = None) -> Self:
        """Guard a process group: when the tests die it is killed, and the folder removed."""
        remove = f"; rm -rf {shlex.quote(str(folder))}" if folder else ""
        return cls(f"kill -s KILL -- -{group}{remove}")

    def release(self) -> None:
        """Report that everything was ended in order."""
        self._shell.communicate(b"released\n")


def descendants(pid: int) -> list[int]:
    """Return the process and all its descendants, parents first."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (parent := parent_of(int(entry.name))):
            children.setdefault(parent, []).append(int(entry.name))
    family = [pid]
    for member in family:
        family.extend(children.get(member, []))
    return family


def parent_of(pid: int) -> int:
    """Return a process's parent (proc_pid_stat(5)); 0 once it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[1])


def open_files(pid: int) -> int:
    """Return the number of file descriptors a process has open; 0 once it is gone."""
    try:
        return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return 0


def open_sockets(pid: int) -> int:
    """Return the number of sockets a process has open; 0 once it is gone."""
    count = 0
    with contextlib.suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):  # It was closed meanwhile.
                count += str(descriptor.readlink()).startswith("socket:")
    return count


def resident_memory(pid: int) -> int:
    """Return the resident memory of a process in octets; 0 once it is gone."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def launch(
    command: Sequence[str],
    log: Path,
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process in its own group, with its output appended to a file."""
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            cwd=folder,
            start_new_session=True,
        )
