"""Watches a mailbox: imports each mail, and moves it once its record is committed."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Protocol

from gateway import logs
from gateway.core.replies.inbox import Sighting
from gateway.inbound.bounce_keeping import JournalBehind
from gateway.inbound.fetching import ListedMail, MailFetcher
from gateway.inbound.imap.idle import IdleEnd, IdleWatch
from gateway.inbound.imap.session import MailboxSession, NotRemoved
from gateway.inbound.imap.settings import MailboxRefuses, MailboxSettings
from gateway.inbound.imap.text import MailboxLost
from gateway.inbound.imap.wire import SHORTEST_IDLE
from gateway.inbound.importer import TEMPORARY
from gateway.inbound.stored_quirks import StoredQuirks
from gateway.inbound.verdict import (
    Filed,
    Ignored,
    Importer,
    ImportVerdict,
    NeedsAttention,
    Repeated,
)
from gateway.inbound.waiting_mail import WaitingMail
from gateway.runtime.lease import Lease
from gateway.runtime.periodic import pause, repeat

log = logs.get("inbound")

_AT_ONCE = 3  #: How many mails are fetched and imported at once.
#: If more mails than this are waiting, they are imported this many at a time, half of them the
#: newest: new arrivals are filed soon, and the old ones get done as well. They are then moved
#: `_TOGETHER`: moving one mail out of a Maildir of 20,000 takes Dovecot a second, and moving fifty
#: takes no longer.
_MANY = 100
_TOGETHER = 50
#: The lease on a mailbox. Two processes on one mailbox would do no harm, only useless work.
TERM = timedelta(seconds=15)
_RENEW = timedelta(seconds=4)
_OTHERS = timedelta(seconds=2)
_BEHIND = timedelta(seconds=1)
_FIRST_WAIT = 1.0
_LONGEST_WAIT = 60.0
_IDLE_DROPS = 3  #: After losing this many connections in a row to IDLE, the next doesn't use it.
_REFUSED_WAIT = 30.0  #: Too many failed logins may lock an account.
_LONGEST_REFUSED_WAIT = 900.0


class MailboxObserver(Protocol):
    """Notified whether a mailbox can be read."""

    def note_read(self, mailbox: str) -> None:
        """All mails in it were imported."""

    def note_down(self, mailbox: str) -> None:
        """It can't be read."""


