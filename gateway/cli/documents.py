"""The JSON documents of the command line; scripts rely on their fields."""

from gateway.cli.output import in_utc
from gateway.core import ids
from gateway.core.journal import Delivery, Message
from gateway.core.people import Suppression
from gateway.store.suppression import Entry

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


def entry(one: Entry) -> Document:
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
