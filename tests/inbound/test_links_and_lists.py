"""What the filed text keeps of a mail in HTML besides its words: targets of links, labels of lists.

Forwards are recognised by the words alone.
"""

import re
from email.message import EmailMessage

import pytest

from gateway.core.replies.forwarded.lines import unquote
from gateway.inbound.reading.bounces.bounce_parts import take_apart
from gateway.inbound.reading.markup import inert_html, read_page, safe_html
from gateway.inbound.reading.original import recover
from gateway.inbound.verdict import Repeated
from tests.inbound.importer_rig import ImporterRig
from tests.inbound.mails import EVA, as_attachment, forward, original
from tests.inbound.test_notices import text as text_of

CV = "https://drive.example.org/cv"
LINK = f'<a href="{CV}">My CV</a>'
PICTURE = f'<a href="{CV}"><img src="cid:1"></a>'
HEADER = (
    '<b>Von:</b> Ann Müller &lt;<a href="mailto:ann@example.org">ann@example.org</a>&gt;<br>'
    "<b>Gesendet:</b> Mittwoch, 4. März 2026 10:11<br>"
    '<b>An:</b> <a href="mailto:eva@office.example">Eva Bos</a><br>'
    "<b>Betreff:</b> AW: Ihre Bewerbung<br>"
)
LINKS = {
    "words": (f"<p>See {LINK}.</p>", f"See My CV <{CV}>."),
    "in brackets": (f"({LINK})", f"(My CV <{CV}>)"),
    "a space within": (f'<a href="{CV}">My CV </a>here', f"My CV <{CV}> here"),
    "itself": (f'<a href="{CV}">{CV}</a>', CV),
    "itself in brackets": (f'&lt;<a href="{CV}">{CV}</a>&gt;', f"<{CV}>"),
    "beside itself": (f"{LINK} ({CV})", f"My CV ({CV})"),
    "beside another": (f"{LINK} ({CV}2)", f"My CV <{CV}> ({CV}2)"),
    "ampersand": ('<a href="https://x.org/?a=1&amp;b=2">x</a>', "x <https://x.org/?a=1&b=2>"),
    "in two parts": (
        f'<a href="{CV}">My </a><b><a href="{CV}">CV</a></b>, as asked',
        f"My CV <{CV}>, as asked",
    ),
    "itself in two parts": (
        f'<a href="{CV}">{CV[:20]}</a><a href="{CV}">{CV[20:]}</a>',
        CV,
    ),
    "two beside each other": (
        f'{LINK} <a href="{CV}2">My photo</a>',
        f"My CV <{CV}> My photo <{CV}2>",
    ),
    "around blocks": (
        f'<a href="{CV}"><div>My CV</div><div>(PDF)</div></a>Yours',
        f"My CV\n(PDF) <{CV}>\nYours",
    ),
    "over two lines": (f'<a href="{CV}">My<br>CV</a>', f"My\nCV <{CV}>"),
    "before a break": (f'<a href="{CV}">My CV<br></a>Yours', f"My CV <{CV}>\nYours"),
    "in a quote": (f"<blockquote>{LINK}</blockquote>", f"> My CV <{CV}>"),
    "in a cell": (f"<table><tr><td>CV<td>{LINK}</table>", f"CV My CV <{CV}>"),
    "in source": (f"<pre>a\n{LINK}\nb</pre>", f"a\nMy CV <{CV}>\nb"),
    "a picture": (f"<p>Ann</p><p>{PICTURE}</p><p>x</p>", f"Ann <{CV}>\n\nx"),
    "a picture in a line": (f"<p>Ann {PICTURE} Roe</p>", f"Ann  Roe <{CV}>"),
    "a picture alone": (PICTURE, ""),
    "a picture first": (f"<p>{PICTURE}</p><p>Ann</p>", f"Ann <{CV}>"),
    "a picture twice": (f"Ann {PICTURE}{PICTURE}", f"Ann <{CV}>"),
    "a picture beside words": (f"<div>Ann</div><div>{PICTURE}</div>{LINK}", f"Ann\nMy CV <{CV}>"),
    "a pixel": (f'Ann <a href="{CV}"><img src="cid:1" width="1" height="1"></a>', "Ann"),
    "nothing to see": (f'Ann<a href="{CV}"> </a>', "Ann"),
    "a picture of an address": ('Ann <a href="mailto:a@x.org"><img src="cid:1"></a>', "Ann"),
    "anchor": ('<a href="#top">Top</a> <a name="top">x</a>', "Top x"),
    "script": ('<a href="javascript:x()">x</a> <a href="cid:1">y</a>', "x y"),
    "name": ('<a href="mailto:ann@x.org">Ann</a>', "Ann <ann@x.org>"),
    "name in a block": ('<a href="mailto:ann@x.org"><div>Ann</div></a>', "Ann <ann@x.org>"),
    "address": ('<a href="mailto:ann@x.org">ann@x.org</a>', "ann@x.org"),
    "another address": ('<a href="mailto:ann@x.org">a@x.org</a>', "a@x.org <ann@x.org>"),
    "number": ('<a href="tel:+492211234567">0221 1234567</a>', "0221 1234567"),
    "number behind words": ('<a href="tel:+492211234567">call</a>', "call <+492211234567>"),
}
LISTS = {
    "numbers": ("<ol><li>Mo<li>Tu</ol>", "1. Mo\n2. Tu"),
    "bullets": ("<ul><li>Mo<li>Tu</ul>x", "• Mo\n• Tu\nx"),
    "start and value": ("<ol start=3><li>a<li value=7>b<li>c</ol>", "3. a\n7. b\n8. c"),
    "reversed": ("<ol reversed><li>a<ol><li>b</ol><li>c</ol>", "2. a\n   1. b\n1. c"),
    "reversed from": ("<ol reversed start=9><li>a<li>b</ol>", "9. a\n8. b"),
    "letters": ("<ol type=a><li>x</ol><ol type=I><li>y<li>z</ol>", "a. x\nI. y\nII. z"),
    "nested": ("<ol><li>a<ul><li>b<li>c</ul><li>d</ol>", "1. a\n   • b\n   • c\n2. d"),
    "nested alone": ("<ol><li><ul><li>a<li>b</ul></ol>", "1. • a\n   • b"),
    "several lines": ("<ol><li>a<br>b<p>c</ol>", "1. a\n   b\n   c"),
    "paragraphs": ("<ol><li><p>a</p></li><li><p>b</p></li></ol>", "1. a\n2. b"),
    "an empty item": ("<ol><li>a<li><li>c</ol>", "1. a\n3. c"),
    "a break first": ("<ul><li><br>a</ul>x", "• a\nx"),
    "no list": ("<li>a</li>", "• a"),
    "in a quote": ("<blockquote><ul><li>a</ul></blockquote>", "> • a"),
    "a link": (f"<ul><li>{LINK}</ul>", f"• My CV <{CV}>"),
    "very deep": ("<ul><li>" * 100 + "a", "• " * 8 + "a"),
    "no numbers": ("<ol start=x type=z><li value=999999999>a</ol>", "1. a"),
}


