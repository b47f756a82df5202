"""Many who want a connection to a relay that takes few: each gets one in turn, none is lost.

The relay is a script in memory and the time passes at once, so that an example takes milliseconds.
"""

import asyncio
import random
import selectors
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeAlias, cast

import pytest
from structlog.testing import capture_logs

from gateway.core.mail.reply import Reply
from gateway.delivery.connection import (
    RelayConnection,
    RelayLost,
    RelayRefuses,
    RelayUngreeting,
)
from gateway.delivery.pool import Pool, RelayBusy
from tests.delivery.relays import Observed, make_pool, relay_settings

SLOTS = 10
TAKES = 4  #: Connections the relay accepts.
BUDGET = 90.0


Waiting: TypeAlias = "asyncio.Task[RelayConnection]"
FullRelayTest: TypeAlias = "Callable[[Pool, ScriptedRelay, RelayConnection], Awaitable[None]]"


class PassingTime(selectors.DefaultSelector):
    """Lets the time until the next timer pass at once."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready; the time to wait has passed."""
        assert timeout is not None, "somebody waits whom nobody will wake"
        self.now += max(timeout, 0.0)
        return super().select(0)


class PassingTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose waits take no time."""

    def __init__(self) -> None:
        self.passing = PassingTime()
        super().__init__(self.passing)

    def time(self) -> float:
        """Return the seconds passed so far."""
        return self.passing.now


class ScriptedConnection:
    """What the pool needs of a connection."""

    def __init__(self, relay: "ScriptedRelay") -> None:
        self._relay = relay
        self.served = self.refusals = self.resets = 0
        self.is_exim = relay.is_exim
        self.is_usable = True

    def quit(self) -> None:
        """End it; the relay notices a moment later."""
        if self.is_usable:
            self.is_usable = False
            asyncio.get_running_loop().call_later(self._relay.notices, self._relay.notice)

    def abort(self) -> None:
        """End it."""
        self.quit()


class ScriptedRelay:
    """Accepts some connections at once; the others hear what real servers say to them.

    Exim greets them with 421, Courier closes them, sendmail refuses them, or they get no greeting.
    """

    def __init__(self, dice: random.Random, *, takes: int = TAKES) -> None:
        self.takes = takes
        self.is_exim = dice.random() < 0.3
        self.to_others = dice.choice(["greets", "closes", "refuses", "is silent"])
        self.greets = dice.choice([0.0, 0.001, 0.1])
        self.notices = dice.choice([0.0, 0.02, 0.049])
        self.accepted = self.most = self.turned_away = 0
        self.trying = self.most_trying = self.opened = 0
        self.answers = 0.0005  #: Seconds until it greets or refuses.

    def notice(self) -> None:
        """One connection has ended."""
        self.accepted -= 1

    async def open(self, _: object) -> ScriptedConnection:
        """Stand in for `RelayConnection.open`."""
        self.trying += 1
        self.opened += 1
        self.most_trying = max(self.trying, self.most_trying)
        try:
            await asyncio.sleep(self.answers)
        finally:
            self.trying -= 1
        if self.accepted >= self.takes:
            self.turned_away += 1
            if self.to_others == "closes":
                raise RelayUngreeting("connection lost")
            if self.to_others == "refuses":
                raise RelayLost("Connection refused")
            if self.to_others == "is silent":
                await asyncio.sleep(45)
                raise RelayUngreeting("no answer within 45 s")
            raise RelayRefuses("greeting", Reply.of("421 Too many concurrent SMTP connections"))
        connection = ScriptedConnection(self)
        self.accepted += 1
        self.most = max(self.most, self.accepted)
        try:
            await asyncio.sleep(self.greets)
        except asyncio.CancelledError:
            connection.quit()
            raise
        return connection


@pytest.fixture
def run() -> Callable[[Coroutine[Any, Any, None]], None]:
    """Run something on a loop whose waits take no time."""

    def run(work: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=PassingTimeLoop) as runner:
            runner.run(work)

    return run


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Callable[[ScriptedRelay, Observed], Pool]:
    """Return a pool of a scripted relay."""

    def connect(relay: ScriptedRelay, observed: Observed) -> Pool:
        monkeypatch.setattr(RelayConnection, "open", relay.open)
        return make_pool(relay_settings(1), connections=SLOTS, observe=observed)

    return connect


async def has_all_slots(pool: Pool, relay: ScriptedRelay) -> bool:
    """Whether nothing is in use or waited for, as far as the pool knows."""
    pool.close()
    await asyncio.sleep(1)
    relay.takes = SLOTS + 1
    taken = await asyncio.gather(*(pool.acquire(2) for _ in range(SLOTS)))
    with pytest.raises(RelayBusy):
        await pool.acquire(0.1)
    for connection in taken:
        pool.discard(connection)
    await asyncio.sleep(1)
    return relay.accepted == 0 and not pool.is_crowded


@pytest.mark.parametrize("seed", range(12))
def test_each_gets_a_connection_in_turn(
    run: Callable[[Coroutine[Any, Any, None]], None],
    connect: Callable[[ScriptedRelay, Observed], Pool],
    seed: int,
) -> None:
    """Nobody who was turned away by the relay waits while those who came later are served."""
    dice = random.Random(seed)
    relay, observed = ScriptedRelay(dice), Observed()
    waits: list[float] = []

    async def client(pool: Pool) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(20):
            began = loop.time()
            connection = pool.idle_now() or await pool.acquire(BUDGET)
            waits.append(loop.time() - began)
            await asyncio.sleep(dice.uniform(0.02, 0.08))
            pool.release(connection)
            await asyncio.sleep(0.001)

    async def main() -> None:
        pool = connect(relay, observed)
        await asyncio.gather(*(client(pool) for _ in range(40)))
        assert await has_all_slots(pool, relay)

    run(main())
    in_turn = 40 * 0.05 / TAKES  # seconds until all others were served once
    assert max(waits) < 4 * in_turn + 1
    assert relay.turned_away < 0.5 * len(waits)
    assert all(isinstance(seen, RelayConnection | ScriptedConnection) for seen in observed.seen)


@pytest.mark.parametrize("seed", range(60))
def test_nothing_is_lost_whatever_happens_to_who_waits(
    run: Callable[[Coroutine[Any, Any, None]], None],
    connect: Callable[[ScriptedRelay, Observed], Pool],
    seed: int,
) -> None:
    """Some give up, have little time, fail, leave a connection to others, or want a new one."""
    dice = random.Random(seed)
    relay, observed = ScriptedRelay(dice, takes=dice.randint(1, SLOTS + 1)), Observed()
    late: list[float] = []

    async def use(pool: Pool) -> None:
        loop = asyncio.get_running_loop()
        seconds = dice.choice([0.05, 0.5, 5.0])
        until = loop.time() + seconds
        try:
            connection = await pool.acquire(seconds, fresh=dice.random() < 0.2)
        finally:
            late.append(loop.time() - until)
        ended: Callable[[RelayConnection], None] = pool.release
        try:
            await asyncio.sleep(dice.uniform(0.0, 0.2))
            if dice.random() < 0.2:
                scripted = cast("ScriptedConnection", connection)
                ended = dice.choice([pool.discard, lambda _: pool.stop_counting()])
                scripted.quit()
        finally:
            ended(connection)

    async def client(pool: Pool) -> None:
        for _ in range(10):
            task = asyncio.create_task(use(pool))
            if dice.random() < 0.3:
                asyncio.get_running_loop().call_later(dice.uniform(0.0, 0.3), task.cancel)
            await asyncio.wait([task])
            if not task.cancelled() and (error := task.exception()) is not None:
                assert isinstance(error, RelayLost | RelayRefuses), repr(error)
            if dice.random() < 0.05:
                pool.sweep()

    async def main() -> None:
        pool = connect(relay, observed)
        await asyncio.gather(*(client(pool) for _ in range(dice.randint(2, 30))))
        assert await has_all_slots(pool, relay)

    run(main())
    assert max(late) < 0.001
    assert relay.most <= SLOTS + 4  # those not yet noticed to have ended


@pytest.mark.parametrize("seed", range(6))
def test_R1_a_relay_that_falls_ill_is_told_once_those_it_accepted_have_ended(
    run: Callable[[Coroutine[Any, Any, None]], None],
    connect: Callable[[ScriptedRelay, Observed], Pool],
    seed: int,
) -> None:
    """However many wait at the time, and though it greets with 421 as if it took no more."""
    dice = random.Random(seed)
    relay, observed = ScriptedRelay(dice), Observed()
    refused: list[float] = []

    async def client(pool: Pool, used: Callable[[RelayConnection], Awaitable[None]]) -> None:
        loop = asyncio.get_running_loop()
        while loop.time() < 20:
            try:
                await used(await pool.acquire(5))
            except RelayBusy:
                continue
            except (RelayLost, RelayRefuses):
                refused.append(loop.time())
                await asyncio.sleep(0.5)

    async def main() -> None:
        pool = connect(relay, observed)
        loop = asyncio.get_running_loop()
        loop.call_later(5, setattr, relay, "takes", 0)

        async def used(connection: RelayConnection) -> None:
            await asyncio.sleep(dice.uniform(0.02, 0.08))
            if loop.time() > 5:
                pool.discard(connection)
            else:
                pool.release(connection)

        await asyncio.gather(*(client(pool, used) for _ in range(20)))
        assert await has_all_slots(pool, relay)

    run(main())
    latest = 10.1 if relay.to_others == "is silent" else 6.2
    assert 5 < min(refused) < latest
    assert any(isinstance(seen, RelayLost | RelayRefuses) for seen in observed.seen)


async def crowd(pool: Pool, count: int, seconds: float = BUDGET) -> list[Waiting]:
    """Have so many wait for a connection, in this order."""
    waiting = []
    for _ in range(count):
        waiting.append(asyncio.create_task(pool.acquire(seconds)))
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.5)
    assert not any(task.done() for task in waiting)
    return waiting


@pytest.fixture
def full(
    run: Callable[[Coroutine[Any, Any, None]], None],
    connect: Callable[[ScriptedRelay, Observed], Pool],
) -> Callable[[FullRelayTest], None]:
    """Run something with a relay that takes one connection, which is in use."""

    def full(test: FullRelayTest) -> None:
        async def main() -> None:
            relay, observed = ScriptedRelay(random.Random(7), takes=1), Observed()
            relay.to_others, relay.notices = "greets", 0.049
            pool = connect(relay, observed)
            await test(pool, relay, await pool.acquire(1))
            assert 1 == len({type(seen) for seen in observed.seen})
            assert await has_all_slots(pool, relay)

        run(main())

    return full


def test_one_of_those_who_wait_asks_the_relay_again_and_keeps_its_turn(
    full: Callable[[FullRelayTest], None],
) -> None:
    async def asked(pool: Pool, relay: ScriptedRelay, first: RelayConnection) -> None:
        waiting = await crowd(pool, 8)
        relay.most_trying, relay.answers = 0, 0.1
        await asyncio.sleep(30.5)
        assert 1 == relay.most_trying
        pool.release(first)
        for task in waiting:
            pool.release(await task)

    full(asked)


def test_what_who_gave_up_was_given_is_the_next_ones(full: Callable[[FullRelayTest], None]) -> None:
    async def given(pool: Pool, relay: ScriptedRelay, first: RelayConnection) -> None:
        waiting = await crowd(pool, 2)
        pool.release(first)
        waiting[0].cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        async with asyncio.timeout(0.01):
            assert first is await waiting[1]
        pool.discard(first)

    full(given)


def test_where_the_relay_takes_more_again_nobody_waits(
    full: Callable[[FullRelayTest], None],
) -> None:
    async def taken(pool: Pool, relay: ScriptedRelay, first: RelayConnection) -> None:
        waiting = await crowd(pool, 8)
        relay.takes = SLOTS
        async with asyncio.timeout(1.5):
            connections = await asyncio.gather(*waiting)
        for connection in (first, *connections):
            pool.release(connection)

    full(taken)


def test_where_a_connection_has_carried_its_mails_the_next_is_not_waited_for(
    full: Callable[[FullRelayTest], None],
) -> None:
    async def ended(pool: Pool, relay: ScriptedRelay, first: RelayConnection) -> None:
        waiting = await crowd(pool, 1)
        first.served = 1000
        pool.release(first)
        async with asyncio.timeout(0.2):
            pool.discard(await waiting[0])
        await asyncio.sleep(1)
        # Also where it had nobody waiting yet.
        last = await pool.acquire(1)
        pool.discard(last)
        async with asyncio.timeout(0.2):
            pool.discard(await pool.acquire(1, fresh=True))

    full(ended)


def test_a_relay_is_not_down_where_who_waited_has_no_time_left_to_connect(
    full: Callable[[FullRelayTest], None],
) -> None:
    async def late(pool: Pool, relay: ScriptedRelay, first: RelayConnection) -> None:
        relay.greets = 0.1
        waiting = await crowd(pool, 1, 1.0501)
        relay.takes = 2
        with pytest.raises(RelayBusy):
            await waiting[0]
        pool.discard(first)

    full(late)


def test_the_log_tells_once_an_hour_that_a_relay_takes_no_more(
    full: Callable[[FullRelayTest], None],
) -> None:
    async def told(pool: Pool, relay: ScriptedRelay, first: RelayConnection) -> None:
        async def turned_away(*, hours: float) -> list[str]:
            with capture_logs() as lines:
                for _ in range(2):
                    with pytest.raises(RelayBusy):
                        await pool.acquire(2)
            await asyncio.sleep(hours * 3600)
            return [f"{line['event']} {line['relay']} {line['connections']}" for line in lines]

        line = "relay_takes_no_more relay 1"
        assert [line] == await turned_away(hours=0.5)
        assert [] == await turned_away(hours=0.6)
        assert [line] == await turned_away(hours=0)
        pool.release(first)

    full(told)


def test_who_has_a_connection_opened_takes_the_first_that_is_free(
    full: Callable[[FullRelayTest], None],
) -> None:
    """As where the relay takes seconds to greet."""

    async def taken(pool: Pool, relay: ScriptedRelay, first: RelayConnection) -> None:
        relay.takes, relay.greets = SLOTS, 5.0
        waiting = [asyncio.create_task(pool.acquire(BUDGET)) for _ in range(3)]
        await asyncio.sleep(0.1)
        async with asyncio.timeout(0.01):
            for task in waiting:
                pool.release(first)
                assert first is await task
        await asyncio.sleep(5)
        assert 4 == relay.accepted  # What was opened for them is kept for the next.
        assert not pool.is_crowded
        pool.release(first)
        relay.greets = 0.0

    full(taken)


def test_a_connection_that_is_never_greeted_keeps_nobody_waiting(
    full: Callable[[FullRelayTest], None],
) -> None:
    async def silent(pool: Pool, relay: ScriptedRelay, first: RelayConnection) -> None:
        relay.to_others = "is silent"
        waiting = [asyncio.create_task(pool.acquire(BUDGET)) for _ in range(SLOTS - 1)]
        await asyncio.sleep(0.1)
        for task in waiting:
            pool.release(first)
            await task
        pool.discard(first)
        await asyncio.sleep(1)
        relay.takes = SLOTS
        async with asyncio.timeout(0.1):
            for connection in [await pool.acquire(1) for _ in range(SLOTS)]:
                pool.discard(connection)

    full(silent)


def test_a_relay_that_worked_meanwhile_is_not_down_as_one_connection_was_never_greeted(
    full: Callable[[FullRelayTest], None],
) -> None:
    async def silent(pool: Pool, relay: ScriptedRelay, first: RelayConnection) -> None:
        relay.to_others = "is silent"
        waiting = asyncio.create_task(pool.acquire(BUDGET))
        await asyncio.sleep(10)
        pool.release(first)
        assert first is await waiting
        pool.discard(first)
        await asyncio.sleep(60)

    full(silent)


def test_connections_are_opened_no_more_often_than_they_end(
    run: Callable[[Coroutine[Any, Any, None]], None],
    connect: Callable[[ScriptedRelay, Observed], Pool],
) -> None:
    """However many mails find none idle meanwhile: one ends after ten mails, as with Exim."""
    dice = random.Random(1)
    relay, observed = ScriptedRelay(dice, takes=100), Observed()
    relay.is_exim, relay.greets = True, 0.3

    async def client(pool: Pool) -> None:
        for _ in range(200):
            connection = pool.idle_now() or await pool.acquire(BUDGET)
            await asyncio.sleep(dice.uniform(0.01, 0.1))
            pool.release(connection)

    async def main() -> None:
        pool = connect(relay, observed)
        await asyncio.gather(*(client(pool) for _ in range(SLOTS)))

    run(main())
    assert relay.opened <= SLOTS * 200 / 10 + SLOTS
    assert relay.most <= 2 * SLOTS


@pytest.mark.parametrize("gap", [0.2, 1.0, 5.0])
def test_R1_a_relay_out_of_reach_is_told_while_mail_goes_on_coming(
    run: Callable[[Coroutine[Any, Any, None]], None],
    connect: Callable[[ScriptedRelay, Observed], Pool],
    gap: float,
) -> None:
    """Connecting takes 15 seconds in vain, each mail has 90."""
    relay, observed = ScriptedRelay(random.Random(1), takes=0), Observed()
    relay.to_others, relay.answers = "refuses", 15.0
    waits: list[float] = []

    async def client(pool: Pool) -> None:
        began = asyncio.get_running_loop().time()
        with pytest.raises(RelayLost):
            await pool.acquire(BUDGET)
        waits.append(asyncio.get_running_loop().time() - began)

    async def main() -> None:
        pool = connect(relay, observed)
        clients = []
        for _ in range(60):
            clients.append(asyncio.create_task(client(pool)))
            await asyncio.sleep(gap)
        await asyncio.gather(*clients)

    run(main())
    assert max(waits) < 35
    assert any(isinstance(seen, RelayLost) for seen in observed.seen)


def test_who_has_no_time_left_in_a_crowd_raises_no_alarm(
    run: Callable[[Coroutine[Any, Any, None]], None],
    connect: Callable[[ScriptedRelay, Observed], Pool],
) -> None:
    """The only connection is being replaced, as it has carried its ten mails."""
    relay, observed = ScriptedRelay(random.Random(1), takes=1), Observed()
    relay.is_exim, relay.greets, relay.to_others, relay.notices = True, 0.3, "greets", 0.0
    busy = 0

    async def client(pool: Pool) -> None:
        nonlocal busy
        for _ in range(20):
            try:
                connection = await pool.acquire(0.5)
            except RelayBusy:
                busy += 1
                continue
            await asyncio.sleep(0.05)
            pool.release(connection)

    async def main() -> None:
        pool = connect(relay, observed)
        await asyncio.gather(*(client(pool) for _ in range(20)))

    run(main())
    assert busy
    assert all(isinstance(seen, ScriptedConnection) for seen in observed.seen)


def test_a_machine_that_is_gone_is_told_though_its_connections_seem_in_use(
    run: Callable[[Coroutine[Any, Any, None]], None],
    connect: Callable[[ScriptedRelay, Observed], Pool],
) -> None:
    relay, observed = ScriptedRelay(random.Random(1), takes=1), Observed()
    relay.to_others = "refuses"

    async def main() -> None:
        pool = connect(relay, observed)
        await pool.acquire(1)
        with pytest.raises(RelayLost, match="Connection refused"):
            await pool.acquire(BUDGET)

    run(main())
    assert isinstance(observed.seen[-1], RelayLost)


@pytest.mark.parametrize("seconds", [-1.0, 0.0, 0.05])
def test_who_comes_with_little_time_left_raises_no_alarm(
    run: Callable[[Coroutine[Any, Any, None]], None],
    connect: Callable[[ScriptedRelay, Observed], Pool],
    seconds: float,
) -> None:
    """As where `messages_per_minute` has used it up: the relay greets a moment later."""
    relay, observed = ScriptedRelay(random.Random(1)), Observed()
    relay.greets = 0.1

    async def main() -> None:
        pool = connect(relay, observed)
        await asyncio.sleep(1)
        with pytest.raises(RelayBusy):
            await pool.acquire(seconds)

    run(main())
    assert [] == observed.seen


def test_a_relay_with_others_is_not_down_as_one_is_never_greeted(
    full: Callable[[FullRelayTest], None],
) -> None:
    async def silent(pool: Pool, relay: ScriptedRelay, first: RelayConnection) -> None:
        relay.to_others = "is silent"
        await asyncio.sleep(1)
        with pytest.raises(RelayBusy):
            await pool.acquire(40)
        pool.discard(first)

    full(silent)
