"""What `gateway check` finds, remembered."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from gateway.app.checks import lights as module
from gateway.app.checks.findings import Finding, error, good, warning
from gateway.app.checks.lights import LISTEN_AFTER, LOOK_AFTER, Lights

NOW = datetime(2026, 11, 29, 8, tzinfo=UTC)
UP = good("relay main", "127.0.0.1:25 answers")
OLD = warning("feed crm", "was last fed 3 days ago")
WRONG = error("templates", "reply_imported: no file")


class Looking:
    """Looks, and can be made to find something else, or to fail."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now = NOW
        self.finds: list[Finding] = [UP, good("templates", "nl, de"), OLD, WRONG]
        self.looks = 0
        self.heard = "up"
        self.fault: Exception | None = None
        self.lights = Lights(self.look, lambda: self.now)
        patch.setattr(module, "_health_heard", lambda: self.heard)

    async def look(self) -> AsyncIterator[Finding]:
        self.looks += 1
        if self.fault is not None:
            raise self.fault
        for finding in self.finds:
            yield finding

    async def after(self, passed: timedelta = timedelta()) -> tuple[datetime | None, int]:
        """Ask twice, the second time once it was looked; return when that was, and looks."""
        self.now += passed
        self.lights.last_findings()
        await self.lights.wait_for_look()
        return self.lights.last_findings()[0], self.looks


@pytest.fixture
def looking(monkeypatch: pytest.MonkeyPatch) -> Looking:
    return Looking(monkeypatch)


async def test_who_asks_first_waits_for_nothing_and_hears_soon(looking: Looking) -> None:
    assert (None, ()) == looking.lights.last_findings()

    await looking.lights.wait_for_look()

    assert (NOW, (WRONG, OLD, UP)) == looking.lights.last_findings()


async def test_it_is_looked_at_anew_once_it_is_old(looking: Looking) -> None:
    assert (NOW, 1) == await looking.after()
    assert (NOW, 1) == await looking.after(LOOK_AFTER)
    later = NOW + LOOK_AFTER + LISTEN_AFTER + timedelta(seconds=1)
    assert (later, 2) == await looking.after(LISTEN_AFTER + timedelta(seconds=1))


async def test_what_is_heard_meanwhile_makes_it_look_at_once(looking: Looking) -> None:
    await looking.after()
    looking.heard = "down"

    assert (NOW, 1) == await looking.after(LISTEN_AFTER)
    second = NOW + LISTEN_AFTER + timedelta(seconds=1)
    assert (second, 2) == await looking.after(timedelta(seconds=1))
    assert (second, 2) == await looking.after(LISTEN_AFTER + timedelta(seconds=1))


async def test_many_who_ask_make_it_look_once(looking: Looking) -> None:
    for _ in range(5):
        looking.lights.last_findings()
    await looking.lights.wait_for_look()

    assert 1 == looking.looks


async def test_a_look_that_fails_leaves_what_was_known_and_is_tried_again(
    looking: Looking,
) -> None:
    await looking.after()
    looking.fault = RuntimeError("no such file")
    looking.heard = "down"

    assert (NOW, 2) == await looking.after(LISTEN_AFTER + timedelta(seconds=1))
    looking.fault = None
    looking.heard = "up again"
    await looking.after(LISTEN_AFTER + timedelta(seconds=1))
    await asyncio.sleep(0)
    assert 3 == looking.looks
    assert (WRONG, OLD, UP) == looking.lights.last_findings()[1]
