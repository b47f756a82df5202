"""The `inbound` role: forwarded replies, from mailboxes and listeners into the history."""

import asyncio
import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email.utils import parseaddr
from pathlib import Path

from gateway import logs
from gateway.app import common
from gateway.app.common import now, open_database
from gateway.app.life import Life
from gateway.app.mailboxes import Mailboxes, MailboxWatch
from gateway.config import Settings
from gateway.config.inbound import Mailbox
from gateway.config.smtp import Listener
from gateway.core import ids
from gateway.core.filing import RULES, DocumentRule
from gateway.core.inbox import SPOOL
from gateway.core.letter import IMPORTED, REFUSED
from gateway.inbound.admission import Admission, sender_entries
from gateway.inbound.desk import Desk
from gateway.inbound.imap.settings import MailboxSettings
from gateway.inbound.importer import ReplyImporter, Rules
from gateway.inbound.notices import Post
from gateway.inbound.poller import Poller
from gateway.inbound.readers import Readers
from gateway.inbound.shelf import Shelf
from gateway.inbound.tenure import Tenure
from gateway.inbound.verdict import (
    Filed,
    Ignored,
    NeedsAttention,
    Origin,
    Repeated,
    Verdict,
)
from gateway.metrics import Metrics
from gateway.store.blobs import Blobs
from gateway.store.database import Database

log = logs.get("inbound")

_LEFT_SECONDS = 3600  #: A mail is in hand for seconds.


async def run_inbound(life: Life) -> None:
    """File what comes until the life ends."""
    database = open_database(life.settings)
    readers = Readers()
    metrics = Metrics()
    importer = _importer(life.settings, database, readers, _Tally(metrics).heard)
    holder = f"{common.node()}:{os.getpid()}"
    watch = MailboxWatch(metrics)

    def poller(mailbox: MailboxSettings) -> Poller:
        tenure = Tenure(database, f"{holder}:{mailbox.name}", now, is_gone=_is_gone)
        shelf = Shelf(database)
        return Poller(mailbox, importer=importer, tenure=tenure, shelf=shelf, watch=watch)

    mailboxes = Mailboxes(poller)

    async def apply(settings: Settings) -> None:
        new = rules(settings)
        await mailboxes.apply(settings)
        importer.rules = new

    desk = Desk(database, importer, holder=holder, stopping=life.stopping, clock=now)
    try:
        await asyncio.to_thread(_sweep)
        await readers.start()
        await mailboxes.apply(life.settings)
        life.apply = apply
        life.ready()
        await desk.run()
        await mailboxes.stop()
    finally:
        await readers.close()
        database.close()


def _is_gone(holder: str) -> bool:
    """Whether a process that holds a lease ran on this machine and has ended."""
    node, _, rest = holder.partition(":")
    pid = rest.partition(":")[0]
    return node == common.node() and pid.isdigit() and not common.is_alive(int(pid))


def _sweep() -> None:
    """Remove what processes that were killed left of mails they had in hand."""
    oldest = time.time() - _LEFT_SECONDS
    for path in Path(tempfile.gettempdir()).glob(f"{SPOOL}*"):
        with contextlib.suppress(OSError):
            if path.lstat().st_mtime < oldest:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


@asynccontextmanager
async def importer_by_hand(settings: Settings, database: Database) -> AsyncIterator[ReplyImporter]:
    """Lend an importer for what a person decides."""
    readers = Readers()
    try:
        yield _importer(settings, database, readers)
    finally:
        await readers.close()


def _importer(
    settings: Settings,
    database: Database,
    readers: Readers,
    heard: Callable[[Origin, Verdict], None] = lambda _, __: None,
) -> ReplyImporter:
    return ReplyImporter(
        database,
        Blobs(settings.store.blobs),
        readers,
        rules=rules(settings),
        new_id=common.Ids().next,
        clock=now,
        heard=heard,
    )


class _Tally:
    """Logs and counts what becomes of mails."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def heard(self, origin: Origin, verdict: Verdict) -> None:
        """Write a verdict's one line of log, and count it."""
        seconds = None if origin.arrived is None else (now() - origin.arrived).total_seconds()
        self._metrics.inbound(origin.name, _log(origin, verdict), seconds)


def _log(origin: Origin, verdict: Verdict) -> str:
    """Log a verdict; return what it is called where it is counted."""
    fields = {"inbox": ids.show(verdict.inbox), "origin": origin.name}
    match verdict:
        case Filed(entry):
            log.info("reply_filed", entry=ids.show(entry), **fields)
            return "filed"
        case Repeated(entry):
            log.info("reply_repeated", entry=ids.show(entry), **fields)
            return "repeated"
        case NeedsAttention(reason):
            log.warning("reply_needs_attention", reason=reason.value, **fields)
            return "needs_attention"
        case Ignored(kind):
            log.info("reply_ignored", kind=kind, **fields)
            return "ignored"


# From settings to the importer's own values


def rules(settings: Settings) -> Rules:
    """Return what the importer goes by; GatewayError if a text can't be used."""
    own = (
        DocumentRule(type=one.type, words=one.words, images_only=one.images_only)
        for one in settings.inbound.document_types
    )
    return Rules(
        reference=settings.inbound.reference.pattern,
        zone=settings.time_zone,
        admission=Admission(
            roles=frozenset(settings.inbound.allowed_roles),
            senders=sender_entries(settings.inbound.allowed_senders),
        ),
        post=_post(settings),
        origins=origins(settings),
        documents=(*own, *RULES),
    )


def origins(settings: Settings) -> dict[str, Origin]:
    """Return the mailboxes and import listeners, each with what proves a sender there."""
    doors = (one for one in settings.smtp.listeners if one.purpose == "import")
    places: list[Mailbox | Listener] = [*settings.inbound.mailboxes, *doors]
    return {
        one.name: Origin(name=one.name, trust=one.trust, authserv_id=one.authserv_id or "")
        for one in places
    }


def _post(settings: Settings) -> Post:
    return Post(
        sender=common.notifier(settings),
        hostname=common.host_name(),
        language=settings.suppression.language,
        zone=common.time_zone(settings),
        imported=common.letters(settings, "reply_imported", IMPORTED),
        refused=common.letters(settings, "reply_refused", REFUSED),
        lookup=lambda address: common.lookup(settings, address),
        fallback_to=parseaddr(settings.notices.fallback_to or "")[1],
        max_size=settings.inbound.max_size,
    )
