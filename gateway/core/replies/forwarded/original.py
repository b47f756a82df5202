"""The mail that was forwarded inline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from gateway.core.replies.forwarded.dates import parse_date
from gateway.core.replies.forwarded.forms.blocks import ForwardedHeader
from gateway.core.replies.forwarded.forms.intros import Intro
from gateway.core.replies.forwarded.language.words import HeaderWord
from gateway.core.replies.forwarded.lines import join_lines, outdent, undo_dash_stuffing, unquote
from gateway.core.replies.forwarded.mailboxes import (
    Mailbox,
    parse_agent,
    parse_mailbox,
    parse_mailboxes,
)
from gateway.core.replies.forwarded.places import OriginalPlace, find_places

_MOST_READ = 1_000_000  #: Characters of originals in addition to the first one.


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """The contents of a forwarded mail's header."""

    sender: Mailbox | None  #: None if the header names nobody.
    date: datetime | None  #: Aware; None if the text has no readable date.
    date_text: str  #: The date as written.
    subject: str
    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    agent: Mailbox | None = None  #: Who sent it on the sender's behalf.
    has_subject: bool = False  #: Whether it has a subject of its own.


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """A forwarded mail, separated from what the forwarder wrote around it."""

    heading: Heading
    body: str
    own_text: str
    place: OriginalPlace
    mime: Mapping[str, str] = field(default_factory=dict)  #: MIME fields in its header.
    is_whole: bool = False  #: Whether its header was shown with all its fields.
    is_sure: bool = True  #: Whether its form is used only by forwards.
    is_within: bool = False  #: Whether it is inside the one found first.
    is_minor: bool = False  #: Whether it only counts if it is the candidate's, as in a `Place`.
    is_quote: bool = False  #: Whether another one quotes it the way replies do.
    is_open: bool = False  #: Whether text typed below it can't be separated from its own.


def find_originals(raw_lines: Sequence[str], *, subject: str, zone: tzinfo) -> list[Original]:
    """Recover all mails forwarded in a text, given as lines, that staff could have meant.

    The outermost comes first; mails forwarded within it stay in its body. Empty if there is none.
    `subject` is the outer mail's, without prefixes and reference, used if the text has none. `zone`
    is assumed for dates without one.
    """
    places = find_places(raw_lines, subject=subject)
    most = 1 + _MOST_READ // (1 + sum(map(len, raw_lines)))
    return [original_at(raw_lines, place, subject=subject, zone=zone) for place in places[:most]]


def original_at(
    raw_lines: Sequence[str], place: OriginalPlace, *, subject: str, zone: tzinfo
) -> Original:
    """Recover the mail forwarded at a place in a text split into lines."""
    body = unquote(raw_lines[place.start : place.end], place.depth)
    if isinstance(place.header, Intro):
        body = [place.header.rest, *outdent(body)]
    elif place.header.is_whole:
        body = undo_dash_stuffing(outdent(body))
    elif place.rest > place.end:  # closed by a line that says so, as in RFC 934
        body = undo_dash_stuffing(body)
    return Original(
        heading=read_heading(place, subject=subject, zone=zone),
        body=join_lines(body),
        own_text=own_text(raw_lines, place),
        place=place,
        is_sure=place.is_sure,
        is_within=place.is_within,
        is_minor=place.is_minor,
        is_quote=place.is_quote,
        is_open=place.is_open,
        mime=place.header.mime if isinstance(place.header, ForwardedHeader) else {},
        is_whole=isinstance(place.header, ForwardedHeader) and place.header.is_whole,
    )


def own_text(raw_lines: Sequence[str], place: OriginalPlace, *, start: int = 0) -> str:
    """Return what the forwarder wrote around a forwarded mail, from line `start` on."""
    parts = (join_lines(raw_lines[start : place.own_end]), join_lines(raw_lines[place.rest :]))
    return "\n\n".join(part for part in parts if part)


def read_heading(place: OriginalPlace, *, subject: str, zone: tzinfo) -> Heading:
    """Parse the header found at a place."""
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
