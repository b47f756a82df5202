"""Recognising the same message in another transaction: a second chunk, a retry, a resent part."""

import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache

from gateway.core.mail.headers import Headers
from gateway.core.mail.message_ids import is_unfilled
from gateway.core.quick_values import quick_value

#: `<left@right>` of RFC 5322 (3.6.4), generously.
_MESSAGE_ID = re.compile(rb"<([^<>@\s]+)@([^<>\s]+)>\Z")
#: Fields added by servers on the way; they may differ from one transaction to the next.
_TRACE = frozenset(
    (
        "received", "return-path", "delivered-to", "x-original-to", "authentication-results",
        "dkim-signature", "received-spf",
    )
)  # fmt: skip


@quick_value()
class MessageIdentity:
    """What is equal in all transactions that carry the same message."""

    number: int  #: 63 bits.
    #: Whether the message has its own identifier; if not, a different one may look the same.
    is_own: bool

    def lookup_key(self, addresses: Iterable[str]) -> int:
        """Return the key to look up for a transaction with these recipients."""
        if self.is_own:
            return self.number
        return self._to(next(iter(addresses), ""))

    def stored_keys(self, addresses: Iterable[str]) -> tuple[int, ...]:
        """Return the keys to store for later transactions to any of these recipients."""
        if self.is_own:
            return (self.number,)
        return tuple(map(self._to, dict.fromkeys(addresses)))

    def _to(self, address: str) -> int:
        text = self.number.to_bytes(8) + address.encode("utf-8", "surrogateescape")
        return _hash(text)


def message_identity(
    sender: str, login: str | None, listener: str, headers: Headers
) -> MessageIdentity:
    """Return what identifies a message in any transaction.

    That is the envelope sender and the Message-ID, together with the login or, without one, the
    listener. Without a well-formed Message-ID, From, Subject and Date are used. If there is no Date
    either, as in mail from Python's smtplib, the whole header block is used, except for what
    servers added on the way. Then only a transaction to the same people is the same message,
    because a form that is filled in twice looks the same.
    """
    about = _program_of(sender, login, listener)
    ids = headers.raw("message-id")
    own = _MESSAGE_ID.match(ids[0]) if len(ids) == 1 else None
    if own and not (is_unfilled(own[1].decode("latin-1")) or is_unfilled(own[2].decode("latin-1"))):
        return MessageIdentity(_hash(b"%b\0%b" % (about, ids[0])), True)
    is_dated = any(headers.raw("date"))
    names = ["from", "subject", "date"] if is_dated else sorted(headers.names - _TRACE)
    fields = [part for name in names for part in (b"", name.encode(), *headers.raw(name))]
    return MessageIdentity(_hash(b"\0".join([about, *fields])), is_dated)


@lru_cache(1024)
def _program_of(sender: str, login: str | None, listener: str) -> bytes:
    """Return what identifies the sending program: the same for all its mails."""
    source = f"login {login}" if login is not None else f"listener {listener}"
    return f"{sender.casefold()}\0{source}".encode("utf-8", "surrogateescape")


def _hash(text: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) >> 1