class Poller:
    """Watches one mailbox until `stop`."""

    def __init__(
        self,
        settings: MailboxSettings,
        *,
        importer: Importer,
        lease: Lease,
        waiting_mail: WaitingMail,
        watch: MailboxObserver,
        quirks: StoredQuirks,
    ) -> None:
        self._settings = settings
        self._waiting_mail = waiting_mail
        self._lease = lease
        self._watch = watch
        self._quirks = quirks
        self._idle_watch = IdleWatch()
        self._idle_end: IdleEnd | None = None  # of the IDLE since the last search
        self._noted_silent: bool | None = None
        self._idle_drops = 0  # connections in a row that ended as soon as they idled
        self._fetcher = MailFetcher(settings, importer)
        self._stopping = asyncio.Event()
        self._halt = asyncio.Event()  #: Set when a session should end.
        self._failures = 0
        self._unmoved: MailboxRefuses | None = None
        #: Folder, UIDVALIDITY and UID of mails that were copied but couldn't be removed.
        self._copied: set[tuple[str, int, int]] = set()

    def stop(self) -> None:
        """Stop soon, after finishing the mails in progress."""
        self._stopping.set()
        self._halt.set()

    async def run(self) -> None:
        """Watch the mailbox; failures are retried at growing intervals."""
        await repeat(
            self._watch_once,
            stopping=self._stopping,
            failed=self._fault,
            after_failure=timedelta(seconds=_LONGEST_WAIT),
        )

    async def _watch_once(self) -> timedelta:
        """Watch it until the session ends; return how long to wait before the next one."""
        self._halt.clear()
        try:
            async with self._lease.held(self._halt, renew=_RENEW) as has_it:
                if not has_it:
                    return _OTHERS
                await self.serve()
        except TEMPORARY as error:
            log.error("mailbox_put_off", mailbox=self._settings.name, reason=str(error))
            return self._wait()
        except MailboxRefuses as error:
            self._note_down(error)
            is_login = error.stage in ("login", "token")
            return self._wait(*((_REFUSED_WAIT, _LONGEST_REFUSED_WAIT) if is_login else ()))
        except MailboxLost as error:
            self._note_down(error)
            return self._wait()
        except Exception as error:
            self._fault(error)
            return self._wait()
        return timedelta(0)

    def _fault(self, error: Exception) -> None:
        self._watch.note_down(self._settings.name)
        log.error("mailbox_fault", mailbox=self._settings.name, exc_info=error)

    def _note_down(self, error: MailboxRefuses | MailboxLost) -> None:
        self._watch.note_down(self._settings.name)
        log.error("mailbox_unusable", mailbox=self._settings.name, reason=str(error))

    def _wait(self, first: float = _FIRST_WAIT, longest: float = _LONGEST_WAIT) -> timedelta:
        first = min(first, self._settings.every.total_seconds())
        seconds: float = min(longest, first * 2 ** min(self._failures, 16))
        self._failures += 1
        seconds *= random.uniform(1.0, 1.1)  # noqa: S311  # spreads, hides nothing
        return timedelta(seconds=seconds)

    async def serve(self) -> None:
        """Watch until the session should end: import what is there, then wait for news."""
        settings = self._settings
        session = await MailboxSession.open(settings)
        try:
            for folder in (settings.imported, settings.needs_attention, settings.ignored):
                await session.make_folder(folder)
            await session.select(settings.folder)
            fields = {"idle": session.can_idle, "move": session.can_move}
            log.info("mailbox_opened", mailbox=settings.name, **fields)
            if self._idle_drops >= _IDLE_DROPS:
                self._idle_drops = 0
                session.forgo_idle()
                await self._note_idle(is_silent=True)
            while not self._halt.is_set():
                self._unmoved = None
                try:
                    await self.move_on(session)
                except MailboxRefuses as error:
                    self._unmoved = error
                # Opened again each time: if somebody replaced it, the old folder would stay open.
                uidvalidity = await session.select(settings.folder)
                try:
                    await self.take_listed(session, uidvalidity)
                    while session.news.is_set() and not self._halt.is_set():
                        await self.take_listed(session, uidvalidity)
                except JournalBehind:
                    log.info("bounce_put_off", origin=settings.name)
                    await pause(self._halt, _BEHIND)
                    continue
                await self.wait_for_news(session)
        finally:
            await session.close()

    async def wait_for_news(self, session: MailboxSession) -> None:
        """Wait for new mail, by IDLE if that works.

        A server that offers IDLE may still refuse it, end it at once, or drop the connection.
        """
        could_idle = session.can_idle
        began = asyncio.get_running_loop().time()
        try:
            self._idle_end = await session.wait(self._settings.every.total_seconds(), self._halt)
        except MailboxLost:
            took = asyncio.get_running_loop().time() - began
            self._idle_drops = self._idle_drops + 1 if took < SHORTEST_IDLE else 0
            raise
        self._idle_drops = 0
        if could_idle and not session.can_idle:
            await self._note_idle(is_silent=True)

    async def take_listed(self, session: MailboxSession, uidvalidity: int | None) -> None:
        """Import all mails that are there, each once."""
        uids = await self._search(session, uidvalidity)
        taken_uids: set[int] = set()
        together = 1
        while left := [uid for uid in uids if uid not in taken_uids]:
            chunk = self.next_uids(left, uidvalidity)
            facts = await session.facts(chunk)
            mails = (
                ListedMail(uid=uid, uidvalidity=uidvalidity, facts=facts.get(uid)) for uid in chunk
            )
            together = _TOGETHER if len(uids) > _MANY else together
            await self.take_all(session, mails, together=together)
            if self._halt.is_set():
                return
            taken_uids.update(chunk)
            if len(left) > len(chunk):
                uids = await self._search(session, uidvalidity)
        if self._unmoved is not None:
            raise self._unmoved
        self._failures = 0
        self._watch.note_read(self._settings.name)

    async def _search(self, session: MailboxSession, uidvalidity: int | None) -> list[int]:
        uids = await session.search()
        ended, self._idle_end = self._idle_end, None
        self._idle_watch.searched(uidvalidity, uids, ended)
        if self._idle_watch.is_silent is not None:
            await self._note_idle(is_silent=self._idle_watch.is_silent)
        return uids

    def next_uids(self, uids: Sequence[int], uidvalidity: int | None) -> list[int]:
        """Return the mails to import next; those that failed before come last."""
        untried = [uid for uid in uids if not self._fetcher.failures(uidvalidity, uid)]
        if len(untried) > _MANY:
            return [*untried[-_MANY // 2 :], *untried[: _MANY // 2]]
        failed = sorted(
            set(uids).difference(untried), key=lambda uid: self._fetcher.failures(uidvalidity, uid)
        )
        return [*untried, *failed][:_MANY]

    async def _note_idle(self, *, is_silent: bool) -> None:
        """Log once that IDLE doesn't announce new mail, which is then found only every `every`."""
        if is_silent is self._noted_silent:
            return
        await self._quirks.idle_silent(self._settings.account, is_silent=is_silent)
        self._noted_silent = is_silent
        if is_silent:
            every = self._settings.every.total_seconds()
            log.warning("mailbox_idle_silent", mailbox=self._settings.name, every=every)

    async def take_all(
        self, session: MailboxSession, mails: Iterator[ListedMail], *, together: int
    ) -> None:
        """Import mails, several at once; after a failure, those in progress are finished.

        Mails for the same folder are moved in batches of `together`.
        """
        settings = self._settings
        to_move: defaultdict[str, list[Sighting]] = defaultdict(list)  # by target
        failures: list[Exception] = []
        behind: list[JournalBehind] = []

        async def take(mail: ListedMail) -> None:
            verdict = await self._fetcher.take(session, mail)
            if verdict is None:
                return
            where = Sighting(
                mailbox=settings.name,
                folder=settings.folder,
                uidvalidity=mail.uidvalidity or 0,
                uid=mail.uid,
            )
            target = self._target(verdict)
            # A mail that waits for a person is moved alone, because its new place is stored.
            if together > 1 and not isinstance(verdict, NeedsAttention):
                to_move[target].append(where)
                if len(to_move[target]) >= together:
                    await self.move_together(session, to_move.pop(target), target)
                return
            try:
                place = await self.move(session, where, target)
            except NotRemoved as error:
                self._unmoved, place = error, error.place
            except MailboxRefuses as error:
                self._unmoved = error
                return
            if isinstance(verdict, NeedsAttention) and place is not None:
                uidvalidity, uid = place
                moved_to = Sighting(
                    mailbox=settings.name,
                    folder=settings.needs_attention,
                    uidvalidity=uidvalidity,
                    uid=uid,
                )
                await self._waiting_mail.put(verdict.inbox, moved_to)

        async def work() -> None:
            for mail in mails:
                if self._halt.is_set() or failures:
                    return
                try:
                    await take(mail)
                except JournalBehind as error:
                    behind.append(error)  # the others continue
                except Exception as error:
                    failures.append(error)

        await asyncio.gather(*(work() for _ in range(_AT_ONCE)))
        for target, places in to_move.items():
            try:
                await self.move_together(session, places, target)
            except MailboxLost as error:
                failures.append(error)
        if failures or behind:
            raise (*failures, *behind)[0]

    async def move_on(self, session: MailboxSession) -> None:
        """Move mails that needed attention and that a person has since decided on."""
        folder = self._settings.needs_attention
        decided = await self._waiting_mail.decided_mails(self._settings.name, folder)
        if not decided:
            return
        uidvalidity = await session.select(folder)
        gone: list[Sighting] = []
        refused: MailboxRefuses | None = None
        for where, verdict in decided:
            try:
                if where.uidvalidity == uidvalidity:
                    await self.move(session, where, self._target(verdict))
                gone.append(where)
            except MailboxRefuses as error:
                refused = error  # the others continue
        await self._waiting_mail.clear(gone)
        if refused is not None:
            raise refused

    async def move(
        self, session: MailboxSession, where: Sighting, target: str
    ) -> tuple[int, int] | None:
        """Move a mail of the open folder; return its new place, if the server returns it.

        A mail that was copied but couldn't be removed isn't copied again each time.
        """
        key = (where.folder, where.uidvalidity, where.uid)
        if key in self._copied:
            await session.remove([where.uid])
            self._copied.discard(key)
            return None
        try:
            return await session.move([where.uid], target)
        except NotRemoved:
            if where.uidvalidity:  # Without it, UIDs are meaningless after the session.
                self._copied.add(key)
            raise

    async def move_together(
        self, session: MailboxSession, places: Sequence[Sighting], target: str
    ) -> None:
        """Move mails of the open folder in one step; if the server refuses that, one by one."""
        keys = {(where.folder, where.uidvalidity, where.uid) for where in places}
        if self._copied.isdisjoint(keys):
            try:
                await session.move([where.uid for where in places], target)
            except NotRemoved as error:
                self._unmoved = error
                self._copied |= {key for key in keys if key[1]}
                return
            except MailboxRefuses:
                pass
            else:
                return
        for where in places:
            try:
                await self.move(session, where, target)
            except MailboxRefuses as error:
                self._unmoved = error

    def _target(self, verdict: ImportVerdict) -> str:
        match verdict:
            case Filed() | Repeated():
                return self._settings.imported
            case NeedsAttention():
                return self._settings.needs_attention
            case Ignored():
                return self._settings.ignored
