"""I3: an importer that is killed again and again over a mailbox files every mail exactly once."""

import random
from pathlib import Path
from typing import Any

import pytest

from gateway.core.people.people import PersonKind, PersonRef
from gateway.core.replies.inbox import InboxState
from gateway.store.engine.database import Database
from gateway.store.people import history
from gateway.store.replies import inbox
from gateway.store.sending import outbox
from tests.inbound.mails import forward, with_file
from tests.rig.dovecot import Dovecot
from tests.rig.gateway import GatewayProcess, gateway_config
from tests.rig.process import wait_until
from tests.system.test_mailbox import FEED, mailbox

pytestmark = pytest.mark.system

CANDIDATE = PersonRef(PersonKind.CANDIDATE, "17")


@pytest.mark.timeout(300)
async def test_I3_a_killed_importer_files_every_mail_of_a_mailbox_exactly_once(
    dovecot: Dovecot, user: str, tmp_path: Path
) -> None:
    assert 3 <= await _killed(dovecot, user, tmp_path, mails=40, kills=3)


@pytest.mark.soak
@pytest.mark.timeout(3600)
async def test_I3_a_hundred_kills_over_five_hundred_mails(
    dovecot: Dovecot, user: str, tmp_path: Path
) -> None:
    assert 100 <= await _killed(dovecot, user, tmp_path, mails=500, kills=100)


async def _killed(dovecot: Dovecot, user: str, folder: Path, *, mails: int, kills: int) -> int:
    """Kill a gateway while it files; return how often, having looked at what came of it."""
    gateway = _gateway(dovecot, user, folder)
    for kind, text in FEED.items():
        await gateway.feed(kind, text)
    database = Database(f"sqlite:///{folder}/gateway.db")
    chance = random.Random(7)
    share = -(-mails // kills)
    delivered = killed = 0
    async with gateway:
        while delivered < mails or killed < kills:
            some = range(delivered, min(mails, delivered + share))
            dovecot.deliver(user, *map(_reply, some))
            delivered += len(some)
            before = _count(database)
            await wait_until(lambda: _count(database) > before, "one more", 60)  # noqa: B023
            await wait_until(lambda: chance.random() < 0.2, "a moment")
            await gateway.kill()
            killed += 1
            await gateway.start()
        await wait_until(lambda: dovecot.count(user) == 0, "the end of the mails", 300)
    _look(database, mails)
    assert mails <= dovecot.count(user, "Imported")
    assert mails == len(set(dovecot.mails(user, "Imported")))
    database.close()
    return killed


def _look(database: Database, mails: int) -> None:
    """Find every mail, its document and its notice once."""
    texts = _filed(database)
    assert mails == len(texts)
    assert mails == len(set(texts))
    with database.reading() as connection:
        assert mails == len(outbox.list_outbox(connection, limit=10_000))
        assert mails == len(history.documents_of(connection, CANDIDATE))
        rows = inbox.list_inbox(connection, limit=10_000)
    assert {InboxState.FILED} == {row.state for row in rows}
    assert mails == len(rows)


def _gateway(dovecot: Dovecot, user: str, folder: Path) -> GatewayProcess:
    changes: dict[str, Any] = {"inbound": {"mailboxes": [mailbox(dovecot, user)]}}
    url = f"sqlite:///{folder}/gateway.db"
    config = gateway_config(store_url=url, relay_port=1, changes=changes)
    return GatewayProcess(folder / "gateway", config, roles=("inbound",))


def _reply(number: int) -> bytes:
    mail = forward(said=f"Antwort {number}.", message_id=f"<{number}@x.example>")
    return with_file(mail).as_bytes()


def _filed(database: Database) -> list[str]:
    with database.reading() as connection:
        return [one.text for one in history.of_person(connection, CANDIDATE)]


def _count(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM history").scalar_one())
