"""Why deliveries in the journal failed, in the light of current data."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import tzinfo

from sqlalchemy import Connection

from gateway.core.decision.delivery_reason import DeliveryReason, reason_of
from gateway.core.decision.note_facts import facts_of
from gateway.core.decision.rule import Rule
from gateway.core.journal.message import Delivery, Message
from gateway.core.people.people import NOBODY
from gateway.store.people.suppression import Standings


def reasons_of(
    connection: Connection,
    standings: Standings,
    entries: Iterable[tuple[Message, int, Delivery]],
    *,
    rules: "Sequence[Rule]",
    zone: tzinfo,
) -> dict[tuple[int, int], DeliveryReason]:
    """Return, by message and position, why deliveries failed, or would have.

    `entries` are messages with positions and deliveries. Only deliveries with a stored reason are
    included: not those to erased people, nor those a relay refused.
    """
    entries_with_facts = [entry for entry in entries if entry[2].note_facts]
    addresses = list(dict.fromkeys(delivery.address for *_, delivery in entries_with_facts))
    by_address = standings.within(connection, addresses) if addresses else {}
    return {
        (message.id, position): reason_of(
            facts_of(message, delivery, zone), rules, by_address.get(delivery.address, NOBODY)
        )
        for message, position, delivery in entries_with_facts
    }


def deliveries_of(message: Message) -> Iterator[tuple[Message, int, Delivery]]:
    """Yield the deliveries of a message in the form `reasons_of` needs."""
    for position, delivery in enumerate(message.deliveries):
        yield message, position, delivery
