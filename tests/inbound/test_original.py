"""Recovering the original from whole mails: attached, in text, in HTML."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage, Message
from html import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.replies.forwarded.mailboxes import Mailbox
from gateway.inbound.reading.markup import read_page, safe_html
from gateway.inbound.reading.original import recover
from gateway.inbound.reading.texts import read_content
from tests.rig.cost import cost_of

ANN = Mailbox("Ann Müller", "ann@example.org")
SENT = datetime(2026, 3, 4, 10, 11, tzinfo=UTC)


def _forward(text: str | None = None, html: str | None = None) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "Bob <bob@example.com>"
    mail["Subject"] = "4711 WG: Ihre Bewerbung"
    if text is not None:
        mail.set_content(text)
    if html is not None and text is not None:
        mail.add_alternative(html, subtype="html")
    elif html is not None:
        mail.set_content(html, subtype="html")
    return mail


def _reply() -> EmailMessage:
    reply = EmailMessage()
    reply["From"] = "Ann Müller <ann@example.org>"
    reply["To"] = "Bob <bob@example.com>, cleo@example.com"
    reply["Subject"] = "AW: Ihre Bewerbung"
    reply["Date"] = "Wed, 04 Mar 2026 11:11:00 +0100"
    reply.set_content("Das passt.\n")
    reply.add_alternative("<p>Das <b>passt</b>.</p><script>x()</script>", subtype="html")
    reply.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="CV.pdf")
    return reply


def test_an_attached_mail_is_the_original_and_the_text_is_the_forwarders() -> None:
    mail = _forward("Bitte ablegen.\n\nVon: Max <max@example.net>\nBetreff: x\n\nHallo")
    mail.add_attachment(_reply())

    found = recover(mail.as_bytes())

    assert found.heading is not None
    assert ANN == found.heading.sender
    assert SENT == found.heading.date
    assert found.heading.subject == "AW: Ihre Bewerbung"
    expected = (Mailbox("Bob", "bob@example.com"), Mailbox("", "cleo@example.com"))
    assert expected == found.heading.to
    assert found.text == "Das passt."
    assert found.html.strip() == "<p>Das <b>passt</b>.</p>"
    assert found.staff_text.startswith("Bitte ablegen.")
    assert found.attached is not None
    assert ["CV.pdf"] == [p.get_filename() for p in found.attached.walk() if p.get_filename()]


def test_a_mail_attached_to_what_the_text_forwards_is_a_file_of_that() -> None:
    text = "Bitte ablegen.\n\nVon: Max <max@example.net>\nBetreff: AW: Ihre Bewerbung\n\nHallo"
    mail = _forward(text)
    admission = _reply()
    admission.replace_header("Subject", "Zulassung")
    mail.add_attachment(admission)

    found = recover(mail.as_bytes(), subject="Ihre Bewerbung")

    assert found.heading is not None
    assert Mailbox("Max", "max@example.net") == found.heading.sender
    assert found.text == "Hallo"
    assert found.staff_text == "Bitte ablegen."
    assert found.attached is None


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<!DOCTYPE html>\n<html><body><p>Das <i>passt</i>.</p></body></html>", "Das passt."),
        ('<?xml version="1.0"?>\n<html><body>Das passt.</body></html>', "Das passt."),
        ("<!-- a -->\n<div>Das passt.</div>", "Das passt."),
        ("<b>Das</b> passt.<br/>Ann", "Das passt.\nAnn"),
        ("Das passt.<br>\n3 &lt; 5<br>\nAnn<br>", "Das passt.\n3 < 5\nAnn"),
        ("<ann@example.org> a</b>", "<ann@example.org> a</b>"),
        ("Ein <br> bricht um,\nzwei <br> auch.", "Ein <br> bricht um,\nzwei <br> auch."),
    ],
)
def test_the_source_of_html_in_a_text_is_shown_as_people_read_it(source: str, text: str) -> None:
    found = recover(
        _forward(f"x\n\n-----Original Message-----\nFrom: a@x.example\nSubject: x\n\n{source}")
    )

    assert text == found.text


def test_an_attached_mail_is_found_where_its_label_or_its_encoding_is_wrong() -> None:
    as_file = _forward("x")
    as_file.add_attachment(
        _reply().as_bytes(), maintype="application", subtype="octet-stream", filename="AW.eml"
    )
    in_base64 = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\nRnJvbTogQW5uIE3DvGxsZXIgPGFubkBleGFtcGxlLm9y"
        b"Zz4NCg0KSGFsbG8=\r\n--b--\r\n"
    )

    with_bom = _forward("x")
    with_bom.add_attachment(
        b"\xef\xbb\xbf" + _reply().as_bytes(),
        maintype="application",
        subtype="octet-stream",
        filename="AW.eml",
    )

    for octets in (as_file.as_bytes(), with_bom.as_bytes(), in_base64):
        found = recover(octets)

        assert found.heading is not None
        assert ANN == found.heading.sender


def test_the_mail_in_a_delivery_report_is_no_original() -> None:
    report = (
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n"
        b"Content-Type: text/plain\r\n\r\nNot delivered.\r\n--b\r\nContent-Type: message/rfc822"
        b"\r\n\r\nFrom: ann@example.org\r\nSubject: x\r\n\r\nHallo\r\n--b--\r\n"
    )

    assert recover(report).heading is None


OUTLOOK = """<html xmlns:o="urn:schemas-microsoft-com:rig:rig"><head><title>t</title>
<style>p.MsoNormal {margin:0}</style><!--[if gte mso 9]><xml><o:x/></xml><![endif]--></head>
<body lang=DE><div class=WordSection1><p class=MsoNormal>Bitte ablegen.<o:p></o:p></p>
<p class=MsoNormal><o:p>&nbsp;</o:p></p><div><div style='border:none;border-top:solid #E1E1E1 1.0pt;
padding:3.0pt 0cm 0cm 0cm'><p class=MsoNormal><b><span lang=EN>Von:</span></b> Ann M&uuml;ller
&lt;ann@example.org&gt; <br><b>Gesendet:</b> Mittwoch, 4. M&auml;rz 2026 10:11<br><b>An:</b> Bob
&lt;bob@example.com&gt;<br><b>Betreff:</b> AW: Ihre Bewerbung<o:p></o:p></p></div></div>
<p class=MsoNormal>Das <i>passt</i>.</p></div></body></html>"""

OUTLOOK_ON_THE_WEB = """<div>Bitte ablegen.</div><hr style="display:inline-block;width:98%">
<div id="divRplyFwdMsg" dir="ltr"><font face="Calibri"><b>Von:</b> Ann Müller
&lt;<a href="mailto:ann@example.org">ann@example.org</a>&gt;<br><b>Gesendet:</b> Mittwoch, 4. März
2026 10:11<br><b>An:</b> Bob<br><b>Betreff:</b> AW: Ihre Bewerbung</font><div>&nbsp;</div></div>
<div><img src="cid:logo">Das <i>passt</i>.</div>"""

GMAIL = """<div dir="ltr">Bitte ablegen.<br><br><div class="gmail_quote"><div dir="ltr"
class="gmail_attr">---------- Forwarded message ---------<br>Von: <strong class="gmail_sendername">
Ann Müller</strong> <span dir="auto">&lt;<a href="mailto:ann@example.org">ann@example.org</a>&gt;
</span><br>Date: Mi., 4. März 2026 um 10:11 Uhr<br>Subject: AW: Ihre Bewerbung<br>To: Bob &lt;
<a href="mailto:bob@example.com">bob@example.com</a>&gt;<br></div><br><br><div dir="ltr">Das
<i>passt</i>.</div></div></div>"""

APPLE = """<html><body>Bitte ablegen.<br><div><br><blockquote type="cite"><div>Anfang der
weitergeleiteten Nachricht:</div><br><div><span><b>Von: </b></span><span>Ann Müller &lt;<a
href="mailto:ann@example.org">ann@example.org</a>&gt;<br></span></div><div><span><b>Betreff: </b>
</span><span><b>AW: Ihre Bewerbung</b><br></span></div><div><span><b>Datum: </b></span><span>4. März
2026 um 10:11:00 UTC<br></span></div><div><span><b>An: </b></span><span>Bob<br></span></div><br>
<div><div>Das <i>passt</i>.</div></div></blockquote></div><br></body></html>"""

THUNDERBIRD = """<p>Bitte ablegen.</p><div class="moz-forward-container"><br><br>--------
Weitergeleitete Nachricht --------
<table><tbody><tr><th align="RIGHT">Betreff: </th><td>AW: Ihre Bewerbung</td></tr>
<tr><th>Datum: </th><td>Wed, 4 Mar 2026 11:11:00 +0100</td></tr><tr><th>Von: </th><td>Ann Müller
&lt;ann@example.org&gt;</td></tr><tr><th>An: </th><td>Bob</td></tr></tbody></table><br><br>
<p>Das <i>passt</i>.</p></div>"""


@pytest.mark.parametrize(
    "html", [OUTLOOK, OUTLOOK_ON_THE_WEB, GMAIL, APPLE, THUNDERBIRD], ids=lambda html: html[:20]
)
@pytest.mark.parametrize("text", [None, "Your program shows no HTML."])
def test_html_is_cut_where_the_original_begins(text: str | None, html: str) -> None:
    found = recover(_forward(text, html), subject="Ihre Bewerbung")

    assert found.heading is not None
    assert ANN == found.heading.sender
    assert SENT == found.heading.date
    assert found.heading.subject == "AW: Ihre Bewerbung"
    assert found.text == "Das passt."
    assert found.staff_text == "Bitte ablegen."
    assert "<i>passt</i>" in found.html
    assert "ablegen" not in found.html
    assert "Betreff" not in found.html
    assert "blockquote" not in found.html


def test_an_address_that_only_a_link_tells_is_read() -> None:
    """Windows Mail shows the name and hides the address behind it."""
    html = (
        '<div>Bitte ablegen.</div><div style="border-top: 1px solid"><b>Von:</b>&nbsp;'
        '<a href="mailto:ann%40example.org?subject=x">Ann Müller</a><br><b>Gesendet:</b> heute<br>'
        '<b>An:</b> <a href="mailto:bob@example.com">bob@example.com</a></div><div>Ja.</div>'
    )

    found = recover(_forward(html=html))

    assert found.heading is not None
    assert ANN == found.heading.sender
    assert (Mailbox("", "bob@example.com"),) == found.heading.to
    assert found.text == "Ja."


def test_an_address_that_html_forgot_to_escape_is_kept() -> None:
    html = "Von: Ann Müller <ann@example.org><br>Datum: heute<br>An: <bob@example.com><br><br>Ja."

    found = recover(_forward(html=html))

    assert found.heading is not None
    assert ANN == found.heading.sender
    assert (Mailbox("", "bob@example.com"),) == found.heading.to
    assert found.text == "Ja."


SIGNED = """-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA256

