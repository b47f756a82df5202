"""A person is erased while the gateway runs: it forgets the person, and not the suppression."""

from functools import partial

import pytest

from gateway.core.kinds import State
from gateway.store.engine.database import Database
from gateway.store.journal import messages
from tests.conftest import StartGateway
from tests.rig.client import RawClient
from tests.rig.process import wait_until
from tests.rig.sink import RawSink

pytestmark = pytest.mark.system

ANN = b"quirina@zandvoorter.example"
WORDS = (b"quirina", b"zandvoorter")
BULK = (
    b"Subject: News for Quirina\r\nPrecedence: bulk\r\nMessage-ID: <%d@crm.example>\r\n\r\nHi\r\n"
)


async def test_who_was_suppressed_is_refused_after_the_erasure_and_nowhere_named(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    gateway = await start_gateway(sink.port)
    await gateway.feed(
        "people", f"crm_id,first_name,last_name,emails\n17,Quirina,Zandvoorter,{ANN.decode()}\n"
    )
    (gateway.folder / "people.csv").unlink()

    async def send(number: int) -> tuple[int, str]:
        async with await RawClient.connect(gateway.port) as client:
            await client.ehlo()
            said = await client.transaction(b"crm@crm.example", [ANN], BULK % number)
            return said.end.code, said.end.text

    assert 250 == (await send(1))[0]
    await gateway.do("suppress", "add", ANN.decode(), "--note", "Quirina asked")
    assert 550 == (await send(2))[0]
    # What a worker's log has goes to the store a moment later.
    await wait_until(partial(_has_messages, gateway.config["store"]["url"], 2), "the journal")

    certificate = await gateway.cli_json("person", "erase", "candidate:17", "--by", "eva")

    files = [file for file in gateway.folder.rglob("*") if file.is_file()]
    named = [f.name for f in files if any(word in f.read_bytes().lower() for word in WORDS)]
    assert [] == named
    assert 2 == certificate["counts"]["messages"]
    code, text = await send(3)
    assert 550 == code
    assert "gewist" in text
    await gateway.do("suppress", "release", ANN.decode())
    assert 250 == (await send(4))[0]


def _has_messages(url: str, number: int) -> bool:
    database = Database(url)
    try:
        with database.reading() as connection:
            kept = messages.list_messages(connection, limit=number)
    finally:
        database.close()
    ended = (State.RELAYED, State.SEND_FAILED)
    return [True] * number == [message.deliveries[0].state in ended for message in kept]
