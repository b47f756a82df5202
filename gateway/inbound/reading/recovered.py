"""What was recovered of a forwarded mail."""

from dataclasses import dataclass
from email.message import Message

from gateway.core.replies.forwarded.original import Heading


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveredMail:
    """What was forwarded, and separately what the forwarder wrote."""

    heading: Heading | None  #: None: nothing was recovered, all the text is the forwarder's.
    text: str
    html: str  #: Safe to show; empty where there is none.
    staff_text: str
    attached: Message | None  #: The original where it came as an attachment; its files are its own.
    source: Message | None = None  #: The original where the text holds its source.
    is_cut: bool = False  #: Whether its end or files of it are missing.
    is_sure: bool = True  #: Whether its form is one that only forwards have.
    is_within: bool = False  #: Whether it stands in the quote within another one.
    #: Whether it may be a part of a surer one: filed only if the candidate wrote it and not that.
    is_minor: bool = False
    is_quote: bool = False  #: Whether another one quotes it as an answer does.
    holders: tuple[Message, ...] = ()  #: The forwarded mails around it, the outermost first.
    is_open: bool = False  #: Whether words typed below it can't be told from its own.
    is_zone_guessed: bool = False  #: Whether its date has no zone, and more than one is likely.
    other: "RecoveredMail | None" = None  #: What may have been forwarded instead, where in doubt.
