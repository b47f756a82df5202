"""E4, E5: two nodes that are killed again and again send each occurrence at most once."""

import random
from collections import Counter
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.core.triggers.occurrence import OccurrenceState
from gateway.core.triggers.trigger_run import TriggerRun
from gateway.store.engine.database import Database
from gateway.store.triggers import trigger_runs
from tests.conftest import StartSink
from tests.rig.gateway import GatewayProcess, gateway_config
from tests.rig.process import wait_until
from tests.rig.sink import RawSink
from tests.system.traffic import Hesitation

pytestmark = pytest.mark.system

AT_ONCE = 4  #: Mails a node has under way.
TRIGGER = """\
event = "set_date"
template = "letter"
dates = ["{day}"]
latest = "3d"
"""


@pytest.mark.timeout(300)
async def test_E5_killed_nodes_send_each_mail_at_most_once(
    start_sink: StartSink, store_url: str, tmp_path: Path, cleanup: AsyncExitStack
) -> None:
    await _kill_again_and_again(start_sink, store_url, tmp_path, cleanup, mails=150, kills=4)


@pytest.mark.soak
@pytest.mark.timeout(3600)
async def test_E5_a_hundred_kills_make_no_second_mail(
    start_sink: StartSink, store_url: str, tmp_path: Path, cleanup: AsyncExitStack
) -> None:
    await _kill_again_and_again(
        start_sink, store_url, tmp_path, cleanup, mails=6000, kills=100, pace=3000
    )


async def _kill_again_and_again(
    start_sink: StartSink,
    store_url: str,
    tmp_path: Path,
    cleanup: AsyncExitStack,
    *,
    mails: int,
    kills: int,
    pace: int | None = None,
) -> None:
    sink, chance = await start_sink(), random.Random(5)
    sink.faults = Hesitation()
    folders = [tmp_path / f"node-{number}" for number in range(2)]
    nodes = [_node(folder, store_url, sink.port, pace) for folder in folders]
    people = "\n".join(f"{number},p{number}@example.org,yes" for number in range(mails))
    await nodes[0].feed("people", f"crm_id,emails,mail_on_set_date\n{people}\n")
    for node in nodes:
        await cleanup.enter_async_context(node)

    for number in range(kills):
        await _some_more(sink)
        await wait_until(lambda: chance.random() < 0.3, "a moment")
        await nodes[number % 2].kill()
        await nodes[number % 2].start()

    database = Database(store_url)
    await wait_until(lambda: _is_done(database, mails), "every mail to be settled", 600)
    [run] = [run for run in _runs(database) if run.due]
    database.close()
    reached = Counter(one.recipients[0] for one in sink.messages)
    counts = run.counts
    print(f"{kills} kills: {dict(counts)}, {len(reached)} reached")  # noqa: T201
    assert max(reached.values()) == 1
    assert set(counts) <= {OccurrenceState.SENT, OccurrenceState.UNKNOWN}
    assert counts.get(OccurrenceState.UNKNOWN, 0) <= kills * AT_ONCE
    assert counts[OccurrenceState.SENT] <= len(reached) <= mails


async def _some_more(sink: RawSink) -> None:
    before = len(sink.messages)
    await wait_until(lambda: len(sink.messages) > before + 5, "mail to go on", 120)


def _node(folder: Path, store_url: str, relay_port: int, pace: int | None) -> GatewayProcess:
    """Make a node; the relay's pace keeps the mail from running out before the kills do."""
    today = datetime.now(ZoneInfo("Europe/Amsterdam")).date()
    changes = {"triggers": {"daily_at": "00:00"}, "notices": {"from": "office@example.org"}}
    config = gateway_config(store_url=store_url, relay_port=relay_port, changes=changes)
    if pace is not None:
        config["relays"][0]["messages_per_minute"] = pace
    (folder / "triggers").mkdir(parents=True)
    (folder / "templates" / "letter").mkdir(parents=True)
    (folder / "triggers" / "letter.toml").write_text(TRIGGER.format(day=today))
    (folder / "templates" / "letter" / "nl.txt").write_text("Subject: Hallo\n\nText\n")
    return GatewayProcess(folder, config, roles=("sender",))


def _runs(database: Database) -> list[TriggerRun]:
    with database.reading() as connection:
        return trigger_runs.list_runs(connection)


def _is_done(database: Database, mails: int) -> bool:
    runs = [run for run in _runs(database) if run.counts]
    settled = sum(run.count(OccurrenceState.SENT, OccurrenceState.UNKNOWN) for run in runs)
    return settled == mails
