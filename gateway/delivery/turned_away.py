"""Mail to which a relay gave no connection, as it takes no more than those in use."""

import asyncio
from bisect import insort
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

from gateway.delivery.connection import RelayConnection

#: After that the relay is asked again if none of the connections in use was released before.
CROWDED_SECONDS = 1.0


class TurnedAway:
    """Who waits for a connection in use to be released; each gets one in its turn.

    A ticket says who came first. One of them leaves to ask the relay again and, turned away once
    more, waits at its old place: of 1, 2 and 3 that wait, 1 asks in vain; meanwhile a connection
    is released, which is for 2; the next one is for 1, not for 3.
    """

    def __init__(self, keep: Callable[[RelayConnection], None]) -> None:
        """`keep` is called with a released connection for which nobody waits."""
        self._keep = keep
        self._tickets = count(1)
        self._waiting: list[tuple[int, asyncio.Future[RelayConnection | None]]] = []
        self._present = 0

    def __bool__(self) -> bool:
        """Whether anybody was turned away and has no connection yet."""
        return self._present > 0

    @contextmanager
    def ticket(self) -> Iterator[int]:
        """Give who is turned away a place behind all others, until it has a connection."""
        self._present += 1
        try:
            yield next(self._tickets)
        finally:
            self._present -= 1

    async def wait(self, ticket: int, seconds: float) -> RelayConnection | None:
        """Return the next connection released; None after that time, or to ask the relay again.

        `seconds` counts up to `CROWDED_SECONDS`.
        """
        turn: asyncio.Future[RelayConnection | None]
        turn = asyncio.get_running_loop().create_future()
        insort(self._waiting, (ticket, turn))
        try:
            await asyncio.wait([turn], timeout=min(seconds, CROWDED_SECONDS))
        except asyncio.CancelledError:
            if turn.done():
                self._pass_on(turn.result())
            raise
        finally:
            if not turn.done():
                self._waiting.remove((ticket, turn))
        return turn.result() if turn.done() else None

    def _pass_on(self, connection: RelayConnection | None) -> None:
        if connection is None:
            self.ask_again()
        else:
            self.give(connection)

    def give(self, connection: RelayConnection) -> None:
        """Give a connection that was released to who has waited longest."""
        if self._waiting:
            self._waiting.pop(0)[1].set_result(connection)
        else:
            self._keep(connection)

    def ask_again(self) -> None:
        """Have who has waited longest ask the relay, which may accept one more now."""
        if self._waiting:
            self._waiting.pop(0)[1].set_result(None)
