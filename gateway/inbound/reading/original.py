"""The mail that staff forwarded, recovered from the mail it came in (seed 002).

It came attached, as source in the text, or as text or HTML with a header above it; for the forms
of that header see `gateway.core.replies.forwarded.forms`.
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from email import message_from_bytes
from email.message import Message
from email.utils import parsedate_to_datetime
from itertools import islice

import quotequail

from gateway.core.mail.headers import decoded, decoded_mailboxes
from gateway.core.replies.forwarded import (
    Heading,
    Original,
    Place,
    banner_end,
    divide_signature,
    find_original,
    find_other_original,
    find_place,
    in_zone_of_writer,
    joined,
    original_at,
    parse_agent,
    parse_date,
    parse_mailbox,
    parse_mailboxes,
    unquoted,
    without_app_lines,
    without_banner,
    without_buttons,
)
from gateway.core.replies.subject_prefixes import without_prefixes
from gateway.inbound.reading.markup import MarkupText, read_page
from gateway.inbound.reading.skeleton import raw_payload
from gateway.inbound.reading.source import is_cut, read_parts, read_source
from gateway.inbound.reading.texts import Content, children, read_content, without_divider

_MOST_PARTS = 1_000
_MOST_MAILS = 5  #: Attached ones that are compared; more stay files.
_ZONES = timedelta(hours=26)  #: By which dates without zones may differ.
_ENOUGH = 0.7  #: Of the words of a text, which the HTML beside it must have.
#: HTML in a text: mutt and aerc forward the source of an HTML part where nothing shows it.
_MARKUP = re.compile(
    r"(?:<\?xml[^<>]{0,200}\?>\s*|<!--.{0,2000}?-->\s*){0,3}"
    r"<(?:!doctype html|html|head|body|div|p|table|meta|style|span|font|center|title|section"
    r"|blockquote|pre|h[1-6]|[abiu]|em|strong|small|big|tt|img|br|ul|ol)(?=[\s/>])[^<]{0,2000}>"
    r"(?=.*(?:</|<br\b))",
    re.IGNORECASE | re.DOTALL,
)
#: Writes the time of the original by the clock of its author, and leaves the zone out (0.14).
_COPIES_CLOCK = re.compile(r"aerc\b", re.IGNORECASE)
#: Their `forward` puts the original first and the cursor behind it, and marks no end.
_WRITES_BELOW = re.compile(r"s-nail\b|heirloom mailx\b|mailx\b|nail\b", re.IGNORECASE)
_OF_EXCHANGE = ("x-ms-exchange-", "x-ms-has-attach", "thread-index")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_FEWEST_BREAKS = 2
_LAST_RESORT_LINES = 300
_LAST_RESORT_WIDTH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
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
    is_open: bool = False  #: Whether words typed below it can't be told from its own.
    is_zone_guessed: bool = False  #: Whether its date names no zone, and another one is likely too.
    other: "Recovered | None" = None  #: What could be meant as well, where that isn't sure.


def recover(message: Message | bytes, *, subject: str = "", zone: tzinfo = UTC) -> Recovered:
    """Recover the original of a forwarded mail: an attached one, else what its text or HTML holds.

    `subject` is that of the mail without prefixes and reference; `zone` is for dates that have
    none. Never raises: what can't be recovered is text of the forwarder.
    """
    mail = message_from_bytes(message) if isinstance(message, bytes) else message
    content = read_content(mail)
    page = read_page(content.markup) if content.markup is not None else None
    text = content.text if content.text is not None else "\n".join(page.lines if page else ())
    recovered = _recovered(mail, text, page, subject, zone, is_page=content.text is None)
    return _finished(recovered, mail, zone)


def _finished(recovered: Recovered, mail: Message, zone: tzinfo) -> Recovered:
    """Return a reading without what products and apps added, its date by the clock it goes by."""
    heading, is_zone_guessed = recovered.heading, False
    if heading is not None and heading.date is not None and heading.date.tzinfo is zone:
        is_authors = _COPIES_CLOCK.match(_field(mail, "x-mailer")) is not None
        sent = _date(_field(mail, "date"), zone) if _tells_own_clock(mail) else None
        date, is_sure = in_zone_of_writer(heading.date, sent, is_authors_clock=is_authors)
        heading, is_zone_guessed = replace(heading, date=date), not is_sure
    text, staff_text = without_banner(recovered.text), without_banner(recovered.staff_text)
    program = _field(mail, "user-agent") or _field(mail, "x-mailer")
    is_inline = heading is not None and recovered.attached is None
    is_below = is_inline and not staff_text and _WRITES_BELOW.match(program) is not None
    is_open = recovered.is_open or is_below
    if is_open:
        forwarder = parse_mailbox(_field(mail, "from", decode=decoded_mailboxes))
        text, signature = divide_signature(text, forwarder.name if forwarder else "")
        staff_text = "\n\n".join(part for part in (staff_text, signature) if part)
    return replace(
        recovered,
        heading=heading,
        is_open=is_open,
        is_zone_guessed=is_zone_guessed,
        text=text,
        staff_text=without_app_lines(staff_text),
        other=_finished(recovered.other, mail, zone) if recovered.other is not None else None,
    )


def _tells_own_clock(mail: Message) -> bool:
    """Whether the offset in a mail's date is that of the program which wrote the mail.

    Exchange dates in UTC whatever Outlook shows; `-0000` says so of itself (RFC 5322, 3.3).
    """
    is_exchange = any(name.lower().startswith(_OF_EXCHANGE) for name in mail)
    return not is_exchange and not _field(mail, "date").endswith("-0000")


def _recovered(
    mail: Message, text: str, page: MarkupText | None, subject: str, zone: tzinfo, *, is_page: bool
) -> Recovered:
    """Recover the original; `is_page` says that the text is that of the page."""
    attached = attached_mails(mail)
    place = find_place(page.lines, subject=subject) if page else None
    shown = None
    if page is not None and place is not None:
        shown = original_at(page.lines, place, subject=subject, zone=zone)
    inline = shown if is_page else find_original(text, subject=subject, zone=zone)

    def written(original: Original | None, shown: Original | None) -> Recovered:
        return _inline(
            text, original, page=page, place=place, shown=shown, subject=subject, zone=zone
        )

    readings = [_of_attached(each, text, zone) for each in attached]
    if not attached:
        readings.append(written(inline, shown))
    elif inline is not None:
        readings.append(replace(written(inline, shown), is_sure=inline.is_sure))
    if shown is not None and inline is not None and _is_another(shown, inline):
        readings.append(written(None, shown))
    if not attached and inline is not None and not inline.is_sure:
        readings[0] = replace(readings[0], is_sure=False)
        other = find_other_original(text, inline, subject=subject, zone=zone)
        readings += [_of_original(other)] if other is not None else []
    sent = _date(_field(mail, "date"), zone)
    return in_order(readings, subject=subject, sent=sent)


def in_order(readings: list[Recovered], *, subject: str, sent: datetime | None) -> Recovered:
    """Return the surest of the readings of a mail; those behind it follow one another.

    `subject` is that of the mail around them, `sent` its date. They come in the order in which
    programs write: what is found first counts, unless the subject or the dates say otherwise.
    """
    ordered: list[Recovered] = []
    for reading in readings:
        if any(_is_same(reading, each) for each in ordered):
            continue
        behind = (n for n, each in enumerate(ordered) if _is_surer(reading, each, subject, sent))
        ordered.insert(next(behind, len(ordered)), reading)
    found: Recovered | None = None
    for reading in reversed(ordered):
        found = replace(reading, other=found)
    assert found is not None
    return found


def _is_surer(one: Recovered, before: Recovered, subject: str, sent: datetime | None) -> bool:
    """Whether a reading agrees better with what is known than the one before it.

    It has the subject of the mail, it is not younger than the mail, or it is younger than the
    other, which can't hold it then: a mail is not older than what is forwarded in it.
    """
    if one.heading is None or before.heading is None:
        return before.heading is None and one.heading is not None
    if not one.is_within and _has_subject(one, subject) != _has_subject(before, subject):
        return _has_subject(one, subject)
    date, other = one.heading.date, before.heading.date
    if date is None or other is None:
        return False
    if sent is not None and (date - sent > _ZONES) != (other - sent > _ZONES):
        return other - sent > _ZONES
    return one.is_sure and date - other > _ZONES


def _has_subject(one: Recovered, subject: str) -> bool:
    wanted = without_prefixes(subject).casefold()
    heading = one.heading
    if not wanted or heading is None or not heading.has_subject:
        return False
    return without_prefixes(heading.subject).casefold() == wanted


def _is_same(one: Recovered, other: Recovered) -> bool:
    """Whether two readings are of one mail: its author, its date and its text."""
    if one.heading is None or other.heading is None:
        return one.heading is other.heading
    return (
        one.heading.sender == other.heading.sender
        and one.heading.date == other.heading.date
        and one.text.split() == other.text.split()
    )


def _is_another(shown: Original, original: Original) -> bool:
    """Whether the HTML and the text have another mail first, by its author."""
    ours, theirs = shown.heading.sender, original.heading.sender
    return (ours.address if ours else "") != (theirs.address if theirs else "")


def _of_original(original: Original) -> Recovered:
    return Recovered(
        heading=original.heading,
        text=original.body,
        html="",
        staff_text=original.own_text,
        attached=None,
        is_sure=original.is_sure,
        is_within=original.is_within,
        is_open=original.is_open,
    )


def _read(mail: Message) -> tuple[str, MarkupText | None]:
    """Return the text and the page of a mail; HTML that was put into its text is its page."""
    content: Content = read_content(mail)
    page = read_page(content.markup) if content.markup is not None else None
    if content.text is None:
        return (joined(page.text()) if page else ""), page
    text = content.text.strip()
    if page is None and _is_markup(text):
        page = read_page(text)
        text = joined(page.text())
    return text, page


def _of_attached(attached: Message, staff_text: str, zone: tzinfo) -> Recovered:
    text, page = _read(attached)
    return Recovered(
        heading=_heading(attached, zone),
        text=text,
        html=_whole(page) if page else "",
        staff_text=staff_text.strip(),
        attached=attached,
    )


def _inline(
    text: str,
    original: Original | None,
    *,
    page: MarkupText | None,
    place: Place | None,
    shown: Original | None,
    subject: str,
    zone: tzinfo,
) -> Recovered:
    """Return what the text (`original`) or at a place of the page (`shown`) is forwarded."""
    if original is None and shown is None:
        return _last_resort(text, subject, zone) or Recovered(
            heading=None,
            text=text.strip(),
            html=page.html if page else "",
            staff_text="",
            attached=None,
        )
    if original is not None and original.is_whole:
        whole = _of_whole(original)
        if whole is not None:
            return whole
    is_better = original is None or (
        page is not None and page.html != "" and shown is not None and _is_richer(shown, original)
    )
    if is_better and page is not None and place is not None and shown is not None:
        return Recovered(
            heading=shown.heading,
            text=_body_of(page, place),
            html=_shown(page, place),
            staff_text=shown.own_text,
            attached=None,
        )
    assert original is not None
    body, lacks_files = without_buttons(original.body)
    html = _shown(page, place) if page and place else ""
    if _is_markup(body):
        body, html = _rendered(body)
    return Recovered(
        heading=original.heading,
        text=body,
        html=html,
        staff_text=original.own_text,
        attached=None,
        is_cut=lacks_files,
        is_open=original.is_open and page is None,
    )


def _of_whole(original: Original) -> Recovered | None:
    """Return the original where its source follows its header; None where that is text."""
    mail = read_source(original.mime, original.body)
    if mail is None:
        parts = read_parts(original.body)
        if parts is None:
            return None
        is_html = parts.kind == "text/html"
        text, html = _rendered(parts.text) if is_html else (parts.text, "")
        return Recovered(
            heading=original.heading,
            text=text,
            html=html,
            staff_text=original.own_text,
            attached=None,
            is_cut=parts.lacks_files,
            is_open=original.is_open,
        )
    text, page = _read(mail)
    below = str(mail.epilogue or "").strip() if mail.is_multipart() else ""
    return Recovered(
        heading=original.heading,
        text=text,
        html=page.html if page else "",
        staff_text="\n\n".join(part for part in (original.own_text, below) if part),
        attached=None,
        source=mail,
        is_cut=is_cut(mail),
        is_open=original.is_open and not mail.is_multipart(),
    )


def _is_richer(shown: Original, original: Original) -> bool:
    """Whether the HTML has the same mail as the text, which its program made from it.

    Its text says `*bold*`, and at worst `EUR` for a sign it doesn't know.
    """
    if shown.heading.sender != original.heading.sender:
        ours, theirs = shown.heading.sender, original.heading.sender
        if ours is None or theirs is None or ours.address != theirs.address:
            return False
    return len(shown.body.split()) >= _ENOUGH * len(original.body.split())


def _shown(page: MarkupText, place: Place) -> str:
    """Return the safe HTML of the original, below warnings of security products."""
    lines = unquoted(page.lines[place.start : place.end], place.depth)
    return page.between(place.start + banner_end(lines), place.end)


def _whole(page: MarkupText) -> str:
    end = banner_end(page.lines)
    return page.between(end, len(page.rows)) if end else page.html


def _body_of(page: MarkupText, place: Place) -> str:
    return joined(unquoted(page.text(place.start, place.end), place.depth))


def _is_markup(body: str) -> bool:
    """Whether a text is HTML: it begins with a tag, or every line ends with one (`Hello,<br>`)."""
    if _MARKUP.match(body) is not None:
        return True
    ends = (line.rstrip().endswith(">") for line in body.split("\n") if line.strip())
    return len(_BREAK.findall(body)) >= _FEWEST_BREAKS and all(ends)


def _rendered(markup: str) -> tuple[str, str]:
    """Return the text and the safe HTML of HTML that its program put into a text."""
    page = read_page(markup)
    return joined(page.text()), page.html


def _last_resort(text: str, subject: str, zone: tzinfo) -> Recovered | None:
    """Ask quotequail, which knows some ways of naming an author that have neither mark nor address.

    It compares every line with all that follow, so it is given the beginning only.
    """
    head, tail = _divided(text.replace("\r\n", "\n"))
    if ":" not in head and "@" not in head:
        return None  # whatever names an author to it has one of them
    found = quotequail.unwrap(head)
    if found is None or not found.get("from") or not found.get("text"):
        return None
    sender = parse_mailbox(found["from"])
    date_text = found.get("date", "")
    own = (found.get("text_top", ""), found.get("text_bottom", ""))
    return Recovered(
        heading=Heading(
            sender=sender,
            date=parse_date(date_text, zone=zone),
            date_text=date_text,
            subject=found.get("subject", subject),
            to=parse_mailboxes(found.get("to", "")),
            cc=parse_mailboxes(found.get("cc", "")),
            reply_to=parse_mailboxes(found.get("reply-to", "")),
        ),
        text=(found["text"] + tail).strip(),
        html="",
        staff_text="\n\n".join(part for part in own if part),
        attached=None,
    )


def _divided(text: str) -> tuple[str, str]:
    """Divide a text behind the lines that quotequail reads in a moment."""
    lines = text.split("\n", _LAST_RESORT_LINES)
    short = next(
        (n for n, line in enumerate(lines[:_LAST_RESORT_LINES]) if len(line) > _LAST_RESORT_WIDTH),
        _LAST_RESORT_LINES,
    )
    head = "\n".join(lines[:short])
    return head, text[len(head) :]


def attached_mails(mail: Message) -> list[Message]:
    """Return the first mails attached to a mail; those in a delivery report don't count."""
    attached = (_as_mail(part) for part in _parts(mail))
    mails = (one for one in attached if one and (one.get("from") or one.get("subject")))
    return list(islice(mails, _MOST_MAILS))


