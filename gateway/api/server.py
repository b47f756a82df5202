"""uvicorn in an event loop of ours: it neither handles signals nor sets up logging."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator, Sequence

import h11
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_CONNECTIONS = 100
_GRACE_SECONDS = 5
_KEEP_ALIVE_SECONDS = 10
_HEAD_SECONDS = 10.0  #: For the whole header of a request to arrive.
_HEAD_OCTETS = 32 * 1024


class _ApiServer(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the process."""
        yield


class _TimedProtocol(H11Protocol):
    """Closes connections whose request doesn't arrive: a hundred of them would block everybody."""

    _head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._expect()
        else:
            self._stop()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _expect(self) -> None:
        if self._head is None:
            self._head = self.loop.call_later(_HEAD_SECONDS, self._give_up)

    def _give_up(self) -> None:
        self.transport.close()

    def _stop(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None


async def serve(
    app: FastAPI,
    sockets: Sequence[socket.socket],
    *,
    ready: Callable[[], None],
    stopping: asyncio.Event,
) -> None:
    """Answer requests on listening sockets until `stopping` is set."""
    server = _ApiServer(
        uvicorn.Config(
            app,
            http=_TimedProtocol,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            h11_max_incomplete_event_size=_HEAD_OCTETS,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve(sockets=list(sockets)))
        ready()
        await stopping.wait()
        server.should_exit = True