def written(html: str, *, plain: str | None = None) -> EmailMessage:
    """Return a mail of a candidate in HTML, and in plain text if there is one."""
    mail = original()
    mail.set_content(
        plain if plain is not None else html, subtype="html" if plain is None else "plain"
    )
    if plain is not None:
        mail.add_alternative(html, subtype="html")
    return mail


def forwarded(said: str, *, note: str = "Bitte ablegen.") -> EmailMessage:
    """Return a mail that forwards a candidate's mail in HTML."""
    mail = forward()
    mail.set_content(f"<p>{note}</p><p>{HEADER}</p>{said}", subtype="html")
    return mail


@pytest.mark.parametrize(
    ("markup", "text"), [*LINKS.values(), *LISTS.values()], ids=[*LINKS, *LISTS]
)
def test_the_text_has_targets_and_labels(markup: str, text: str) -> None:
    page = read_page(markup)

    assert text.replace("\n\n", "\n") == "\n".join(line for line in page.text() if line)


@pytest.mark.parametrize("markup", [markup for markup, _ in LINKS.values()], ids=LINKS)
def test_lines_by_which_forwards_are_recognised_are_words(markup: str) -> None:
    unlinked = re.sub(r' href="(?!mailto:)[^"]*"', "", markup)

    page = read_page(markup)

    assert read_page(unlinked).lines == page.lines
    assert len(page.text()) == len(page.bare_text())


