"""The few words decisions are made of: kind, scope, delivery state, who set it, and trust."""

import re
from enum import StrEnum
from typing import Literal

from gateway.core.written import same_word

#: What proves who sent a mail to the importer.
Trust = Literal["authentication-results", "exchange-internal", "internal-only"]


class Kind(StrEnum):
    """What a message is: sent to many, or written to one person."""

    BULK = "bulk"
    INDIVIDUAL = "individual"


class Scope(StrEnum):
    """What a suppression covers: `mailchimp` is part of `bulk`, `bulk` is part of `all`."""

    MAILCHIMP = "mailchimp"
    BULK = "bulk"
    ALL = "all"

    def includes(self, other: "Scope") -> bool:
        """Whether a suppression of this scope also covers the other scope."""
        return self.width >= other.width

    @property
    def width(self) -> int:
        """Its place among the scopes: a wider one covers all that a narrower one does."""
        return _WIDTH[self]

    @property
    def covers(self) -> str:
        """Its effect, in English: `no bulk mail`."""
        return _COVERS[self]


_COVERS = {
    Scope.MAILCHIMP: "no campaigns",
    Scope.BULK: "no bulk mail",
    Scope.ALL: "no mail at all",
}
_WIDTH = {Scope.MAILCHIMP: 1, Scope.BULK: 2, Scope.ALL: 3}

#: The effect of a tag as shipped (seed S1, S2); settings may widen but never narrow it.
TAG_SCOPES = {
    "NoMailingsTag": Scope.BULK,
    "NoMailTag": Scope.ALL,
    "NoMailChimpMailingsTag": Scope.MAILCHIMP,
}


def known_tag(text: str) -> str:
    """Return the tag that a text spells in any way or contains; otherwise the text.

    `no-mail tag` and `NoMailTag (Overleden)` are NoMailTag. Of several, the one that covers most.
    """
    words = [] if text in TAG_SCOPES else re.findall(r"[\w-]+", text)
    tags = (same_word(word, TAG_SCOPES) for word in (text, *words))
    return max(filter(None, tags), key=lambda tag: TAG_SCOPES[tag].width, default=text)


class State(StrEnum):
    """The state of a delivery."""

    SENDING = "sending"
    RELAYED = "relayed"
    SEND_FAILED = "send_failed"
    REJECTED = "rejected"
    DEFERRED = "deferred"
    ABORTED = "aborted"
    UNKNOWN = "unknown"


class By(StrEnum):
    """Who set the state of a delivery."""

    GATEWAY = "gateway"
    RELAY = "relay"
    CLIENT = "client"
