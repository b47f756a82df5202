"""Imports forwarded replies, each once: parses, decides, files, and notifies people."""

import asyncio
import hashlib
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from gateway import logs
from gateway.core import ids
from gateway.core.batches import batched
from gateway.core.bounces.bounce import KeptBounce
from gateway.core.errors import GatewayError
from gateway.core.replies.document_types import RULES, DocumentRule
from gateway.core.replies.inbox import SPOOL, AttentionReason, InboxRow, InboxState, Sighting
from gateway.core.written import plain
from gateway.inbound.admission import Admission
from gateway.inbound.bounce_keeping import CATCHES_UP, MOST_PASSED_ON, BounceSettings, is_of_erased
from gateway.inbound.filing_decision import FilingDecider
from gateway.inbound.mail_to_file import MailToFile
from gateway.inbound.notices import NoticeSettings
from gateway.inbound.reading.readers import Readers, ReaderUnavailable, UnreadableMail
from gateway.inbound.reading.reading import ReadingTask, ReadMail
from gateway.inbound.verdict import (
    Filed,
    Ignored,
    ImportVerdict,
    MailOrigin,
    NeedsAttention,
    RawMail,
    Repeated,
)
from gateway.store.engine.blobs import BlobMissing, Blobs, BlobsUnavailable
from gateway.store.engine.database import Database, RowRefused, StoreUnavailable
from gateway.store.people import applications
from gateway.store.replies import inbox

log = logs.get("inbound")

#: A mail that arrived longer ago than this by its server's clock isn't fresh, even if that clock is
#: wrong.
_CLOCKS_DIFFER = timedelta(minutes=10)
_AT_ONCE = 8  #: How many of a mail's files are put into the blob store at once.
#: If one of these is raised, the mail is passed to the importer again later.
TEMPORARY = (StoreUnavailable, BlobsUnavailable, ReaderUnavailable)


class UnknownReference(GatewayError):
    """No application has that reference."""

    cure = "gateway applications list WORD finds those there are"