@pytest.mark.parametrize("markup", [markup for markup, _ in LISTS.values()], ids=LISTS)
def test_lines_by_which_forwards_are_recognised_have_no_labels(markup: str) -> None:
    page = read_page(markup)

    assert not re.search(r"•|[\dazI]\. |<", "\n".join(page.lines))
    assert len(page.text()) == len(page.bare_text())


async def test_the_link_and_the_list_of_a_candidate_reach_entry_and_notice(
    rig: ImporterRig,
) -> None:
    entry = await rig.filed(forwarded(f"<p>{LINK}</p><ol><li>Montag<li>Dienstag</ol>"))

    said = f"My CV <{CV}>\n\n1. Montag\n2. Dienstag"
    assert (said, "Bitte ablegen.") == (entry.text, entry.staff_text)
    assert ("ann@example.org", "Eva Bos <eva@office.example>") == (entry.sender, entry.recipients)
    assert (f'<a href="{CV}"' in entry.html, "<ol>" in entry.html) == (True, True)
    [notice] = [text_of(row).splitlines() for row in rig.notices() if row.recipient == EVA]
    start = notice.index(f"> My CV <{CV}>")
    assert ["> 1. Montag", "> 2. Dienstag"] == notice[start + 1 : start + 3]


async def test_a_link_of_2000_characters_is_whole_in_entry_and_notice(rig: ImporterRig) -> None:
    target = f"https://drive.example.org/{'x' * 1_970}"
    before = "Guten Tag. " * 20

    entry = await rig.filed(forwarded(f'<p>{before}<a href="{target}">Mein Lebenslauf</a></p>'))

    assert entry.text.endswith(f"Mein Lebenslauf <{target}>")
    [notice] = [text_of(row).splitlines() for row in rig.notices() if row.recipient == EVA]
    assert f"> {before}Mein Lebenslauf <{target}>" in notice


async def test_links_of_staff_are_in_their_note(rig: ImporterRig) -> None:
    entry = await rig.filed(forwarded("<p>Gerne.</p>", note=f"Siehe {LINK}."))
    attached = forward()
    attached.set_content(f"<p>Siehe {LINK}.</p>", subtype="html")
    attached.add_attachment(original())

    assert ("Gerne.", f"Siehe My CV <{CV}>.") == (entry.text, entry.staff_text)
    assert f"Siehe My CV <{CV}>." == recover(attached.as_bytes()).staff_text


@pytest.mark.parametrize("target", ["https://aka.ms/o0ukef", f"https://m.example/{'x' * 1_900}"])
def test_the_line_of_an_app_is_no_note_though_its_target_is_long(target: str) -> None:
    note = f'Zur Ablage.<br>Holen Sie sich <a href="{target}">Outlook für iOS</a>'

    assert "Zur Ablage." == recover(forwarded("<p>Gerne.</p>", note=note).as_bytes()).staff_text


def test_links_are_kept_where_nothing_was_forwarded_or_words_introduce_it() -> None:
    mail = EmailMessage()
    mail.set_content(f"<p>Siehe {LINK}.</p>", subtype="html")
    introduced = EmailMessage()
    introduced.set_content(
        "<p>Zur Ablage.</p><p>Le 4/3/2026 10:11:00, Ann Roe a écrit :</p>"
        f"<p>Voici {LINK}.</p>", subtype="html"
    )  # fmt: skip

    assert f"Siehe My CV <{CV}>." == recover(mail.as_bytes()).text
    assert f"Voici My CV <{CV}>." == recover(introduced.as_bytes()).text


