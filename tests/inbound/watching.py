"""Pollers that watch mailboxes for an importer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.inbound.imap.settings import MailboxSettings
from gateway.inbound.poller import TERM, Poller
from gateway.inbound.stored_quirks import StoredQuirks
from gateway.inbound.waiting_mail import WaitingMail
from gateway.runtime.lease import Lease
from tests.inbound.importer_rig import MAILBOX, ImporterRig
from tests.rig.mailboxes import PASSWORD
from tests.rig.process import LOOPBACK


class Watched:
    """What was heard of mailboxes, one word per change."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def note_read(self, mailbox: str) -> None:
        self.heard.append("read")

    def note_down(self, mailbox: str) -> None:
        self.heard.append("down")


def settings(port: int, user: str = "eva", **changes: Any) -> MailboxSettings:
    """Return the settings of a mailbox that answers or is given up within seconds."""
    usual = MailboxSettings(
        name=MAILBOX.name,
        host=LOOPBACK,
        port=port,
        tls="none",
        username=user,
        password=PASSWORD,
        every=timedelta(milliseconds=200),
        patience=timedelta(seconds=5),
        origin=MAILBOX,
    )
    return replace(usual, **changes)


@asynccontextmanager
async def watching(
    rig: ImporterRig, mailbox: MailboxSettings, holder: str = "here", importer: Any = None
) -> AsyncIterator[Watched]:
    """Have a mailbox watched during the block."""
    watched = Watched()
    lease = Lease(
        database=rig.database,
        name=mailbox.account,
        holder=holder,
        term=TERM,
        clock=lambda: datetime.now(UTC),
    )
    poller = Poller(
        mailbox,
        importer=importer or rig.importer,
        lease=lease,
        waiting_mail=WaitingMail(rig.database),
        quirks=StoredQuirks(rig.database, lambda: datetime.now(UTC)),
        watch=watched,
    )
    task = asyncio.create_task(poller.run())
    try:
        yield watched
    finally:
        poller.stop()
        async with asyncio.timeout(20):
            await task
