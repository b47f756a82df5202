"""What was recovered of a forwarded mail."""

from dataclasses import dataclass
from email.message import Message

from gateway.core.replies.forwarded.original import Heading


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveredMail:
    """What was forwarded, and apart from it what the forwarder wrote."""

    heading: Heading | None  #: None: nothing was recovered, all of it is the forwarder's.
    text: str
    html: str  #: Safe to show; empty where there is none.
    staff_text: str
    attached: Message | None  #: The original where it came as an attachment; its files are its own.
    source: Message | None = None  #: The original where the text holds its source.
    is_cut: bool = False  #: Whether its end or files of it are missing.
    is_sure: bool = True  #: Whether its form is one that only forwards have.
    is_within: bool = False  #: Whether it stands within the quote of another one.
    #: Whether a surer one may hold it: it counts where it is the candidate's and that one isn't.
    is_minor: bool = False
    is_quote: bool = False  #: Whether it is quoted in another one as answers quote.
    holders: tuple[Message, ...] = ()  #: The mails that came with it and hold it, the outer first.
    is_open: bool = False  #: Whether words typed below it can't be told from its own.
    is_zone_guessed: bool = False  #: Whether its date names no zone, and another one is likely too.
    other: "RecoveredMail | None" = None  #: What could be meant as well, where that isn't sure.
