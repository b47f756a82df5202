"""The mail forwarded by staff, recovered from the mail it came in (seed 002).

It may be attached, or in the text as source, or there as text or HTML below a header; for the forms
of that header see `gateway.core.replies.forwarded.forms.registry`.
"""

import re
from dataclasses import replace
from datetime import UTC, tzinfo
from email import message_from_bytes
from email.message import Message
from typing import NamedTuple
from urllib.parse import unquote as unquote_percents

from gateway.core.mail.headers import decoded_mailboxes
from gateway.core.replies.forwarded.app_lines import without_app_lines
from gateway.core.replies.forwarded.banners import banner_end, without_banner
from gateway.core.replies.forwarded.buttons import without_buttons
from gateway.core.replies.forwarded.clear_signed import unsigned_text
from gateway.core.replies.forwarded.lines import join_lines, split_lines, unquote
from gateway.core.replies.forwarded.local_time import in_zone_of_writer
from gateway.core.replies.forwarded.mailboxes import parse_mailbox
from gateway.core.replies.forwarded.original import Original, find_originals, own_text
from gateway.core.replies.forwarded.signature_below import divide_signature
from gateway.inbound.reading.attached import attached_mails, date_of, heading_of, shown_field
from gateway.inbound.reading.mail_files.mailbox_files import lacks_files
from gateway.inbound.reading.markup import MarkupText, read_page
from gateway.inbound.reading.readings_order import in_order
from gateway.inbound.reading.recovered import RecoveredMail
from gateway.inbound.reading.source import is_cut, read_parts, read_source
from gateway.inbound.reading.texts import read_content
from gateway.inbound.reading.unmarked import recover_unmarked

_ENOUGH = 0.7  #: The share of the text's words that the HTML beside it must have …
_NEARLY_ALL = 0.9  #: … and which of them must be the same if it is filed for its links alone.
_LONGEST_COMPARED = 200_000  #: Characters of a text that is compared with a page word by word.
_WORD = re.compile(r"\w+")
#: HTML in a text: mutt and aerc forward HTML source if no program is configured to show it.
_MARKUP = re.compile(
    r"(?:<\?xml[^<>]{0,200}\?>\s*|<!--.{0,2000}?-->\s*){0,3}"
    r"<(?:!doctype html|html|head|body|div|p|table|meta|style|span|font|center|title|section"
    r"|blockquote|pre|h[1-6]|[abiu]|em|strong|small|big|tt|img|br|ul|ol)(?=[\s/>])[^<]{0,2000}>"
    r"(?=.*(?:</|<br\b))",
    re.IGNORECASE | re.DOTALL,
)
#: aerc (0.14) copies the time as the original's author wrote it, without the zone.
_COPIES_CLOCK = re.compile(r"aerc\b", re.IGNORECASE)
#: Their `forward` puts the cursor below the original and doesn't mark its end.
_WRITES_BELOW = re.compile(r"s-nail\b|heirloom mailx\b|mailx\b|nail\b", re.IGNORECASE)
_OF_EXCHANGE = ("x-ms-exchange-", "x-ms-has-attach", "thread-index")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_FEWEST_BREAKS = 2
_DEEPEST = 2  #: Levels of nested forwards that are examined.


def recover(message: Message | bytes, *, subject: str = "", zone: tzinfo = UTC) -> RecoveredMail:
    """Recover the original of a forwarded mail: an attached one, else one in its text or HTML.

    `subject` is the mail's without prefixes and reference; `zone` is assumed for dates without one.
    Never raises: what can't be recovered counts as the forwarder's own text.
    """
    mail = message_from_bytes(message) if isinstance(message, bytes) else message
    readings = readings_of(mail, subject=subject, zone=zone)
    sent = date_of(shown_field(mail, "date"), zone)
    return finish(in_order(readings, subject=subject, sent=sent), mail, zone)


