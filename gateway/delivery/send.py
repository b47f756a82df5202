"""Sends a whole mail of the gateway's own through a relay."""

from gateway.core.address import Path
from gateway.core.envelope import Recipient, Sender
from gateway.core.outbox import Deferred, OutboxRow, Refused, Result, Sent, Unknown
from gateway.core.reply import Reply
from gateway.delivery import replies
from gateway.delivery import transaction as relay_side
from gateway.delivery.pool import Pool
from gateway.delivery.transaction import RelayTransaction


async def send(pool: Pool, row: OutboxRow, *, instead_of_null: str) -> Result:
    """Hand an outbox row to a relay; say what became of it.

    `instead_of_null` is the sender for relays that take no mail from `<>`.
    """
    sender = row.sender
    if not sender and not pool.settings.null_sender:
        sender = instead_of_null
    transaction = RelayTransaction(pool, _sender(sender, row.recipient))
    refused = await _until_the_dot(transaction, row)
    if refused is not None:
        await transaction.end()
        return Refused(refused.text) if refused.permanent else Deferred(refused.text)
    return _result(await transaction.finish(), pool)


async def _until_the_dot(transaction: RelayTransaction, row: OutboxRow) -> Reply | None:
    recipient = Recipient(path=_path(row.recipient), argument=_path(row.recipient).raw)
    answers = await transaction.add([recipient])
    if not answers[0].positive:
        return answers[0]
    refused = await transaction.begin_content()
    if refused is not None:
        return refused
    transaction.write(stuffed(row.body))
    return None if await transaction.drain() else replies.TRY_LATER


def _result(verdict: Reply | relay_side.Lost, pool: Pool) -> Result:
    if isinstance(verdict, relay_side.Lost):
        return Unknown(verdict.why)
    heard = replies.for_client(verdict, pool.settings.our_fault)
    if heard.positive:
        return Sent(verdict.text)
    return Refused(verdict.text) if heard.permanent else Deferred(verdict.text)


def stuffed(body: bytes) -> bytes:
    """Return a mail as it goes over the wire: CR LF ends every line, leading dots are doubled."""
    lines = body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    wire = lines if lines.endswith(b"\r\n") else lines + b"\r\n"
    return (b"." + wire if wire[:1] == b"." else wire).replace(b"\r\n.", b"\r\n..")


def _path(address: str) -> Path:
    return Path(f"<{address}>".encode(), address)


def _sender(address: str, recipient: str) -> Sender:
    path = _path(address)
    if path.is_ascii and recipient.isascii():
        return Sender(path=path, argument=path.raw)
    utf8 = path.raw + b" SMTPUTF8"
    return Sender(path=path, argument=utf8, utf8=True, needs=frozenset({"SMTPUTF8"}))
