"""What `gateway check` finds, remembered."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from gateway.app.checks.current_findings import CHECK_AFTER, HEALTH_AFTER, CurrentFindings
from gateway.app.checks.findings import Finding, error, good, warning

NOW = datetime(2026, 11, 29, 8, tzinfo=UTC)
UP = good("relay main", "127.0.0.1:25 answers")
OLD = warning("feed crm", "was last fed 3 days ago")
WRONG = error("templates", "reply_imported: no file")


class Checking:
    """Checks, and can be made to find something else, or to fail."""

    def __init__(self) -> None:
        self.now = NOW
        self.finds: list[Finding] = [UP, good("templates", "nl, de"), OLD, WRONG]
        self.checks = 0
        self.health = "up"
        self.fault: Exception | None = None
        self.current = CurrentFindings(self.check, lambda: self.health, lambda: self.now)

    async def check(self) -> AsyncIterator[Finding]:
        self.checks += 1
        if self.fault is not None:
            raise self.fault
        for finding in self.finds:
            yield finding

    async def after(self, passed: timedelta = timedelta()) -> tuple[datetime | None, int]:
        """Ask twice, the second time after a check; return when the last was, and how many."""
        self.now += passed
        self.current.last_findings()
        await self.current.wait_for_check()
        return self.current.last_findings()[0], self.checks


@pytest.fixture
def checking() -> Checking:
    return Checking()


async def test_who_asks_first_waits_for_nothing_and_hears_soon(checking: Checking) -> None:
    assert (None, ()) == checking.current.last_findings()

    await checking.current.wait_for_check()

    assert (NOW, (WRONG, OLD, UP)) == checking.current.last_findings()


async def test_it_is_checked_anew_once_it_is_old(checking: Checking) -> None:
    assert (NOW, 1) == await checking.after()
    assert (NOW, 1) == await checking.after(CHECK_AFTER)
    later = NOW + CHECK_AFTER + HEALTH_AFTER + timedelta(seconds=1)
    assert (later, 2) == await checking.after(HEALTH_AFTER + timedelta(seconds=1))


async def test_other_health_makes_it_check_at_once(checking: Checking) -> None:
    await checking.after()
    checking.health = "down"

    assert (NOW, 1) == await checking.after(HEALTH_AFTER)
    second = NOW + HEALTH_AFTER + timedelta(seconds=1)
    assert (second, 2) == await checking.after(timedelta(seconds=1))
    assert (second, 2) == await checking.after(HEALTH_AFTER + timedelta(seconds=1))


async def test_many_who_ask_make_it_check_once(checking: Checking) -> None:
    for _ in range(5):
        checking.current.last_findings()
    await checking.current.wait_for_check()

    assert 1 == checking.checks


async def test_a_check_that_fails_leaves_what_was_known_and_is_tried_again(
    checking: Checking,
) -> None:
    await checking.after()
    checking.fault = RuntimeError("no such file")
    checking.health = "down"

    assert (NOW, 2) == await checking.after(HEALTH_AFTER + timedelta(seconds=1))
    checking.fault = None
    checking.health = "up again"
    await checking.after(HEALTH_AFTER + timedelta(seconds=1))
    await asyncio.sleep(0)
    assert 3 == checking.checks
    assert (WRONG, OLD, UP) == checking.current.last_findings()[1]
