"""What ends a mail before its final dot reaches the relay, what replies mean for recipients.

Replies that are given in more than one place (RFC 5321, 4.2) are here, too.
"""

from gateway.core.journal.attempt import Attempt
from gateway.core.kinds import By, State
from gateway.core.mail.reply import Reply

RECIPIENT_TAKEN = Reply.of("250 2.1.5 Ok")
TOO_LARGE = Reply.of("552 5.3.4 The message is too large")
STOPPING = Reply.of("421 4.3.2 The gateway is stopping; try again later")
TOO_MANY_RECIPIENTS = Reply.of("452 4.5.3 Too many recipients")
CLIENT_GONE = Reply.of("451 4.4.2 The connection was lost before the end")  #: For the journal.


class MessageRefused(Exception):
    """The whole message is refused; the reply is sent after the content, for all recipients."""

    def __init__(self, reply: Reply, by: By) -> None:
        super().__init__(reply)
        self.reply = reply
        self.by = by  #: Who refused it.


class AnsweredBefore(Exception):
    """The message is a retry: the answer to its first attempt, present or future, applies."""

    def __init__(self, attempt: Attempt) -> None:
        super().__init__(attempt)
        self.attempt = attempt


def state_after(reply: Reply) -> State:
    """Return the state a reply puts its recipients in (RFC 5321, 4.2.1: 2yz, 4yz, 5yz)."""
    if reply.positive:
        return State.RELAYED
    return State.REJECTED if reply.permanent else State.DEFERRED
