"""Fetches a mail from a mailbox and gets a verdict on it, even from a difficult server."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import _TemporaryFileWrapper

from gateway import logs
from gateway.core.replies.inbox import SPOOL, Sighting
from gateway.inbound.imap.session import MailboxSession, MailRefused, MailSummary, TooLong
from gateway.inbound.imap.settings import MailboxSettings
from gateway.inbound.imap.text import MailboxLost
from gateway.inbound.importer import TEMPORARY
from gateway.inbound.verdict import Importer, ImportVerdict, RawMail

log = logs.get("inbound")

#: After this many failures only a mail's header is fetched …
TRIES = 5
#: … and after this many nothing: the mail is recorded by its UID alone, and waits for a person.
LAST_TRIES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedMail:
    """A mail in the mailbox, listed but not fetched yet."""

    uid: int
    uidvalidity: int | None
    facts: MailSummary | None  #: None: the server says nothing about it.


class MailFetcher:
    """Fetches mails and passes them to the importer; remembers which ones failed."""

    def __init__(self, settings: MailboxSettings, importer: Importer) -> None:
        self._settings = settings
        self._importer = importer
        self._failures: dict[tuple[int | None, int], int] = {}

    def failures(self, uidvalidity: int | None, uid: int) -> int:
        """Return how often a mail has failed since this process started."""
        return self._failures.get((uidvalidity, uid), 0)

    async def take(self, session: MailboxSession, mail: ListedMail) -> ImportVerdict | None:
        """Return the verdict on a mail; None: there is none yet, or it is gone.

        Raise temporary errors (`TEMPORARY`), and `MailboxLost`, which ends the session.
        """
        try:
            sighting = None
            if mail.uidvalidity is not None:
                sighting = Sighting(
                    mailbox=self._settings.name,
                    folder=self._settings.folder,
                    uidvalidity=mail.uidvalidity,
                    uid=mail.uid,
                )
            verdict = None
            if sighting is not None and mail.facts is not None:
                verdict = await self._importer.earlier_verdict(sighting, mail.facts.size)
            if verdict is None:
                with tempfile.NamedTemporaryFile(prefix=SPOOL) as file:
                    raw = await self.fetch(session, mail, file)
                    file.flush()
                    arrived = mail.facts.arrived if mail.facts else None
                    origin = replace(self._settings.origin, sighting=sighting, arrived=arrived)
                    verdict = await self._importer.take(raw, origin)
        except TEMPORARY:
            raise
        except MailRefused as error:
            self._note_failure(mail, str(error))
            return None
        except MailboxLost as error:
            self._note_failure(mail, str(error))
            raise
        except Exception:
            self._note_failure(mail, "a fault of the gateway")
            log.exception("mail_breaks_importer", mailbox=self._settings.name, uid=mail.uid)
            return None
        self._failures.pop((mail.uidvalidity, mail.uid), None)
        return verdict

    def _note_failure(self, mail: ListedMail, reason: str) -> None:
        key = (mail.uidvalidity, mail.uid)
        self._failures[key] = self._failures.get(key, 0) + 1
        fields = {"mailbox": self._settings.name, "uid": mail.uid, "reason": reason}
        log.warning("mail_not_fetched", failures=self._failures[key], **fields)

    async def fetch(
        self, session: MailboxSession, mail: ListedMail, file: "_TemporaryFileWrapper[bytes]"
    ) -> RawMail:
        """Fetch a mail into a file; only the header if it failed often or is too large.

        Raise `MailRefused` if the server returns nothing of it.
        """
        failures = self.failures(mail.uidvalidity, mail.uid)
        size = mail.facts.size if mail.facts else 0
        raw = RawMail(file=Path(file.name), size=size, whole=False)
        if failures >= LAST_TRIES:
            name = f"{self._settings.name}/{self._settings.folder}/{mail.uidvalidity}/{mail.uid}"
            file.write(f"X-Gateway-Not-Fetched: {name}\r\n\r\n".encode())
            return replace(raw, fault="the server doesn't hand it over")
        if mail.facts is None:
            raise MailRefused("the server says nothing about it")
        if failures >= TRIES:
            raw = replace(raw, fault="the server hands over only its header")
        elif size <= self._settings.max_size:
            try:
                length = await session.fetch(mail.uid, size, file, self._settings.max_size)
                if length is None:
                    raise MailRefused("it is gone")
                return RawMail(file=Path(file.name), size=size or length)
            except TooLong as error:
                raw = replace(raw, size=error.length)
                file.seek(0)
                file.truncate()
        if await session.header(mail.uid, file) is None:
            raise MailRefused("it is gone")
        return raw
