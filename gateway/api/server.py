"""uvicorn in a loop that isn't its own: it neither takes signals nor sets up logging."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator, Sequence

import uvicorn
from fastapi import FastAPI

MAX_CONNECTIONS = 100
_GRACE_SECONDS = 5
_KEEP_ALIVE_SECONDS = 10


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the process."""
        yield


async def serve(
    app: FastAPI,
    sockets: Sequence[socket.socket],
    *,
    ready: Callable[[], None],
    stopping: asyncio.Event,
) -> None:
    """Answer requests on listening sockets until `stopping` is set."""
    server = _Server(
        uvicorn.Config(
            app,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
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
