"""Listening sockets: bound once by the supervisor, inherited by the workers."""

import errno
import os
import socket
from collections.abc import Iterator

from gateway.core.errors import GatewayError

BACKLOG = 1024
Bind = tuple[str, int]

_ADVICE = {
    errno.EADDRINUSE: "another program listens there already",
    errno.EACCES: "only root may use ports below 1024 (or CAP_NET_BIND_SERVICE)",
    errno.EADDRNOTAVAIL: "this host has no such address",
}


class CantListen(GatewayError):
    """An address of the config can't be listened at; the text says which and why."""


class Sockets:
    """The sockets the supervisor holds open, by the address they are bound to."""

    def __init__(self) -> None:
        self._open: dict[Bind, tuple[socket.socket, ...]] = {}

    def at(self, bind: Bind) -> tuple[socket.socket, ...]:
        """Return the sockets listening at an address, bound now unless they were before."""
        if bind not in self._open:
            self._open[bind] = tuple(_listen(bind))
        return self._open[bind]

    def keep_only(self, binds: set[Bind]) -> None:
        """Close what is bound to any other address."""
        for bind in self._open.keys() - binds:
            for one in self._open.pop(bind):
                one.close()


def _listen(bind: Bind) -> Iterator[socket.socket]:
    host, port = bind
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise CantListen(f"can't listen at {shown}: {error.strerror}") from error
    for family, address in sorted({(family, address) for family, _, _, _, address in found}):
        try:
            yield _bound(family, address)
        except OSError as error:
            reason = _ADVICE.get(error.errno or 0, os.strerror(error.errno or 0))
            raise CantListen(f"can't listen at {shown}: {reason}") from error


def _bound(family: socket.AddressFamily, address: object) -> socket.socket:
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind(address)  # type: ignore[arg-type]
        one.listen(BACKLOG)
    except OSError:
        one.close()
        raise
    one.setblocking(False)
    return one