def readings_of(
    mail: Message, *, subject: str, zone: tzinfo, depth: int = 0
) -> list[RecoveredMail]:
    """Return all possible originals of a mail, each followed by the forwards within it.

    Attached mails come first, then those in its text; without either, the text alone, with no
    original recovered. `depth` is the number of forwarded mails around this one: in one of them
    (over 0), nothing is returned instead.
    """
    content = read_content(mail)
    page = read_page(content.markup) if content.markup is not None else None
    is_page = content.text is None
    text = content.text if content.text is not None else "\n".join(page.lines if page else ())
    shown = "\n".join(page.shown_lines) if is_page and page is not None else text
    readings = []
    for attached in attached_mails(mail):
        attached_text = read_text(attached)
        reading = RecoveredMail(
            heading=heading_of(attached, zone),
            text=attached_text.text,
            bare_text=attached_text.bare_text,
            html=html_below_banner(attached_text.page) if attached_text.page else "",
            staff_text=shown.strip(),
            attached=attached,
            is_cut=lacks_files(attached) or attached_text.is_cut,
        )
        readings += [reading, *readings_within(reading, attached, subject, zone, depth)]
    inline = inline_readings(text, page, is_page=is_page, subject=subject, zone=zone)
    if not inline and not readings and not depth:
        inline = [
            recover_unmarked(text, subject, zone, shown=shown)
            or RecoveredMail(
                heading=None,
                text=shown.strip(),
                bare_text=text.strip(),
                html=page.html if page else "",
                staff_text="",
                attached=None,
            )
        ]
    for reading in inline:
        # What ends with the mail can't be told from what doesn't, as the end wasn't read.
        is_of_page = is_page or reading.html != ""
        is_end_unread = content.is_cut or (page is not None and page.is_cut and is_of_page)
        readings.append(replace(reading, is_cut=reading.is_cut or is_end_unread))
        if reading.source is not None:
            readings += readings_within(reading, reading.source, subject, zone, depth)
    return readings


def readings_within(
    outer: RecoveredMail, mail: Message, subject: str, zone: tzinfo, depth: int
) -> list[RecoveredMail]:
    """Return the forwards within a forwarded mail, attached or in its text."""
    if depth == _DEEPEST:
        return []
    return [
        replace(
            inner,
            staff_text="\n\n".join(part for part in (outer.staff_text, inner.staff_text) if part),
            source=inner.source or outer.source,
            is_minor=True,
            is_within=True,
            is_quote=inner.is_quote or not inner.is_sure,
            is_open=False,
            holders=(mail, *inner.holders),
        )
        for inner in readings_of(mail, subject=subject, zone=zone, depth=depth + 1)
        if inner.heading is not None and inner.heading.sender is not None
    ]


def inline_readings(
    text: str, page: MarkupText | None, *, is_page: bool, subject: str, zone: tzinfo
) -> list[RecoveredMail]:
    """Return the originals found in a text and in the page beside it, in the order of the text.

    `is_page`: the text was made from the page. The page's first original is taken for the text's
    first, only better formatted; if it has another author, it is an additional reading.
    """
    of_page = find_originals(page.lines, subject=subject, zone=zone) if page else []
    of_text = of_page if is_page else find_originals(split_lines(text), subject=subject, zone=zone)

    def written(original: Original | None, page_original: Original | None) -> RecoveredMail:
        reading = recover_inline(original, page=page, page_original=page_original)
        place = original or page_original
        assert place is not None
        return replace(
            reading,
            is_sure=place.is_sure,
            is_within=place.is_within,
            is_minor=place.is_minor,
            is_quote=place.is_quote,
        )

    readings, left = [], list(of_page)
    for number, original in enumerate(of_text):
        same = [page_original for page_original in left if is_author_of(page_original, original)]
        # An author may have several mails in a conversation.
        same.sort(key=lambda page_original: page_original.heading.date != original.heading.date)
        page_original = same[0] if same else left[0] if left and number == 0 else None
        readings.append(written(original, page_original))
        if number == 0 and page_original is not None and not same:
            readings.append(written(None, page_original))
        left = [reading for reading in left if reading is not page_original]
    readings += [written(None, page_original) for page_original in left]
    return [
        reading
        for reading in readings
        if not reading.is_minor or (reading.heading and reading.heading.sender)
    ]


