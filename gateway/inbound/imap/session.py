"""A session with a mailbox: its folders, the mails in them, and moving those on."""

import asyncio
import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO, Self

from aioimaplib.aioimaplib import Response

from gateway.core.batches import batched
from gateway.inbound.imap.answers import (
    as_text,
    code,
    fetched_items,
    moment,
    prefixes,
    server_words,
    text,
    uid_set,
    untagged,
)
from gateway.inbound.imap.idle import IdleEnd
from gateway.inbound.imap.login import connect, log_in
from gateway.inbound.imap.settings import MailboxRefuses, MailboxSettings
from gateway.inbound.imap.text import ImapValue, MailboxLost, decoded_name, encoded_name, quote
from gateway.inbound.imap.wire import Wire
from gateway.runtime.periodic import pause

PIECE = 1024 * 1024  #: Octets of a mail fetched at once.
_MOST = 200  #: Mails whose sizes are requested at once.


@dataclass(frozen=True, slots=True)
class MailSummary:
    """What the server says about a mail before it is fetched."""

    size: int  #: In octets, as the server says.
    arrived: datetime | None


class MailRefused(Exception):
    """The server won't return a mail; the text says why."""


class NotRemoved(MailboxRefuses):
    """A mail was copied to its target, but can't be removed from its folder."""

    def __init__(self, reason: str, place: tuple[int, int] | None = None) -> None:
        """`place` is UIDVALIDITY and UID of the copy, if the server returns them."""
        super().__init__("folder", reason)
        self.place = place


class TooLong(Exception):
    """A mail exceeds the size limit."""

    def __init__(self, length: int) -> None:
        super().__init__(f"{length} octets and more")
        self.length = length  #: How much of it was read, in octets.


