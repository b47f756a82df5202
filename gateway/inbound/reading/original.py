"""The mail that staff forwarded, recovered from the mail it came in (seed 002).

It came attached, as source in the text, or as text or HTML with a header above it; for the forms
of that header see `gateway.core.replies.forwarded.forms`.
"""

import re
from dataclasses import replace
from datetime import UTC, tzinfo
from email import message_from_bytes
from email.message import Message

from gateway.core.mail.headers import decoded_mailboxes
from gateway.core.replies.forwarded import (
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
    parse_mailbox,
    unquoted,
    without_app_lines,
    without_banner,
    without_buttons,
)
from gateway.inbound.reading.attached import attached_mails, date_of, heading_of, shown_field
from gateway.inbound.reading.markup import MarkupText, read_page
from gateway.inbound.reading.readings_order import in_order
from gateway.inbound.reading.recovered import Recovered
from gateway.inbound.reading.source import is_cut, read_parts, read_source
from gateway.inbound.reading.texts import read_content
from gateway.inbound.reading.unmarked import recover_unmarked

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


def recover(message: Message | bytes, *, subject: str = "", zone: tzinfo = UTC) -> Recovered:
    """Recover the original of a forwarded mail: an attached one, else what its text or HTML holds.

    `subject` is that of the mail without prefixes and reference; `zone` is for dates that have
    none. Never raises: what can't be recovered is text of the forwarder.
    """
    mail = message_from_bytes(message) if isinstance(message, bytes) else message
    content = read_content(mail)
    page = read_page(content.markup) if content.markup is not None else None
    text = content.text if content.text is not None else "\n".join(page.lines if page else ())
    place = find_place(page.lines, subject=subject) if page else None
    shown = None
    if page is not None and place is not None:
        shown = original_at(page.lines, place, subject=subject, zone=zone)
    is_page = content.text is None
    inline = shown if is_page else find_original(text, subject=subject, zone=zone)

    def written(original: Original | None) -> Recovered:
        return recover_inline(
            text, original, page=page, place=place, shown=shown, subject=subject, zone=zone
        )

    readings = []
    for attached in attached_mails(mail):
        attached_text, attached_page = read_text(attached)
        readings.append(
            Recovered(
                heading=heading_of(attached, zone),
                text=attached_text,
                html=html_below_banner(attached_page) if attached_page else "",
                staff_text=text.strip(),
                attached=attached,
            )
        )
    has_attached = bool(readings)
    if not has_attached:
        readings.append(written(inline))
    elif inline is not None:
        readings.append(replace(written(inline), is_sure=inline.is_sure))
    if shown is not None and inline is not None:
        of_page, of_text = shown.heading.sender, inline.heading.sender
        if (of_page.address if of_page else "") != (of_text.address if of_text else ""):
            readings.append(written(None))
    if not has_attached and inline is not None and not inline.is_sure:
        readings[0] = replace(readings[0], is_sure=False)
        other = find_other_original(text, inline, subject=subject, zone=zone)
        if other is not None:
            readings.append(
                Recovered(
                    heading=other.heading,
                    text=other.body,
                    html="",
                    staff_text=other.own_text,
                    attached=None,
                    is_sure=other.is_sure,
                    is_within=other.is_within,
                    is_open=other.is_open,
                )
            )
    sent = date_of(shown_field(mail, "date"), zone)
    return finished(in_order(readings, subject=subject, sent=sent), mail, zone)


