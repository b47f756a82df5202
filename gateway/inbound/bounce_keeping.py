"""Stores bounces and complaints with the message they are about, and suppresses addresses."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway import logs
from gateway.core import ids
from gateway.core.bounces.bounce import Bounce, BounceKind, KeptBounce, Proof, told_of_sender
from gateway.core.bounces.return_address import ReturnedTo, returned_to
from gateway.core.bounces.suppressing import BounceRules, HardBounce, scope_for
from gateway.core.bounces.unsubscribe import UnsubscribeLinks
from gateway.core.kinds import Scope
from gateway.core.mail.content import with_crlf
from gateway.core.people.erased_names import PREFIX
from gateway.core.people.people import SuppressionSource
from gateway.core.replies.inbox import InboxRow
from gateway.core.sending.event import Event, EventType
from gateway.core.sending.outbox import OutboxDraft
from gateway.core.signing import SigningKeys
from gateway.documents.bounces import address_event_data, unsubscribed_event
from gateway.inbound.reading.bounces.reports import ReportSet
from gateway.store.bounces import bounces, unsubscribes
from gateway.store.engine.database import StoreTransaction, StoreUnavailable
from gateway.store.people import erased_choices, erasures, people, suppression
from gateway.store.sending import events, outbox

log = logs.get("inbound")

#: Mail sent this shortly before a bounce may still bounce, so it doesn't prove that mail arrives.
_IN_FLIGHT = timedelta(hours=12)
CATCHES_UP = timedelta(seconds=5)  #: After which a relayed message is certainly in the journal.
_TICK = timedelta(milliseconds=1)  #: The resolution of the time in an id.
_LONGEST_QUOTE = 120
_BY = "gateway"
MOST_PASSED_ON = 5_000_000  #: Octets; a larger bounce isn't forwarded to the CRM's sender.


@dataclass(frozen=True, slots=True, kw_only=True)
class BounceSettings:
    """How bounces are matched to messages, and when they suppress an address."""

    lookup: Callable[[str], str]
    rules: BounceRules
    address: str = ""  #: `[bounces] address`; empty: the gateway has no return addresses.
    keys: SigningKeys | None = None
    links: UnsubscribeLinks | None = None  #: None: no mail has unsubscribe links.


class JournalBehind(StoreUnavailable):
    """A mail may be about a message that isn't in the journal yet: it is retried later."""


def keep_unsubscribe(
    connection: StoreTransaction,
    report: ReportSet,
    row: InboxRow,
    *,
    is_fresh: bool,
    settings: BounceSettings,
    now: datetime,
    new_id: Callable[[], int],
) -> bool:
    """Unsubscribe whoever used a mail's mailto link (RFC 2369, 3.2); return whether anybody did.

    The link's address alone is the request: programs leave the subject empty. Anybody who has seen
    the mail can unsubscribe; vacation replies, reports and mail without a sender don't count. Raise
    `JournalBehind` for a request that `is_fresh` and about no message in the journal so far.
    """
    if settings.links is None or not report.may_ask or row.envelope_sender == "":
        return False
    addresses = (*row.envelope_recipients.split(), *report.addressed_to)
    linked_mail = settings.links.named_by(addresses)
    mailed = (
        None
        if linked_mail is None
        else unsubscribes.recipient_of(connection, linked_mail, lock=True)
    )
    if mailed is None and linked_mail is not None and is_fresh:
        raise JournalBehind("a mail not in the journal yet may be the one to unsubscribe from")
    if mailed is None:
        return False
    unsubscription = unsubscribes.unsubscribe(
        connection, mailed, choice=_BY_MAIL, now=now, new_id=new_id
    )
    if unsubscription is not None:
        events.put(connection, [unsubscribed_event(unsubscription, new_id())])
        log.info("unsubscribed", by="mail", topic=False)
    return True


_BY_MAIL = "List-Unsubscribe: mailto"


@dataclass(frozen=True, slots=True)
class AboutMessage:
    """The message in the journal that a bounce is about."""

    message: int
    proof: Proof
    position: int | None = None  #: The recipient's position, if the return address names it.


def message_about(
    connection: StoreTransaction, report: ReportSet, row: InboxRow, settings: BounceSettings
) -> AboutMessage | None:
    """Return the journal message that a mail is about; None if nothing proves one."""
    addresses = (*row.envelope_recipients.split(), *report.addressed_to, report.returned_from)
    return_address = _named_by_token(connection, addresses, settings)
    if return_address is not None:
        return AboutMessage(return_address.message, Proof.TOKEN, return_address.position)
    recipients = [
        settings.lookup(address) for bounce in report.bounces for address in bounce.named_addresses
    ]
    message = bounces.message_of(
        connection,
        numbers=report.numbers,
        message_id=report.message_id,
        recipients=list(dict.fromkeys(recipients)),
    )
    return None if message is None else AboutMessage(message.id, message.proof)


def _named_by_token(
    connection: StoreTransaction, addresses: Sequence[str], settings: BounceSettings
) -> ReturnedTo | None:
    """Return the message and recipient named by the first return address of ours, if any."""
    if not settings.address or settings.keys is None:
        return None
    return_address = returned_to(settings.address, addresses, settings.keys)
    return (
        return_address
        if return_address is not None and bounces.exists(connection, return_address.message)
        else None
    )


