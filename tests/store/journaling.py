"""Messages as the proxy writes them down."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import event

from gateway.core import ids
from gateway.core.decision.note_facts import NoteFacts, facts_as_json
from gateway.core.journal.attempt import Attempt, RetryMarks, fingerprint
from gateway.core.journal.message import Delivery, Message, Outcome
from gateway.core.kinds import By, Kind, Scope, State
from gateway.core.mail.headers import Headers
from gateway.core.people.people import Suppression, SuppressionSource
from gateway.core.sending.outbox import OutboxDraft
from gateway.store.engine.database import Database, StoreUnavailable
from gateway.store.journal import messages
from tests.rig.process import wait_until
from tests.store.feeding import NOW

SENDER = "crm@office.example"
ANN, BEN, EVE = "ann@example.org", "ben@example.org", "eve@example.org"


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def going(address: str) -> Delivery:
    """A recipient the relay has been asked about and who is about to get it."""
    return Delivery(recipient=address, address=address, state=State.SENDING, by=By.RELAY)


def suppressed(address: str) -> Delivery:
    return replace(going(address), state=State.SEND_FAILED, by=By.GATEWAY, note="why\nnot")


def refused(address: str) -> Delivery:
    return replace(going(address), state=State.REJECTED, reply="550 5.1.1 nobody")


def message(minute: float = 0, *parts: Delivery, subject: str = "Hello") -> Message:
    number = ids.first_id_at(at(minute))
    return Message(
        id=number,
        at=at(minute),
        listener="crm",
        sender=SENDER,
        subject=subject,
        message_id=f"<{minute}@office.example>",
        kind=Kind.BULK,
        rule="precedence",
        relay="relay",
        size=1000,
        deliveries=parts or (going(ANN),),
    )


def ended(of: Message, state: State = State.RELAYED, reply: str = "250 ok") -> list[Outcome]:
    """Return the same outcome for everybody it was going to."""
    return [
        Outcome(message=of.id, position=position, state=state, by=By.RELAY, reply=reply)
        for position, one in enumerate(of.deliveries)
        if one.state is State.SENDING
    ]


def notice(of: Message, *, due: datetime | None = None) -> OutboxDraft:
    """Return a notice about a message; without a time it waits for the verdict."""
    return OutboxDraft(
        id=of.id + 1,
        type="dsn",
        key=f"dsn:{of.id}",
        recipient=SENDER,
        body=b"From: <>\r\n\r\n",
        message=of.id,
        due=due,
    )


def attempt(of: Message, state: str = "open", **fields: Any) -> Attempt:
    return Attempt(fingerprint=mark(of), message=of.id, state=state, **fields)


def mark(of: Message) -> int:
    """Return the fingerprint by which a retry of a message is known."""
    taken = [one.recipient for one in of.deliveries if one.state is not State.REJECTED]
    return fingerprint(of.sender, taken, of.message_id)


def marks(of: Message) -> RetryMarks:
    """Return the marks of a retry of a message."""
    taken = [one.recipient for one in of.deliveries if one.state is not State.REJECTED]
    fields = {"message-id": [of.message_id.encode()], "subject": [of.subject.encode()]}
    return RetryMarks(of.sender, taken, taken, Headers(fields))


def known_by(fingerprint: int) -> RetryMarks:
    """Return marks with a number of the test's own choice."""
    marks = RetryMarks("", (), (), Headers({}))
    marks.fingerprint = fingerprint
    return marks


def states(database: Database, of: Message) -> list[str]:
    """Return what the journal says became of each recipient: `relayed by relay: 250 ok`."""
    return [f"{one.state} by {one.by}: {one.reply}" for one in recorded(database, of)]


def recorded(database: Database, of: Message) -> Sequence[Delivery]:
    with database.reading() as connection:
        found = messages.by_id(connection, of.id)
    return found.deliveries if found else ()


def kept_note() -> str:
    """Return what the note of a member of a group is written from."""
    group = Suppression(
        scope=Scope.BULK,
        source=SuppressionSource.GROUP,
        name="Geen bulk-mail",
        names=(("de", "Keine Massenmail"),),
    )
    return facts_as_json(
        NoteFacts(
            message=0,
            now=NOW,
            kind=Kind.BULK,
            rule="x",
            recipient=ANN,
            suppressions=(group,),
            personal_mail=True,
        )
    )


@contextmanager
def away(database: Database) -> Iterator[None]:
    """Have every transaction fail, as if the store were away."""

    def fail(*_: object) -> None:
        raise StoreUnavailable("away")

    event.listen(database.engine, "begin", fail)
    try:
        yield
    finally:
        event.remove(database.engine, "begin", fail)


async def until(condition: Callable[[], bool]) -> None:
    await wait_until(condition, "the journal")