def finished(recovered: Recovered, mail: Message, zone: tzinfo) -> Recovered:
    """Return a reading without what products and apps added, its date by the clock it goes by."""
    heading, is_zone_guessed = recovered.heading, False
    if heading is not None and heading.date is not None and heading.date.tzinfo is zone:
        # Exchange dates mails in UTC whatever Outlook shows; `-0000` says so of itself (RFC 5322,
        # 3.3): neither is the clock of the program.
        sent_text = shown_field(mail, "date")
        is_exchange = any(name.lower().startswith(_OF_EXCHANGE) for name in mail)
        tells_clock = not is_exchange and not sent_text.endswith("-0000")
        date, is_sure = in_zone_of_writer(
            heading.date,
            date_of(sent_text, zone) if tells_clock else None,
            is_authors_clock=_COPIES_CLOCK.match(shown_field(mail, "x-mailer")) is not None,
        )
        heading, is_zone_guessed = replace(heading, date=date), not is_sure
    text, staff_text = without_banner(recovered.text), without_banner(recovered.staff_text)
    program = shown_field(mail, "user-agent") or shown_field(mail, "x-mailer")
    is_inline = heading is not None and recovered.attached is None
    is_below = is_inline and not staff_text and _WRITES_BELOW.match(program) is not None
    is_open = recovered.is_open or is_below
    if is_open:
        forwarder = parse_mailbox(shown_field(mail, "from", decode=decoded_mailboxes))
        text, signature = divide_signature(text, forwarder.name if forwarder else "")
        staff_text = "\n\n".join(part for part in (staff_text, signature) if part)
    return replace(
        recovered,
        heading=heading,
        is_open=is_open,
        is_zone_guessed=is_zone_guessed,
        text=text,
        staff_text=without_app_lines(staff_text),
        other=finished(recovered.other, mail, zone) if recovered.other is not None else None,
    )


def recover_inline(
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
        return recover_unmarked(text, subject, zone) or Recovered(
            heading=None,
            text=text.strip(),
            html=page.html if page else "",
            staff_text="",
            attached=None,
        )
    if original is not None and original.is_whole:
        whole = recover_source(original)
        if whole is not None:
            return whole
    html = ""
    if page is not None and place is not None:
        lines = unquoted(page.lines[place.start : place.end], place.depth)
        html = page.between(place.start + banner_end(lines), place.end)
        is_better = original is None or (
            page.html != "" and shown is not None and is_richer(shown, original)
        )
        if is_better and shown is not None:
            return Recovered(
                heading=shown.heading,
                text=joined(unquoted(page.text(place.start, place.end), place.depth)),
                html=html,
                staff_text=shown.own_text,
                attached=None,
            )
    assert original is not None
    body, lacks_files = without_buttons(original.body)
    if is_markup(body):
        inner = read_page(body)
        body, html = joined(inner.text()), inner.html
    return Recovered(
        heading=original.heading,
        text=body,
        html=html,
        staff_text=original.own_text,
        attached=None,
        is_cut=lacks_files,
        is_open=original.is_open and page is None,
    )


def recover_source(original: Original) -> Recovered | None:
    """Return the original where its source follows its header; None where that is text."""
    mail = read_source(original.mime, original.body)
    if mail is None:
        parts = read_parts(original.body)
        if parts is None:
            return None
        page = read_page(parts.text) if parts.kind == "text/html" else None
        return Recovered(
            heading=original.heading,
            text=joined(page.text()) if page else parts.text,
            html=page.html if page else "",
            staff_text=original.own_text,
            attached=None,
            is_cut=parts.lacks_files,
            is_open=original.is_open,
        )
    text, page = read_text(mail)
    # What stands behind the last boundary staff have typed.
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


def read_text(mail: Message) -> tuple[str, MarkupText | None]:
    """Read the text and the page of a mail; HTML that was put into its text is its page."""
    content = read_content(mail)
    page = read_page(content.markup) if content.markup is not None else None
    if content.text is None:
        return (joined(page.text()) if page else ""), page
    text = content.text.strip()
    if page is None and is_markup(text):
        page = read_page(text)
        text = joined(page.text())
    return text, page


def is_richer(shown: Original, original: Original) -> bool:
    """Whether the HTML has the same mail as the text, which its program made from it.

    Its text says `*bold*`, and at worst `EUR` for a sign it doesn't know.
    """
    if shown.heading.sender != original.heading.sender:
        of_page, of_text = shown.heading.sender, original.heading.sender
        if of_page is None or of_text is None or of_page.address != of_text.address:
            return False
    return len(shown.body.split()) >= _ENOUGH * len(original.body.split())


def is_markup(body: str) -> bool:
    """Whether a text is HTML: it begins with a tag, or every line ends with one (`Hello,<br>`)."""
    if _MARKUP.match(body) is not None:
        return True
    ends = (line.rstrip().endswith(">") for line in body.split("\n") if line.strip())
    return len(_BREAK.findall(body)) >= _FEWEST_BREAKS and all(ends)


def html_below_banner(page: MarkupText) -> str:
    """Return the safe HTML of a page below warnings of security products."""
    end = banner_end(page.lines)
    return page.between(end, len(page.rows)) if end else page.html