class NotWhole(GatewayError):
    """Only a mail's header was kept; it can't be filed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilingRules:
    """The settings for filing mail."""

    reference: str  #: A regular expression with a group `reference`.
    zone: str
    admission: Admission
    notice_settings: NoticeSettings
    #: The mailboxes and listeners by name, needed when a mail from one is looked at again.
    origins: Mapping[str, MailOrigin] = field(default_factory=dict)
    documents: tuple[DocumentRule, ...] = RULES
    bounces: BounceSettings


class ReplyImporter:
    """The importer; one per process. See `gateway.inbound.verdict.Importer`.

    `on_verdict` is called with the verdict on each new mail, `on_bounce` with each bounce stored.
    """

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        readers: Readers,
        *,
        rules: FilingRules,
        new_id: Callable[[], int],
        clock: Callable[[], datetime],
        on_verdict: Callable[[MailOrigin, ImportVerdict], object] = lambda _origin, _verdict: None,
        on_bounce: Callable[[KeptBounce], object] = lambda _bounce: None,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._readers = readers
        self._new_id = new_id
        self._clock = clock
        self._on_verdict = on_verdict
        self._on_bounce = on_bounce
        self.rules = rules
        self._first_seen: dict[str, datetime] = {}  #: Recent mails by the hash of their content.

    async def earlier_verdict(
        self, sighting: Sighting, size: int | None = None
    ) -> ImportVerdict | None:
        """Return the verdict on a mail imported before, so that it needn't be fetched again.

        `size` is its length in octets: with another size it is a different mail, under a UID that
        the server has reused.
        """
        row = await self._database.read(inbox.by_sighting, sighting)
        if row is None or size not in (None, row.size):
            return None
        return verdict_on(row)

    async def take(self, mail: RawMail, origin: MailOrigin) -> ImportVerdict:
        """Import a mail and return the verdict; the mail is recorded durably first.

        Raise `StoreUnavailable`, `BlobsUnavailable` or `ReaderUnavailable` if the mail must be
        passed again later.
        """

        def digest() -> str:
            with mail.file.open("rb") as opened:
                return hashlib.file_digest(opened, "sha256").hexdigest()

        content = await asyncio.to_thread(digest)
        before = await self._database.read(inbox.of_content, content)
        if before is not None and before.state is not InboxState.NEEDS_ATTENTION:
            verdict = verdict_on(before)
            if verdict is not None:
                sighting, number = origin.sighting, before.id
                if sighting is not None:
                    await self._database.write(inbox.add_sighting, sighting, number)
                return verdict
        row = before or InboxRow(
            id=self._new_id(),
            content=content,
            whole=mail.whole,
            size=mail.size,
            state=InboxState.WAITING,
            origin=origin.name,
            envelope_sender=origin.envelope_sender,
        )
        save_task = asyncio.create_task(self._blobs.put_file(mail.file, content))
        return await self._handle(
            row, mail.file, origin, is_new=before is None, save_task=save_task, fault=mail.fault
        )

    async def take_waiting(self, row: InboxRow) -> ImportVerdict:
        """Import a mail that a listener has put into the inbox."""
        origin = replace(self._origin_of(row), arrived=row.at)
        try:
            async with self._raw_mail(row) as file:
                return await self._handle(row, file, origin)
        except BlobMissing as error:
            verdict = await self.decide(MailToFile(row=row, reading=None, fault=str(error)))
        self._on_verdict(origin, verdict)
        return verdict

    async def retry(self, number: int) -> ImportVerdict:
        """Decide again on a mail that needs attention; its sender isn't notified."""
        row = await self._database.read(inbox.waiting_for_person, number)
        async with self._raw_mail(row) as file:
            return await self._handle(row, file, self._origin_of(row), by_hand=True)

    async def assign(self, number: int, reference: str) -> ImportVerdict:
        """File a mail that needs attention under an application chosen by a person."""
        reference = plain(reference)
        row = await self._database.read(inbox.waiting_for_person, number)
        if await self._database.read(applications.find, reference) is None:
            raise UnknownReference(f"no application has the reference {reference}")
        if not row.whole:
            raise NotWhole(f"{ids.show(number)} was not fetched whole: file it by hand")
        async with self._raw_mail(row) as file:
            origin = self._origin_of(row)
            return await self._handle(row, file, origin, reference=reference, by_hand=True)

    async def read_mail(self, row: InboxRow) -> ReadMail | None:
        """Parse a mail without deciding anything; None if it can't be parsed."""
        async with self._raw_mail(row) as file:
            with _folder_for_files() as folder:
                reading, _ = await self.read(row, file, folder, self._origin_of(row))
                return reading

    def _origin_of(self, row: InboxRow) -> MailOrigin:
        origin = self.rules.origins.get(row.origin, MailOrigin(name=row.origin))
        return replace(origin, envelope_sender=row.envelope_sender)

    async def _handle(
        self,
        row: InboxRow,
        file: Path,
        origin: MailOrigin,
        *,
        reference: str | None = None,
        is_new: bool = False,
        by_hand: bool = False,
        save_task: Awaitable[None] | None = None,
        fault: str = "",
    ) -> ImportVerdict:
        """Parse a mail and decide on it; `save_task` is awaited until the raw mail is safe.

        `fault` says why the mail isn't complete.
        """
        with _folder_for_files() as folder:
            try:
                reading, unread = await self.read(row, file, folder, origin)
            finally:
                if save_task is not None:
                    await save_task
            is_passed_on = origin.is_for_bounces and row.whole and row.size <= MOST_PASSED_ON
            mail = MailToFile(
                row=row,
                reading=reading,
                fault=fault or unread,
                sighting=origin.sighting,
                reference=reference,
                is_new=is_new,
                is_bounce=origin.is_for_bounces,
                arrived=origin.arrived,
                is_fresh=self._is_fresh(row, origin.arrived),
                raw=await asyncio.to_thread(file.read_bytes) if is_passed_on else b"",
                by_hand=by_hand,
            )
            # A mail that makes the importer fail waits for a person; it doesn't stop the others.
            broken_by = ""
            try:
                verdict = await self.decide(mail)
            except TEMPORARY as error:
                if by_hand or not isinstance(error, RowRefused):
                    raise
                broken_by = str(error)
            except Exception as error:
                if by_hand:
                    raise
                broken_by = f"{type(error).__name__}: {error}"
                log.exception("reply_breaks_importer", inbox=ids.show(row.id))
            if broken_by:
                verdict = await self.decide(replace(mail, reading=None, fault=broken_by))
        self._on_verdict(origin, verdict)
        return verdict

    def _is_fresh(self, row: InboxRow, arrived: datetime | None) -> bool:
        """Whether a mail arrived just now by our own clock; the server's may be minutes off."""
        now = self._clock()
        if arrived is None or abs(now - arrived) >= _CLOCKS_DIFFER:
            return False
        first_seen = self._first_seen  # in the order they were seen
        while first_seen and now - first_seen[oldest := next(iter(first_seen))] >= _CLOCKS_DIFFER:
            del first_seen[oldest]
        return now - first_seen.setdefault(row.content, now) < CATCHES_UP

    async def read(
        self, row: InboxRow, file: Path, folder: Path, origin: MailOrigin
    ) -> tuple[ReadMail | None, str]:
        """Parse a mail, its files into `folder`; on failure, only its header, with the reason."""
        task = ReadingTask(
            file=str(file),
            folder=str(folder),
            reference=self.rules.reference,
            zone=self.rules.zone,
            trust=origin.trust,
            authserv_id=origin.authserv_id,
            envelope_sender=origin.envelope_sender,
            header_only=not row.whole,
            is_bounce=origin.is_for_bounces,
        )
        try:
            return await self._readers.read(task), ""
        except UnreadableMail as error:
            return await self._readers.read_header(task), str(error)

    async def decide(self, mail: MailToFile) -> ImportVerdict:
        """Decide and record the decision in one transaction, after storing the files it needs."""
        filing_decider = FilingDecider(
            self.rules.admission,
            self.rules.notice_settings,
            self.rules.documents,
            self.rules.bounces,
            self._new_id,
        )
        has_files = mail.reading is None or not mail.reading.files()
        if not has_files and await self._database.read(filing_decider.would_file, mail):
            await self._keep_files(mail)
            has_files = True
        while True:
            now = self._clock()
            row = await self._database.write(
                filing_decider.settle,
                mail,
                now,
                has_files=has_files,
            )
            if row is not None:
                for bounce in filing_decider.kept_bounces:
                    self._on_bounce(bounce)
                is_kept = not is_of_erased(filing_decider.kept_bounces)
                if row.state is InboxState.IGNORED and not is_kept:
                    await self._database.write(
                        inbox.erase,
                        row.id,
                    )
                    await asyncio.to_thread(self._blobs.remove, row.content)
                verdict = verdict_on(row)
                assert verdict is not None
                return verdict
            await self._keep_files(mail)
            has_files = True

    async def _keep_files(self, mail: MailToFile) -> None:
        files = mail.reading.files() if mail.reading else ()
        for chunk in batched(files, _AT_ONCE):
            puts = (self._blobs.put_file(Path(file.file), file.sha256) for file in chunk)
            await asyncio.gather(*puts)

    @asynccontextmanager
    async def _raw_mail(self, row: InboxRow) -> AsyncIterator[Path]:
        """Provide the raw mail as a file that must not be modified."""
        stored_file = self._blobs.file(row.content)
        if stored_file is not None:
            yield stored_file
            return
        with tempfile.NamedTemporaryFile(prefix=SPOOL) as file:
            async for piece in self._blobs.pieces(row.content):
                file.write(piece)
            file.flush()
            yield Path(file.name)


@contextmanager
def _folder_for_files() -> Iterator[Path]:
    """Provide a path for a folder: only created if a mail has files, removed at the end."""
    folder = Path(tempfile.gettempdir(), f"{SPOOL}{secrets.token_hex(8)}")
    try:
        yield folder
    finally:
        if folder.exists():
            shutil.rmtree(folder)


def verdict_on(row: InboxRow) -> ImportVerdict | None:
    """Return the verdict on a mail; None while there is none."""
    match row.state:
        case InboxState.WAITING:
            return None
        case InboxState.FILED:
            return Filed(row.entry or 0, row.id)
        case InboxState.REPEATED:
            return Repeated(row.entry or 0, row.id)
        case InboxState.NEEDS_ATTENTION:
            return NeedsAttention(AttentionReason(row.reason), row.id)
        case InboxState.IGNORED:
            return Ignored(row.reason, row.id)
        case InboxState.DISCARDED:
            return Ignored(InboxState.DISCARDED.value, row.id)
