"""`gateway tail`."""

import json
import signal
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.cli.decision.tail import LATENESS, PATIENCE, Follower
from gateway.core import ids
from gateway.core.journal.message import Message
from gateway.core.kinds import State
from tests.cli.conftest import Cli, delivery, message
from tests.rig.gateway import COMMAND
from tests.rig.process import ended, launch, wait_until

SECOND = timedelta(seconds=1)


def at(moment: datetime, state: State = State.RELAYED) -> Message:
    """Return a message that was begun at a moment."""
    return replace(message(0, delivery("a@x.org", state)), id=ids.first_id_at(moment), at=moment)


@pytest.fixture
def start() -> datetime:
    return datetime(2026, 3, 12, 9, tzinfo=UTC)


def test_each_message_is_shown_once_and_nothing_of_before(cli: Cli, start: datetime) -> None:
    follower = Follower(start)
    old, first, second = (at(start + n * SECOND) for n in (-1, 1, 2))
    cli.keep(old, first)

    with cli.store() as store:
        shown = [follower.news(store, start + 3 * SECOND)]
        cli.keep(second)
        shown += [follower.news(store, start + 3 * SECOND) for _ in range(2)]

    assert [[first.id], [second.id], []] == [[one.id for one in some] for some in shown]


def test_a_message_committed_late_is_not_missed(cli: Cli, start: datetime) -> None:
    follower = Follower(start)
    late, early = at(start + SECOND), at(start + 60 * SECOND)
    cli.keep(early)

    with cli.store() as store:
        first = follower.news(store, start + 61 * SECOND)
        cli.keep(late)
        then = follower.news(store, start + LATENESS)

    assert [[early.id], [late.id]] == [[one.id for one in some] for some in (first, then)]


def test_what_is_being_sent_is_shown_when_it_takes_long(cli: Cli, start: datetime) -> None:
    follower = Follower(start)
    sending = at(start + SECOND, State.SENDING)
    cli.keep(sending)

    with cli.store() as store:
        soon = follower.news(store, start + 2 * SECOND)
        later = follower.news(store, start + 2 * SECOND + PATIENCE)

    assert ([], [sending.id]) == (soon, [one.id for one in later])


@pytest.mark.system
async def test_decisions_are_followed_live_as_json_lines(cli: Cli) -> None:
    cli.do("db", "upgrade")
    output = cli.folder / "tail"
    command = [str(COMMAND), "--config", str(cli.file), "tail", "--json"]

    def has_shown() -> bool:
        cli.keep(at(datetime.now(UTC)))
        return output.read_text().endswith("\n")

    follower = launch(command, output)
    try:
        await wait_until(has_shown, "a line", 20)
        follower.send_signal(signal.SIGINT)
        code = await ended(follower)
    finally:
        follower.kill()
        follower.wait()

    states = [
        json.loads(line)["deliveries"][0]["state"] for line in output.read_text().splitlines()
    ]
    assert {"relayed"} == set(states)
    assert 0 == code
