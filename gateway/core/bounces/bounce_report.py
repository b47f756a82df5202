"""The daily bounce report: its text, and the same as an HTML page with bars."""

from collections.abc import Iterable, Sequence
from html import escape

from gateway.core.bounces.bounce_share import MOST_BOUNCES, MOST_COMPLAINTS, BounceShare
from gateway.core.sending.mail_wording import MailWording, WordingForm

#: Reports the share of mail that bounced in the last days.
BOUNCE_REPORT = WordingForm(
    placeholders=frozenset(
        ("days", "too_many", "alarms", "table", "more", "sender", "receiver", "rate", "limit")
    ),
    sections=frozenset(("complaints", "bounces")),
    words=frozenset(
        ("too_many", "from", "to", "sent", "bounced", "complaints", "share", "more", "nobody")
    ),
)
_MOST_LINES = 50
_BAR = 40  #: Width, in characters, of a bar for all mail.
_LONGEST_BAR = 240  #: Width, in pixels, of the bar for the highest share.
_BLUE, _RED = "#0072b2", "#d55e00"  #: Distinguishable with any colour vision (Okabe and Ito).
_CELL = "padding:4px 10px 4px 0;text-align:left;vertical-align:middle"
_NUMBER = "padding:4px 10px 4px 0;text-align:right;vertical-align:middle"


def percent(share: float, language: str, digits: int = 1) -> str:
    """Format a share the way a language writes it: `1.7%`, `1,7%`, `1,7 %`.

    >>> percent(0.017, "en"), percent(0.017, "nl"), percent(0.017, "de")
    ('1.7%', '1,7%', '1,7\xa0%')
    """
    number = f"{100 * share:.{digits}f}"
    if language == "en":
        return f"{number}%"
    return f"{number.replace('.', ',')}{'' if language == 'nl' else chr(0xA0)}%"


def values_of_report(
    shares: Sequence[BounceShare], wording: MailWording, *, days: int
) -> dict[str, str]:
    """Return the values of a report's placeholders; missing ones are empty."""
    alarms = [_alarm(share, wording) for share in shares if share.too_many]
    left = len(shares) - _MOST_LINES
    return {
        "days": str(days),
        "too_many": wording.words["too_many"] if alarms else "",
        "alarms": "\n".join(alarms),
        "table": "\n".join(_table(shares[:_MOST_LINES], wording)),
        "more": wording.words["more"].replace("{}", str(left)) if left > 0 else "",
    }


def html_of_report(
    shares: Sequence[BounceShare], wording: MailWording, values: dict[str, str]
) -> str:
    """Return the report as a page built of tables, which all mail programs show much alike.

    `values` are those of the text version; the page replaces the table in them with its own.
    """
    mark = "\0"
    before, _, behind = wording.body({**values, "table": mark}).partition(mark)
    words = wording.words
    headings = ("from", "to", "sent", "bounced", "complaints", "share")
    head = "".join(
        f'<th style="{_NUMBER if name in _NUMBERS else _CELL}">{escape(words[name])}</th>'
        for name in headings
    )
    highest = max((share.bounce_rate for share in shares), default=0) or 1
    rows = "".join(_row(share, wording, highest) for share in shares[:_MOST_LINES])
    return (
        f'<!doctype html>\n<html lang="{wording.language}">\n<head><meta charset="utf-8"></head>\n'
        '<body style="font-family:Helvetica,Arial,sans-serif;font-size:14px;color:#1f2933">\n'
        f"{_paragraphs(before)}"
        '<table role="table" cellspacing="0" cellpadding="0" style="border-collapse:collapse">\n'
        f"<tr>{head}</tr>\n{rows}</table>\n{_paragraphs(behind)}</body>\n</html>"
    )


_NUMBERS = ("sent", "bounced", "complaints")


def _alarm(share: BounceShare, wording: MailWording) -> str:
    """Return the line that asks the reader to look into a share."""
    is_complaints = share.too_many == "complaints"
    rate = share.complaint_rate if is_complaints else share.bounce_rate
    limit = MOST_COMPLAINTS if is_complaints else MOST_BOUNCES
    return wording.section(
        share.too_many,
        {
            "sender": share.sender or wording.words["nobody"],
            "receiver": share.receiver,
            "rate": percent(rate, wording.language, 2 if is_complaints else 1),
            "limit": percent(limit, wording.language, 1 if is_complaints else 0),
        },
    )


def _table(shares: Iterable[BounceShare], wording: MailWording) -> Iterable[str]:
    """Yield the lines of the table, each ending in a text bar."""
    words = wording.words
    yield (
        f"{words['from']:24} {words['to']:24} {words['sent']:>8} {words['bounced']:>8} "
        f"{words['complaints']:>12}  {words['share']}"
    )
    for share in shares:
        rate = percent(share.bounce_rate, wording.language)
        bar = "#" * round(share.bounce_rate * _BAR)
        yield (
            f"{share.sender or words['nobody']:24} {share.receiver:24} {share.sent:8} "
            f"{share.bounced:8} {share.complaints:12}  {rate} {bar}"
        ).rstrip()


def _row(share: BounceShare, wording: MailWording, highest: float) -> str:
    """Return a row of the page's table; its bar is a cell with a background, not a picture."""
    names = (share.sender or wording.words["nobody"], share.receiver)
    cells = [f'<td style="{_CELL}">{escape(name)}</td>' for name in names]
    numbers = (share.sent, share.bounced, share.complaints)
    cells += [f'<td style="{_NUMBER}">{number}</td>' for number in numbers]
    pixels = round(share.bounce_rate / highest * _LONGEST_BAR)
    colour = _RED if share.too_many else _BLUE
    bar = (
        f'<td width="{pixels}" height="14" bgcolor="{colour}" '
        f'style="width:{pixels}px;background:{colour};font-size:1px">&nbsp;</td>'
        if pixels
        else ""
    )
    text = escape(percent(share.bounce_rate, wording.language))
    cells.append(
        f'<td style="{_CELL}"><table cellspacing="0" cellpadding="0"><tr>{bar}'
        f'<td style="padding-left:6px">{text}</td></tr></table></td>'
    )
    return f"<tr>{''.join(cells)}</tr>\n"


def _paragraphs(text: str) -> str:
    blocks = (block.strip() for block in text.split("\n\n"))
    return "".join(
        f"<p>{escape(block).replace(chr(10), '<br>')}</p>\n" for block in blocks if block
    )
