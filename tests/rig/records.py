"""The recording relay's records of each connection and transaction."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True, kw_only=True)
class Connection:
    """The record of a connection."""

    number: int
    opened: float  #: Monotonic seconds.
    closed: float | None = None
    ehlo: bytes = b""
    is_encrypted: bool = False
    certificate: dict[str, Any] | None = None  #: The client's, as returned by `ssl`.
    login: bytes = b""
    commands: list[bytes] = field(default_factory=list)  #: Every line except content, without CRLF.


@dataclass(slots=True, kw_only=True)
class Transaction:
    """An accepted MAIL and what followed it."""

    connection: Connection
    started: float  #: Monotonic seconds.
    mail: bytes  #: The octets after `MAIL `, e.g. `FROM:<a@example.org> SIZE=10`.
    rcpts: list[bytes] = field(default_factory=list)  #: Octets after `RCPT ` if accepted.
    refused: list[bytes] = field(default_factory=list)  #: The same if refused.
    wire: bytes = b""  #: The content as received, dots doubled, without the final `.CRLF`.
    has_data: bool = False  #: 354 was sent.
    has_dot: bool = False  #: The end of data came.
    reply: bytes = b""  #: The reply to it, with CRLF; empty if there was none.
    ended: float | None = None

    @property
    def sender(self) -> bytes:
        """The address of MAIL, without brackets."""
        return address_of(self.mail)

    @property
    def recipients(self) -> list[bytes]:
        """The addresses of accepted RCPTs, without brackets."""
        return [address_of(argument) for argument in self.rcpts]

    @property
    def content(self) -> bytes:
        """The content with dots undoubled (RFC 5321, 4.5.2)."""
        return (b"\r\n" + self.wire).replace(b"\r\n.", b"\r\n")[2:]

    @property
    def is_accepted(self) -> bool:
        return self.has_dot and self.reply.startswith(b"2")


def address_of(argument: bytes) -> bytes:
    """Return the text between the first `<` and the `>` before the parameters."""
    start = argument.find(b"<")
    end = argument.find(b"> ", start)
    if end < 0:
        end = argument.rfind(b">")
    return argument[start + 1 : end] if 0 <= start < end else argument
