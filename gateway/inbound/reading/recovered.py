"""What was recovered from a forwarded mail."""

from dataclasses import dataclass
from email.message import Message

from gateway.core.replies.forwarded.original import Heading


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveredMail:
    """What was forwarded, and separately what the forwarder wrote."""

    heading: Heading | None  #: None: nothing was recovered, all the text is the forwarder's.
    text: str
    #: The text without the targets of links and the labels of lists, by which it is compared with
    #: other texts of the same mail, in which they may be missing; None: it has none.
    bare_text: str | None = None
    html: str  #: Safe to show; empty if there is none.
    staff_text: str
    attached: Message | None  #: The original if it was attached; its files belong to it.
    source: Message | None = None  #: The original if the text contains its source.
    is_cut: bool = False  #: Whether its end or some of its files are missing.
    is_sure: bool = True  #: Whether its form is used only by forwards.
    is_within: bool = False  #: Whether it is in the quotation within another one.
    #: Whether it may be part of a surer one: filed only if the candidate wrote it and not that.
    is_minor: bool = False
    is_quote: bool = False  #: Whether another one quotes it the way replies do.
    holders: tuple[Message, ...] = ()  #: The forwarded mails around it, outermost first.
    is_open: bool = False  #: Whether text typed below it can't be separated from its own.
    is_zone_guessed: bool = False  #: Whether its date has no zone, and more than one is likely.
    other: "RecoveredMail | None" = None  #: What may have been forwarded instead, if in doubt.

    @property
    def compared_text(self) -> str:
        """The text by which it is compared with others."""
        return self.text if self.bare_text is None else self.bare_text
