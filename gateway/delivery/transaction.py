"""One mail transaction with a relay, from MAIL to the verdict.

    add(ann, bob)          MAIL FROM, RCPT ann, RCPT bob     one write; a reply for each
    add(clo)               RCPT clo
    keep(ann, clo)         RSET, MAIL FROM, RCPT ann, RCPT clo     without Bob, who gets nothing
    begin_content()        DATA, and the relay's 354
    write(…), drain()      the content
    finish(…)              the rest and the dot; the relay's verdict, or `Lost`

An idle connection may have been closed, or may be closed at the next command (421), or may have
carried as many mails as the relay accepts (OpenSMTPD: 452 to the 101st MAIL): the commands are then
repeated on another one, because the relay has not seen any content. Once content has started,
nothing is repeated.

Recipients are offered on one of three connections (`_offer`, `_connect`, `_say`):

    held by this transaction     RCPT clo                              `add`: only what is missing
                                 RSET, MAIL, RCPT ann, RCPT clo        `keep`: again, so `rewind`
    idle, from the pool          MAIL, RCPT …; closed: again on the next
    not idle (`fresh`)           the same if others have used it, four times at most
                                 new: MAIL, RCPT …; closed: the relay is lost, 451

If the connection was released for others in the meantime (`end`), the recipients already accepted
are repeated before new ones: `add` offers all of them, and its answers are the last ones.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

from gateway.core.mail.envelope import Recipient, Sender
from gateway.core.mail.reply import Reply
from gateway.delivery import replies
from gateway.delivery.connection import RelayConnection, RelayLost, RelayRefuses, RelaySilent
from gateway.delivery.pool import Pool, RelayBusy

DOT = b".\r\n"
#: Connections over which the recipients are offered: a no to MAIL may be about the connection,
#: which others have used (OpenSMTPD's 452), but also about the sender.
_MOST_TRIES = 4


@dataclass(frozen=True, slots=True)
class Lost:
    """The relay was reached but gave no answer: nobody knows."""

    why: str
    may_come: bool  #: Whether `late_verdict` may still return one.


class RelayTransaction:
    """A transaction that asks the relay live and can drop recipients before the content."""

    def __init__(self, pool: Pool, sender: Sender) -> None:
        self._pool = pool
        self.settings = pool.settings  #: The relay's.
        self._sender = sender
        self._connection: RelayConnection | None = None
        self._recipients: list[Recipient] = []
        self._mail_given = False
        self._content_begun = False
        self._budget = pool.settings.budget.total_seconds()
        self._spent = 0.0  # seconds of the budget used while the client waits for the verdict
        self._deadline = 0.0  # by `monotonic`, for the current step

    @property
    def recipients(self) -> list[Recipient]:
        """Those the relay has accepted in this transaction."""
        return self._recipients

    @property
    def is_open(self) -> bool:
        """Whether a relay connection is held at the moment."""
        return self._connection is not None

    @property
    def is_crowded(self) -> bool:
        """Whether others are waiting for a connection to the relay."""
        return self._pool.is_crowded

    async def add(self, recipients: Sequence[Recipient]) -> list[Reply]:
        """Offer recipients to the relay; return the reply to the client for each.

        MAIL is sent with the first of them in one write; if it is refused, each gets that refusal.
        """
        if self._connection is None and self._recipients:
            answers = await self._offer([*self._recipients, *recipients], again=True)
            earlier, answers = answers[: -len(recipients)], answers[-len(recipients) :]
            if not all(reply.positive for reply in earlier):
                self.hang_up()  # The client was promised all of them: offer them again at DATA.
        else:
            answers = await self._offer(recipients, again=False)
        pairs = zip(recipients, answers, strict=True)
        self._recipients += [recipient for recipient, reply in pairs if reply.positive]
        return answers

    async def keep(self, recipients: Sequence[Recipient]) -> Reply | None:
        """Start over with only these recipients; return a reply if the transaction must end."""
        self._recipients = list(recipients)
        began = monotonic()
        answers = await self._offer(recipients, again=True)
        self._spent += monotonic() - began
        temporary = next((reply for reply in answers if 400 <= reply.code < 500), None)
        refused = [reply for reply in answers if not reply.positive]
        if temporary or not refused:
            return temporary
        # A 5xx would be permanent even for recipients the relay still accepts.
        return refused[0] if len(refused) == len(answers) else replies.TRY_LATER

    async def _offer(self, recipients: Sequence[Recipient], *, again: bool) -> list[Reply]:
        """Return a reply for each; `again`: the transaction starts over with these."""
        self._deadline = monotonic() + self._budget - self._spent
        held = self._connection
        try:
            connection = held or self._idle_now() or await self._connect()
            tries = 0
            while True:
                tries += 1
                is_used = held is None and connection.served > 0
                may_be_closed = is_used and tries < _MOST_TRIES
                try:
                    rewind = again and held is not None
                    answers = await self._say(connection, recipients, rewind=rewind)
                    if self._connection is not None or not may_be_closed:
                        return answers
                except RelayLost:
                    self.hang_up()
                    if not may_be_closed:
                        raise
                # The relay had closed it, or wants no more on it: again on another one, which may
                # have carried as many mails.
                connection = await self._connect(fresh=True)
        except RelayBusy:
            reply = replies.BUSY
        except RelayLost:
            reply = replies.TRY_LATER
        except RelayRefuses as error:
            # Trouble before MAIL is between the gateway and the relay: the CRM retries later.
            text = f"4.3.5 The relay refuses the gateway at {error.stage}: {error.reply.lines[0]}"
            is_tls = error.stage in ("STARTTLS", "TLS")
            reply = replies.TLS_FAILED if is_tls else Reply(451, (text[:500],))
        return [reply] * len(recipients)

    def _idle_now(self) -> RelayConnection | None:
        self._connection, self._mail_given = self._pool.idle_now(), False
        return self._connection

    async def _connect(self, *, fresh: bool = False) -> RelayConnection:
        seconds = self._deadline - monotonic()
        self._connection = await self._pool.acquire(seconds, fresh=fresh)
        self._mail_given = False
        return self._connection

    async def _say(
        self, connection: RelayConnection, recipients: Sequence[Recipient], *, rewind: bool
    ) -> list[Reply]:
        needs = self._sender.needs
        for recipient in recipients:
            needs |= recipient.needs
        if needs and not needs.issubset(connection.extensions):
            return [replies.NO_LONGER_OFFERED] * len(recipients)
        lead = [b"RSET\r\n"] if rewind else []
        if rewind or not self._mail_given:
            lead.append(b"MAIL FROM:%s\r\n" % self._sender.argument)
        lines = [b"RCPT TO:%s\r\n" % recipient.argument for recipient in recipients]
        answers = await connection.commands([*lead, *lines], self._deadline - monotonic())
        if not [reply for reply in answers if not reply.positive]:  # Nearly always.
            self._mail_given = True
            return answers[len(lead) :]
        refused = next((reply for reply in answers[: len(lead)] if not reply.positive), None)
        self._mail_given = refused is None
        rcpt_replies = [refused] * len(lines) if refused else answers[len(lead) :]
        has_had_enough = refused is not None and refused.code < 500 and connection.served > 0
        if has_had_enough or any(reply.code == 421 for reply in answers):
            self.hang_up()
        stage = "RCPT" if refused is None else "MAIL"
        return [self._for_client(stage, reply) for reply in rcpt_replies]

    def spend(self, seconds: float) -> None:
        """Deduct from the budget what the client has spent waiting for something else."""
        self._spent += seconds

    async def begin_content(self) -> Reply | None:
        """Send DATA; return a reply if the transaction must end, else None: content may be sent."""
        if self._connection is None:
            refused = await self.keep(self._recipients)
            if refused is not None or self._connection is None:
                return refused or replies.TRY_LATER
        began = monotonic()
        try:
            reply = await self._connection.command(b"DATA\r\n", self._budget - self._spent)
        except RelayLost:
            self.hang_up()
            return replies.TRY_LATER
        self._spent += monotonic() - began
        if reply.code == 354:
            self._content_begun = True
            return None
        self.hang_up()
        client_reply = self._for_client("DATA", reply)
        return replies.OUR_FAULT if client_reply.positive else client_reply

    def _for_client(self, stage: str, reply: Reply) -> Reply:
        patterns = self._pool.settings.our_fault
        if replies.is_our_fault(reply, patterns, stage=stage):
            self._pool.report_refusal(stage, reply)
        return replies.for_client(reply, patterns, stage=stage)

    def write(self, octets: bytes) -> None:
        """Send some content."""
        if self._connection is not None:
            self._connection.write(octets)

    async def drain(self) -> Reply | None:
        """Wait until the relay keeps up; return its refusal, or another 451, to end the content.

        A refusal before the dot is the relay's verdict: it may have been full, or shutting down, or
        tired of a slow client. A positive reply to half a mail counts for nothing.
        """
        if self._connection is None:
            return replies.TRY_LATER
        try:
            await self._connection.drain(self._budget)
        except RelayLost:
            refusal = self._connection.refusal
            self.hang_up()
            return refusal or replies.TRY_LATER
        return None

    async def finish(self, octets: bytes) -> Reply | Lost:
        """Send the rest of the content and the final dot; wait for the verdict.

        No dot is sent once the budget is used up. After `Lost` the verdict may still come:
        `late_verdict` keeps listening.
        """
        left = self._budget - self._spent
        if self._connection is None or not self._connection.may_be_written:
            began = monotonic()
            refused = await self.drain()
            if refused is not None or self._connection is None:
                return refused or replies.TRY_LATER
            left -= monotonic() - began
        if left <= 0:
            self.hang_up()
            return replies.TRY_LATER
        try:
            reply = await self._connection.end_content(octets + DOT, left)
        except RelaySilent:
            if self._connection.has_unsent:  # The dot was never sent: nobody has the message.
                self.hang_up()
                return replies.TRY_LATER
            return Lost(f"no verdict within {self._budget:.0f} s", may_come=True)
        except RelayLost as error:
            self.hang_up()
            return Lost(str(error), may_come=False)
        connection, self._connection = self._connection, None
        self._content_begun = False
        self._give_back(connection, reply)
        return reply

    async def late_verdict(self, seconds: float) -> Reply | None:
        """Keep reading after a timeout; return the verdict, or None if it never comes."""
        connection, self._connection = self._connection, None
        if connection is None or connection.late is None:
            return None
        self._pool.stop_counting()
        try:
            async with asyncio.timeout(seconds):
                return await connection.late
        except (TimeoutError, RelayLost):
            return None
        finally:
            connection.abort()

    async def end(self) -> None:
        """Return the connection: reset before the content, closed in the middle of it.

        `add` and `begin_content` start over if the client was just slow.
        """
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._content_begun or not connection.is_usable:
            self._pool.discard(connection, unused=not self._content_begun)
            return
        try:
            reply = await connection.command(b"RSET\r\n", min(self._budget, 10.0))
        except RelayLost:
            self._pool.discard(connection, unused=True)
            return
        self._give_back(connection, reply, unused=True)

    def _give_back(self, connection: RelayConnection, last: Reply, *, unused: bool = False) -> None:
        if last.code == 421:
            self._pool.discard(connection, unused=unused)
        else:
            self._pool.release(connection, unused=unused)

    def hang_up(self) -> None:
        """Close the relay connection: without its final dot the content doesn't count."""
        if self._connection is not None:
            self._pool.discard(self._connection, unused=not self._content_begun)
            self._connection = None
