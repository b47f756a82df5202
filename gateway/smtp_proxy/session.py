"""aiosmtpd's SMTP for one connection: its AUTH and STARTTLS, with verbs and reading of our own.

aiosmtpd 1.4.6 reads line by line through a `StreamReader`, sets up half a millisecond of tables per
connection, cancels the handler when the client leaves, and rewrites addresses: all that is replaced
here. What it does well stays: the AUTH exchange, and STARTTLS with its discarded plain text.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import cast

from aiosmtpd.smtp import Session, TLSSetupException

from gateway import logs
from gateway.core.kinds import By
from gateway.core.mail.envelope import (
    MAX_COMMAND,
    CommandRefused,
    Recipient,
    parse_mail,
    parse_rcpt,
)
from gateway.core.mail.reply import Reply, encoded
from gateway.smtp_proxy.auth_exchange import AuthExchange
from gateway.smtp_proxy.client_reader import (
    ClientGone,
    ClientReader,
    ClientSlow,
    LineTooLong,
    ListenerStopping,
)
from gateway.smtp_proxy.listener import Listener, Transaction
from gateway.smtp_proxy.transaction_record import Client

log = logs.get("smtp_proxy")
logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd logs every command

COMMAND_SECONDS = 300.0  #: Between two commands (RFC 5321, 4.5.3.2.7).
STALL_SECONDS = 5.0  #: After which a client in a transaction gives the relay connection back.
CROWDED_STALL_SECONDS = 0.25  #: The same, while others wait for one.
MAX_ERRORS = 20  #: Without a message that went well between.
MAX_BAD_RECIPIENTS = 1000  #: The same of recipients: lists of people have many that are no address.
MAX_JUNK = 1000  #: NOOP, RSET, VRFY and the like without a message.
_MAX_BATCH = 200  #: RCPTs taken from the buffer at once.

_LINE_TOO_LONG = Reply.of("500 5.5.2 Line too long")
_BARE_NEWLINE = Reply.of("500 5.5.2 A command ends in CR LF")
_OK = b"250 2.0.0 Ok\r\n"
_SENDER_OK = b"250 2.1.0 Ok\r\n"
_GO_AHEAD = b"354 End data with <CR><LF>.<CR><LF>\r\n"
_WEB = frozenset((b"GET", b"POST", b"HEAD", b"PUT", b"CONNECT", b"OPTIONS", b"DELETE", b"PATCH"))
_BEFORE_TLS = frozenset((b"EHLO", b"HELO", b"LHLO", b"STARTTLS", b"NOOP", b"QUIT", b"RSET"))
_REFUSED = (b"EXPN", b"TURN", b"ETRN", b"BDAT", b"XCLIENT", b"XFORWARD")


class _Closing(Exception):
    """The session is over; everything has been said."""


class GatewaySMTP(AuthExchange):
    """One client's connection."""

    def __init__(self, listener: Listener) -> None:
        self.loop = asyncio.get_running_loop()
        self.transport: asyncio.Transport | None = None
        self.session: Session | None = None
        self._listener = listener
        self._client_reader: ClientReader
        self._settings = listener.settings
        self.tls_context = (
            listener.settings.context if listener.settings.tls == "starttls" else None
        )
        self._tls_protocol = None
        self._original_transport = None
        self._tls = listener.settings.tls == "implicit"
        self._login: str | None = None
        self._helo: bytes | None = None
        self._extended = False
        self._transaction: Transaction | None = None
        self._errors = self._bad_recipients = self._junk = self._failed_logins = 0
        self._taking: Transaction | None = None  #: Whose content is coming in.
        self._quiet_since: float | None = None  #: Since when a transaction stands still.
        self._sloppy = False

    # What the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin a session, or go on with it inside TLS."""
        self.transport = cast(asyncio.Transport, transport)
        if self._original_transport is not None:
            self._client_reader.upgraded(self.transport)
            self._tls, self._helo, self._login = True, None, None
            return
        self.session = Session(self.loop)
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if isinstance(peer, tuple) else "local"
        self._client_reader = ClientReader(self.transport, self.loop)
        self._reader = self._client_reader  # type: ignore[assignment]  # where AUTH reads
        refusal = self._listener.admit(self, self._peer)
        if refusal is not None:
            self.transport.write(refusal.encode())
            self.transport.close()
            return
        self._handler_coroutine = self.loop.create_task(self._handle_client())

    def data_received(self, data: bytes) -> None:
        """Keep what has come until somebody reads it."""
        self._client_reader.feed(data)

    def eof_received(self) -> bool:
        """Let what has come be read and answered; the connection stays open for that."""
        self._client_reader.end(ClientGone())
        return not self._tls

    def connection_lost(self, error: Exception | None) -> None:
        """Tell the session; what a relay is doing for it goes on."""
        if self._original_transport is not None:
            self._original_transport.close()
        self._client_reader.end(ClientGone(by_reset=error is not None))
        self._listener.left(self)
        self.transport = None

    # What the worker calls

    def check(self, now: float) -> None:
        """End a wait that has lasted too long."""
        self._client_reader.check(now)

    def make_way(self, now: float) -> None:
        """Let others use a relay that stands by: soon where they wait for it, else later."""
        transaction = self._transaction or self._taking
        if transaction is None or self._quiet_since is None:
            return
        seconds = CROWDED_STALL_SECONDS if transaction.is_in_the_way else STALL_SECONDS
        if now - self._quiet_since > seconds and (
            transaction.is_in_the_way or transaction.stands_by
        ):
            self._listener.spawn(transaction.step_aside())

    def stop(self) -> None:
        """End the session at the next wait for the client."""
        self._client_reader.interrupt(ListenerStopping())

    @property
    def work(self) -> "asyncio.Task[None]":
        """Ends when everything the session had in hand is finished."""
        assert self._handler_coroutine is not None
        return self._handler_coroutine

    # The session

    async def _handle_client(self) -> None:
        try:
            await self._converse()
        except _Closing:
            pass
        except ClientGone:
            await self._abandon(By.CLIENT)
        except ClientSlow:
            await self._abandon(By.CLIENT)
            self._say("421 4.4.2 Too slow, closing the connection")
        except ListenerStopping:
            await self._abandon(By.GATEWAY)
            self._say("421 4.3.2 The gateway is stopping; try again later")
        except Exception:
            log.exception("session_failed", listener=self._settings.name)
            await self._abandon(By.GATEWAY)
            self._say("421 4.3.0 Internal trouble; try again later")
        finally:
            if self.transport is not None:
                self.transport.close()

    async def _converse(self) -> None:
        greeting = self._listener.greeting()
        self._write(greeting.encode())
        if greeting.code != 220:
            raise _Closing
        while True:
            self._client_reader.deadline = self.loop.time() + COMMAND_SECONDS
            try:
                await self._command(await self._client_reader.line(MAX_COMMAND))
            except LineTooLong:
                if (
                    self._transaction is not None
                ):  # Of what a client says here RCPT alone may be long.
                    self._transaction.refused(None, _LINE_TOO_LONG)
                self._error(_LINE_TOO_LONG.text)

    async def _command(self, line: bytes) -> None:
        verb, _, argument = line.rstrip(b"\r").partition(b" ")
        verb = verb.upper()
        handler = _VERBS.get(verb)
        if not line.endswith(b"\r") and self._refuses_bare_newline():
            if verb == b"RCPT" and self._transaction is not None:
                self._transaction.refused(argument, _BARE_NEWLINE)
            self._error(_BARE_NEWLINE.text)
        elif handler is None:
            self._unknown(verb)
        elif self.tls_context is not None and not self._tls and verb not in _BEFORE_TLS:
            self._error("530 5.7.0 Say STARTTLS first")
        else:
            try:
                await handler(self, argument)
            except CommandRefused as refused:
                self._errors += 1
                self._write(refused.reply.encode())
                self._limit()

    def _refuses_bare_newline(self) -> bool:
        if not self._sloppy:
            self._sloppy = True
            log.warning("bare_newline", listener=self._settings.name, client=self._peer)
        return self._listener.strict

    def _unknown(self, verb: bytes) -> None:
        if verb in _WEB:
            self._say("554 5.5.0 This is a mail server")
            raise _Closing
        self._error("500 5.5.2 Command not recognised")

    def _error(self, reply: str) -> None:
        self._errors += 1
        self._say(reply)
        self._limit()

    def _limit(self) -> None:
        bad = self._bad_recipients > MAX_BAD_RECIPIENTS
        if self._errors > MAX_ERRORS or bad or self._junk > MAX_JUNK:
            self._say("421 4.7.0 Too many errors")
            raise _Closing

    def _say(self, reply: str) -> None:
        self._write(encoded(reply))

    # Verbs

    async def _helo_verb(self, name: bytes) -> None:
        self._require(not self._settings.lmtp, "500 5.5.1 LMTP says LHLO (RFC 2033)")
        await self._greeted(name)
        self._extended = False
        self._say(f"250 {self._listener.hostname}")

    async def _ehlo_verb(self, name: bytes) -> None:
        self._require(not self._settings.lmtp, "500 5.5.1 LMTP says LHLO (RFC 2033)")
        await self._hello(name)

    async def _lhlo_verb(self, name: bytes) -> None:
        self._require(self._settings.lmtp, "500 5.5.1 SMTP says EHLO")
        await self._hello(name)

    async def _hello(self, name: bytes) -> None:
        await self._greeted(name)
        self._extended = True
        lines = [self._listener.hostname, *self._listener.offers()]
        if self.tls_context is not None and not self._tls:
            lines.append("STARTTLS")
        elif self._settings.users is not None and self._may_log_in():
            lines.append("AUTH PLAIN LOGIN")
        self._write(Reply(250, tuple(lines)).encode())

    async def _greeted(self, name: bytes) -> None:
        word = name.strip()
        if not word or len(word) > 255 or not word.isascii() or not word.decode().isprintable():
            raise CommandRefused("501 5.5.4 Syntax: EHLO hostname")
        await self._abandon(By.CLIENT)
        self._helo = word

    def _may_log_in(self) -> bool:
        """Passwords travel in the clear on this machine only."""
        return self._tls or self._peer in ("127.0.0.1", "::1")

    async def _mail_verb(self, argument: bytes) -> None:
        self._require(self._helo is not None, "503 5.5.1 Say EHLO first")
        if self._settings.users is not None and self._login is None:
            raise CommandRefused("530 5.7.0 Authentication required")
        self._require(self._transaction is None, "503 5.5.1 One MAIL at a time")
        sender = parse_mail(argument, self._listener.extensions if self._extended else frozenset())
        if sender.size is not None and sender.size > self._listener.max_size:
            raise CommandRefused("552 5.3.4 The message is too large")
        client = Client(
            ip=self._peer,
            helo=(self._helo or b"").decode("ascii"),
            login=self._login,
            tls=self._tls,
            extended=self._extended,
        )
        self._junk = 0
        self._transaction = self._listener.transaction(client, sender)
        self._write(_SENDER_OK)

    async def _rcpt_verb(self, argument: bytes) -> None:
        self._require(self._transaction is not None, "503 5.5.1 Say MAIL first")
        self._quiet_since = None
        batch: list[Recipient | Reply] = [self._recipient(argument)]
        while len(batch) < _MAX_BATCH and self._client_reader.next_is(b"RCPT ", MAX_COMMAND):
            line = (await self._client_reader.line(MAX_COMMAND)).rstrip(b"\r")
            batch.append(self._recipient(line[5:]))
        good = [one for one in batch if isinstance(one, Recipient)]
        answers = iter(await self._transacting.recipients(good) if good else ())
        replies = (next(answers) if isinstance(one, Recipient) else one for one in batch)
        self._write(b"".join(reply.encode() for reply in replies))
        self._quiet_since = self.loop.time()
        self._limit()

    def _recipient(self, argument: bytes) -> Recipient | Reply:
        extensions = self._listener.extensions if self._extended else frozenset()
        try:
            return parse_rcpt(argument, extensions, utf8=self._transacting.utf8)
        except CommandRefused as refused:
            self._bad_recipients += 1
            self._transacting.refused(argument, refused.reply)
            return refused.reply

    @property
    def _transacting(self) -> Transaction:
        assert self._transaction is not None
        return self._transaction

    async def _data_verb(self, argument: bytes) -> None:
        self._require(self._transaction is not None, "503 5.5.1 Say MAIL and RCPT first")
        self._require(not argument.strip(), "501 5.5.4 Syntax: DATA")
        transaction = self._transacting
        if not transaction.has_recipients:
            await self._no_recipients(transaction)
            return
        self._write(_GO_AHEAD)
        self._transaction, self._taking = None, transaction
        self._quiet_since = began = self.loop.time()
        try:
            answers = await transaction.content(self._client_reader)
        except BaseException:
            transaction.hang_up()
            raise
        finally:
            self._quiet_since = self._taking = None
        self._write(b"".join(answer.encode() for answer in answers))
        if any(answer.positive for answer in answers):
            self._errors = self._bad_recipients = self._junk = 0
        self._listener.took(self.loop.time() - began)

    async def _no_recipients(self, transaction: Transaction) -> None:
        """Say once more why nobody is left; a client that says DATA all the same is done then.

        Swift Mailer does, and begins its next message without RSET.
        """
        refusal = await transaction.refusal()
        if refusal is None:
            raise CommandRefused("554 5.5.1 No valid recipients")
        await self._abandon(By.CLIENT)
        self._write(refusal.encode())

    async def _rset_verb(self, _: bytes) -> None:
        await self._abandon(By.CLIENT)
        self._junk_said(_OK)

    async def _noop_verb(self, _: bytes) -> None:
        self._junk_said(_OK)

    async def _vrfy_verb(self, _: bytes) -> None:
        self._junk_said(b"252 2.1.5 Send some mail and see\r\n")

    async def _help_verb(self, _: bytes) -> None:
        self._junk_said(b"214 2.0.0 See RFC 5321\r\n")

    async def _refused_verb(self, _: bytes) -> None:
        self._error("502 5.5.1 Command not implemented")

    async def _quit_verb(self, _: bytes) -> None:
        await self._abandon(By.CLIENT)
        self._say("221 2.0.0 Bye")
        raise _Closing

    def _junk_said(self, reply: bytes) -> None:
        self._junk += 1
        self._write(reply)
        self._limit()

    async def _starttls_verb(self, argument: bytes) -> None:
        self._require(self.tls_context is not None and not self._tls, "502 5.5.1 No STARTTLS here")
        await self._abandon(By.CLIENT)
        try:
            await self.smtp_STARTTLS(argument.decode("ascii", "replace") or None)
        except TLSSetupException as error:
            log.warning("tls_failed", listener=self._settings.name, reason=str(error.__cause__))
            raise _Closing from error

    async def _auth_verb(self, argument: bytes) -> None:
        users = self._settings.users
        self._require(users is not None and self._extended, "502 5.5.1 No AUTH here")
        self._require(self._may_log_in(), "538 5.7.11 Encryption required")
        self._require(self._login is None, "503 5.5.1 Already authenticated")
        self._require(self._transaction is None, "503 5.5.1 Not within a transaction")
        if (given := await self._credentials(argument)) is None:
            return
        assert users is not None
        self._login = await users.verify(given.login, given.password)
        if self._login is None:
            await self._wrong_password()
        else:
            self._say("235 2.7.0 Authentication successful")

    async def _wrong_password(self) -> None:
        self._failed_logins += 1
        self._listener.failed_login()
        await asyncio.sleep(min(self._failed_logins, 5))
        self._say("535 5.7.8 Authentication credentials invalid")
        if self._failed_logins >= 5:
            self._say("421 4.7.0 Too many failed logins")
            raise _Closing

    def _require(self, fulfilled: bool, reply: str) -> None:
        if not fulfilled:
            raise CommandRefused(reply)

    # A transaction that is given up, or only stands still

    async def _abandon(self, by: By) -> None:
        self._quiet_since = None
        transaction, self._transaction = self._transaction, None
        if transaction is not None:
            await transaction.abandon(by)


_Verb = Callable[[GatewaySMTP, bytes], Awaitable[None]]
_VERBS: dict[bytes, _Verb] = {
    b"HELO": GatewaySMTP._helo_verb,
    b"EHLO": GatewaySMTP._ehlo_verb,
    b"LHLO": GatewaySMTP._lhlo_verb,
    b"MAIL": GatewaySMTP._mail_verb,
    b"RCPT": GatewaySMTP._rcpt_verb,
    b"DATA": GatewaySMTP._data_verb,
    b"RSET": GatewaySMTP._rset_verb,
    b"NOOP": GatewaySMTP._noop_verb,
    b"VRFY": GatewaySMTP._vrfy_verb,
    b"HELP": GatewaySMTP._help_verb,
    b"QUIT": GatewaySMTP._quit_verb,
    b"STARTTLS": GatewaySMTP._starttls_verb,
    b"AUTH": GatewaySMTP._auth_verb,
    **dict.fromkeys(_REFUSED, GatewaySMTP._refused_verb),
}