def finish(recovered: RecoveredMail, mail: Message, zone: tzinfo) -> RecoveredMail:
    """Return a reading without banners and app lines, its date in the likely time zone."""
    heading, is_zone_guessed = recovered.heading, False
    if heading is not None and heading.date is not None and heading.date.tzinfo is zone:
        # Exchange dates mails in UTC whatever Outlook shows, and `-0000` says that the zone is
        # unknown (RFC 5322, 3.3): neither reveals the zone of the forwarder's program.
        sent_text = shown_field(mail, "date")
        is_exchange = any(name.lower().startswith(_OF_EXCHANGE) for name in mail)
        tells_clock = not is_exchange and not sent_text.endswith("-0000")
        date, is_sure = in_zone_of_writer(
            heading.date,
            date_of(sent_text, zone) if tells_clock else None,
            is_authors_clock=_COPIES_CLOCK.match(shown_field(mail, "x-mailer")) is not None,
        )
        heading, is_zone_guessed = replace(heading, date=date), not is_sure
    # Signed text that the forwarder's program quoted, or put after dashes, only appears now.
    text, bare_text, staff_text = (
        without_banner(unsigned_text(part))
        for part in (recovered.text, recovered.compared_text, recovered.staff_text)
    )
    program = shown_field(mail, "user-agent") or shown_field(mail, "x-mailer")
    is_inline = heading is not None and recovered.attached is None
    is_below = is_inline and not staff_text and _WRITES_BELOW.match(program) is not None
    is_open = recovered.is_open or is_below
    if is_open:
        forwarder = parse_mailbox(shown_field(mail, "from", decode=decoded_mailboxes))
        name = forwarder.name if forwarder else ""
        text, signature = divide_signature(text, name)
        bare_text, _ = divide_signature(bare_text, name)
        staff_text = "\n\n".join(part for part in (staff_text, signature) if part)
    return replace(
        recovered,
        heading=heading,
        is_open=is_open,
        is_zone_guessed=is_zone_guessed,
        text=text,
        bare_text=bare_text,
        staff_text=without_app_lines(staff_text),
        other=finish(recovered.other, mail, zone) if recovered.other is not None else None,
    )


def recover_inline(
    original: Original | None, *, page: MarkupText | None, page_original: Original | None
) -> RecoveredMail:
    """Return what was forwarded, by the text (`original`) or by the page (`page_original`).

    At least one of the two is given.
    """
    if original is not None and original.is_whole:
        whole = recover_source(original)
        if whole is not None:
            return whole
    html = ""
    if page is not None and page_original is not None:
        place = page_original.place
        lines = unquote(page.lines[place.start : place.end], place.depth)
        html = page.between(place.start + banner_end(lines), place.end)
        is_better = original is None or (page.html != "" and is_richer(page_original, original))
        if is_better:
            page_text = text_of_page(page, place.start, place.end, depth=place.depth)
            return RecoveredMail(
                heading=page_original.heading,
                text=page_text.text,
                bare_text=page_text.bare_text,
                html=html,
                staff_text=own_text(
                    page.shown_lines, place, start=banner_end(page.lines[: place.own_end])
                ),
                attached=None,
            )
    assert original is not None
    body, lacks_files = without_buttons(original.body)
    bare_body = None
    is_body_cut = False
    if is_markup(body):
        inner = read_page(body)
        (body, bare_body), html = text_of_page(inner), inner.html
        is_body_cut = inner.is_cut
    return RecoveredMail(
        heading=original.heading,
        text=body,
        bare_text=bare_body,
        html=html,
        staff_text=original.own_text,
        attached=None,
        is_cut=lacks_files or is_body_cut,
        is_open=original.is_open and page is None,
    )


def recover_source(original: Original) -> RecoveredMail | None:
    """Return the original if its header is followed by source; None if by plain text."""
    mail = read_source(original.mime, original.body)
    if mail is None:
        parts = read_parts(original.body)
        if parts is None:
            return None
        page = read_page(parts.text) if parts.kind == "text/html" else None
        # s-nail 14.9 (`~f`, `~m`) drops files silently; only this shows that there were some.
        is_mixed = any("multipart/mixed" in value.casefold() for value in original.mime.values())
        text, bare_text = text_of_page(page) if page else (parts.text, None)
        return RecoveredMail(
            heading=original.heading,
            text=text,
            bare_text=bare_text,
            html=page.html if page else "",
            staff_text=original.own_text,
            attached=None,
            is_cut=parts.lacks_files or is_mixed or (page is not None and page.is_cut),
            is_open=original.is_open,
        )
    read = read_text(mail)
    # Text below the last boundary was typed by staff.
    below = str(mail.epilogue or "").strip() if mail.is_multipart() else ""
    return RecoveredMail(
        heading=original.heading,
        text=read.text,
        bare_text=read.bare_text,
        html=read.page.html if read.page else "",
        staff_text="\n\n".join(part for part in (original.own_text, below) if part),
        attached=None,
        source=mail,
        is_cut=is_cut(mail) or read.is_cut,
        is_open=original.is_open and not mail.is_multipart(),
    )


