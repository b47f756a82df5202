"""Connections to PostgreSQL that successive tests reuse.

Opening one costs the server 5 ms of processor time, and its first reads of the catalogue as much
again; a test opens four. A connection that a store closes is reset and lent to the next store that
would open an identical one; processes of the gateway open their own.
"""

import contextlib
import os
import select
import threading
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import pq
from psycopg.adapt import AdaptersMap
from sqlalchemy import Engine, event

_AT_MOST = 8  #: How many stay open to a database with the same settings: a store's most.


class _Kept(psycopg.Connection[Any]):
    """A connection that is returned when it is closed."""

    goes_to: "KeptConnections"
    opened_as: tuple[Any, ...]

    def close(self) -> None:
        if not self.closed and self.goes_to.takes(self):
            self.pgconn = _CLOSED
        super().close()


class KeptConnections:
    """The idle connections of a test process."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._idle: dict[tuple[Any, ...], list[pq.abc.PGconn]] = defaultdict(list)
        #: Databases whose connections are kept: those lent to successive tests.
        self.databases: set[str] = set()

    def process_ids(self) -> list[int]:
        """Return the ids of the server processes of idle connections."""
        with self._lock:
            return [each.backend_pid for idle in self._idle.values() for each in idle]

    def connect(self, _dialect: Any, _entry: Any, words: Any, options: Any) -> Any:
        """Lend a kept connection or open one to keep; None: SQLAlchemy opens its own."""
        if os.getpid() != self._process or options.get("dbname") not in self.databases:
            return None
        given = {name: value for name, value in options.items() if name != "context"}
        opened_as = (*words, *sorted(given.items()))
        connection = self._lent(opened_as)
        if connection is None:
            connection = _Kept.connect(*words, **options)
        elif context := options.get("context"):
            connection._adapters = AdaptersMap(context.adapters)
        connection.goes_to, connection.opened_as = self, opened_as
        return connection

    def _lent(self, opened_as: tuple[Any, ...]) -> _Kept | None:
        while True:
            with self._lock:
                if not self._idle[opened_as]:
                    return None
                opened = self._idle[opened_as].pop()
            if not select.select([opened.socket], [], [], 0)[0]:
                return _Kept(opened)
            opened.finish()  # The server has ended it.

    def takes(self, connection: _Kept) -> bool:
        """Reset a connection and keep it; False if it is to be closed."""
        is_busy = connection.info.transaction_status == pq.TransactionStatus.ACTIVE
        if is_busy or os.getpid() != self._process:
            return False
        try:
            connection.rollback()
            connection.autocommit = True
            connection.execute("DISCARD ALL")
        except psycopg.Error:
            return False
        with self._lock:
            idle = self._idle[connection.opened_as]
            if len(idle) < _AT_MOST:
                idle.append(connection.pgconn)
            return idle[-1] is connection.pgconn

    def close(self) -> None:
        """End all of them."""
        with self._lock:
            for idle in self._idle.values():
                for opened in idle:
                    opened.finish()
            self._idle.clear()


_CLOSED = pq.PGconn.connect_start(b"host=/nowhere")
_CLOSED.finish()
#: Those of this test process.
KEPT = KeptConnections()


@contextlib.contextmanager
def connections_kept() -> Iterator[None]:
    """Have all new engines take their connections from there."""
    made = Engine.__init__

    def make(engine: Engine, *arguments: Any, **options: Any) -> None:
        made(engine, *arguments, **options)
        if engine.dialect.name == "postgresql":
            event.listen(engine, "do_connect", KEPT.connect)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine, "__init__", make)
        yield
    KEPT.close()
