"""E5: senders that are killed again and again send each entry of the outbox at most once."""

import random
from collections import Counter
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.core import ids
from gateway.core.sending.outbox import OutboxDraft, OutboxState
from gateway.store.engine.database import Database
from gateway.store.sending import outbox
from tests.conftest import StartSink
from tests.rig.gateway import GatewayProcess, gateway_config
from tests.rig.process import wait_until
from tests.system.traffic import Hesitation

pytestmark = [pytest.mark.system, pytest.mark.soak]

AT_ONCE = 4  #: Entries a sender has in hand.
KILLS = 30
MAILS = 900
MAIL = b"From: office@example.org\r\nSubject: Report\r\n\r\nText\r\n"


@pytest.mark.timeout(900)
async def test_E5_thirty_kills_send_no_entry_a_second_time(
    start_sink: StartSink, store_url: str, tmp_path: Path, cleanup: AsyncExitStack
) -> None:
    sink, chance = await start_sink(), random.Random(5)
    sink.faults = Hesitation()
    config = gateway_config(store_url=store_url, relay_port=sink.port)
    config["relays"][0]["messages_per_minute"] = 3000
    nodes = [
        GatewayProcess(tmp_path / f"node-{number}", config, roles=("sender",))
        for number in range(2)
    ]
    for node in nodes:
        await cleanup.enter_async_context(node)
    database = Database(store_url)
    now = datetime.now(UTC)
    drafts = [
        OutboxDraft(
            id=ids.first_id_at(now) + number,
            type="notice",
            key=str(number),
            sender="office@example.org",
            recipient=f"p{number}@example.org",
            body=MAIL,
            due=now,
        )
        for number in range(MAILS)
    ]
    await database.write(lambda connection: outbox.put_all(connection, drafts))

    for number in range(KILLS):
        before = len(sink.messages)
        await wait_until(lambda: len(sink.messages) > before + 5, "mail to go on", 60)  # noqa: B023
        await wait_until(lambda: chance.random() < 0.3, "a moment")
        await nodes[number % 2].kill()
        await nodes[number % 2].start()

    open_states = {OutboxState.QUEUED, OutboxState.SENDING}
    await wait_until(lambda: not open_states & _states(database).keys(), "all to be settled", 300)
    counts = _states(database)
    database.close()
    reached = Counter(one.recipients[0] for one in sink.messages)
    print(f"{KILLS} kills: {dict(counts)}, {len(reached)} reached")  # noqa: T201
    assert max(reached.values()) == 1
    assert set(counts) <= {OutboxState.SENT, OutboxState.UNKNOWN}
    assert counts[OutboxState.UNKNOWN] <= KILLS * AT_ONCE
    assert counts[OutboxState.SENT] <= len(reached) <= MAILS


def _states(database: Database) -> Counter[OutboxState]:
    with database.reading() as connection:
        return Counter(row.state for row in outbox.list_outbox(connection, limit=MAILS))