class TextOfMail(NamedTuple):
    """What a mail shows."""

    text: str
    bare_text: str | None  #: As in a `RecoveredMail`.
    page: MarkupText | None
    is_cut: bool  #: Whether its end was too long to be read.


def read_text(mail: Message) -> TextOfMail:
    """Read the text and the page of a mail; HTML in place of its text counts as its page."""
    content = read_content(mail)
    page = read_page(content.markup) if content.markup is not None else None
    text, bare_text = content.text, None
    if text is not None:
        text = text.strip()
        if page is None and is_markup(text):
            page, text = read_page(text), None
    if page is not None and (text is None or lacks_links(text, page)):
        page_text, bare_text = text_of_page(page)
        # Mails are compared by the text that a mail has, whichever is filed.
        text, bare_text = page_text, bare_text if text is None else text
    is_page_cut = page is not None and page.is_cut
    return TextOfMail(text or "", bare_text, page, content.is_cut or is_page_cut)


class PageText(NamedTuple):
    """The text of a page."""

    text: str
    bare_text: str  #: The same without the targets of links and the labels of lists.


def text_of_page(
    page: MarkupText, start: int = 0, end: int | None = None, *, depth: int = 0
) -> PageText:
    """Return the text of a page's rows without `depth` quote marks, below warnings.

    Warnings are recognised by their words alone: a target may have words that they never have, as
    in `https://my.example.com/report`.
    """
    bare_lines = unquote(page.bare_text(start, end), depth)
    below = banner_end(bare_lines)
    lines = unquote(page.text(start, end), depth)
    return PageText(join_lines(lines[below:]), join_lines(bare_lines[below:]))


def lacks_links(text: str, page: MarkupText) -> bool:
    """Whether a text says what the page beside it says, but without the targets of some links.

    Some programs write such a text: `My CV` for `<a href="https://drive.example.org/cv">My CV</a>`.
    """
    if not page.targets or len(text) > _LONGEST_COMPARED:
        return False
    said = "".join(text.split()).casefold()
    said += unquote_percents(said)  # A wrapper contains the target it is for.
    targets = [target.partition("://")[2].rstrip("/").casefold() for target in page.targets]
    if all(target in said for target in targets):
        return False
    words = set(_WORD.findall(text.casefold()))
    shown_words = set(_WORD.findall("\n".join(page.shown_lines).casefold()))
    return len(words & shown_words) >= _NEARLY_ALL * len(words)


def is_richer(page_original: Original, original: Original) -> bool:
    """Whether the HTML shows the same mail as the text that a program made from it.

    Such a text has `*bold*` for bold, and perhaps `EUR` for `€`, so not all words need match.
    """
    return is_author_of(page_original, original) and len(
        page_original.body.split()
    ) >= _ENOUGH * len(original.body.split())


def is_author_of(page_original: Original, original: Original) -> bool:
    """Whether an original of the page and one of the text have the same author."""
    of_page, of_text = page_original.heading.sender, original.heading.sender
    if of_page is None or of_text is None:
        return of_page is of_text
    return of_page == of_text or (of_page.address == of_text.address)


def is_markup(body: str) -> bool:
    """Whether a text is HTML: it begins with a tag, or every line ends with one (`Hello,<br>`)."""
    if _MARKUP.match(body) is not None:
        return True
    ends = (line.rstrip().endswith(">") for line in body.split("\n") if line.strip())
    return len(_BREAK.findall(body)) >= _FEWEST_BREAKS and all(ends)


def html_below_banner(page: MarkupText) -> str:
    """Return the safe HTML of a page below security products' warnings."""
    end = banner_end(page.lines)
    return page.between(end, len(page.rows)) if end else page.html
