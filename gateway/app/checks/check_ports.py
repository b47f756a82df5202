"""`gateway check` for the addresses to listen at: whether another program has one already.

The kernel's tables are read instead of binding an address, which for a moment would keep a gateway
that is starting from it. Where there is no `/proc`, nothing is found. Whose a socket is can't be
seen if the process is another user's; run as the gateway's user, that is never the gateway itself.
"""

import ipaddress
import os
import socket
from collections.abc import Iterator, Set
from contextlib import suppress
from pathlib import Path

from gateway.app.checks.findings import Finding, error, warning
from gateway.config import Settings

_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
_LISTENING = "0A"  #: TCP_LISTEN in the column `st` (proc_net_tcp)
_WORD = 8  #: Hexadecimal digits of 32 bits, which stand in the machine's order of octets.

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def ports(settings: Settings) -> Iterator[Finding]:
    """Report every address that another program listens at."""
    binds = {"api.bind": ("api", settings.api.bind)}
    for index, listener in enumerate(settings.smtp.listeners):
        binds[f"smtp.listeners[{index}].bind"] = (f"listener {listener.name}", listener.bind)
    for key, (subject, bind) in binds.items():
        inodes = listening_at(bind.host, bind.port)
        if not inodes:
            continue
        holders = processes_with(inodes)
        others = [pid for pid in holders if not _is_gateway(pid)]
        cure = f"stop it, or give {key} another address or port"
        if others:
            who = f"{_program(others[0])} (process {others[0]})"
            yield error(subject, f"{bind}: {who} listens there already: {cure}")
        elif not holders:
            who = "another user's program listens there"
            yield warning(subject, f"{bind}: {who}; if it isn't this gateway: {cure}")


def listening_at(host: str, port: int) -> set[str]:
    """Return the inodes of sockets that keep others from listening at an address."""
    wanted = set(_addresses(host))
    return {
        inode
        for address, at, inode in _listening_sockets()
        if at == port and any(_overlap(address, each) for each in wanted)
    }


def processes_with(inodes: Set[str]) -> list[int]:
    """Return the ids of the processes that hold sockets open, as far as this user may see them."""
    names = {f"socket:[{inode}]" for inode in inodes}
    holders = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or is another user's
            if any(str(file.readlink()) in names for file in (process / "fd").iterdir()):
                holders.append(int(process.name))
    return holders


def _listening_sockets() -> Iterator[tuple[Address, int, str]]:
    """Yield the address, port and inode of each socket that listens (proc_pid_net(5))."""
    lines: list[str] = []
    for table in _TABLES:
        with suppress(OSError):
            lines += Path(table).read_text(encoding="ascii").splitlines()[1:]
    for line in lines:
        fields = line.split()
        if fields[3] == _LISTENING:
            address, _, port = fields[1].partition(":")
            words = [address[start : start + _WORD] for start in range(0, len(address), _WORD)]
            packed = b"".join(int(word, 16).to_bytes(4, "little") for word in words)
            yield ipaddress.ip_address(packed), int(port, 16), fields[9]


def _addresses(host: str) -> Iterator[Address]:
    with suppress(OSError):
        for *_, place in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM):
            yield ipaddress.ip_address(str(place[0]).partition("%")[0])


def _overlap(one: Address, other: Address) -> bool:
    """Whether sockets at two addresses are in each other's way: 0.0.0.0 is every address."""
    return one.version == other.version and (
        one == other or one.is_unspecified or other.is_unspecified
    )


def _is_gateway(pid: int) -> bool:
    """Whether a process is a gateway's: `python …/bin/gateway run` or `python -m gateway.app`."""
    if pid == os.getpid():
        return True
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return True  # It has ended, and is in nobody's way.
    return any(Path(word).name in {"gateway", "gateway.app"} for word in words)


def _program(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    return "another program"