def keep_bounces(
    connection: StoreTransaction,
    report: ReportSet,
    row: InboxRow,
    *,
    is_fresh: bool,
    came_in: datetime | None,
    settings: BounceSettings,
    now: datetime,
    new_id: Callable[[], int],
) -> list[KeptBounce]:
    """Store the bounces and complaints in a mail, and act on them; return what was stored.

    Nothing happens to an address unless the mail is proven to be about a message to it. Raise
    `JournalBehind` for a mail that `is_fresh` and about no message in the journal so far. `came_in`
    is when its server received it, if known.
    """
    about = message_about(connection, report, row, settings)
    # A server that bounces at once may be faster than the worker that transfers messages to the
    # store.
    if about is None and is_fresh:
        raise JournalBehind("what came back may be about a message not in the journal yet")
    whom = {} if about is None else bounces.addresses_of(connection, about.message)
    senders = [settings.address]
    if about is not None:
        senders.append(bounces.sender_of(connection, about.message)[0])
    entries = []
    for position, reported in enumerate(report.bounces):
        bounce = told_of_sender(reported, filter(None, senders))
        address = "" if about is None else _address(bounce, whom, about, settings)
        entry = KeptBounce(
            inbox=row.id,
            position=position,
            message=about.message if about else None,
            proof=about.proof if about else None,
            kind=bounce.kind,
            address=address,
            recipient=bounce.recipient,
            action=bounce.action,
            status=bounce.status,
            diagnostic=bounce.diagnostic,
            reason=bounce.reason.value if bounce.kind in _WITH_REASON else "",
            hard=bounce.is_hard,
        )
        if address.startswith(PREFIX):
            entry = replace(entry, recipient=address, diagnostic="")
        if address:
            acted = _act(
                connection,
                bounce,
                entry,
                report=row.message_id,
                came_in=came_in,
                settings=settings,
                now=now,
                new_id=new_id,
            )
            entry = replace(entry, suppression=acted)
        entries.append(entry)
    bounces.add(connection, entries)
    return entries


def is_of_erased(entries: Sequence[KeptBounce]) -> bool:
    """Whether a mail is only about people who have since been erased: it is not stored."""
    return bool(entries) and all(bounce.address.startswith(PREFIX) for bounce in entries)


def pass_on(
    connection: StoreTransaction,
    report: ReportSet,
    row: InboxRow,
    *,
    raw: bytes,
    settings: BounceSettings,
    now: datetime,
    new_id: Callable[[], int],
) -> None:
    """Forward a mail, `raw`, to the sender it would have reached without a return address.

    This includes automatic replies, which go to the envelope sender (RFC 3834, 4). A sender that is
    itself the address for bounces gets none: the mail would loop between it and the gateway. The
    same mail is forwarded only once, even if it arrives in two mailboxes, or returns through an
    alias of the sender's. Line ends are converted to CRLF, whatever the mailbox returned: `LF .
    CRLF` would end the mail early at some relays.
    """
    addresses = (*row.envelope_recipients.split(), *report.addressed_to)
    return_address = _named_by_token(connection, addresses, settings)
    if return_address is None:
        return
    sender, relay = bounces.sender_of(connection, return_address.message)
    if not (raw and sender) or settings.lookup(sender) == settings.lookup(settings.address):
        return
    body = with_crlf(raw)
    # The key consists of what doesn't change while a mail travels.
    identity = (row.message_id, row.address, body.partition(b"\r\n\r\n")[2])
    digest = hashlib.sha256(repr(identity).encode()).hexdigest()
    passed_on = OutboxDraft(
        id=new_id(),
        type="bounce",
        key=f"bounce {ids.show(return_address.message)} {digest}",
        recipient=sender,
        body=body,
        message=return_address.message,
        relay=relay,
        due=now,
    )
    outbox.put(connection, passed_on)


_WITH_REASON = (BounceKind.BOUNCE, BounceKind.DELAY)
_EVENTS: Mapping[BounceKind, EventType] = {
    BounceKind.BOUNCE: EventType.ADDRESS_BOUNCED,
    BounceKind.COMPLAINT: EventType.ADDRESS_COMPLAINED,
    BounceKind.OPT_OUT: EventType.ADDRESS_COMPLAINED,
}
_SOURCES: Mapping[BounceKind, SuppressionSource] = {
    BounceKind.BOUNCE: SuppressionSource.BOUNCE,
    BounceKind.COMPLAINT: SuppressionSource.COMPLAINT,
    BounceKind.OPT_OUT: SuppressionSource.UNSUBSCRIBE,
}


