"""A client in lockstep, for what smtp-source can't measure."""

import socket
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from benchmarks.load import RECIPIENT, SENDER
from benchmarks.processes import BenchmarkError

REPLY_LIMIT = 120.0
LINE = b"x" * 78 + b"\r\n"


class Client:
    """An SMTP connection that has said EHLO."""

    def __init__(self, port: int) -> None:
        self.connection = socket.create_connection(("127.0.0.1", port), timeout=REPLY_LIMIT)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.replies = self.connection.makefile("rb")
        self.expect(b"220")
        self.command(b"EHLO crm.bench.example", b"250")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _: TracebackType | None,
    ) -> None:
        self.replies.close()
        self.connection.close()

    def command(self, line: bytes, code: bytes) -> None:
        """Send a command and read its reply, which must have this code."""
        self.connection.sendall(line + b"\r\n")
        self.expect(code)

    def expect(self, code: bytes) -> None:
        """Read one reply; any other code ends the benchmark."""
        line = self.replies.readline()
        while line[3:4] == b"-":
            line = self.replies.readline()
        if not line.startswith(code):
            raise BenchmarkError(f"expected {code.decode()}, got {line!r}")

    def send(
        self,
        content: Iterable[bytes],
        *,
        recipient: str = RECIPIENT,
        header: bytes = b"Subject: bench\r\n\r\n",
        code: bytes = b"250",
    ) -> None:
        """Send a message; `content` consists of whole lines that don't start with a dot."""
        self.command(b"MAIL FROM:<%s>" % SENDER.encode(), b"250")
        self.command(b"RCPT TO:<%s>" % recipient.encode(), b"250")
        self.command(b"DATA", b"354")
        self.connection.sendall(header)
        for chunk in content:
            self.connection.sendall(chunk)
        self.command(b".", code)
