"""A relay that accepts every mail and keeps it to itself."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_OFFERS = (b"relay.example", b"PIPELINING", b"8BITMIME", b"SMTPUTF8", b"SIZE", b"DSN")


@dataclass(slots=True)
class RelayedMail:
    """A mail the relay was given."""

    sender: str = ""
    recipients: list[str] = field(default_factory=list)
    content: bytes = b""


class DemoRelay(socketserver.ThreadingTCPServer):
    """An SMTP server on its own port (RFC 5321), for one `with` block."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _DemoSession)
        self.mails: list[RelayedMail] = []

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.server_address[1])


@contextmanager
def capturing_relay() -> Iterator[DemoRelay]:
    """Run a relay during the block."""
    with DemoRelay() as relay:
        thread = threading.Thread(target=relay.serve_forever, daemon=True)
        thread.start()
        try:
            yield relay
        finally:
            relay.shutdown()


def _path(line: bytes) -> str:
    """Return the address in a MAIL or RCPT command."""
    return line.partition(b"<")[2].partition(b">")[0].decode()


class _DemoSession(socketserver.StreamRequestHandler):
    server: DemoRelay
    _mail = RelayedMail()

    def handle(self) -> None:
        self._say(b"220 relay.example")
        for line in self.rfile:
            match line[:4].upper():
                case b"EHLO":
                    lines = [b"250-" + offer for offer in _OFFERS[:-1]]
                    self._say(b"\r\n".join([*lines, b"250 " + _OFFERS[-1]]))
                case b"MAIL":
                    self._mail = RelayedMail(sender=_path(line))
                    self._say(b"250 2.1.0 Ok")
                case b"RCPT":
                    self._mail.recipients.append(_path(line))
                    self._say(b"250 2.1.5 Ok")
                case b"DATA":
                    self._say(b"354 Go ahead")
                    self._mail.content = b"".join(iter(self.rfile.readline, b".\r\n"))
                    self.server.mails.append(self._mail)
                    self._say(b"250 2.0.0 Ok: queued as %d" % len(self.server.mails))
                case b"QUIT":
                    self._say(b"221 2.0.0 Bye")
                    return
                case _:
                    self._say(b"250 2.0.0 Ok")

    def _say(self, text: bytes) -> None:
        self.wfile.write(text + b"\r\n")
