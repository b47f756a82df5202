"""One mail on an `import` listener: stored durably for the importer, then answered 250.

c: MAIL FROM:<ann@example.org>
s: 250 2.1.0 Ok
c: RCPT TO:<import@gateway.example.org>
s: 250 2.1.5 Ok                           any recipient: the mail decides who may import
c: DATA
s: 354 End data with <CR><LF>.<CR><LF>
c: (the mail) and a dot                   its content on disk, its row in the inbox
s: 250 2.0.0 Ok: kept for the importer
"""

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from gateway import logs
from gateway.core.kinds import By
from gateway.core.mail.envelope import Recipient, Sender
from gateway.core.mail.reply import Reply
from gateway.core.replies.inbox import SPOOL, InboxRow, InboxState
from gateway.smtp_proxy.body import BodyReader
from gateway.smtp_proxy.client_reader import ClientReader
from gateway.smtp_proxy.message_answer import RECIPIENT_TAKEN, TOO_MANY_RECIPIENTS, MessageRefused
from gateway.store.engine.blobs import Blobs, BlobsUnavailable
from gateway.store.engine.database import Database, StoreUnavailable
from gateway.store.replies import inbox

log = logs.get("smtp_proxy")

_TAKEN = Reply.of("250 2.0.0 Ok: kept for the importer")
_LATER = Reply.of("451 4.3.0 The store is away; try again later")
_MOST_RECIPIENTS = 1_000


class ImportSpool:
    """Where mail for the importer is stored; a mail that comes again is stored once."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        *,
        new_id: Callable[[datetime], int],
        max_size: int,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._new_id = new_id
        self.max_size = max_size

    async def keep(
        self,
        file: Path,
        digest: str,
        *,
        size: int,
        listener: str,
        sender: str,
        recipients: Sequence[str] = (),
    ) -> None:
        """Store a mail durably, with a row in the inbox where the importer finds it."""
        row = InboxRow(
            id=self._new_id(datetime.now(UTC)),
            content=digest,
            size=size,
            state=InboxState.WAITING,
            origin=listener,
            envelope_sender=sender,
            envelope_recipients=" ".join(recipients),
        )
        await self._blobs.put_file(file, digest)
        await self._database.write(lambda connection: inbox.put(connection, row))


class ImportTransaction:
    """One transaction on a listener with purpose `import`."""

    def __init__(
        self,
        spool: ImportSpool,
        sender: Sender,
        *,
        listener: str,
        lmtp: bool,
        clock: Callable[[], float],
    ) -> None:
        self._spool = spool
        self._sender = sender
        self._listener = listener
        self._lmtp = lmtp
        self._clock = clock
        self._recipients = 0
        self._addresses: list[str] = []

    @property
    def utf8(self) -> bool:
        """Whether non-ASCII addresses are allowed."""
        return self._sender.utf8

    @property
    def has_recipients(self) -> bool:
        """Whether any recipient was named."""
        return self._recipients > 0

    async def refusal(self) -> Reply | None:
        """Return None: recipients are only refused once enough have been accepted for DATA."""
        return None

    async def recipients(self, recipients: Sequence[Recipient]) -> list[Reply]:
        """Accept any recipient: who may import is decided by the mail."""
        room = max(0, _MOST_RECIPIENTS - self._recipients)
        taken_count = min(room, len(recipients))
        self._recipients += taken_count
        self._addresses += (recipient.path.address for recipient in recipients[:taken_count])
        return [RECIPIENT_TAKEN] * taken_count + [TOO_MANY_RECIPIENTS] * (
            len(recipients) - taken_count
        )

    def note_refused(self, argument: bytes | None, reply: Reply) -> None:
        """Do nothing: recipients don't count here."""

    async def content(self, client_reader: ClientReader) -> list[Reply]:
        """Store the content; return one reply, or with LMTP one per recipient."""
        body = BodyReader(client_reader, max_size=self._spool.max_size, clock=self._clock)
        with tempfile.NamedTemporaryFile(prefix=SPOOL) as file:
            try:
                # As the sender wrote it: leading dots are unstuffed (RFC 5321, 4.5.2).
                digest, size, is_first, is_last = hashlib.sha256(), 0, True, False
                while not is_last:
                    piece = await body.piece()
                    octets, is_last = piece.octets.replace(b"\r\n.", b"\r\n"), piece.last
                    if is_first and octets:
                        octets, is_first = octets.removeprefix(b"."), False
                    digest.update(octets)
                    size += file.write(octets)
                file.flush()
                await self._spool.keep(
                    Path(file.name),
                    digest.hexdigest(),
                    size=size,
                    listener=self._listener,
                    sender=self._sender.address,
                    recipients=self._addresses,
                )
            except MessageRefused as refused:
                await body.drain()
                reply = refused.reply
            except (StoreUnavailable, BlobsUnavailable) as error:
                log.error("import_put_off", listener=self._listener, reason=str(error))
                reply = _LATER
            else:
                log.info("import_taken", listener=self._listener, size=size)
                reply = _TAKEN
        return [reply] * (self._recipients if self._lmtp else 1)

    def hang_up(self) -> None:
        """Do nothing: nothing is held."""

    @property
    def holds_relay(self) -> bool:
        """False: nothing is held that others could use."""
        return False

    @property
    def is_waited_for(self) -> bool:
        """False: nobody waits for anything held here."""
        return False

    async def release_relay(self) -> None:
        """Do nothing: nothing is held that others could use."""

    async def abandon(self, by: By) -> None:
        """Do nothing: nothing was stored."""
