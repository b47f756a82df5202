"""One client's session (RFC 5321, 3.1): greeting, EHLO, STARTTLS, AUTH, its mails, QUIT.

    s: 220 gateway.example.org ESMTP
    c: EHLO crm.example.org
    s: 250-gateway.example.org
    s: 250-PIPELINING
    s: 250 SIZE 50000000
    c: MAIL FROM:<news@example.org>
    s: 250 2.1.0 Ok                  a transaction begins (`proxy_transaction.py`)
    c: RCPT TO:<ann@example.net>
    s: 250 2.1.5 Ok                  the relay's own reply
    c: DATA
    s: 354 End data with <CR><LF>.<CR><LF>
    c: (the mail)                    its content is read by the transaction
    c: .
    s: 250 2.0.0 Ok: queued as 4XZ1  the relay's reply again
    c: QUIT
    s: 221 2.0.0 Bye

This module handles what is the same for every mail; the transaction handles the mail itself. Errors
are counted over the whole session, so that a client that only makes errors is disconnected.

aiosmtpd 1.4.6 reads line by line through a `StreamReader`, sets up half a millisecond of tables per
connection, cancels the handler when the client leaves, and rewrites addresses: all that is replaced
here. What it does well is kept: the AUTH exchange, and STARTTLS, which discards earlier plain text.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
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
from gateway.smtp_proxy.body import BodyReader
from gateway.smtp_proxy.client_reader import (
    ClientGone,
    ClientReader,
    ClientSlow,
    LineTooLong,
    ListenerStopping,
)
from gateway.smtp_proxy.listener import Listener, Transaction
from gateway.smtp_proxy.message_answer import STOPPING, TOO_LARGE
from gateway.smtp_proxy.transaction_record import SmtpClient

log = logs.get("smtp_proxy")
logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd logs every command

COMMAND_SECONDS = 300.0  #: Between two commands (RFC 5321, 4.5.3.2.7).
STALL_SECONDS = 5.0  #: After which a client in a transaction gives up its relay connection.
CROWDED_STALL_SECONDS = 0.25  #: The same, while others wait for one.
MAX_ERRORS = 20  #: Without a successful message in between.
#: The same for recipients: lists of people have many that are no address.
MAX_BAD_RECIPIENTS = 1000
MAX_JUNK = 1000  #: NOOP, RSET, VRFY and the like without a message.
MAX_FAILED_LOGINS = 5
_MAX_BATCH = 200  #: RCPTs taken from the buffer at once.

_LINE_TOO_LONG = Reply.of("500 5.5.2 Line too long")
_BARE_NEWLINE = Reply.of("500 5.5.2 A command ends in CR LF")
_OK = b"250 2.0.0 Ok\r\n"
_SENDER_OK = b"250 2.1.0 Ok\r\n"
_GO_AHEAD = b"354 End data with <CR><LF>.<CR><LF>\r\n"
_WEB = frozenset((b"GET", b"POST", b"HEAD", b"PUT", b"CONNECT", b"OPTIONS", b"DELETE", b"PATCH"))
_BEFORE_TLS = frozenset((b"EHLO", b"HELO", b"LHLO", b"STARTTLS", b"NOOP", b"QUIT", b"RSET"))
_NOT_OFFERED = (b"EXPN", b"TURN", b"ETRN", b"BDAT", b"XCLIENT", b"XFORWARD")


class _SessionEnds(Exception):
    """The session is over; all replies have been sent."""


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
        self._transaction_in_data: Transaction | None = None  #: Whose content is being read.
        self._refused_data: Reply | None = (
            None  #: The refusal, if the last command was a refused DATA.
        )
        self._quiet_since: float | None = None  #: Since when a transaction has been idle.
        self._has_bare_newlines = False
        self._stopping = False

    # Called by the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin a session, or continue it inside TLS."""
        self.transport = cast(asyncio.Transport, transport)
        if self._original_transport is not None:
            self._client_reader.upgrade_to_tls(self.transport)
            self._tls, self._helo, self._login = True, None, None
            return
        self.session = Session(self.loop)
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if isinstance(peer, tuple) else "local"
        self._client_reader = ClientReader(self.transport, self.loop)
        self._reader = self._client_reader  # type: ignore[assignment]  # where AUTH reads
        refusal = self._listener.admit(self, self._peer)
        if refusal is not None:
            self.transport.write(refusal.octets)
            self.transport.close()
            return
        self._handler_coroutine = self.loop.create_task(self.converse())

    def data_received(self, data: bytes) -> None:
        """Buffer the data until somebody reads it."""
        self._client_reader.feed(data)

    def eof_received(self) -> bool:
        """Let buffered input be read and answered; the connection stays open for that."""
        self._client_reader.end(ClientGone())
        return not self._tls

    def connection_lost(self, error: Exception | None) -> None:
        """Inform the session; a relay's work for it continues."""
        if self._original_transport is not None:
            self._original_transport.close()
        self._client_reader.end(ClientGone(by_reset=error is not None))
        self._listener.forget_session(self)
        self.transport = None

    # Called by the worker

    def check(self, now: float) -> None:
        """End a wait that has lasted too long."""
        self._client_reader.check(now)

    def release_idle_relay(self, now: float) -> None:
        """Release an idle relay connection for others: soon if they are waiting, else later."""
        transaction = self._transaction or self._transaction_in_data
        if transaction is None or self._quiet_since is None:
            return
        seconds = CROWDED_STALL_SECONDS if transaction.is_waited_for else STALL_SECONDS
        if now - self._quiet_since > seconds and (
            transaction.is_waited_for or transaction.holds_relay
        ):
            self._listener.spawn(transaction.release_relay())

    def stop(self) -> None:
        """End the session once its client has nothing in progress: a transaction may reach its dot.

        A client that gets 421 to a RCPT may treat the recipients it named as failed: smtplib and
        Mailman do.
        """
        self._stopping = True
        if self._transaction is None and self._transaction_in_data is None:
            self.interrupt()

    def interrupt(self) -> None:
        """End the session at the next wait for the client, whatever is in progress."""
        self._client_reader.interrupt(ListenerStopping())

    @property
    def work(self) -> "asyncio.Task[None]":
        """Done when everything the session had in progress is finished."""
        assert self._handler_coroutine is not None
        return self._handler_coroutine

    # The session

    async def converse(self) -> None:
        """Greet, then answer command by command until QUIT, too many errors or disconnection."""
        try:
            await self._greet()
            while True:
                if self._stopping and self._transaction is None:
                    raise ListenerStopping
                self._client_reader.deadline = self.loop.time() + COMMAND_SECONDS
                try:
                    await self.command(await self._client_reader.line(MAX_COMMAND))
                    continue
                except CommandRefused as refused:
                    reply = refused.reply
                except LineTooLong:
                    reply = _LINE_TOO_LONG
                    # Within a transaction, only RCPT may be long.
                    if self._transaction is not None:
                        self._transaction.note_refused(None, reply)
                self._errors += 1
                self._write(reply.octets)
                self._limit()
        except _SessionEnds:
            pass
        except ClientGone:
            await self._abandon(By.CLIENT)
        except ClientSlow:
            await self._abandon(By.CLIENT)
            self._say("421 4.4.2 Too slow, closing the connection")
        except ListenerStopping:
            await self._abandon(By.GATEWAY)
            self._say(STOPPING.text)
        except Exception:
            log.exception("session_failed", listener=self._settings.name)
            await self._abandon(By.GATEWAY)
            self._say("421 4.3.0 Internal trouble; try again later")
        finally:
            if self.transport is not None:
                self.transport.close()

    async def _greet(self) -> None:
        greeting = await self._listener.greeting_in_time()
        self._write(greeting.octets)
        if greeting.code != 220:
            raise _SessionEnds

    async def command(self, line: bytes) -> None:
        """Answer one command, given as its line up to the LF; raise `CommandRefused`."""
        verb, _, argument = line.rstrip(b"\r").partition(b" ")
        verb = verb.upper()
        refused_data, self._refused_data = self._refused_data, None
        if refused_data is not None and b":" in verb:
            await self._pass_over_content(line, refused_data)
            return
        handler = COMMANDS.get(verb)
        if not line.endswith(b"\r"):
            # A bare LF ends no line (RFC 5321, 2.3.8), but some CRMs send it: accepted if the
            # settings allow it, and reported to the operator once per session.
            if not self._has_bare_newlines:
                self._has_bare_newlines = True
                log.warning("bare_newline", listener=self._settings.name, client=self._peer)
            if self._listener.is_strict:
                if verb == b"RCPT" and self._transaction is not None:
                    self._transaction.note_refused(argument, _BARE_NEWLINE)
                raise CommandRefused(_BARE_NEWLINE.text)
        if handler is None:
            if verb in _WEB:
                self._say("554 5.5.0 This is a mail server")
                raise _SessionEnds
            raise CommandRefused("500 5.5.2 Command not recognised")
        if self.tls_context is not None and not self._tls and verb not in _BEFORE_TLS:
            raise CommandRefused("530 5.7.0 Say STARTTLS first")
        await handler(self, argument)

    async def _pass_over_content(self, line: bytes, refusal: Reply) -> None:
        """Refuse a mail that is sent although DATA was refused; `line` is its first line.

        Perl's Mail::Mailer ignores the reply to DATA. The text must not be run as commands.
        """
        self._client_reader.give_back(line + b"\n")
        body = BodyReader(
            self._client_reader, max_size=self._listener.max_size, clock=self.loop.time
        )
        await body.drain()
        self._errors += 1
        self._write(refusal.octets)
        self._limit()

    def _limit(self) -> None:
        bad = self._bad_recipients > MAX_BAD_RECIPIENTS
        if self._errors > MAX_ERRORS or bad or self._junk > MAX_JUNK:
            self._say("421 4.7.0 Too many errors")
            raise _SessionEnds

    def _write_replies(self, replies: Sequence[Reply]) -> None:
        if len(replies) == 1:  # Nearly always.
            self._write(replies[0].octets)
        else:
            self._write(b"".join([reply.octets for reply in replies]))

    def _say(self, reply: str) -> None:
        self._write(encoded(reply))

    def _require(self, fulfilled: bool, reply: str) -> None:
        if not fulfilled:
            raise CommandRefused(reply)

    # The commands (RFC 5321, 4.1.1; RFC 2033; RFC 3207; RFC 4954)

    async def helo(self, name: bytes) -> None:
        """HELO: no extensions."""
        self._require(not self._settings.lmtp, "500 5.5.1 LMTP says LHLO (RFC 2033)")
        await self._greeted_by(name)
        self._extended = False
        self._say(f"250 {self._listener.hostname}")

    async def ehlo(self, name: bytes) -> None:
        """EHLO: the extensions that all relays behind this listener have, and ours."""
        self._require(not self._settings.lmtp, "500 5.5.1 LMTP says LHLO (RFC 2033)")
        await self._extensions_offered(name)

    async def lhlo(self, name: bytes) -> None:
        """LHLO: EHLO for LMTP listeners."""
        self._require(self._settings.lmtp, "500 5.5.1 SMTP says EHLO")
        await self._extensions_offered(name)

    async def _extensions_offered(self, name: bytes) -> None:
        await self._greeted_by(name)
        self._extended = True
        last = ""
        if self.tls_context is not None and not self._tls:
            last = "STARTTLS"
        elif self._settings.users is not None and self._may_log_in():
            last = "AUTH PLAIN LOGIN"
        self._write(self._listener.answer_to_ehlo(last))

    async def _greeted_by(self, name: bytes) -> None:
        hostname = name.strip()
        if not (
            hostname
            and len(hostname) <= 255
            # Windows computers with an umlaut in their name greet with it, so non-ASCII names are
            # allowed.
            and hostname.decode("ascii", "replace").isprintable()
        ):
            raise CommandRefused("501 5.5.4 Syntax: EHLO hostname")
        await self._abandon(By.CLIENT)  # Like RSET (RFC 5321, 4.1.4).
        self._helo = hostname

    async def starttls(self, argument: bytes) -> None:
        """STARTTLS (RFC 3207): what was known about the client before is forgotten."""
        self._require(self.tls_context is not None and not self._tls, "502 5.5.1 No STARTTLS here")
        await self._abandon(By.CLIENT)
        try:
            await self.smtp_STARTTLS(argument.decode("ascii", "replace") or None)
        except TLSSetupException as error:
            log.warning("tls_failed", listener=self._settings.name, reason=str(error.__cause__))
            raise _SessionEnds from error

    async def auth(self, argument: bytes) -> None:
        """AUTH PLAIN or LOGIN (RFC 4954): each wrong password is answered more slowly."""
        users = self._settings.users
        self._require(users is not None and self._extended, "502 5.5.1 No AUTH here")
        self._require(self._may_log_in(), "538 5.7.11 Encryption required")
        self._require(self._login is None, "503 5.5.1 Already authenticated")
        self._require(self._transaction is None, "503 5.5.1 Not within a transaction")
        credentials = await self.credentials(argument)
        if credentials is None:
            return
        assert users is not None
        self._login = await users.verify(credentials.login, credentials.password)
        if self._login is not None:
            self._say("235 2.7.0 Authentication successful")
            return
        self._failed_logins += 1
        self._listener.count_failed_login()
        await asyncio.sleep(min(self._failed_logins, MAX_FAILED_LOGINS))
        self._say("535 5.7.8 Authentication credentials invalid")
        if self._failed_logins >= MAX_FAILED_LOGINS:
            self._say("421 4.7.0 Too many failed logins")
            raise _SessionEnds

    def _may_log_in(self) -> bool:
        """Whether a password may be sent: without TLS, only on this machine."""
        return self._tls or self._peer in ("127.0.0.1", "::1")

    async def mail(self, argument: bytes) -> None:
        """MAIL FROM: a transaction begins; the relay gets it with the first recipient."""
        if self._helo is None:
            raise CommandRefused("503 5.5.1 Say EHLO first")
        if self._settings.users is not None and self._login is None:
            raise CommandRefused("530 5.7.0 Authentication required")
        if self._transaction is not None:
            raise CommandRefused("503 5.5.1 One MAIL at a time")
        sender = parse_mail(argument, self._listener.extensions if self._extended else frozenset())
        if sender.size is not None and sender.size > self._listener.max_size:
            raise CommandRefused(TOO_LARGE.text)
        client = _client(self._peer, self._helo, self._login, self._tls, self._extended)
        self._junk = 0
        self._transaction = self._listener.transaction(client, sender)
        self._write(_SENDER_OK)

    async def rcpt(self, argument: bytes) -> None:
        """RCPT TO, with all others in the same group (RFC 2920): one round trip to the relay."""
        transaction = self._transaction
        if transaction is None:
            raise CommandRefused("503 5.5.1 Say MAIL first")
        self._quiet_since = None
        extensions = self._listener.extensions if self._extended else frozenset()
        recipients: list[Recipient] = []
        refusals: list[
            tuple[int, Reply]
        ] = []  #: Refusals of malformed RCPTs, with their positions.
        while True:
            try:
                recipients.append(parse_rcpt(argument, extensions, utf8=transaction.utf8))
            except CommandRefused as refused:
                self._bad_recipients += 1
                transaction.note_refused(argument, refused.reply)
                refusals.append((len(recipients) + len(refusals), refused.reply))
            if (
                len(recipients) + len(refusals) >= _MAX_BATCH
                or not self._client_reader.has_pending
                or not self._client_reader.next_is(b"RCPT ", MAX_COMMAND)
            ):
                break
            argument = (await self._client_reader.line(MAX_COMMAND)).rstrip(b"\r")[5:]
        replies = await transaction.recipients(recipients) if recipients else []
        for place, reply in refusals:
            replies.insert(place, reply)
        self._write_replies(replies)
        self._quiet_since = self.loop.time()
        if refusals:
            self._limit()

    async def data(self, argument: bytes) -> None:
        """DATA: the transaction reads the content; its verdict is the reply.

        With LMTP there is a reply for each accepted recipient (RFC 2033, 4.2).
        """
        transaction = self._transaction
        if transaction is None:
            raise self._data_refused("503 5.5.1 Say MAIL and RCPT first")
        if argument.strip():
            raise self._data_refused("501 5.5.4 Syntax: DATA")
        if not transaction.has_recipients:
            # Repeat why nobody is left; that ends the transaction of a client that sends DATA
            # anyway. Swift Mailer does, and starts its next message without RSET.
            refusal = await transaction.refusal()
            if refusal is None:
                raise self._data_refused("554 5.5.1 No valid recipients")
            await self._abandon(By.CLIENT)
            self._refused_data = refusal
            self._write(refusal.octets)
            return
        self._write(_GO_AHEAD)
        self._transaction, self._transaction_in_data = None, transaction
        self._quiet_since = began = self.loop.time()
        try:
            answers = await transaction.content(self._client_reader)
        except BaseException:
            transaction.hang_up()
            raise
        finally:
            self._quiet_since = self._transaction_in_data = None
        self._write_replies(answers)
        if answers[0].positive or any(answer.positive for answer in answers):
            self._errors = self._bad_recipients = self._junk = 0
        self._listener.note_duration(self.loop.time() - began)

    def _data_refused(self, reply: str) -> CommandRefused:
        refused = CommandRefused(reply)
        self._refused_data = refused.reply
        return refused

    async def rset(self, _: bytes) -> None:
        """RSET: the transaction, if any, ends without content."""
        await self._abandon(By.CLIENT)
        self._idle(_OK)

    async def noop(self, _: bytes) -> None:
        """NOOP."""
        self._idle(_OK)

    async def vrfy(self, _: bytes) -> None:
        """VRFY: nothing is revealed about anybody (RFC 5321, 7.3)."""
        self._idle(b"252 2.1.5 Send some mail and see\r\n")

    async def help(self, _: bytes) -> None:
        """HELP."""
        self._idle(b"214 2.0.0 See RFC 5321\r\n")

    def _idle(self, reply: bytes) -> None:
        """Answer commands that don't advance a mail; too many in a row end the session."""
        self._junk += 1
        self._write(reply)
        self._limit()

    async def not_implemented(self, _: bytes) -> None:
        """Refuse commands that are known but not offered: ETRN, BDAT (RFC 3030), and risky ones."""
        raise CommandRefused("502 5.5.1 Command not implemented")

    async def quit(self, _: bytes) -> None:
        """QUIT."""
        await self._abandon(By.CLIENT)
        self._say("221 2.0.0 Bye")
        raise _SessionEnds

    async def _abandon(self, by: By) -> None:
        """End a transaction that is abandoned before its content."""
        self._quiet_since = None
        transaction, self._transaction = self._transaction, None
        if transaction is not None:
            await transaction.abandon(by)


@lru_cache(1024)
def _client(ip: str, helo: bytes, login: str | None, tls: bool, extended: bool) -> SmtpClient:
    """Return the client; all mails and connections of one program share the value."""
    return SmtpClient(
        ip=ip, helo=helo.decode("ascii", "replace"), login=login, tls=tls, extended=extended
    )


COMMANDS: dict[bytes, Callable[[GatewaySMTP, bytes], Awaitable[None]]] = {
    b"HELO": GatewaySMTP.helo,
    b"EHLO": GatewaySMTP.ehlo,
    b"LHLO": GatewaySMTP.lhlo,
    b"STARTTLS": GatewaySMTP.starttls,
    b"AUTH": GatewaySMTP.auth,
    b"MAIL": GatewaySMTP.mail,
    b"RCPT": GatewaySMTP.rcpt,
    b"DATA": GatewaySMTP.data,
    b"RSET": GatewaySMTP.rset,
    b"NOOP": GatewaySMTP.noop,
    b"VRFY": GatewaySMTP.vrfy,
    b"HELP": GatewaySMTP.help,
    b"QUIT": GatewaySMTP.quit,
    **dict.fromkeys(_NOT_OFFERED, GatewaySMTP.not_implemented),
}