class MailboxSession:
    """A logged-in connection. After `MailboxLost` it is unusable."""

    #: Servers may close a connection that idles for 30 minutes (RFC 2177).
    LONGEST_IDLE = timedelta(minutes=28)

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._prefix = ""
        self._delimiter = ""
        self._others: list[str] = []  # prefixes of namespaces other than the account's own
        self._folder = ""  # the open one
        self._can_mark = True  # whether its mail may be flagged as deleted
        self._idles = True

    @classmethod
    async def open(cls, settings: MailboxSettings) -> Self:
        """Connect and log in; raise `MailboxLost` or `MailboxRefuses` on failure."""
        wire = Wire(settings.patience.total_seconds(), largest=PIECE)
        try:
            await connect(wire, settings)
            await log_in(wire, settings)
            session = cls(wire)
            await session.find_root()
        except BaseException:
            wire.fail("given up")
            raise
        return session

    @property
    def news(self) -> asyncio.Event:
        """Set when something new is in the folder."""
        return self._wire.news

    @property
    def can_idle(self) -> bool:
        """Whether the server can announce new mail."""
        return self._idles and "IDLE" in self._wire.capabilities

    @property
    def is_courier(self) -> bool:
        """Whether the server is Courier, by its greeting; it looks for new mail at intervals."""
        return b"Courier-IMAP" in self._wire.greeting

    @property
    def can_move(self) -> bool:
        """Whether the server moves mails in one step (RFC 6851)."""
        return "MOVE" in self._wire.capabilities

    @property
    def can_expunge(self) -> bool:
        """Whether the server can expunge individual mails (RFC 4315)."""
        return "UIDPLUS" in self._wire.capabilities

    def forgo_idle(self) -> None:
        """Stop using IDLE: poll for new mail from now on."""
        self._idles = False

    async def close(self) -> None:
        """Log out, and close the connection whether or not that works."""
        with contextlib.suppress(MailboxLost, TimeoutError):
            async with asyncio.timeout(2):
                await self._wire.logout()
        self._wire.fail("closed")

    # Folders

    async def find_root(self) -> None:
        """Look up the prefixes of the account's own and other folders, and the delimiter."""
        if "NAMESPACE" in self._wire.capabilities:
            for namespaces in untagged(await self._wire.namespace(), "NAMESPACE"):
                match namespaces:
                    case [[[bytes(prefix), delimiter, *_], *_], *_]:
                        self._prefix = prefix.decode("ascii", "replace")
                        self._delimiter = text(delimiter)
                self._others = prefixes(namespaces)
        if not self._delimiter:
            for _, delimiter, _ in await self._list(""):
                self._delimiter = delimiter

    async def _list(self, pattern: str) -> list[tuple[list[ImapValue], str, str]]:
        """Return attributes, delimiter and name (in wire form) of folders."""
        answer = await self._wire.simple_command("LIST", quote(""), quote(pattern))
        folders = []
        for listed in untagged(answer, "LIST"):
            match listed:
                case [list(attributes), delimiter, name]:
                    folders.append((attributes, text(delimiter), text(name)))
        return folders

    def _wire_name(self, name: str) -> str:
        """Return a folder's name in wire form."""
        if name.upper() == "INBOX":
            return "INBOX"
        name = name.rstrip("/") or name
        if self._delimiter not in ("", "/"):
            name = name.replace("/", self._delimiter)
        own = encoded_name(name)
        # `Inbox.Done` is `INBOX.Done`: this one word is case-insensitive (RFC 3501, 5.1).
        if self._prefix.upper().startswith("INBOX") and own.upper().startswith(
            self._prefix.upper()
        ):
            own = self._prefix + own[len(self._prefix) :]
        is_complete = own.startswith((self._prefix, *self._others))
        return own if is_complete else self._prefix + own

    async def has_folder(self, name: str) -> bool:
        """Whether a folder exists and may hold mail."""
        written_name = self._wire_name(name)
        for attributes, _, listed in await self._list(written_name):
            if decoded_name(listed) == decoded_name(written_name):
                marks = {str(attribute).lower() for attribute in attributes}
                return not marks & {"\\noselect", "\\nonexistent"}
        return False

    async def make_folder(self, name: str) -> None:
        """Create a missing folder; raise `MailboxRefuses` on failure."""
        if await self.has_folder(name):
            return
        answer = await self._wire.simple_command("CREATE", quote(self._wire_name(name)))
        if answer.result != "OK" and not await self.has_folder(name):
            raise MailboxRefuses(
                "folder", f"can't create the folder {name!r}: {server_words(answer)}"
            )
        await self._wire.simple_command("SUBSCRIBE", quote(self._wire_name(name)))

    async def select(self, name: str) -> int | None:
        """Open a folder and return its UIDVALIDITY; None: its UIDs are only valid for this session.

        Raise `MailboxRefuses` if there is no such folder, or it is read-only.
        """
        answer = await self._wire.select(quote(self._wire_name(name)))
        if answer.result != "OK":
            raise MailboxRefuses(
                "folder", f"can't open the folder {name!r}: {server_words(answer)}"
            )
        if code(answer) == b"READ-ONLY":
            reason = f"has read-only access to the folder {name!r}, and can't move its mail"
            raise MailboxRefuses("folder", reason)
        said_of_it = as_text(answer)
        flags = re.search(rb"\[PERMANENTFLAGS \(([^)]*)\)\]", said_of_it, re.IGNORECASE)
        self._folder = name
        self._can_mark = flags is None or b"\\deleted" in flags[1].lower()
        uidvalidity = re.search(rb"\[UIDVALIDITY (\d+)\]", said_of_it, re.IGNORECASE)
        return int(uidvalidity[1]) if uidvalidity else None

    # Mails

    async def search(self) -> list[int]:
        """Return the UIDs of all mails not flagged as deleted, oldest first."""
        self.news.clear()
        await self._wire.simple_command("NOOP")
        answer = await self._wire.search("UNDELETED", charset=None, by_uid=True)
        if answer.result != "OK":  # a command that can't fail did
            self._wire.fail(server_words(answer))
            raise MailboxLost(server_words(answer))
        uids: set[int] = set()
        for numbers in untagged(answer, "SEARCH"):
            uids.update(
                int(number) for number in numbers if isinstance(number, str) and number.isdigit()
            )
        return sorted(uids)

    async def facts(self, uids: Sequence[int]) -> dict[int, MailSummary]:
        """Return a summary of each mail by UID; mails that are gone are missing."""
        summaries: dict[int, MailSummary] = {}
        for batch in batched(uids, _MOST):
            summaries |= await self._facts(batch)
        return summaries

    async def _facts(self, uids: Sequence[int]) -> dict[int, MailSummary]:
        """Return summaries; if the server refuses because of one mail, those of the others."""
        answer = await self._wire.fetch(
            uid_set(uids), "(UID RFC822.SIZE INTERNALDATE)", by_uid=True
        )
        if answer.result != "OK":
            half = len(uids) // 2
            return await self._facts(uids[:half]) | await self._facts(uids[half:]) if half else {}
        summaries: dict[int, MailSummary] = {}
        for items in fetched_items(answer):
            match items:
                case {"UID": str(uid), "RFC822.SIZE": str(size)} if (uid + size).isdigit():
                    summaries[int(uid)] = MailSummary(int(size), moment(items.get("INTERNALDATE")))
        return summaries

    async def fetch(self, uid: int, size: int, file: IO[bytes], most: int) -> int | None:
        """Write a mail to a file and return its length in octets; None if it is gone.

        Raise `TooLong` for more than `most` octets, `MailRefused` if the server refuses.
        """
        length = 0
        while True:
            piece = await self._piece(uid, "", length)
            if piece is None:
                return None
            file.write(piece)
            length += len(piece)
            if length > most:
                raise TooLong(length)
            if not piece or (len(piece) < PIECE and length >= size):
                return length

    async def header(self, uid: int, file: IO[bytes]) -> int | None:
        """Write the header of a mail to a file, up to a limit; None: the mail is gone."""
        piece = await self._piece(uid, "HEADER", 0)
        return None if piece is None else file.write(piece)

    async def _piece(self, uid: int, section: str, start: int) -> bytes | None:
        section_wanted = f"(UID BODY.PEEK[{section}]<{start}.{PIECE}>)"
        answer = await self._wire.fetch(str(uid), section_wanted, by_uid=True)
        if answer.result != "OK":
            raise MailRefused(server_words(answer))
        for items in fetched_items(answer):
            if items.get("UID") != str(uid):
                continue
            name = next((name for name in items if name.startswith(f"BODY[{section}]")), "")
            piece = items.get(name)
            if isinstance(piece, bytes):
                return piece
        return None

    async def move(self, uids: Sequence[int], folder: str) -> tuple[int, int] | None:
        """Move mails; raise `MailboxRefuses` on failure. Mails already gone are no failure.

        Return UIDVALIDITY and UID of one mail in its new place, if the server returns them (RFC
        4315). Raise `NotRemoved` if the mails are now in both folders.
        """
        if not (self.can_move or self._can_mark):
            raise MailboxRefuses("folder", self._may_not_remove())
        target = quote(self._wire_name(folder))
        answer = await self._transfer(uid_set(uids), target)
        if answer.result != "OK" and code(answer) == b"TRYCREATE":
            await self.make_folder(folder)
            answer = await self._transfer(uid_set(uids), target)
        if answer.result != "OK":
            raise MailboxRefuses("folder", f"can't move mail to {folder!r}: {server_words(answer)}")
        copied = re.search(rb"\[COPYUID (\d+) \S+ (\d+)\]", as_text(answer), re.IGNORECASE)
        place = (int(copied[1]), int(copied[2])) if copied else None
        if not self.can_move:
            await self.remove(uids, place)
        return place

    async def _transfer(self, uids: str, target: str) -> Response:
        if self.can_move:
            return await self._wire.move(uids, target, by_uid=True)
        return await self._wire.copy(uids, target, by_uid=True)

    async def remove(self, uids: Sequence[int], place: tuple[int, int] | None = None) -> None:
        """Remove mails copied to `place` from the folder; raise `NotRemoved` on failure.

        If the server can't expunge just these mails, they stay, flagged as deleted.
        """
        marked = await self._wire.store(uid_set(uids), "+FLAGS", "(\\Deleted)", by_uid=True)
        if marked.result != "OK":
            raise NotRemoved(f"{self._may_not_remove()}: {server_words(marked)}", place)
        for items in fetched_items(marked):
            # Servers answer OK even if the account may not set the flag, without setting it.
            flags = items.get("FLAGS")
            is_mail = str(items.get("UID", "")) in map(str, uids)
            if not (is_mail and isinstance(flags, list)):
                continue
            if "\\deleted" not in (str(flag).lower() for flag in flags):
                raise NotRemoved(self._may_not_remove(), place)
        # A plain EXPUNGE would also remove mails flagged by others, so it isn't used.
        if self.can_expunge:
            expunged = await self._wire.expunge(uid_set(uids), by_uid=True)
            if expunged.result != "OK":
                raise NotRemoved(f"{self._may_not_remove()}: {server_words(expunged)}", place)

    def _may_not_remove(self) -> str:
        return f"may not remove mail from the folder {self._folder!r}"

    async def check_rights(self, targets: Sequence[str]) -> None:
        """Raise `MailboxRefuses` if mail can't be moved from the open folder to those (RFC 4314).

        Without ACL, or for a folder that doesn't exist yet, a server reports no rights.
        """
        if not (self.can_move or self._can_mark):
            raise MailboxRefuses("folder", self._may_not_remove())
        if "ACL" not in self._wire.capabilities:
            return
        rights = await self._rights(self._folder)
        # Before RFC 4314, `d` stood for all rights to delete. Since then, servers list `d` along
        # with any one of these rights.
        told_apart = any(
            word.startswith("RIGHTS=") and "E" in word for word in self._wire.capabilities
        )
        if rights and ("e" if told_apart else "d") not in rights:
            reason = f"{self._may_not_remove()} (its rights there: {''.join(sorted(rights))})"
            raise MailboxRefuses("folder", reason)
        for target in targets:
            rights = await self._rights(target)
            if rights and "i" not in rights:
                reason = f"may not put mail into the folder {target!r}"
                rights_there = f"(its rights there: {''.join(sorted(rights))})"
                raise MailboxRefuses("folder", f"{reason} {rights_there}")

    async def _rights(self, folder: str) -> set[str]:
        """Return the account's rights in a folder, one letter each; empty if not reported."""
        command = self._wire.command("MYRIGHTS", quote(self._wire_name(folder)))
        answer = await self._wire.execute(command)
        if answer.result != "OK":
            return set()
        return {
            letter
            for listed in untagged(answer, "MYRIGHTS")
            if listed
            for letter in text(listed[-1])
        }

    async def wait(self, seconds: float, stopping: asyncio.Event) -> IdleEnd | None:
        """Wait until there is news, it is time to stop, or the time is up; return how IDLE ended.

        None if the server doesn't support IDLE.
        """
        if self.can_idle:
            longest = self.LONGEST_IDLE.total_seconds()
            began = self._wire.loop.time()
            self._idles = await self._wire.idle(min(seconds, longest), stopping)
            if self._idles:
                return IdleEnd(self._wire.has_news, self._wire.loop.time() - began)
            return None
        await pause(stopping, timedelta(seconds=seconds))
        return None
