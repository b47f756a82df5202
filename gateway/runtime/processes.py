"""Which process holds something, named so that no later process can be mistaken for it."""

import os
import socket
import time
from contextlib import suppress
from datetime import timedelta
from functools import cache
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_MACHINE = Path("/etc/machine-id")
_NAMESPACE = Path("/proc/self/ns/pid")
_MACHINES_OWN = "pid:[4026531836]"  #: The namespace outside containers: Linux's PROC_PID_INIT_INO.
#: Its index in /proc/PID/stat after the command's name (proc_pid_stat(5)); it is field 22.
_START_TIME = 19


def node() -> str:
    """Return a name for all processes visible from here, different on other nodes.

    A machine's name stays the same across reboots. A container's changes with each start, because
    each has its own process ids: several containers may share a host name (`--network host`,
    `--hostname`, a pod) and their image's machine id, but process 7 of one is a different process,
    or none, in another.
    """
    machine = namespace = ""
    with suppress(OSError):
        namespace = str(_NAMESPACE.readlink())
        machine = _MACHINE.read_text(encoding="ascii").strip()
    if machine and namespace == _MACHINES_OWN:
        return machine + socket.gethostname()
    return f"{socket.gethostname()}.{_boot()}.{namespace}"


def own_name() -> str:
    """Return a name for this process that is unique among all that ever ran on this machine.

    `4711.98213.1f0c8a77`: its id, its start time in clock ticks since boot, and the beginning of
    the boot id. Ids alone are reused: after a reboot, and at every start of a container, the same
    small numbers belong to other processes.
    """
    return _name_of_own(os.getpid())  # read each time, as the process may have been forked


def is_running(process: str) -> bool:
    """Whether the process with that name (`own_name()`) is still running here.

    `/proc` may hide another user's process (the unit's `ProtectProc=`), so that only its id is
    known to be in use: then it counts as running.
    """
    pid, _, started = process.partition(".")
    start, _, boot = started.partition(".")
    if not (pid.isdecimal() and start) or boot != _boot():
        return False
    if _start_time(int(pid)) == start:
        return True
    if _stat(int(pid)):
        return False
    try:
        os.kill(int(pid), 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def holder(*parts: str) -> str:
    """Return the name under which this process holds leases and rows: `NODE PROCESS PART`."""
    return " ".join((node(), own_name(), *parts))


def has_ended(holder: str, *, is_silent: bool = False) -> bool:
    """Whether a holder (`holder()`) was a process of this machine or container that has ended.

    Of processes elsewhere nothing is known: one counts as ended if it `is_silent`, that is, if it
    has given no sign of life for the term of what it holds. One here that is silent but runs hangs
    or is stopped, and may continue.
    """
    place, _, rest = holder.partition(" ")
    if place != node():
        return is_silent
    process = rest.partition(" ")[0]
    return bool(process) and not is_running(process)


def is_silent(file: Path, term: timedelta) -> bool:
    """Whether nothing has been written to a file for this long; False if it isn't there."""
    with suppress(OSError):
        return time.time() - file.stat().st_mtime > term.total_seconds()
    return False


def is_of_this_boot(holder: str) -> bool:
    """Whether a holder (`holder()`) is a process started since this machine booted."""
    return bool(_boot()) and holder.partition(" ")[2].partition(" ")[0].endswith(f".{_boot()}")


def name_of(pid: int) -> str:
    """Return the name of the process with this id, as `own_name` does for the current one."""
    return f"{pid}.{_start_time(pid)}.{_boot()}"


@cache
def _name_of_own(pid: int) -> str:
    return name_of(pid)


def _start_time(pid: int) -> str:
    """Return a process's start time; empty if it doesn't exist, or has ended and is a zombie."""
    # The command is in parentheses and may itself contain spaces and parentheses.
    fields = _stat(pid).rpartition(")")[2].split()
    return fields[_START_TIME] if fields and fields[0] not in {"Z", "X"} else ""


def _stat(pid: int) -> str:
    with suppress(OSError):
        return Path("/proc", str(pid), "stat").read_text(encoding="utf-8", errors="replace")
    return ""


@cache
def _boot() -> str:
    with suppress(OSError):
        return _BOOT.read_text(encoding="ascii").partition("-")[0]
    return ""
