"""One try has an end, and what became of it is kept as long as the row is ours."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from gateway.core.sending.outbox import AttemptResult, Refused, Sent, Unknown
from gateway.runtime.attempts import attempt, keep
from gateway.store.engine.database import StoreUnavailable
from tests.outbox.outbox_rig import Shaky, shaky_store

LIMIT = timedelta(milliseconds=20)
LEASE = timedelta(minutes=5)
AT_ONCE = timedelta(0)


class Sending:
    """Something to send: it ends with a result, with an error, or never."""

    def __init__(self, end: AttemptResult | Exception | None) -> None:
        self.end = end

    async def __call__(self) -> AttemptResult:
        if self.end is None:
            await asyncio.Event().wait()
        if isinstance(self.end, Exception):
            raise self.end
        assert self.end is not None
        return self.end


@pytest.mark.parametrize(
    ("end", "expected", "faults"),
    [
        (Sent("250 ok"), Sent("250 ok"), 0),
        (Refused("550 no"), Refused("550 no"), 0),
        (None, Unknown("no end after 0:00:00.020000"), 0),
        (ZeroDivisionError("bug"), Unknown("the gateway failed: ZeroDivisionError"), 1),
    ],
)
async def test_a_try_that_has_no_result_of_its_own_may_have_arrived(
    end: AttemptResult | Exception | None, expected: AttemptResult, faults: int
) -> None:
    heard: list[None] = []

    result = await attempt(Sending(end)(), LIMIT, failed=lambda: heard.append(None))

    assert (expected, faults) == (result, len(heard))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Shaky]:
    """A store that can be away."""
    with shaky_store(f"sqlite:///{tmp_path}/gateway.db") as database:
        yield database


class Keeping:
    """Keeps a result, while a clock and the process's end are in a test's hands."""

    def __init__(self, database: Shaky, *, away: timedelta = AT_ONCE) -> None:
        self.away = away
        self.now = datetime(2026, 3, 12, 9, tzinfo=UTC)
        self.stopping = asyncio.Event()
        self.put_off: list[str] = []
        self.task = asyncio.create_task(self._keep(database))

    async def _keep(self, database: Shaky) -> str | None:
        def work(connection: Connection) -> str:
            return connection.dialect.name

        def put_off(error: StoreUnavailable) -> None:
            self.put_off.append(str(error))

        return await keep(
            lambda: database.write(work),
            lease=LEASE,
            away=self.away,
            clock=lambda: self.now,
            stopping=self.stopping,
            put_off=put_off,
        )


async def test_a_result_is_kept_as_soon_as_the_store_is_back(database: Shaky) -> None:
    database.is_away = True
    keeping = Keeping(database)
    await database.missed_at_least(2)
    database.is_away = False

    assert "sqlite" == await asyncio.wait_for(keeping.task, 20)
    assert {"the store failed: away"} == set(keeping.put_off)


@pytest.mark.parametrize("end", ["the lease is over", "the process ends"])
async def test_a_result_is_given_up_when_others_may_have_the_row(database: Shaky, end: str) -> None:
    database.is_away = True
    keeping = Keeping(database)
    await database.missed_at_least(2)
    if end == "the lease is over":
        keeping.now += LEASE
    else:
        keeping.stopping.set()

    assert await asyncio.wait_for(keeping.task, 20) is None


async def test_a_process_that_is_to_end_tries_once_more_and_does_not_wait(database: Shaky) -> None:
    database.is_away = True
    keeping = Keeping(database, away=timedelta(hours=1))
    await database.missed_at_least(1)
    database.is_away = False
    keeping.stopping.set()

    assert "sqlite" == await asyncio.wait_for(keeping.task, 20)
