"""Accepts clients: at sockets that all workers share, and no more than there is room for.

The worker that has time for it takes the next client.
"""

import asyncio
import mmap
import socket
from collections import Counter
from collections.abc import Callable

from gateway import logs
from gateway.core.mail.reply import Reply

log = logs.get("smtp_proxy")

_NO_ROOM_SECONDS = 1.0  #: Between two tries while the system has no room for a connection.
_ANOTHERS_SECONDS = 0.001  #: How long a worker with far fewer clients has to take the next one.
_FULL = Reply.of("421 4.3.2 Too many connections; try again later")
_TOO_MANY = Reply.of("421 4.7.0 Too many connections from your address; try again later")
_ONES_SHARE = 0.9  #: The largest share for one address, so that nobody locks out everybody else.


class ClientCounts:
    """How many clients each worker has, in memory that they share."""

    def __init__(self, memory: mmap.mmap, place: int) -> None:
        """Count for the worker at this place; the clients of who had it before are gone."""
        self._all = memoryview(memory).cast("i")
        self._place = place
        self._all[place] = 0

    def add(self, clients: int) -> None:
        """Count so many more clients, or fewer."""
        self._all[self._place] += clients

    @property
    def is_anothers_turn(self) -> bool:
        """Whether another worker has fewer than half as many clients.

        Ten clients that connect at the same moment and stay, as those of a CRM's pool do, may all
        find the same worker awake first; the other would have nothing to do all day. That chance
        makes one a few clients more than another does no harm.
        """
        own = self._all[self._place]
        return any(2 * count + 6 < own for count in self._all)


class ConnectionLimit:
    """Counts the clients of all listeners by address, and says whether one more may come."""

    def __init__(self, total: int, client_counts: ClientCounts) -> None:
        self._total = total
        self._client_counts = client_counts  #: Of this process and its neighbours.
        self._inside: Counter[str] = Counter()
        self._count = 0

    def objection(self, peer: str, most: int) -> Reply | None:
        """Return the reply that refuses another client from an address; None: it may stay."""
        if self._count >= self._total:
            return _FULL
        if self._inside[peer] >= min(most, self._total * _ONES_SHARE):
            return _TOO_MANY
        return None

    def enter(self, peer: str) -> None:
        """Count a client in."""
        self._count += 1
        self._client_counts.add(1)
        self._inside[peer] += 1

    def leave(self, peer: str) -> None:
        """Count a client out."""
        self._count -= 1
        self._client_counts.add(-1)
        self._inside[peer] -= 1
        if not self._inside[peer]:
            del self._inside[peer]


class Acceptor:
    """Accepts the clients of one socket and hands them to `welcome`."""

    def __init__(
        self,
        listening: socket.socket,
        client_counts: ClientCounts,
        welcome: Callable[[socket.socket], None],
    ) -> None:
        self._listening = listening
        self._client_counts = client_counts
        self._welcome = welcome
        self._loop = asyncio.get_running_loop()
        self._pause: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Accept clients from now on."""
        self._pause = None
        self._loop.add_reader(self._listening, self._one_waits)

    def stop(self) -> None:
        """Accept nobody any more."""
        self._loop.remove_reader(self._listening)
        if self._pause is not None:
            self._pause.cancel()

    def _one_waits(self) -> None:
        if self._client_counts.is_anothers_turn:
            self._stop_for(_ANOTHERS_SECONDS, self._accept_and_start)
        else:
            self._accept()

    def _accept_and_start(self) -> None:
        self.start()
        self._accept()

    def _accept(self) -> None:
        """Accept a client, unless another worker was quicker or the system has no room."""
        try:
            client, _ = self._listening.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:
            log.error("cannot_accept", reason=error.strerror)
            self._stop_for(_NO_ROOM_SECONDS, self.start)
            return
        client.setblocking(False)
        self._welcome(client)

    def _stop_for(self, seconds: float, then: Callable[[], None]) -> None:
        self._loop.remove_reader(self._listening)
        self._pause = self._loop.call_later(seconds, then)
