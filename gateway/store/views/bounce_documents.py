"""The JSON documents on what came back."""

from collections.abc import Iterable

from gateway.core import ids
from gateway.core.bounces.bounce import KeptBounce
from gateway.core.moments import in_utc
from gateway.store.views.documents import Document


def bounce(kept: KeptBounce) -> Document:
    """Return what came back of one recipient."""
    return {
        "inbox": ids.show(kept.inbox),
        "at": in_utc(kept.at),
        "kind": kept.kind.value,
        "message": None if kept.message is None else ids.show(kept.message),
        "proof": kept.proof.value if kept.proof else None,
        "address": kept.address or None,
        "recipient": kept.recipient,
        "reason": kept.reason or None,
        "hard": kept.hard,
        "action": kept.action,
        "status": kept.status,
        "diagnostic": kept.diagnostic,
        "suppression": None if kept.suppression is None else ids.show(kept.suppression),
    }


def reports(of_message: Iterable[KeptBounce]) -> list[Document]:
    """Return what other servers said of a message, as the message's document has it."""
    return [
        {
            "recipient": kept.recipient,
            "action": kept.action,
            "status": kept.status,
            "diagnostic": kept.diagnostic,
            "kind": kept.kind.value,
            "reason": kept.reason or None,
        }
        for kept in of_message
    ]
