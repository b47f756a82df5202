"""Listening sockets: bound once by the supervisor, inherited by the workers."""

import errno
import os
import socket
from collections.abc import Iterator

from gateway.core.errors import GatewayError

BACKLOG = 4096  #: As many as Linux allows unless `net.core.somaxconn` says otherwise.
HostAndPort = tuple[str, int]

_ADVICE = {
    errno.EADDRINUSE: "another program listens there already",
    errno.EACCES: "only root may use ports below 1024 (or CAP_NET_BIND_SERVICE)",
    errno.EADDRNOTAVAIL: "this host has no such address",
}


class CantListen(GatewayError):
    """The gateway can't listen at an address in the config; the text says which and why."""

    cure = "give that listener, or api.bind, another address or port"


class Sockets:
    """The sockets the supervisor holds open, by the address in the config.

    All processes of a role listen at the same ones, and each takes a connection when it has time
    for it: none waits at a process that is busy, or dead, while another has nothing to do.
    """

    def __init__(self) -> None:
        self._open: dict[HostAndPort, tuple[socket.socket, ...]] = {}

    def open(self, binds: set[HostAndPort]) -> None:
        """Listen at all addresses where nobody listens yet; raise `CantListen`."""
        for bind in sorted(binds):
            self.at(bind)

    def at(self, bind: HostAndPort) -> tuple[socket.socket, ...]:
        """Return the sockets that listen at an address, binding them if necessary."""
        if bind not in self._open:
            self._open[bind] = tuple(bound_sockets(bind, listens=True))
        return self._open[bind]

    def keep_only(self, binds: set[HostAndPort]) -> None:
        """Close what is bound to any other address."""
        for bind in self._open.keys() - binds:
            for listening in self._open.pop(bind):
                listening.close()


def bound_sockets(bind: HostAndPort, *, listens: bool) -> Iterator[socket.socket]:
    """Bind a socket for each address a host has; raise `CantListen` if one can't be bound.

    Where it only has to be seen whether others listen there, it doesn't listen itself: a client
    that connects just then would be accepted and dropped.
    """
    host, port = bind
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        resolved = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise CantListen(f"can't listen at {shown}: {error.strerror}") from error
    for family, address in sorted({(family, address) for family, _, _, _, address in resolved}):
        listening = socket.socket(family, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listening.bind(address)
            if listens:
                listening.listen(BACKLOG)
        except OSError as error:
            listening.close()
            reason = _ADVICE.get(error.errno or 0, os.strerror(error.errno or 0))
            raise CantListen(f"can't listen at {shown}: {reason}") from error
        listening.setblocking(False)
        yield listening
