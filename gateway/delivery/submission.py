"""A mail of the gateway's own on its way to a relay: sent once, and what is known of it then."""

from gateway.core.mail.envelope import Recipient, Sender, parse_mail, parse_rcpt
from gateway.core.mail.reply import Reply
from gateway.core.sending.outbox import Deferred, Result, Sent, Unknown
from gateway.core.sending.outbox import Refused as Failed
from gateway.delivery.pool import Pool
from gateway.delivery.replies import is_our_fault
from gateway.delivery.transaction import Lost, RelayTransaction

LATE_SECONDS = 60.0  #: How long a verdict is waited for after the relay's budget is spent.
_EXTENSIONS = frozenset(("8BITMIME", "SMTPUTF8"))


async def submit(pool: Pool, *, sender: str, recipient: str, content: bytes) -> Result:
    """Send a mail once; `content` has CRLF line ends, and an empty sender is the null sender.

    What the relay says about the gateway rather than the mail is a reason to try again.
    """
    origin, target = _envelope(sender, recipient, content)
    transaction = RelayTransaction(pool, origin)
    try:
        return await _submit(transaction, target, content, pool)
    finally:
        transaction.hang_up()  # Whatever ended it, the pool has its place back.


async def _submit(
    transaction: RelayTransaction, target: Recipient, content: bytes, pool: Pool
) -> Result:
    [heard] = await transaction.add([target])
    refused = await transaction.begin_content() if heard.positive else heard
    if refused is not None:
        await transaction.end()
        return _result(refused)
    verdict = await transaction.finish(_stuffed(content))
    if isinstance(verdict, Lost):
        late = await transaction.late_verdict(LATE_SECONDS) if verdict.may_come else None
        return Unknown(verdict.why) if late is None else _verdict(late, pool)
    return _verdict(verdict, pool)


def _envelope(sender: str, recipient: str, content: bytes) -> tuple[Sender, Recipient]:
    parameters = b"" if content.isascii() else b" BODY=8BITMIME"
    utf8 = not (sender.isascii() and recipient.isascii())
    if utf8:
        parameters += b" SMTPUTF8"
    origin = parse_mail(b"FROM:<%s>%s" % (sender.encode(), parameters), _EXTENSIONS)
    return origin, parse_rcpt(b"TO:<%s>" % recipient.encode(), _EXTENSIONS, utf8=utf8)


def _stuffed(content: bytes) -> bytes:
    """Double the dots that begin a line (RFC 5321, 4.5.2), and end with a line end."""
    whole = content if content.endswith(b"\r\n") else content + b"\r\n"
    stuffed = whole.replace(b"\r\n.", b"\r\n..")
    return b"." + stuffed if stuffed[:1] == b"." else stuffed


def _verdict(reply: Reply, pool: Pool) -> Result:
    """Return what a reply after the content makes of the mail."""
    if is_our_fault(reply, pool.settings.our_fault):
        return Deferred(reply.text)
    return _result(reply)


def _result(reply: Reply) -> Result:
    if reply.positive:
        return Sent(reply.text)
    return Failed(reply.text) if reply.permanent else Deferred(reply.text)
