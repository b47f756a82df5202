"""Long texts are read to their end, or their entries say that it is missing."""

import base64

import pytest

from gateway.core.people.history import INCOMPLETE, NOTE
from gateway.inbound.reading.embedded import pieces_without_embedded, without_embedded
from gateway.inbound.reading.original import recover
from tests.inbound.importer_rig import ImporterRig
from tests.inbound.mails import INLINE, forward

HEADER = (
    "Von: Ann Müller &lt;ann@example.org&gt;<br>Gesendet: Mittwoch, 4. März 2026 10:11<br>"
    "An: Eva Bos &lt;eva@office.example&gt;<br>Betreff: AW: Ihre Bewerbung<br>"
)
#: A line as Outlook writes it: the markup is several times as long as the words.
OUTLOOKS = (
    '<p class=MsoNormal><span style=\'font-size:10.0pt;font-family:"Arial",sans-serif;'
    "color:#1F497D;mso-fareast-language:EN-US'>Eine von vielen Zeilen.<o:p></o:p></span></p>\n"
)


def page(*, note: str = "", said: str = "") -> bytes:
    """Return a mail that forwards a candidate's mail in HTML, as Outlook does."""
    html = f"<p>Bitte ablegen.</p>{note}<p>{HEADER}</p><p>Das passt.</p>{said}<p>Das Ende.</p>"
    mail = forward()
    mail.set_content(html, subtype="html", cte="base64")
    return mail.as_bytes()


def picture(octets: int) -> str:
    """Return a picture within HTML, as Gmail and Apple Mail paste one."""
    encoded = base64.b64encode(bytes(range(256)) * (octets // 256)).decode()
    return f'<img src="data:image/png;base64,{encoded}">'


async def test_of_a_long_thread_in_html_the_end_is_filed(rig: ImporterRig) -> None:
    mail = page(said=OUTLOOKS * 10_000)

    entry = await rig.filed(mail)

    assert entry.text.endswith("Eine von vielen Zeilen.\nDas Ende.")
    assert ("ann@example.org", "Bitte ablegen.") == (entry.sender, entry.staff_text)
    assert () == entry.remarks


@pytest.mark.parametrize("kind", ["plain", "html"])
async def test_a_text_too_long_to_be_filed_has_the_remark(rig: ImporterRig, kind: str) -> None:
    words = "Eine von vielen Zeilen.\n" * 50_000
    mail = page(said=f"<pre>{words}</pre>")
    if kind == "plain":
        mail = forward(text=INLINE.format(said=words)).as_bytes()

    entry = await rig.filed(mail)

    assert "ann@example.org" == entry.sender
    assert (INCOMPLETE,) == entry.remarks


async def test_a_note_too_long_to_be_filed_has_the_remark(rig: ImporterRig) -> None:
    entry = await rig.filed(forward(text="Eine von vielen Zeilen.\n" * 50_000))

    assert (NOTE, INCOMPLETE) == entry.remarks


@pytest.mark.parametrize("place", ["note", "said"])
@pytest.mark.parametrize("octets", [1_500_000, 6_000_000])
async def test_a_picture_within_html_hides_no_text(
    rig: ImporterRig, place: str, octets: int
) -> None:
    entry = await rig.filed(page(**{place: picture(octets)}))

    assert ("ann@example.org", "Bitte ablegen.") == (entry.sender, entry.staff_text)
    assert "Das passt.\n\nDas Ende." == entry.text
    assert () == entry.remarks


def test_a_picture_of_more_than_is_read_is_left_out_before_html_is_measured() -> None:
    html = f"<p>Bitte ablegen.</p>{picture(4_000_000)}<p>{HEADER}</p><p>Das passt.</p>"

    found = recover(f"Content-Type: text/html; charset=utf-8\n\n{html}".encode())

    assert ("Das passt.", "<p></p><p>Das passt.</p>") == (found.text, found.html)
    assert not found.is_cut


async def test_what_is_too_long_even_without_pictures_is_read_up_to_there(
    rig: ImporterRig,
) -> None:
    entry = await rig.filed(page(said=f"<i>{'x' * 6_000_000}</i>"))

    assert ("ann@example.org", "Bitte ablegen.") == (entry.sender, entry.staff_text)
    assert entry.text.startswith("Das passt.")
    assert (INCOMPLETE,) == entry.remarks


@pytest.mark.parametrize("kind", ["message/rfc822", "text/plain"])
def test_the_end_of_an_attached_mail_and_of_source_is_missed(kind: str) -> None:
    words = "Eine von vielen Zeilen.\n" * 70_000
    inner = f"From: Ann <ann@example.org>\nSubject: x\nContent-Type: text/plain\n\n{words}"
    above = "" if kind == "message/rfc822" else "------- Forwarded Message\n\n"

    found = recover(f"Subject: Fwd: x\nContent-Type: {kind}\n\n{above}{inner}".encode())

    assert found.heading is not None
    assert found.is_cut


@pytest.mark.parametrize("size", [1, 7, 100, 5_000])
def test_embedded_files_are_left_out_wherever_a_piece_ends(size: int) -> None:
    html = f"a{picture(768)}b data: c{picture(256)}{picture(256)} data:image/png;base64,".encode()
    pieces = (html[start : start + size] for start in range(0, len(html), size))

    left = b"".join(pieces_without_embedded(pieces))

    assert without_embedded(html.decode()) == left.decode()
    assert 'a<img src="">b data: c<img src=""><img src=""> ' == left.decode()
