"""The JSON documents of the command line, the API and webhooks; scripts rely on their fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.core import ids
from gateway.core.mail.typed_address import TypedAddress
from gateway.core.moments import in_utc

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.core.decision.journal import Delivery, Message
    from gateway.core.people.applications import KnownApplication
    from gateway.core.people.history import Document as PersonDocument
    from gateway.core.people.history import HistoryEntry
    from gateway.core.people.people import Standing, Suppression
    from gateway.core.replies.inbox import InboxRow
    from gateway.core.sending.outbox import OutboxRow
    from gateway.core.token import Token
    from gateway.core.triggers.unread_fields import UnreadField
    from gateway.store.campaigns.opt_outs import Refusal
    from gateway.store.feed.open_references import Open
    from gateway.store.people.mending import Unmatched
    from gateway.store.people.people import PersonRecord
    from gateway.store.people.releases import Released
    from gateway.store.people.suppressed import SuppressedAddress
    from gateway.store.people.suppression import SuppressionEntry
    from gateway.store.views.timeline import PersonPage, TimelineEvent

Document = dict[str, object]


def message(one: Message) -> Document:
    """Return a message of the journal with its deliveries."""
    return {
        "id": ids.show(one.id),
        "at": in_utc(one.at),
        "sender": one.sender,
        "subject": one.subject,
        "message_id": one.message_id,
        "kind": one.kind,
        "rule": one.rule,
        "listener": one.listener,
        "login": one.login,
        "client": one.client,
        "relay": one.relay,
        "size": one.size,
        "attempt_of": None if one.attempt_of is None else ids.show(one.attempt_of),
        "deliveries": [delivery(each) for each in one.deliveries],
    }


def delivery(one: Delivery) -> Document:
    """Return one recipient of a message."""
    return {
        "recipient": one.recipient,
        "persons": [str(person) for person in one.persons],
        "state": one.state,
        "by": one.by,
        "reply": one.reply,
        "note": one.note,
        "would": one.would,
    }


def import_addresses(known: Sequence[tuple[str, str]]) -> Document:
    """Return where staff forward replies to: pairs of an address and what told it."""
    return {
        "address": known[0][0] if known else "",
        "addresses": [{"address": address, "told_by": by} for address, by in known],
    }


def suppression(one: Suppression) -> Document:
    """Return why an address may not get a kind of mail."""
    return {
        "scope": one.scope,
        "source": one.source,
        "name": one.name,
        "origin": one.origin,
        "person": None if one.person is None else str(one.person),
        "since": in_utc(one.since),
        "until": in_utc(one.until),
        "note": one.remark,
        "public": one.public,
    }


def entry(one: SuppressionEntry) -> Document:
    """Return a suppression of a single address, in force or of the past."""
    return {
        "id": ids.show(one.id),
        "address": one.address,
        "scope": one.scope,
        "note": one.remark,
        "public": one.public,
        "by": one.by,
        "since": in_utc(one.since),
        "until": in_utc(one.until),
        "released_at": in_utc(one.released_at),
        "released_by": one.released_by,
    }


def suppressed(one: SuppressedAddress) -> Document:
    """Return one reason why an address is suppressed: as `entry`, and what brought it.

    A reason that a group or a status brings has no id of its own.
    """
    reason = one.suppression
    return {
        "id": None if one.id is None else ids.show(one.id),
        "address": one.address,
        "person": None if reason.person is None else str(reason.person),
        "scope": reason.scope,
        "source": reason.source,
        "name": reason.name,
        "origin": reason.origin,
        "note": reason.remark,
        "public": reason.public,
        "by": reason.origin,
        "since": in_utc(reason.since),
        "until": in_utc(reason.until),
        "released_at": None,
        "released_by": "",
    }


def unmatched(one: Unmatched) -> Document:
    """Return a stored text that no recipient can have, and what it is read as now."""
    is_understood = isinstance(one.meant, TypedAddress)
    return {
        "id": None if one.suppression is None else ids.show(one.suppression),
        "person": None if one.person is None else str(one.person),
        "stored": one.stored,
        "address": one.meant.address if isinstance(one.meant, TypedAddress) else None,
        "reason": None if is_understood else str(one.meant),
    }


def application(one: KnownApplication) -> Document:
    """Return an application of a person."""
    return {
        "reference": one.application.reference,
        "title": one.about,
        "status": one.status_name or one.application.status,
        "closed": one.closed,
        "programme": one.programme_name or one.application.programme,
        "submitted_at": in_utc(one.application.submitted_at),
    }


def whole_application(one: KnownApplication) -> Document:
    """Return an application with whose it is and who is responsible."""
    known = one.application
    whose = {"person": str(known.person), "responsible": list(known.responsible)}
    return application(one) | whose


def mail(one: InboxRow) -> Document:
    """Return a mail that came in for the importer."""
    return {
        "id": ids.show(one.id),
        "at": in_utc(one.at),
        "sender": one.sender,
        "subject": one.subject,
        "reason": one.reason,
        "message_id": one.message_id,
        "state": one.state,
        "detail": one.detail,
        "origin": one.origin,
        "size": one.size,
        "entry": None if one.entry is None else ids.show(one.entry),
    }


def history_entry(one: HistoryEntry) -> Document:
    """Return a reply that was filed, with its documents."""
    return {
        "id": ids.show(one.id),
        "at": in_utc(one.at),
        "person": str(one.person),
        "reference": one.reference,
        "staff": one.staff,
        "sender_name": one.sender_name,
        "sender": one.sender,
        "to": one.recipients,
        "cc": one.copies,
        "subject": one.subject,
        "date": in_utc(one.date),
        "date_text": one.date_text,
        "message_id": one.message_id,
        "text": one.text,
        "html": one.html,
        "staff_text": one.staff_text,
        "remarks": list(one.remarks),
        "documents": [document(each) for each in one.documents],
        "inbox": ids.show(one.inbox),
        "raw_sha256": one.raw,
    }


def filed(one: HistoryEntry) -> Document:
    """Return a reply that was filed without what it says: that is asked for by its id."""
    texts = ("text", "html", "staff_text", "remarks")
    return {name: value for name, value in history_entry(one).items() if name not in texts}


def document(one: PersonDocument) -> Document:
    """Return a file that came with a reply."""
    return {
        "id": ids.show(one.id),
        "at": in_utc(one.at),
        "filename": one.filename,
        "type": one.type,
        "content_type": one.content_type,
        "size": one.size,
        "sha256": one.sha256,
        "reference": one.reference,
        "entry": ids.show(one.entry),
    }


def person(page: PersonPage) -> Document:
    """Return a person with suppressions, applications and timeline."""
    known = page.record.person
    return {
        "person": str(known.ref),
        "name": known.name,
        "active": known.active,
        "addresses": list(page.record.addresses),
        "lookalikes": list(page.record.lookalikes),
        "status": status_of(page.record),
        "groups": groups_of(page.record),
        "suppressions": [suppression(one) for one in page.suppressions],
        "mailchimp": [refusal(one) for one in page.refusals],
        "unread": [unread(one) for one in page.unread],
        "leads_nowhere": [
            {"reference": reference, "id": given} for reference, given in page.leads_nowhere
        ],
        "applications": [application(one) for one in page.applications],
        "timeline": [event(one) for one in page.timeline],
    }


def open_reference(one: Open) -> Document:
    """Return what rows of the feed name that isn't known."""
    return {
        "reference": one.reference,
        "kind": one.kind,
        "id": one.given,
        "count": one.uses,
        "since": in_utc(one.since),
        "examples": list(one.examples),
    }


