"""A connection to the recording relay."""

import asyncio
import base64
import binascii
import socket
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from tests.rig.client import RESET
from tests.rig.faults import Action, Stage, Then
from tests.rig.records import Connection, Transaction, address_of

if TYPE_CHECKING:
    from tests.rig.sink import RawSink

END_OF_DATA = b"\r\n.\r\n"


class Gone(Exception):
    """The client has disconnected, or we have hung up."""


class Session(asyncio.Protocol):
    """Speaks SMTP with a client, strictly: only CRLF ends a line."""

    task: asyncio.Task[None]
    connection: Connection
    transport: asyncio.Transport

    def __init__(self, sink: "RawSink") -> None:
        self.sink = sink
        self.transaction: Transaction | None = None
        self._input = bytearray()
        self._output = bytearray()
        self._said = b""
        self._lost = asyncio.get_running_loop().create_future()
        self._more: asyncio.Future[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._verbs: dict[bytes, Callable[[bytes], Awaitable[None]]] = {
            b"EHLO": self._ehlo,
            b"HELO": self._helo,
            b"STARTTLS": self._starttls,
            b"AUTH": self._auth,
            b"MAIL": self._mail,
            b"RCPT": self._rcpt,
            b"DATA": self._data,
            b"RSET": self._rset,
            b"NOOP": self._noop,
            b"QUIT": self._quit,
        }

    # The connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        if hasattr(self, "connection"):  # the same session, now inside TLS
            return
        self.connection = self.sink.opened(self)
        self._note_encryption()
        self.task = asyncio.get_running_loop().create_task(self._run())

    def data_received(self, data: bytes) -> None:
        self._input += data
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._lost.done():
            self._lost.set_result(None)
        self.connection.closed = time.monotonic()
        self._writable.set()
        self._wake()
        self.sink.closed(self)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def abort(self) -> None:
        """Break the connection."""
        self.transport.abort()

    def _wake(self) -> None:
        if self._more is not None and not self._more.done():
            self._more.set_result(None)

    def _note_encryption(self) -> None:
        self.connection.is_encrypted = self.transport.get_extra_info("ssl_object") is not None
        self.connection.certificate = self.transport.get_extra_info("peercert")

    # Reading and writing

    async def _read_more(self) -> None:
        self._flush()
        if self._lost.done() or self.transport.is_closing():
            raise Gone
        self._more = asyncio.get_running_loop().create_future()
        await self._more

    async def _read_until(self, mark: bytes) -> int:
        start = 0
        while (index := self._input.find(mark, start)) < 0:
            start = max(len(self._input) - len(mark) + 1, 0)
            await self._read_more()
        return index

    async def _read_line(self) -> bytes:
        end = await self._read_until(b"\r\n")
        line = bytes(self._input[:end])
        del self._input[: end + 2]
        return line

    def _write(self, data: bytes) -> None:
        self._output += data

    def _flush(self) -> None:
        if self._output and not self.transport.is_closing():
            self.transport.write(bytes(self._output))
        self._output.clear()

    async def _answer(self, stage: Stage, usual: bytes, address: bytes = b"") -> bytes:
        """Send the usual line, or do what the fault table says; return what was sent."""
        action = self.sink.faults.take(stage, address)
        if action is None:
            action = Action()
        return await self._act(action, usual + b"\r\n")

    async def _act(self, action: Action, usual: bytes) -> bytes:
        if action.wait:
            await self._pause(action.wait)
        if action.until is not None:
            await self._held(action.until)
        said = usual if action.send is None else action.send
        self._said = said
        self._write(said + action.more)
        if action.then is not Then.CONTINUE:
            await self._break(action.then, said)
        return said

    async def _pause(self, seconds: float) -> None:
        self._flush()
        await asyncio.wait({self._lost}, timeout=seconds)
        if self._lost.done():
            raise Gone

    async def _held(self, until: asyncio.Event) -> None:
        self._flush()
        free = asyncio.ensure_future(until.wait())
        await asyncio.wait({self._lost, free}, return_when=asyncio.FIRST_COMPLETED)
        free.cancel()
        if self._lost.done():
            raise Gone

    async def _break(self, then: Then, said: bytes) -> None:
        self._flush()
        match then:
            case Then.RESET:
                raw = self.transport.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                self.transport.abort()
            case Then.HANG:
                await self._lost
            case Then.REPEAT:
                while not self._lost.done():
                    self.transport.write(said)
                    await self._writable.wait()
                    await asyncio.sleep(0)
            case Then.CLOSE | Then.CONTINUE:
                pass
        raise Gone

    # The session

    async def _run(self) -> None:
        try:
            await self._answer("banner", self.sink.settings.banner)
            while True:
                line = await self._read_line()
                self.connection.commands.append(line)
                self.sink.changed()
                verb, _, argument = line.partition(b" ")
                await self._verbs.get(verb.upper(), self._unknown)(argument)
                self.sink.changed()
        except Gone:
            pass
        finally:
            self._flush()
            self.transport.close()

    async def _unknown(self, _: bytes) -> None:
        self._write(b"500 5.5.2 unknown command\r\n")

    async def _ehlo(self, argument: bytes) -> None:
        self.connection.ehlo = argument
        self.transaction = None
        lines = [b"sink.example", *self._extensions()]
        usual = b"".join(b"250-%s\r\n" % line for line in lines[:-1]) + b"250 " + lines[-1]
        await self._answer("EHLO", usual)

    def _extensions(self) -> list[bytes]:
        settings = self.sink.settings
        extensions = list(settings.extensions)
        if settings.tls == "starttls" and not self.connection.is_encrypted:
            extensions.append(b"STARTTLS")
        if settings.credentials:
            extensions.append(b"AUTH " + b" ".join(settings.mechanisms))
        return extensions

    async def _helo(self, argument: bytes) -> None:
        self.connection.ehlo = argument
        self.transaction = None
        await self._answer("EHLO", b"250 sink.example")

    async def _starttls(self, _: bytes) -> None:
        context = self.sink.settings.context
        if context is None or self.connection.is_encrypted:
            self._write(b"503 5.5.1 no TLS here\r\n")
            return
        said = await self._answer("STARTTLS", b"220 2.0.0 go ahead")
        if not said.startswith(b"220"):
            return
        self._flush()
        self._input.clear()  # nothing said before the handshake counts (RFC 3207, 4.2)
        try:
            transport = await asyncio.get_running_loop().start_tls(
                self.transport, self, context, server_side=True
            )
        except OSError:
            raise Gone from None
        if transport is None:
            raise Gone
        self.transport = transport
        self._note_encryption()

    async def _auth(self, argument: bytes) -> None:
        mechanism, _, initial = argument.partition(b" ")
        try:
            login, secret = await self._credentials(mechanism.upper(), initial)
        except (binascii.Error, ValueError):
            self._write(b"501 5.5.2 cannot decode\r\n")
            return
        good = bool(secret) and self.sink.settings.credentials.get(login) == secret
        usual = b"235 2.7.0 welcome" if good else b"535 5.7.8 wrong login or password"
        said = await self._answer("AUTH", usual)
        if said.startswith(b"235"):
            self.connection.login = login

    async def _credentials(self, mechanism: bytes, initial: bytes) -> tuple[bytes, bytes]:
        match mechanism:
            case b"PLAIN":
                _, login, secret = (await self._ask(initial, b"")).split(b"\0")
            case b"LOGIN":
                login = await self._ask(initial, b"Username:")
                secret = await self._ask(b"", b"Password:")
            case b"XOAUTH2":
                user, bearer, *_ = (await self._ask(initial, b"")).split(b"\1")
                login = user.removeprefix(b"user=")
                secret = bearer.removeprefix(b"auth=Bearer ")
            case _:
                raise ValueError(mechanism)
        return login, secret

    async def _ask(self, initial: bytes, challenge: bytes) -> bytes:
        if not initial:
            self._write(b"334 " + base64.b64encode(challenge) + b"\r\n")
            initial = await self._read_line()
        return base64.b64decode(initial, validate=True)

    # The transaction

    async def _mail(self, argument: bytes) -> None:
        if self.transaction is not None:
            self._write(b"503 5.5.1 one sender at a time\r\n")
            return
        if self.sink.settings.auth_required and not self.connection.login:
            self._write(b"530 5.7.0 log in first\r\n")
            return
        said = await self._answer("MAIL", b"250 2.1.0 sender ok", address_of(argument))
        if said.startswith(b"2"):
            self.transaction = Transaction(
                connection=self.connection, started=time.monotonic(), mail=argument
            )
            self.sink.transactions.append(self.transaction)

    async def _rcpt(self, argument: bytes) -> None:
        if self.transaction is None:
            self._write(b"503 5.5.1 MAIL first\r\n")
            return
        said = await self._answer("RCPT", b"250 2.1.5 recipient ok", address_of(argument))
        is_taken = said.startswith(b"2")
        (self.transaction.rcpts if is_taken else self.transaction.refused).append(argument)

    async def _data(self, _: bytes) -> None:
        transaction = self.transaction
        if transaction is None:
            self._write(b"503 5.5.1 MAIL first\r\n")
            return
        usual = b"354 go ahead" if transaction.rcpts else b"554 5.5.1 no valid recipients"
        said = await self._answer("DATA", usual)
        if not said.startswith(b"354"):
            return
        transaction.has_data = True
        self.sink.changed()
        await self._receive(transaction)
        await self._conclude(transaction)

    async def _conclude(self, transaction: Transaction) -> None:
        self._said = b""
        try:
            await self._answer("dot", b"250 2.0.0 taken as %d" % len(self.sink.messages))
        finally:
            self._flush()
            transaction.reply = self._said

    async def _receive(self, transaction: Transaction) -> None:
        self._input[:0] = b"\r\n"  # the line end of DATA can be part of an end of data
        try:
            await self._strike_content()
            end = await self._read_until(END_OF_DATA)
        except (Gone, asyncio.CancelledError):
            transaction.wire = bytes(self._input[2:])
            transaction.ended = time.monotonic()
            self.sink.changed()
            raise
        transaction.wire = bytes(self._input[2 : end + 2])
        del self._input[: end + len(END_OF_DATA)]
        transaction.has_dot = True
        transaction.ended = time.monotonic()
        self.transaction = None
        self.sink.messages.append(transaction)
        self.sink.changed()

    async def _strike_content(self) -> None:
        action = self.sink.faults.take("content")
        if action is None:
            return
        while len(self._input) - 2 < action.octets:
            await self._read_more()
        await self._act(action, b"")

    async def _rset(self, _: bytes) -> None:
        self.transaction = None
        await self._answer("RSET", b"250 2.0.0 reset")

    async def _noop(self, _: bytes) -> None:
        await self._answer("NOOP", b"250 2.0.0 ok")

    async def _quit(self, _: bytes) -> None:
        await self._answer("QUIT", b"221 2.0.0 bye")
        raise Gone
