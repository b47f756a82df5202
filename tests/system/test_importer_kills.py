"""I3, P11: an importer that is killed again and again files every mail exactly once."""

import random
from pathlib import Path

import pytest

from gateway.core import ids
from gateway.core.people.people import PersonKind, PersonRef
from gateway.core.replies.inbox import InboxRow, InboxState
from gateway.store.engine.blobs import Blobs
from gateway.store.engine.database import Database
from gateway.store.people import history
from gateway.store.replies import inbox
from gateway.store.sending import outbox
from tests.inbound.mails import EVA, forward, with_file
from tests.rig.gateway import GatewayProcess, gateway_config
from tests.rig.process import LOOPBACK, free_port, wait_until

pytestmark = pytest.mark.system

MAILS = 80
KILLS = 5
CANDIDATE = PersonRef(PersonKind.CANDIDATE, "17")


@pytest.mark.timeout(300)
async def test_I3_a_killed_importer_files_every_mail_exactly_once(tmp_path: Path) -> None:
    gateway = _gateway(tmp_path)
    await gateway.feed("staff", f"crm_id,name,email,roles\ns1,Eva,{EVA},personnel_manager\n")
    await gateway.feed("people", "crm_id,emails\n17,ann@example.org\n")
    await gateway.feed("applications", "reference,person,responsible\n4711,17,s1\n")
    database = Database(f"sqlite:///{tmp_path}/gateway.db")
    await _put(database, Blobs(f"file://{gateway.folder}/blobs"))
    chance = random.Random(7)

    async with gateway:
        for _ in range(KILLS):
            await _one_more(database)
            await wait_until(lambda: chance.random() < 0.3, "a moment")
            await gateway.kill()
            await gateway.start()
        await wait_until(lambda: not _waiting(database), "nothing to wait any more", 120)

    texts = _filed(database)
    assert MAILS == len(texts)
    assert MAILS == len(set(texts))
    with database.reading() as connection:
        assert MAILS == len(outbox.list_outbox(connection, limit=1000))
        assert MAILS == len(history.documents_of(connection, CANDIDATE))
    database.close()


async def _one_more(database: Database) -> None:
    """Wait until the importer files something."""
    before = len(_filed(database))
    await wait_until(lambda: len(_filed(database)) > before, "one more entry", 60)


def _gateway(folder: Path) -> GatewayProcess:
    listener = {"name": "import", "bind": f"{LOOPBACK}:{free_port()}", "purpose": "import"}
    changes = {"smtp": {"listeners": [listener | {"trust": "internal-only"}]}}
    url = f"sqlite:///{folder}/gateway.db"
    config = gateway_config(store_url=url, relay_port=1, changes=changes)
    return GatewayProcess(folder / "gateway", config, roles=("inbound",))


async def _put(database: Database, blobs: Blobs) -> None:
    """Put mails into the inbox as a listener does."""
    source = ids.IdSource(1)
    for number in range(MAILS):
        mail = with_file(forward(said=f"Antwort {number}.", message_id=f"<{number}@x.example>"))
        octets = mail.as_bytes()
        row = InboxRow(
            id=source.next(number + 1),
            content=await blobs.put(octets),
            size=len(octets),
            state=InboxState.WAITING,
            origin="import",
        )
        with database.writing() as connection:
            inbox.put(connection, row)


def _filed(database: Database) -> list[str]:
    with database.reading() as connection:
        return [one.text for one in history.of_person(connection, CANDIDATE)]


def _waiting(database: Database) -> int:
    with database.reading() as connection:
        return len(inbox.list_inbox(connection, states=[InboxState.WAITING]))
