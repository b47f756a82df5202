"""The same mailbox at servers of other makes, unpacked from Debian or from npm."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from gateway.inbound.imap.session import MailboxSession
from tests.inbound.importer_rig import ImporterRig
from tests.inbound.mails import forward
from tests.inbound.watching import settings, watching
from tests.rig.courier import Courier
from tests.rig.cyrus import Cyrus
from tests.rig.hoodiecrow import Hoodiecrow
from tests.rig.mailboxes import Mailboxes
from tests.rig.process import wait_until
from tests.rig.unpacked import UnpackedServer

pytestmark = pytest.mark.system

USER = "replies"
EVERYTHING = "IDLE NAMESPACE MOVE UIDPLUS LITERALPLUS ENABLE CONDSTORE SASL-IR AUTH-PLAIN"
SERVERS: dict[str, tuple[Callable[[], UnpackedServer | Hoodiecrow], str]] = {
    "courier": (lambda: Courier(USER), "INBOX."),
    "cyrus, unix names": (lambda: Cyrus(USER, unix_names=True), ""),
    "cyrus, netnews names": (lambda: Cyrus(USER, unix_names=False), "INBOX."),
    "hoodiecrow": (lambda: Hoodiecrow(USER, EVERYTHING), ""),
    "hoodiecrow, no extensions": (lambda: Hoodiecrow(USER, ""), ""),
}


@pytest.mark.parametrize("name", SERVERS)
async def test_replies_are_filed_moved_and_never_lost(rig: ImporterRig, name: str) -> None:
    make, prefix = SERVERS[name]
    async with make() as server:
        # As short as staff would have it where a server doesn't tell of new mail.
        mailbox = settings(server.port, USER, every=timedelta(seconds=1))
        async with watching(rig, mailbox) as watched:
            await wait_until(lambda: "read" in watched.heard, "the first look", 20)
            server.deliver(USER, forward().as_bytes(), forward(subject="no number").as_bytes())
            await wait_until(lambda: server.count(USER) == 0, "both taken", 20)
            await _recreate_inbox_folder(server, prefix)
            server.deliver(USER, forward(said="Later.").as_bytes())
            await wait_until(lambda: server.count(USER, f"{prefix}Imported") == 1, "a third", 20)

        assert 1 == server.count(USER, f"{prefix}Needs attention")
        assert "down" not in watched.heard
    assert 2 == len(rig.entries())


async def _recreate_inbox_folder(server: Mailboxes, prefix: str) -> None:
    """Make the folder of filed mail anew, as a person may: its UIDVALIDITY changes."""
    with server.open(USER) as client:
        done, said = client.delete(f"{prefix}Imported")
        assert done == "OK", said
        client.create(f"{prefix}Imported")


async def test_courier_is_known_and_offers_idle() -> None:
    async with Courier(USER) as server:
        session = await MailboxSession.open(settings(server.port, USER))
        known = session.is_courier, session.can_idle, session.can_move, session.can_expunge
        await session.close()

    assert (True, True, False, True) == known