Bitte ablegen.

- -----Original Message-----
From: Ann Müller <ann@example.org>
Sent: Mittwoch, 4. März 2026 10:11
To: Bob <bob@example.com>
Subject: AW: Ihre Bewerbung

- -----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA512

Das passt:

- - - Montag
- - - Dienstag
- -----BEGIN PGP SIGNATURE-----

iHUEARYKAB0WIQT1x2Bq0s0m1Xw1vJw2c9wJv2m9bAUCaabc1AAKCRB2c9wJv2m9
=abcd
- -----END PGP SIGNATURE-----
-----BEGIN PGP SIGNATURE-----

iHUEARYKAB0WIQT1x2Bq0s0m1Xw1vJw2c9wJv2m9bAUCaabc1AAKCRB2c9wJv2m9
=efgh
-----END PGP SIGNATURE-----
"""


@pytest.mark.parametrize(
    "html",
    [
        None,
        f"<pre>{escape(SIGNED)}</pre>",
        f"<div>{escape(SIGNED).replace(chr(10), '<br>')}</div>",
        "".join(f"<p><b>{escape(line) or '&nbsp;'}</b></p>" for line in SIGNED.split("\n")),
    ],
    ids=["text", "pre", "lines", "paragraphs"],
)
def test_a_signed_forward_of_a_signed_mail_is_read_without_what_signs_it(html: str | None) -> None:
    """By OpenPGP, within the text (RFC 9580, 7)."""
    found = recover(_forward(SIGNED if html is None else None, html), subject="Ihre Bewerbung")

    assert found.heading is not None
    assert ("Bitte ablegen.", ANN) == (found.staff_text, found.heading.sender)
    assert ["Das passt:", "- Montag", "- Dienstag"] == [
        line for line in found.text.split("\n") if line.strip()
    ]
    assert not any(
        word in found.html for word in ("PGP", "SHA512", "abcd", "efgh", "- -", "<b></b></p><p>")
    )
    assert ("Montag" in found.html) == (html is not None)


def test_a_mail_that_is_attached_signed_is_read_without_what_signs_it() -> None:
    attached = _forward(SIGNED)
    mail = _forward("Zur Ablage.")
    mail.add_attachment(attached)

    assert recover(mail).text.startswith("Bitte ablegen.\n\n-----Original Message-----\nFrom: Ann")


def test_a_picture_that_begins_the_original_is_kept() -> None:
    assert '<img src="cid:logo">Das' in recover(_forward(html=OUTLOOK_ON_THE_WEB)).html


def test_text_and_html_of_one_mail_are_both_recovered() -> None:
    text = (
        "Bitte ablegen.\n\nVon: Ann Müller <ann@example.org>\nGesendet: 4. März 2026 10:11\n"
        "An: Bob\nBetreff: AW: Ihre Bewerbung\n\nDas passt\nmir gut.\n"
    )

    found = recover(_forward(text, OUTLOOK))

    assert found.text == "Das passt\nmir gut."
    assert "<i>passt</i>" in found.html


def test_a_mail_without_an_original_is_all_the_forwarders() -> None:
    found = recover(_forward("Habe angerufen.", "<p>Habe <u>angerufen</u>.</p>"))

    assert found.heading is None
    assert found.text == "Habe angerufen."
    assert found.html.strip() == "<p>Habe <u>angerufen</u>.</p>"
    assert found.staff_text == ""


def test_an_author_named_without_mark_or_verb_is_found_in_the_end() -> None:
    found = recover(_forward("Siehe unten.\n\n2026/3/4 Ann Müller <ann@example.org>\n\nDas passt."))

    assert found.heading is not None
    assert ANN == found.heading.sender
    assert found.text == "Das passt."
    assert found.staff_text == "Siehe unten."


def test_text_between_files_is_read_in_order() -> None:
    mail = EmailMessage()
    mail.set_content("Von: Ann Müller <ann@example.org>\nBetreff: x\n\nErst die PDF:\n")
    mail.add_attachment(
        b"%PDF", maintype="application", subtype="pdf", filename="a.pdf", disposition="inline"
    )
    mail.add_attachment("keine Datei", subtype="plain", filename="notiz.txt")
    mail.attach(_text("dann der Rest."))

    assert recover(mail.as_bytes()).text == "Erst die PDF:\n\ndann der Rest."


def _text(text: str) -> EmailMessage:
    part = EmailMessage()
    part.set_content(text)
    return part


@pytest.mark.parametrize(
    ("charset", "encoding", "text"),
    [
        ("iso-2022-jp", "iso-2022-jp", "こんにちは"),
        ("gb2312", "gb18030", "镕基"),
        ("us-ascii", "utf-8", "Grüße"),
        ("utf-8", "cp1252", "Grüße – Ann"),
        ("iso-8859-1", "cp1252", "Grüße – Ann"),
        ("x-unknown", "utf-8", "Grüße"),
        ("unicode_escape", "utf-8", "Grüße"),
        ("rot13", "utf-8", "Grüße"),
        ("base64", "utf-8", "Grüße"),
    ],
)
def test_I9_text_is_read_whatever_its_charset_says(charset: str, encoding: str, text: str) -> None:
    head = f"Content-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"

    assert text == recover(head.encode() + text.encode(encoding)).text


def test_I9_nothing_is_left_in_a_text_that_no_store_keeps() -> None:
    head = b"Content-Type: text/plain; charset=utf-7\r\n\r\n"

    assert recover(head + b"a\0b +2AA- c").text.isprintable()


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\r\n",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\nno part",
        b"Content-Type: message/rfc822\r\n\r\n",
        b"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\n--b--",
        b"Content-Type: text/plain; charset*=%%%\r\n\r\nx",
        b'Content-Type: text/html; charset="\xff"\r\n\r\n<p>\xff',
        b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!",
        b"From: \xff\xfe <\r\nContent-Type: message/rfc822\r\n\r\nFrom: \xff\r\nDate: \xff\r\n\r\n",
    ],
)
def test_I8_malformed_mail_is_read_as_far_as_it_goes(octets: bytes) -> None:
    recover(octets)


BITS = (
    b"Content-Type: multipart/mixed; boundary=b\r\n|Content-Type: message/rfc822\r\n"
    b"|Content-Type: text/html\r\n|Content-Type: multipart/alternative; boundary=b\r\n"
    b"|\r\n|--b\r\n|--b--\r\n|From: a@b\r\n|Date: \xff\r\n|<p>|</div>|<blockquote>|<pre>|&amp;"
    b"|<br>|Subject: x\r\n|<b>From:</b> a@b<br>|=?utf-8?q?=ff?=\r\n|\0"
    b"|Content-Disposition: attachment; filename*=x''%ff\r\n"
)


@given(st.lists(st.sampled_from(BITS.split(b"|")), max_size=40).map(b"".join))
@settings(max_examples=300)
def test_no_mail_raises(octets: bytes) -> None:
    recover(octets)


def test_html_is_shown_without_anything_that_acts_or_calls_home() -> None:
    markup = (
        "<p onclick=x() style='color:red'>a<script>x()</script><img src=https://t.example/p.gif>"
        "<img src=cid:1><a href='javascript:x()'>b</a><a href=https://example.org>c</a>"
        "<iframe src=x></iframe><form action=x><input></form><svg><script>x</script></svg></p>"
    )

    shown = safe_html(markup)

    for bad in ("onclick", "style", "script", "t.example", "iframe", "form", "input", "svg"):
        assert bad not in shown
    assert '<img src="cid:1">' in shown
    assert 'href="https://example.org" rel="noopener noreferrer nofollow"' in shown


def test_html_too_tangled_to_be_made_safe_is_read_as_bare_text() -> None:
    page = read_page("<div>" * 1_000 + "Das &amp; dies" + "</div>" * 1_000)

    assert page.html == ""
    assert ["Das & dies"] == page.lines


HOSTILE = [
    "<div>" * 200_000,
    "<i></b>" * 140_000,
    "".join(f"<b id={n}>" for n in range(300)) + "<p>x" * 50_000,
    "<blockquote>" * 390 + "<p>x" * 50_000,
    "&" * 1_000_000,
    "<" * 1_000_000,
    "<!--" * 250_000,
    "<p " + "".join(f"a{n} " for n in range(150_000)) + ">",
    '<p " a=">" ' + "".join(f"a{n} " for n in range(150_000)) + ">",
    "<br>" * 250_000,
    "<pre>" + "x\n" * 500_000,
    "<table><tr><td>" * 60_000,
    "\xa0" * 2_400_000,
    "<p>" + ("x" * 200 + "&nbsp;") * 24_000,
    ">" * 4_900_000,
    "<pre>" + "\n" * 3_000_000,
    '<a href="https://x.org/">x</a>' * 29_000,
    "".join(f'<a href="https://x.org/{n}">x </a>' for n in range(25_000)),
    "".join(f'<a href="https://x.org/{n}"><img src="cid:1"></a>' for n in range(15_000)),
    '<a href="https://x.org/">' + "x<br>" * 55_000,
    '<a href="https://x.org/"><div>x</div></a>' * 14_000,
    "<ul><li>" * 190 + "x<br>" * 50_000,
    "<ol reversed>" * 390 + "<li>x" * 50_000,
]


@pytest.mark.no_cover  # being traced costs time of its own
@pytest.mark.parametrize("markup", HOSTILE, ids=lambda markup: markup[:12])
def test_hostile_html_costs_less_than_a_second(markup: str) -> None:
    mail = b"Content-Type: text/html\r\n\r\n" + markup.encode()

    assert cost_of(lambda: recover(mail)) < 1.5


def test_a_deep_tree_of_parts_is_read_to_its_bottom() -> None:
    part: Message = _text("Unten")
    for _ in range(200):
        outer = Message()
        outer["Content-Type"] = "multipart/mixed"
        outer.attach(part)
        part = outer

    assert read_content(part).text == "Unten\n"


def test_thousands_of_parts_are_read_in_a_moment() -> None:
    piece = b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n"
    mail = message_from_bytes(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + piece * 20_000)

    assert cost_of(lambda: recover(mail)) < 1


CAUTION = (
    "CAUTION: This email originated from outside of the organization. Do not click links or open "
    "attachments unless you recognize the sender."
)
HEADER = "Von: Ann Müller <ann@example.org>\nGesendet: 4.3.2026 10:11\nBetreff: AW: x"


def test_warnings_of_security_products_are_nobodys_words() -> None:
    text = f"[EXTERN]\n\nBitte ablegen.\n\n{HEADER}\n\n{CAUTION}\n\nDas passt.\n\nAnn"
    table = f"<table><tr><td bgcolor=yellow>{CAUTION}</td></tr></table>"
    header = HEADER.replace("<", "&lt;").replace("\n", "<br>")
    html = f"<div>Bitte ablegen.</div><p>{header}</p>{table}<p>Das <b>passt</b>.</p><p>Ann</p>"

    for mail in (_forward(text), _forward(html=html), _forward(text, html)):
        found = recover(mail.as_bytes())

        assert found.text == "Das passt.\n\nAnn"
        assert found.staff_text == "Bitte ablegen."
        assert "CAUTION" not in found.html


def test_a_warning_in_an_attached_mail_is_none_of_it() -> None:
    mail = _forward("Bitte ablegen.")
    reply = EmailMessage()
    reply["From"] = "Ann Müller <ann@example.org>"
    reply.set_content(f"{CAUTION}\n\nDas passt.\n")
    mail.add_attachment(reply)

    assert recover(mail.as_bytes()).text == "Das passt."


S_NAIL = """\
Bitte ablegen.

