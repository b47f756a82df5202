"""Which process holds something, told so that no later one can be taken for it."""

import os
import socket
from contextlib import suppress
from functools import cache
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
#: Of the fields of /proc/PID/stat behind the command's name (proc_pid_stat(5)): the 22nd of all.
_START_TIME = 19


def node() -> str:
    """Return what tells this machine from others that share the store."""
    try:
        return Path("/etc/machine-id").read_text(encoding="ascii").strip() + socket.gethostname()
    except OSError:
        return socket.gethostname()


def own() -> str:
    """Return the name of this process among all that ever ran on this machine.

    `4711.98213.1f0c8a77`: its id, when it started in clock ticks since the machine did, and the
    beginning of the boot's own id. An id alone comes again: after a reboot, and at every start of
    a container, the same small numbers belong to other processes.
    """
    return _own(os.getpid())  # asked anew each time: a process may have been forked


def is_running(process: str) -> bool:
    """Whether the process of that name (`own()`) still runs on this machine."""
    pid, _, started = process.partition(".")
    if not pid.isdecimal():
        return False
    start = _start_time(int(pid))
    return bool(start) and started == f"{start}.{_boot()}"


def holder(*parts: str) -> str:
    """Return a name under which this process holds leases and rows: `NODE PROCESS PART`."""
    return " ".join((node(), own(), *parts))


def has_ended(holder: str) -> bool:
    """Whether a holder (`holder()`) was a process of this machine and runs no more.

    Of processes of other machines nothing is known: their leases run out.
    """
    place, _, rest = holder.partition(" ")
    process = rest.partition(" ")[0]
    return place == node() and bool(process) and not is_running(process)


def name_of(pid: int) -> str:
    """Return the name of the process that has an id now, as `own` does of this one."""
    return f"{pid}.{_start_time(pid)}.{_boot()}"


@cache
def _own(pid: int) -> str:
    return name_of(pid)


def _start_time(pid: int) -> str:
    """Return when a process started; empty: there is none, or it has ended and is a zombie."""
    try:
        stat = Path("/proc", str(pid), "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # The command stands in parentheses and may hold blanks and parentheses itself.
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in {"Z", "X"} else fields[_START_TIME]


@cache
def _boot() -> str:
    with suppress(OSError):
        return _BOOT.read_text(encoding="ascii").partition("-")[0]
    return ""
