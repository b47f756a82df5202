"""The mail that was forwarded inline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from gateway.core.replies.forwarded.dates import parse_date
from gateway.core.replies.forwarded.forms.blocks import ForwardedHeader
from gateway.core.replies.forwarded.forms.intros import Intro
from gateway.core.replies.forwarded.language.words import HeaderWord
from gateway.core.replies.forwarded.lines import joined, outdented, unquoted, unstuffed
from gateway.core.replies.forwarded.mailboxes import (
    Mailbox,
    parse_agent,
    parse_mailbox,
    parse_mailboxes,
)
from gateway.core.replies.forwarded.places import OriginalPlace, find_places

_MOST_READ = 1_000_000  #: Characters of originals beside the first one.


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What the header of a forwarded mail says."""

    sender: Mailbox | None  #: None where the header names nobody.
    date: datetime | None  #: Aware; None where the text names no moment that can be read.
    date_text: str  #: The date as it stood there.
    subject: str
    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    agent: Mailbox | None = None  #: Who sent it on behalf of the sender.
    has_subject: bool = False  #: Whether it tells the subject itself.


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """A forwarded mail and, apart from it, what the forwarder wrote around it."""

    heading: Heading
    body: str
    own_text: str
    place: OriginalPlace
    mime: Mapping[str, str] = field(default_factory=dict)  #: MIME fields its header showed.
    is_whole: bool = False  #: Whether its header was shown with all its fields.
    is_sure: bool = True  #: Whether its form is one that only forwards have.
    is_within: bool = False  #: Whether it stands within the one that was found first.
    is_minor: bool = False  #: Whether it counts only where it is the candidate's, as in a `Place`.
    is_quote: bool = False  #: Whether it is quoted in another one as answers quote.
    is_open: bool = False  #: Whether words typed below it can't be told from its own.


def find_originals(raw_lines: Sequence[str], *, subject: str, zone: tzinfo) -> list[Original]:
    """Recover all mails forwarded in a text, given as lines, that staff could have meant.

    The outermost comes first; mails forwarded in that one stay in its body. Empty where there is
    none. `subject` is that of the mail around it, without prefixes and reference: it is used if the
    text has none. `zone` is assumed for dates without one.
    """
    places = find_places(raw_lines, subject=subject)
    most = 1 + _MOST_READ // (1 + sum(map(len, raw_lines)))
    return [original_at(raw_lines, place, subject=subject, zone=zone) for place in places[:most]]


def original_at(
    raw_lines: Sequence[str], place: OriginalPlace, *, subject: str, zone: tzinfo
) -> Original:
    """Recover the mail forwarded at a place of a text that is divided into lines."""
    body = unquoted(raw_lines[place.start : place.end], place.depth)
    if isinstance(place.header, Intro):
        body = [place.header.rest, *outdented(body)]
    elif place.header.is_whole:
        body = unstuffed(outdented(body))
    elif place.rest > place.end:  # closed by a line that says so, as RFC 934 has it
        body = unstuffed(body)
    own = (joined(raw_lines[: place.own_end]), joined(raw_lines[place.rest :]))
    return Original(
        heading=read_heading(place, subject=subject, zone=zone),
        body=joined(body),
        own_text="\n\n".join(part for part in own if part),
        place=place,
        is_sure=place.is_sure,
        is_within=place.is_within,
        is_minor=place.is_minor,
        is_quote=place.is_quote,
        is_open=place.is_open,
        mime=place.header.mime if isinstance(place.header, ForwardedHeader) else {},
        is_whole=isinstance(place.header, ForwardedHeader) and place.header.is_whole,
    )


def read_heading(place: OriginalPlace, *, subject: str, zone: tzinfo) -> Heading:
    """Read the header that was found at a place."""
    match place.header:
        case ForwardedHeader() as block:
            return _heading_of_block(block, subject, zone)
        case Intro() as intro:
            return Heading(
                sender=intro.sender,
                date=parse_date(intro.date, zone=zone),
                date_text=intro.date,
                subject=subject,
                to=(),
                cc=(),
            )


def _heading_of_block(block: ForwardedHeader, subject: str, zone: tzinfo) -> Heading:
    fields = block.fields
    date_text = fields.get(HeaderWord.DATE, "")
    return Heading(
        sender=parse_mailbox(fields.get(HeaderWord.SENDER, "")),
        date=parse_date(date_text, languages=block.languages, zone=zone),
        date_text=date_text,
        subject=fields.get(HeaderWord.SUBJECT, subject),
        to=parse_mailboxes(fields.get(HeaderWord.TO, "")),
        cc=parse_mailboxes(fields.get(HeaderWord.CC, "")),
        agent=parse_agent(fields.get(HeaderWord.SENDER, "")),
        has_subject=HeaderWord.SUBJECT in fields,
    )
