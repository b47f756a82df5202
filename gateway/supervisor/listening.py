"""Listening sockets: bound once by the supervisor, inherited by the workers."""

import errno
import os
import socket
from collections.abc import Iterator, Mapping

from gateway.core.errors import GatewayError

BACKLOG = 1024
HostAndPort = tuple[str, int]
Place = tuple[HostAndPort, int]  #: An address, and the process's number within its role.

_ADVICE = {
    errno.EADDRINUSE: "another program listens there already",
    errno.EACCES: "only root may use ports below 1024 (or CAP_NET_BIND_SERVICE)",
    errno.EADDRNOTAVAIL: "this host has no such address",
}


class CantListen(GatewayError):
    """The gateway can't listen at an address in the config; the text says which and why."""


class Sockets:
    """The sockets the supervisor holds open: for each address one set per process.

    The system spreads connections over the sets (SO_REUSEPORT), evenly even if all arrive at once;
    those waiting at a dead process are served by the others.
    """

    def __init__(self) -> None:
        self._open: dict[Place, tuple[socket.socket, ...]] = {}

    def open(self, places: set[Place], keys: Mapping[HostAndPort, str]) -> None:
        """Bind all places not bound yet; raise `CantListen`.

        `keys` says for each address where the config has it: `smtp.listeners[0].bind in FILE`.
        """
        for place in sorted(places):
            try:
                self.at(place)
            except CantListen as error:
                bind, _ = place
                advice = f"give {keys.get(bind, 'it')} another address or port"
                raise CantListen(f"{error}: {advice}") from error

    def at(self, place: Place) -> tuple[socket.socket, ...]:
        """Return the sockets listening at a place, binding them if necessary."""
        if place not in self._open:
            bind, _ = place
            if all(bind != other for other, _ in self._open):
                # Another program that sets SO_REUSEPORT would share the address with us: so it is
                # first bound exclusively, without listening, as a client connecting just then would
                # be accepted and dropped.
                for alone in bound_sockets(bind, shared=False):
                    alone.close()
            self._open[place] = tuple(bound_sockets(bind, shared=True))
        return self._open[place]

    def keep_only(self, places: set[Place]) -> None:
        """Close what is bound to any other place."""
        for place in self._open.keys() - places:
            for listening in self._open.pop(place):
                listening.close()


def bound_sockets(bind: HostAndPort, *, shared: bool) -> Iterator[socket.socket]:
    """Bind a socket for each address a host has; raise `CantListen` if one can't be bound.

    `shared`: it listens, and others of this user may do so too (SO_REUSEPORT).
    """
    host, port = bind
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        resolved = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise CantListen(f"can't listen at {place}: {error.strerror}") from error
    for family, address in sorted({(family, address) for family, _, _, _, address in resolved}):
        listening = socket.socket(family, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if shared:
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listening.bind(address)
            if shared:
                listening.listen(BACKLOG)
        except OSError as error:
            listening.close()
            reason = _ADVICE.get(error.errno or 0, os.strerror(error.errno or 0))
            raise CantListen(f"can't listen at {place}: {reason}") from error
        listening.setblocking(False)
        yield listening