def unread(one: UnreadField) -> Document:
    """Return a field of a record that could not be read when it was told last."""
    return {
        "what": one.what,
        "record": one.record,
        "field": one.field,
        "problem": one.text,
        "since": in_utc(one.since),
        "at": in_utc(one.at),
        "source": one.source,
        "file": one.file,
        "line": one.line,
    }


def refusal(one: Refusal) -> Document:
    """Return an address Mailchimp itself sends no campaigns to."""
    return {
        "address": one.address,
        "status": one.status or "refused",
        "since": in_utc(one.since),
        "reason": one.reason or None,
    }


def released(address: str, one: Released) -> Document:
    """Return what was lifted of an address, and what Mailchimp still refuses."""
    return {
        "address": address,
        "released": one.count,
        "left_opt_out_group": [str(person) for person in one.lifted],
        "refused": [refusal(each) for each in one.refused],
    }


def event(one: TimelineEvent) -> Document:
    """Return one thing of a person's timeline."""
    return {
        "at": in_utc(one.at),
        "type": one.type,
        "id": one.id,
        "reference": one.reference,
        "summary": one.summary,
        "state": one.state,
    }


def status_of(record: PersonRecord) -> str:
    """Return the status as people call it; as the CRM does where its name isn't known."""
    return record.status.name if record.status and record.status.name else record.person.status


def groups_of(record: PersonRecord) -> list[str]:
    """Return the names of a person's groups; `?` of one that can't be read."""
    names = (joined.group.name or joined.group.crm_id or "?" for joined in record.groups)
    return list(dict.fromkeys(names))


def standing(address: str, known: Standing, history: Sequence[SuppressionEntry]) -> Document:
    """Return all that suppresses an address, whoever has it, and its history."""
    return {
        "address": address,
        "persons": [str(holder.ref) for holder in known.holders],
        "suppressions": [suppression(one) for one in reasons(known)],
        "history": [entry(one) for one in history],
    }


def suppressed_person(
    record: PersonRecord, reasons: Sequence[Suppression], history: Sequence[SuppressionEntry]
) -> Document:
    """Return all that suppresses a person, and what staff said of them before."""
    return {
        "person": str(record.person.ref),
        "addresses": list(record.addresses),
        "suppressions": [suppression(one) for one in reasons],
        "history": [entry(one) for one in history],
    }


def reasons(known: Standing) -> Iterator[Suppression]:
    """Yield what suppresses an address itself, then what its holders bring."""
    yield from known.own
    for holder in known.holders:
        yield from holder.suppressions


def outbox(row: OutboxRow) -> Document:
    """Return an entry of the outbox."""
    return {
        "id": ids.show(row.id),
        "at": in_utc(row.at),
        "type": row.type,
        "to": row.recipient,
        "message": None if row.message is None else ids.show(row.message),
        "state": row.state,
        "attempts": row.attempts,
        "next_at": in_utc(row.next_at),
        "error": row.error,
        "about": row.about,
    }


def token(one: Token) -> Document:
    """Return a token, without what its bearer shows."""
    return {
        "id": ids.show(one.id),
        "at": in_utc(one.at),
        "name": one.name,
        "source": one.source,
        "scopes": sorted(one.scopes),
        "roles": sorted(one.roles),
        "last_used": in_utc(one.last_used),
        "revoked_at": in_utc(one.revoked_at),
    }