-------- Original Message --------
\tReturn-Path: <ann@example.org>
\tFrom: Ann Müller <ann@example.org>
\tTo: Bob <bob@example.com>
\tSubject: AW: Ihre Bewerbung
\tDate: Wed, 04 Mar 2026 10:11:12 +0000
\tMIME-Version: 1.0
\tContent-Type: multipart/{kind}; boundary="===1=="

{parts}"""


@pytest.mark.parametrize(
    ("parts", "text", "is_cut"),
    [
        (
            "Content-Type: text/plain; charset=utf-8\n\nGerne.\n\n"
            "Content-Type: application/pdf\nContent-Transfer-Encoding: base64\n"
            'Content-Disposition: attachment; filename="cv.pdf"\n',
            "Gerne.",
            True,
        ),
        (
            "Content-Type: text/plain\n\nGerne.\n\nContent-Type: text/html\n\n"
            '<p>Gerne.</p>\n\nContent-Type: image/png\nContent-Disposition: inline; filename="x"\n',
            "Gerne.",
            False,
        ),
        ("Content-Type: text/html\n\n<p>Gerne <b>doch</b>.</p>\n", "Gerne doch.", False),
        ("Content-Type: text/plain; charset=utf-8\n", "", False),
    ],
    ids=["a file is lacking", "two readings", "html alone", "nothing"],
)
def test_parts_whose_boundaries_a_program_took_away_are_no_text(
    parts: str, text: str, is_cut: bool
) -> None:
    indented = "".join(f"\t{line}\n" for line in parts.split("\n"))

    # Parts of multipart/mixed may be files, also where nothing else is left of them.
    kind = "mixed" if is_cut else "alternative"

    found = recover(_forward(S_NAIL.format(kind=kind, parts=indented)), subject="Ihre Bewerbung")

    assert found.heading is not None
    assert ANN == found.heading.sender
    assert (text, is_cut) == (found.text, found.is_cut)
    assert "Bitte ablegen." == found.staff_text