def _parts(mail: Message) -> Iterator[Message]:
    """Yield the parts of a mail in order, not those of mails attached to it."""
    stack = [mail]
    for _ in range(_MOST_PARTS):
        if not stack:
            return
        part = stack.pop()
        if part.get_content_type() == "multipart/report":
            continue
        if part.get_content_maintype() == "multipart":
            stack += reversed(children(part))
        else:
            yield part


def _as_mail(part: Message) -> Message | None:
    if part.get_content_type() in ("message/rfc822", "message/global"):
        inner = next(iter(children(part)), None)
        return _unpacked(inner) if inner is not None else None
    if not (part.get_filename() or "").casefold().endswith(".eml"):
        return None
    payload = part.get_payload(decode=True)
    return _parsed(payload) if isinstance(payload, bytes) else None


def _unpacked(inner: Message) -> Message | None:
    """Return an attached mail; some programs wrongly send it in base64 (RFC 2046, 5.2.1)."""
    if inner.keys():
        return inner
    payload = raw_payload(inner) or ""
    try:
        raw = payload.encode("ascii", "surrogateescape")
        octets = raw if ":" in payload else b64decode(raw, validate=False)
    except (binascii.Error, ValueError):
        return None
    return _parsed(octets)


def _parsed(octets: bytes) -> Message | None:
    try:
        return message_from_bytes(without_divider(octets))
    except RecursionError:
        return None


