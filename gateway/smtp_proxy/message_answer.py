"""What an answer to a message makes of its recipients."""

from dataclasses import dataclass

from gateway.core.kinds import By, State
from gateway.core.mail.reply import Reply


@dataclass(frozen=True, slots=True)
class MessageRefused:
    """Nothing of the message goes on; whoever said so."""

    reply: Reply
    by: By


def state_after(reply: Reply) -> State:
    """Return what a reply makes of those it is for."""
    if reply.positive:
        return State.RELAYED
    return State.REJECTED if reply.permanent else State.DEFERRED
