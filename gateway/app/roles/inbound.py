"""The `inbound` role: files forwarded replies from mailboxes and listeners."""

import asyncio
import contextlib
import shutil
import tempfile
import time
from pathlib import Path

from gateway import logs
from gateway.app.common import now, open_store_of
from gateway.app.replies.importing import reply_importer, rules
from gateway.app.roles.mailboxes import Mailboxes, MailboxWatch
from gateway.app.roles.role_context import RoleContext
from gateway.config import Settings
from gateway.core import ids
from gateway.core.bounces.bounce import KeptBounce
from gateway.core.replies.inbox import SPOOL
from gateway.inbound.imap.settings import MailboxSettings
from gateway.inbound.inbox_worker import InboxWorker
from gateway.inbound.poller import TERM, Poller
from gateway.inbound.reading.readers import Readers
from gateway.inbound.stored_quirks import StoredQuirks
from gateway.inbound.verdict import (
    Filed,
    Ignored,
    ImportVerdict,
    MailOrigin,
    NeedsAttention,
    Repeated,
)
from gateway.inbound.waiting_mail import WaitingMail
from gateway.metrics import Metrics
from gateway.runtime import processes
from gateway.runtime.lease import Lease

log = logs.get("inbound")

_LEFT_SECONDS = 3600  #: Older than any mail in progress, which takes seconds.


async def run_inbound(context: RoleContext) -> None:
    """File incoming mail until the process is to stop."""
    database = open_store_of(context.settings, context.store)
    readers = Readers()
    metrics = Metrics()
    tally = _Tally(metrics)
    importer = reply_importer(
        context.settings, database, readers, tally.note_verdict, tally.count_bounce
    )
    watch = MailboxWatch(metrics)

    def poller(mailbox: MailboxSettings) -> Poller:
        lease = Lease(
            database=database,
            name=mailbox.account,
            holder=processes.holder(mailbox.name),
            term=TERM,
            clock=now,
        )
        return Poller(
            mailbox,
            importer=importer,
            lease=lease,
            waiting_mail=WaitingMail(database),
            watch=watch,
            quirks=StoredQuirks(database, now),
        )

    mailboxes = Mailboxes(database, poller)

    async def apply(settings: Settings) -> None:
        new = rules(settings)
        await mailboxes.apply(settings)
        importer.rules = new

    engine = InboxWorker(
        database, importer, holder=processes.holder(), stopping=context.stopping, clock=now
    )
    try:
        await asyncio.to_thread(_sweep)
        is_fed = any(listener.purpose != "proxy" for listener in context.settings.smtp.listeners)
        if is_fed or context.settings.inbound.mailboxes:
            await readers.start()  # otherwise with the first mail, if there is one
        await mailboxes.apply(context.settings)
        context.apply = apply
        context.ready()
        await engine.run()
        await mailboxes.stop()
    finally:
        await readers.close()
        database.close()


def _sweep() -> None:
    """Remove files that killed processes left of mails in progress."""
    oldest = time.time() - _LEFT_SECONDS
    for path in Path(tempfile.gettempdir()).glob(f"{SPOOL}*"):
        with contextlib.suppress(OSError):
            if path.lstat().st_mtime < oldest:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


class _Tally:
    """Logs and counts the verdicts on mails."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def note_verdict(self, origin: MailOrigin, verdict: ImportVerdict) -> None:
        """Log a verdict in one line, and count it."""
        seconds = None if origin.arrived is None else (now() - origin.arrived).total_seconds()
        self._metrics.count_inbound_mail(origin.name, log_verdict(origin, verdict), seconds)

    def count_bounce(self, bounce: KeptBounce) -> None:
        """Count a bounce."""
        self._metrics.count_bounce(
            bounce.kind.value, bounce.reason, is_hard=bounce.hard, proof=bounce.proof or ""
        )


def log_verdict(origin: MailOrigin, verdict: ImportVerdict) -> str:
    """Log a verdict; return its name in the counter."""
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