@pytest.mark.parametrize(
    ("plain", "html", "filed"),
    [
        ("See My CV.\n1. Monday", f"<p>See {LINK}.</p><ol><li>Monday</ol>", "the page"),
        ("See *My CV*.", f"<p>See {LINK}.</p>", "the page"),
        (f"See My CV <{CV}>.", f"<p>See {LINK}.</p>", "the text"),
        (f"See My CV ({CV[:20]}\n{CV[20:]}).", f"<p>See {LINK}.</p>", "the text"),
        (
            "See My CV <https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fdrive."
            "example.org%2Fcv&data=1>.",
            f"<p>See {LINK}.</p>",
            "the text",
        ),
        ("See my paper CV instead: it is longer.", f"<p>See {LINK}.</p>", "the text"),
        ("See My CV.", f"<p>See {PICTURE} My CV.</p>", "the text"),
        ("See My CV.", f"<p>See <a href='{CV}?{'x' * 2_000}'>My CV</a>.</p>", "the text"),
        ("See My CV.", "<p>See My CV.</p><ul><li>Monday</ul>", "the text"),
        ("word " * 50_000, f"<p>{'word ' * 50_000}{LINK}</p>", "the text"),
    ],
)
def test_the_page_of_an_attached_mail_is_filed_if_its_text_lacks_links_only(
    plain: str, html: str, filed: str
) -> None:
    found = recover(as_attachment(written(html, plain=plain)).as_bytes())

    shown = "\n".join(line for line in read_page(html).text() if line)
    expected = shown if filed == "the page" else plain.strip()
    assert expected == "\n".join(line for line in found.text.splitlines() if line)


def test_a_mail_is_known_again_whether_its_links_and_numbers_are_there_or_not() -> None:
    """A mail is forwarded once as HTML, and once by a program that leaves out all but the words."""
    page = recover(forwarded(f"<p>See {LINK}.</p><ul><li>Monday</ul>").as_bytes())
    bare = recover(forwarded("<p>See My CV.</p><p>Monday</p>").as_bytes())

    assert page.text != bare.text
    assert page.compared_text.split() == bare.compared_text.split()


async def test_a_mail_forwarded_as_text_and_as_html_is_filed_once(rig: ImporterRig) -> None:
    await rig.filed(forwarded("<p>See My CV.</p><p>Monday</p>"))
    again = forwarded(f"<p>See {LINK}.</p><ul><li>Monday</ul>")
    again.replace_header("Message-ID", "<again@office.example>")

    assert isinstance(await rig.take(again), Repeated)

    [entry] = rig.entries()
    assert ["repeated"] == [remark.partition(" ")[0] for remark in entry.remarks]


def test_a_warning_is_left_out_though_it_links_to_a_page_in_the_first_person() -> None:
    """`my` in a text says that a person wrote it; in a target it says nothing."""
    warning = (
        "<p>CAUTION: This email originated from outside of the organization. Do not click links. "
        '<a href="https://my.example.com/report">Report</a></p>'
    )

    inline = recover(forwarded(f"{warning}<p>Gerne.</p>").as_bytes())
    above = recover(forwarded("<p>Gerne.</p>", note=f"</p>{warning}<p>Zur Ablage.").as_bytes())

    assert ("Gerne.", "Gerne.") == (inline.text, inline.compared_text)
    assert "Zur Ablage." == above.staff_text


def test_a_line_that_is_not_quoted_keeps_the_bracket_of_its_link() -> None:
    lines = ["> quoted", f"My CV <{CV}>", f" > My CV <{CV}>"]

    assert ["quoted", f"My CV <{CV}>", f"My CV <{CV}>"] == unquote(lines, 1)


def test_the_notice_of_a_bounce_has_its_words_alone() -> None:
    mail = EmailMessage()
    mail.set_content(f"<ul><li>550 5.1.1 unknown: {LINK}</ul>", subtype="html")

    assert "550 5.1.1 unknown: My CV" == take_apart(mail).notice.strip()


def test_the_console_shows_the_numbers_of_lists() -> None:
    markup = (
        '<ol start="3" type="a" class="x"><li value="7">a</li></ol><ol reversed><li>b</li></ol>'
    )

    shown = inert_html(safe_html(markup))

    assert (
        '<ol start="3" type="a"><li value="7">a</li></ol><ol reversed=""><li>b</li></ol>' == shown
    )
    assert "<ol><li>a</li></ol>" == inert_html('<ol start="x" type="&lt;main&gt;"><li>a</li></ol>')
