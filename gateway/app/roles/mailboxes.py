"""The mailboxes of the `inbound` role: a poller for each, kept in step with the settings."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from gateway.app.mailbox_settings import mailbox_settings
from gateway.config import Settings
from gateway.inbound.imap.settings import MailboxSettings
from gateway.inbound.poller import Poller
from gateway.metrics import Metrics
from gateway.store.engine.database import Database

_END_SECONDS = 15.0  #: A server that doesn't respond can't delay the end for longer.


@dataclass(frozen=True, slots=True)
class _Watched:
    """A running poller with its settings."""

    key: object
    poller: Poller
    task: asyncio.Task[None]


class Mailboxes:
    """Runs a poller for each mailbox until `stop`; `make` creates them."""

    def __init__(self, database: Database, make: Callable[[MailboxSettings], Poller]) -> None:
        self._database = database
        self._make = make
        self._watched: dict[str, _Watched] = {}

    async def apply(self, settings: Settings) -> None:
        """Watch the mailboxes of these settings; unchanged ones continue.

        Raises BadCertificate, changing nothing, if a certificate can't be used.
        """
        inbound = settings.inbound
        keys_by_name = {
            mailbox.name: (mailbox, inbound.max_size, inbound.every)
            for mailbox in inbound.mailboxes
        }
        made = {
            mailbox.name: mailbox_settings(settings, mailbox, self._database)
            for mailbox in inbound.mailboxes
        }
        over = [
            mailbox
            for name, mailbox in self._watched.items()
            if mailbox.key != keys_by_name.get(name, object())
        ]
        await _end(over)
        self._watched = {
            name: mailbox for name, mailbox in self._watched.items() if mailbox not in over
        }
        for name in keys_by_name.keys() - self._watched.keys():
            poller = self._make(made[name])
            task = asyncio.create_task(poller.run())
            self._watched[name] = _Watched(keys_by_name[name], poller, task)

    async def stop(self) -> None:
        """Stop all pollers, after they finish the mails in progress."""
        await _end(list(self._watched.values()))
        self._watched.clear()


async def _end(watched: list[_Watched]) -> None:
    for mailbox in watched:
        mailbox.poller.stop()
    tasks = [mailbox.task for mailbox in watched]
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=_END_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class MailboxWatch:
    """Keeps the state of the mailboxes, for metrics and `/health`."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def note_read(self, mailbox: str) -> None:
        """Record that a mailbox was just read to its end."""
        self._metrics.set_mailbox_state(mailbox, succeeded_at=time.time())

    def note_down(self, mailbox: str) -> None:
        """Record that a mailbox can't be read."""
        self._metrics.set_mailbox_state(mailbox, succeeded_at=None)
