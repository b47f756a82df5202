"""Unsubscribing: who a mail went to, and what their choice leads to."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from gateway.core.bounces.unsubscribe import Named, NamedDelivery
from gateway.core.kinds import Scope
from gateway.core.people.erased_names import PREFIX
from gateway.core.people.people import PersonRef, RefOrAddress, SuppressionSource
from gateway.store.journal.messages import persons_of
from gateway.store.people import erased_choices, erasures, people, suppression, topic_opt_outs
from gateway.store.people.erased_choices import KeptSuppression
from gateway.store.people.topic_opt_outs import TopicOptOut
from gateway.store.schema.journal import deliveries, messages
from gateway.store.schema.triggers import occurrences

BY = "recipient"  #: Who made the choice, as shown in lists of suppressions.


@dataclass(frozen=True, slots=True, kw_only=True)
class MailedRecipient:
    """The recipient of the mail a token belongs to."""

    address: str  #: In lookup form.
    person: PersonRef | None  #: None if nobody, or more than one person, had the address.
    language: str  #: The person's; empty if unknown.
    sender: str  #: The envelope sender; empty if unknown.
    trigger: str  #: Empty for the CRM's mail.
    #: If the person was erased since, what remains of the addresses; `address` is then empty.
    erased: tuple[KeptSuppression, ...] = ()
    key_mark: str = ""  #: The mark of the key these names were made with.


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptUnsubscribe:
    """A new choice."""

    address: str
    person: PersonRef | None
    at: datetime
    topic: str  #: Empty: all mailings.
    choice: str  #: As it was displayed.


def recipient_of(
    connection: Connection, named_mail: Named, *, lock: bool = False
) -> MailedRecipient | None:
    """Return who a mail went to; None if that is no longer known.

    With `lock`, two requests for the same mail are handled one after the other.
    """
    if isinstance(named_mail, NamedDelivery):
        d = deliveries.c
        query = (
            select(d.address, d.persons, messages.c.sender)
            .join_from(deliveries, messages, messages.c.id == d.message)
            .where(d.message == named_mail.message, d.position == named_mail.position)
        )
        query = query.with_for_update(of=deliveries) if lock else query
        row = connection.execute(query).first()
        if row is None:
            return None
        if row.address.startswith(PREFIX):
            return _erased_recipient(connection, row.address, sender=row.sender)
        # If nobody had the address then, those who have it now count.
        refs = persons_of(row.persons) or people.holders(connection, row.address)
        person = refs[0] if len(refs) == 1 else None
        return MailedRecipient(
            address=row.address,
            person=person,
            language=_language(connection, person),
            sender=row.sender,
            trigger="",
        )
    o = occurrences.c
    columns = (o.person, o.kind, o.recipient, o.mailbox, o.trigger, o.message)
    occurrence_query = select(*columns).where(o.id == named_mail.occurrence)
    sent = connection.execute(
        occurrence_query.with_for_update() if lock else occurrence_query
    ).first()
    if sent is None:
        return None
    is_erased = sent.person.startswith(PREFIX)
    if is_erased and not sent.mailbox:
        return _erased_recipient(connection, sent.person, trigger=sent.trigger)
    if not sent.mailbox:
        return None
    # Mail to staff is about a person, but it is the staff who want no more of it. If an address is
    # still there though its person was erased, others have it.
    person = None if sent.recipient or is_erased else PersonRef.parse(f"{sent.kind}:{sent.person}")
    sender = select(messages.c.sender).where(messages.c.id == sent.message)
    return MailedRecipient(
        address=sent.mailbox,
        person=person,
        language=_language(connection, person),
        sender=connection.scalar(sender) or "",
        trigger=sent.trigger,
    )


def _erased_recipient(
    connection: Connection, mark: str, *, sender: str = "", trigger: str = ""
) -> MailedRecipient | None:
    """Return the recipient of a mail when only the mark of an erased address or person is left.

    An opt-out from a mail program counts however late it comes: the CRM may bring the address back.
    """
    names, key_mark = erasures.named_by_mark(connection, mark) or ((), "")
    if not names:  # All its addresses are held by others.
        return None
    source = SuppressionSource.UNSUBSCRIBE.value
    return MailedRecipient(
        address="",
        person=None,
        language="",
        sender=sender,
        trigger=trigger,
        erased=tuple(
            KeptSuppression(name=name, scope=Scope.BULK, until=None, source=source)
            for name in names
        ),
        key_mark=key_mark,
    )


def _language(connection: Connection, ref: PersonRef | None) -> str:
    records = () if ref is None else people.find(connection, ref)
    return records[0].person.language if records else ""


def is_out(connection: Connection, mailed: MailedRecipient, now: datetime) -> bool:
    """Whether the recipient of a mail has already unsubscribed from all mailings."""
    if mailed.erased:
        return all(_is_kept(connection, entry.name) for entry in mailed.erased)
    return all(
        _in_force(connection, ref_or_address, now)
        for ref_or_address in _refs_or_addresses_of(connection, mailed)
    )


def _is_kept(connection: Connection, name: str) -> bool:
    return any(
        entry.released_at is None and entry.until is None and entry.scope.includes(Scope.BULK)
        for entry in suppression.history(connection, name)
    )


def unsubscribe(
    connection: Connection,
    mailed: MailedRecipient,
    *,
    topic: str = "",
    choice: str,
    now: datetime,
    new_id: Callable[[], int],
) -> KeptUnsubscribe | None:
    """Store that somebody wants no more mailings, or none on a topic; None if already known.

    This counts for the person if the mail went to a known one, otherwise for the address; for both
    if the person no longer has the address. `choice` is the text of what was chosen. For somebody
    erased, hashes of the addresses are kept, whatever the topic, and no event is made.
    """
    if mailed.erased:
        erased_choices.keep_suppressed(
            connection, mailed.erased, key_mark=mailed.key_mark, at=now, new_id=new_id
        )
        return None
    is_news = False
    for ref_or_address in _refs_or_addresses_of(connection, mailed):
        if topic:
            person = ref_or_address if isinstance(ref_or_address, PersonRef) else None
            address = "" if isinstance(ref_or_address, PersonRef) else ref_or_address
            if not topic_opt_outs.is_declined(connection, topic, person, address):
                opt_out = TopicOptOut(
                    id=new_id(),
                    topic=topic,
                    ref_or_address=ref_or_address,
                    remark=choice,
                    since=now,
                )
                topic_opt_outs.add(connection, opt_out)
                is_news = True
        elif not _in_force(connection, ref_or_address, now):
            suppression.add(
                connection,
                id=new_id(),
                ref_or_address=ref_or_address,
                scope=Scope.BULK,
                source=SuppressionSource.UNSUBSCRIBE,
                remark=choice,
                public=True,
                by=BY,
                since=now,
                until=None,
            )
            is_news = True
    if not is_news:
        return None
    return KeptUnsubscribe(
        address=mailed.address, person=mailed.person, at=now, topic=topic, choice=choice
    )


def _refs_or_addresses_of(
    connection: Connection, mailed: MailedRecipient
) -> tuple[RefOrAddress, ...]:
    if mailed.person is None:
        return (mailed.address,)
    records = people.find(connection, mailed.person)
    has_it = any(mailed.address in record.every_address for record in records)
    return (mailed.person,) if has_it else (mailed.person, mailed.address)


def _in_force(connection: Connection, ref_or_address: RefOrAddress, now: datetime) -> bool:
    return any(
        entry.source is SuppressionSource.UNSUBSCRIBE
        and entry.released_at is None
        and (entry.until is None or entry.until > now)
        for entry in suppression.history(connection, ref_or_address)
    )
