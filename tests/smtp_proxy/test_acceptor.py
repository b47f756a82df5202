"""Which of the workers that share a socket takes the next client."""

import asyncio
import mmap
import socket
from collections.abc import AsyncIterator

import pytest

from gateway.smtp_proxy import acceptor
from gateway.smtp_proxy.acceptor import Acceptor, ClientCounts
from tests.rig.process import LOOPBACK, wait_until

#: How many clients a worker has and how many the others, and whether it leaves the next to one.
TURNS = [
    (0, [], False),
    (1_000, [], False),
    (6, [0], False),
    (7, [0], True),
    (10, [2], False),
    (10, [1], True),
    (100, [50], False),
    (100, [46], True),
    (1, [100], False),
    (100, [100, 46], True),
]


@pytest.mark.parametrize(("own", "others", "is_anothers"), TURNS)
def test_a_worker_leaves_a_client_to_one_with_fewer_than_half_as_many(
    own: int, others: list[int], is_anothers: bool
) -> None:
    memory = mmap.mmap(-1, 4 * (1 + len(others)))
    workers = [ClientCounts(memory, place) for place in range(1 + len(others))]

    for worker, count in zip(workers, [own, *others], strict=True):
        worker.add(count)

    assert is_anothers is workers[0].is_anothers_turn


def test_clients_who_have_left_and_those_of_a_dead_worker_count_no_more() -> None:
    memory = mmap.mmap(-1, 8)
    worker, dead = ClientCounts(memory, 0), ClientCounts(memory, 1)
    worker.add(20)
    dead.add(20)

    ClientCounts(memory, 1)

    assert worker.is_anothers_turn
    worker.add(-14)
    assert not worker.is_anothers_turn


class Workers:
    """Two workers that share a socket; the first has ten clients already."""

    def __init__(self, listening: socket.socket) -> None:
        memory = mmap.mmap(-1, 8)
        counts = [ClientCounts(memory, place) for place in range(2)]
        counts[0].add(10)
        self.address = listening.getsockname()
        self.took: list[list[socket.socket]] = [[], []]  #: The clients of each.
        self._listening = [listening, listening.dup()]
        self.busy, self.idle = (
            Acceptor(self._listening[place], counts[place], self.took[place].append)
            for place in range(2)
        )

    async def connect(self, clients: int = 1) -> None:
        """Connect clients that go away at once; what was accepted of them stays."""
        for _ in range(clients):
            _, writer = await asyncio.open_connection(*self.address)
            writer.close()

    async def have(self, busy: int, idle: int) -> None:
        """Return once each worker has taken so many clients."""
        await wait_until(
            lambda: [busy, idle] == [len(clients) for clients in self.took],
            f"{busy} and {idle} clients, not {[len(clients) for clients in self.took]}",
        )

    def close(self) -> None:
        """End everything."""
        self.busy.stop()
        self.idle.stop()
        for taken in (*self.took[0], *self.took[1], *self._listening):
            taken.close()


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    listening = socket.create_server((LOOPBACK, 0))
    listening.setblocking(False)
    both = Workers(listening)
    yield both
    both.close()


async def test_who_has_few_clients_takes_the_next_ones(workers: Workers) -> None:
    workers.busy.start()
    workers.idle.start()

    await workers.connect(5)

    await workers.have(0, 5)


async def test_a_client_whom_nobody_else_takes_waits_a_moment_only(workers: Workers) -> None:
    workers.busy.start()

    await workers.connect(5)

    await workers.have(5, 0)


async def test_who_has_stopped_takes_nobody_not_even_after_the_moment(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acceptor, "_ANOTHERS_SECONDS", 0.02)
    workers.busy.start()
    await workers.connect()
    await wait_until(lambda: workers.busy._pause is not None, "the moment")

    workers.busy.stop()
    await asyncio.sleep(0.04)  # The moment is over.
    workers.idle.start()

    await workers.have(0, 1)
