"""The daily report of what came back: as mail, byte for byte, in each language.

`bounce_report/LANGUAGE.eml` is what goes out; a mail program shows the same in `text` and `html`.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser
from pathlib import Path

import pytest

from gateway.core.bounces.bounce_report import (
    BOUNCE_REPORT,
    html_of_report,
    percent,
    values_of_report,
)
from gateway.core.bounces.bounce_share import BounceShare
from gateway.core.sending.mail_wording import MailWording, parse_mail_wording
from gateway.core.sending.notice import Notice, build

TEMPLATES = Path(__file__).parents[2] / "config" / "templates" / "bounce_report"
GOLDEN = Path(__file__).parent / "bounce_report"
LANGUAGES = ("nl", "de", "fr", "en")
SHARES = (
    BounceShare(
        sender="crm.example", receiver="gmail.example", sent=2000, bounced=12, complaints=9
    ),
    BounceShare(sender="crm.example", receiver="web.example", sent=800, bounced=64, hard=60),
    BounceShare(sender="", receiver="firma.example", sent=40, bounced=1),
    BounceShare(sender="crm.example", receiver="school.example", sent=12),
)
#: Elements and attributes that fetch something, or that mail programs drop.
FETCHING = {"img", "link", "script", "style", "iframe", "a", "form", "svg", "video"}


def wording(language: str) -> MailWording:
    file = TEMPLATES / f"{language}.txt"
    return parse_mail_wording(file.read_text(encoding="utf-8"), language, BOUNCE_REPORT, str(file))


def report(shares: Sequence[BounceShare], language: str) -> bytes:
    words = wording(language)
    values = values_of_report(shares, words, days=7)
    notice = Notice(
        id=7,
        at=datetime(2026, 3, 4, 6, tzinfo=UTC),
        sender="gateway@office.example",
        hostname="gateway.office.example",
        recipient="office@office.example",
        language=language,
        subject=words.head(values),
        text=words.body(values),
        html=html_of_report(shares, words, values),
    )
    return build(notice)


def parts(octets: bytes) -> tuple[EmailMessage, str, str]:
    """Return a mail, its text and its page, as a mail program decodes them."""
    mail = message_from_bytes(octets, _class=EmailMessage, policy=default)
    text, html = mail.iter_parts()
    return mail, str(text.get_content()), str(html.get_content())


class Page(HTMLParser):
    """What a page has: its elements, and the words people see."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.bars: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)
        values = dict(attrs)
        if values.get("bgcolor"):
            self.bars.append((values["width"] or "", values["bgcolor"] or ""))

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.open.pop()

    def handle_data(self, data: str) -> None:
        self.words += data.split()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_mail_is_as_it_was_looked_at(language: str) -> None:
    octets = report(SHARES, language)

    assert (GOLDEN / f"{language}.eml").read_bytes() == octets
    assert octets.isascii()
    assert 998 > max(map(len, octets.split(b"\r\n")))


@pytest.mark.parametrize("language", LANGUAGES)
def test_text_and_page_say_the_same_in_one_language(language: str) -> None:
    mail, text, html = parts(report(SHARES, language))
    words = wording(language).words

    seen = Page(html).words
    assert "multipart/alternative" == mail.get_content_type()
    assert language == mail["Content-Language"]
    assert mail["Subject"].endswith(words["too_many"].strip(": "))
    for share in SHARES:
        for shown in (text.split(), seen):
            assert share.receiver in shown
            assert str(share.sent) in shown
    assert all(word in text and word in " ".join(seen) for word in words["nobody"].split())


def test_the_page_has_a_bar_for_each_share_and_fetches_nothing() -> None:
    page = Page(parts(report(SHARES, "de"))[2])

    assert [("18", "#d55e00"), ("240", "#d55e00"), ("75", "#0072b2")] == page.bars
    assert set() == FETCHING & set(page.tags)
    assert [] == page.open


def test_where_nothing_is_too_much_nothing_is_to_be_looked_at() -> None:
    mail, text, _ = parts(report(SHARES[2:], "en"))

    assert "Bounces and complaints of the last 7 days" == mail["Subject"]
    assert "Look at" not in text


def test_of_many_domains_the_first_are_shown_and_the_rest_counted() -> None:
    many = [replace(SHARES[3], receiver=f"d{number}.example") for number in range(53)]

    _, text, html = parts(report(many, "en"))

    assert "d49.example" in text
    assert "d50.example" not in text + html
    assert "… and 3 more: gateway bounces report" in text
    assert "… and 3 more: gateway bounces report" in html


def test_a_domain_is_no_html() -> None:
    hostile = replace(SHARES[0], receiver='<img src="https://x.example">.example')

    assert set() == FETCHING & set(Page(parts(report([hostile], "en"))[2]).tags)


@pytest.mark.parametrize(
    ("share", "language", "digits", "written"),
    [
        (0.0167, "en", 2, "1.67%"),
        (0.0167, "nl", 2, "1,67%"),
        (0.0167, "de", 2, "1,67\xa0%"),
        (0.05, "fr", 0, "5\xa0%"),
        (0.0, "de", 1, "0,0\xa0%"),
    ],
)
def test_a_share_is_written_as_the_language_does(
    share: float, language: str, digits: int, written: str
) -> None:
    assert written == percent(share, language, digits)