def _address(
    bounce: Bounce, whom: Mapping[int, str], about: AboutMessage, settings: BounceSettings
) -> str:
    """Return the message's recipient that a bounce is about; empty if uncertain."""
    named_addresses = [settings.lookup(address) for address in bounce.named_addresses]
    named = next((address for address in named_addresses if address in whom.values()), "")
    if bounce.is_hard and not (bounce.action or bounce.status) and not named:
        # Known only from its words, and the address they name isn't one of the message's:
        # `support@… is no longer in use: use our form`.
        return ""
    if about.position is not None:
        return whom.get(about.position, "")
    if named and not bounce.is_presumed:
        return named
    # Another address failed (the recipient forwards there), or the complaint was redacted: if the
    # message had only one recipient, it is about that one.
    distinct = set(whom.values())
    return next(iter(distinct)) if len(distinct) == 1 else ""


def _act(
    connection: StoreTransaction,
    bounce: Bounce,
    entry: KeptBounce,
    *,
    report: str,
    came_in: datetime | None,
    settings: BounceSettings,
    now: datetime,
    new_id: Callable[[], int],
) -> int | None:
    """Suppress the address if that is due, and publish an event; return the suppression's id."""
    address = entry.address
    history = suppression.history(connection, address)
    released = [earlier.released_at for earlier in history if earlier.released_at is not None]
    scope = _scope_due(
        connection,
        bounce,
        entry,
        released=released,
        report=report,
        came_in=came_in,
        settings=settings,
        now=now,
    )
    source = _SOURCES.get(bounce.kind, SuppressionSource.BOUNCE)
    if address.startswith(PREFIX):  # The person has since been erased: no event may name them.
        if scope is not None:
            _keep_of_erased(connection, address, scope, source, now=now, new_id=new_id)
        return None
    in_force = [
        earlier
        for earlier in history
        if earlier.released_at is None and earlier.source is source and scope is not None
        if (earlier.until is None or earlier.until > now) and earlier.scope.includes(scope)
    ]
    number: int | None = None
    if scope is not None and not in_force:
        number = new_id()
        suppression.add(
            connection,
            id=number,
            ref_or_address=address,
            scope=scope,
            source=source,
            remark=remark_of(bounce),
            public=True,
            by=_BY,
            since=now,
            until=None,
        )
    if bounce.kind in _EVENTS:
        holders = people.holders(connection, address)
        event = Event(
            id=new_id(),
            type=_EVENTS[bounce.kind],
            # If several people share the address, nobody knows which of them it is about.
            person=holders[0] if len(holders) == 1 else None,
            data=address_event_data(entry, scope),
        )
        events.put(connection, [event])
    return number


def _scope_due(
    connection: StoreTransaction,
    bounce: Bounce,
    entry: KeptBounce,
    *,
    released: Sequence[datetime],
    report: str,
    came_in: datetime | None,
    settings: BounceSettings,
    now: datetime,
) -> Scope | None:
    """Return the scope to suppress the address for now; None if it needn't be.

    `released` are the times at which people released it. They knew of everything that had bounced
    until then, so only later mail and later bounces count.
    """
    since = max((now - settings.rules.within, *(at + _TICK for at in released)))
    bounced: list[HardBounce] = []
    arrived = None
    if bounce.is_hard and entry.message is not None:
        bounced += bounces.hard_since(connection, entry.address, since)
        if (sent := ids.moment_of(entry.message)) >= since:
            # A bounce may arrive (`came_in`) days before it is read. For earlier ones, only the
            # time of reading is stored; so if two were read together, nobody knows which arrived
            # first.
            latest = max((hard.came_back for hard in bounced), default=sent)
            moment = min(now, max(sent, latest, came_in or now))
            bounced.append(HardBounce(sent, moment, bounces.report_of(entry.message, report)))
        in_flight = now - _IN_FLIGHT
        arrived = bounces.last_arrival(connection, entry.address, in_flight, besides=entry.message)
    scope = scope_for(bounce, bounced, arrived=arrived, rules=settings.rules)
    if released and bounce.kind in (BounceKind.COMPLAINT, BounceKind.OPT_OUT):
        # One from before the release was known then: it was only read late, or is a repetition.
        first_told = bounces.first_report_at(connection, entry, report) or min(now, came_in or now)
        return scope if first_told > max(released) else None
    return scope


def _keep_of_erased(
    connection: StoreTransaction,
    mark: str,
    scope: Scope,
    source: SuppressionSource,
    *,
    now: datetime,
    new_id: Callable[[], int],
) -> None:
    """Store a suppression of an erased address, of which only the mark is known."""
    names_and_key = erasures.named_by_mark(connection, mark)
    if names_and_key is None:
        return
    names, key_mark = names_and_key
    suppressions = [
        erased_choices.KeptSuppression(name=name, scope=scope, until=None, source=source.value)
        for name in names
    ]
    erased_choices.keep_suppressed(
        connection, suppressions, key_mark=key_mark, at=now, new_id=new_id
    )


def remark_of(bounce: Bounce) -> str:
    """Return a short reason for a suppression: `userunknown: 550 5.1.1 no such user`."""
    if bounce.kind is not BounceKind.BOUNCE:
        return " ".join(filter(None, (bounce.kind.value, bounce.diagnostic)))[:_LONGEST_QUOTE]
    diagnostic = bounce.diagnostic.partition("; ")[2] or bounce.diagnostic
    return f"{bounce.reason}: {diagnostic}"[:_LONGEST_QUOTE]