def _heading(mail: Message, zone: tzinfo) -> Heading:
    date_text = _field(mail, "date")
    return Heading(
        sender=parse_mailbox(_field(mail, "from", decode=decoded_mailboxes), is_field=True),
        date=_date(date_text, zone),
        date_text=date_text,
        subject=_field(mail, "subject"),
        to=parse_mailboxes(_field(mail, "to", decode=decoded_mailboxes), is_field=True),
        cc=parse_mailboxes(_field(mail, "cc", decode=decoded_mailboxes), is_field=True),
        reply_to=parse_mailboxes(_field(mail, "reply-to", decode=decoded_mailboxes), is_field=True),
        agent=parse_agent(_field(mail, "from", decode=decoded_mailboxes), is_field=True),
        has_subject="subject" in mail,
    )


def _field(mail: Message, name: str, *, decode: Callable[[bytes], str] = decoded) -> str:
    """Return the first field of a name as people read it."""
    for key, value in mail.raw_items():
        if key.casefold() == name:
            octets = str(value).encode("utf-8", "surrogateescape")
            return " ".join(decode(b" ".join(octets.split())).split())
    return ""


def _date(text: str, zone: tzinfo) -> datetime | None:
    try:
        parsed = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return parse_date(text, zone=zone)
    if parsed.tzinfo is None:
        return parsed.replace(tzinfo=UTC if text.endswith("-0000") else zone)
    return parsed
