"""What ends a mail before its final dot reaches the relay, and what a reply makes of recipients."""

from gateway.core.decision.journal import Attempt
from gateway.core.kinds import By, State
from gateway.core.mail.reply import Reply


class MessageRefused(Exception):
    """Nothing of the message goes on; its reply is said after the content, to all recipients."""

    def __init__(self, reply: Reply, by: By) -> None:
        super().__init__(reply)
        self.reply = reply
        self.by = by  #: Whoever said so.


class AnsweredBefore(Exception):
    """The message is a retry: what its first attempt was told, or will be, is its answer, too."""

    def __init__(self, attempt: Attempt) -> None:
        super().__init__(attempt)
        self.attempt = attempt


def state_after(reply: Reply) -> State:
    """Return what a reply makes of those it is for (RFC 5321, 4.2.1: 2yz, 4yz, 5yz)."""
    if reply.positive:
        return State.RELAYED
    return State.REJECTED if reply.permanent else State.DEFERRED
