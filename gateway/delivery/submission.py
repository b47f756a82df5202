"""Sending one of the gateway's own mails to a relay: once, with what is then known about it."""

from typing import Protocol

from gateway.core.mail.envelope import parse_mail, parse_rcpt
from gateway.core.mail.reply import Reply
from gateway.core.sending.outbox import AttemptResult, Deferred, Refused, Sent, Unknown
from gateway.delivery.pool import Pool
from gateway.delivery.replies import is_our_fault
from gateway.delivery.transaction import Lost, RelayTransaction

LATE_SECONDS = 60.0  #: How long to wait for a verdict after the relay's time budget is used up.
_EXTENSIONS = frozenset(("8BITMIME", "SMTPUTF8"))


class MailSubmitter(Protocol):
    """Sends the gateway's own mail, each through the relay for its sender."""

    def relay_of(self, sender: str) -> str:
        """Return the name of the relay for mail from a sender (an address)."""
        ...

    @property
    def at_once(self) -> int:
        """How many mails may be in progress at once."""
        ...

    async def submit(self, *, sender: str, recipient: str, content: bytes) -> AttemptResult:
        """Send a mail once (see `submit` below); any exception counts as `Unknown`."""
        ...


async def submit(pool: Pool, *, sender: str, recipient: str, content: bytes) -> AttemptResult:
    """Send a mail once; `content` has CRLF line ends, and an empty sender is the null sender.

    If the relay refuses the gateway rather than the mail, the result is `Deferred`.
    """
    needs_utf8 = not (sender.isascii() and recipient.isascii())
    parameters = b"" if content.isascii() else b" BODY=8BITMIME"
    parameters += b" SMTPUTF8" if needs_utf8 else b""
    origin = parse_mail(b"FROM:<%s>%s" % (sender.encode(), parameters), _EXTENSIONS)
    target = parse_rcpt(b"TO:<%s>" % recipient.encode(), _EXTENSIONS, utf8=needs_utf8)
    transaction = RelayTransaction(pool, origin)
    try:
        [answer] = await transaction.add([target])
        refused = await transaction.begin_content() if answer.positive else answer
        if refused is not None:
            await transaction.end()
            return _result(refused)
        # Dots at the start of a line are doubled (RFC 5321, 4.5.2).
        lines = content if content.endswith(b"\r\n") else content + b"\r\n"
        stuffed = (b"\r\n" + lines).replace(b"\r\n.", b"\r\n..")[2:]
        verdict = await transaction.finish(stuffed)
        if isinstance(verdict, Lost):
            late = await transaction.late_verdict(LATE_SECONDS) if verdict.may_come else None
            if late is None:
                return Unknown(verdict.why)
            verdict = late
        if is_our_fault(verdict, pool.settings.our_fault):
            return Deferred(verdict.text)
        return _result(verdict)
    finally:
        transaction.hang_up()  # However it ended, the pool gets its slot back.


def _result(reply: Reply) -> AttemptResult:
    if reply.positive:
        return Sent(reply.text)
    return Refused(reply.text) if reply.permanent else Deferred(reply.text)
