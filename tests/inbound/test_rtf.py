"""Text that Outlook kept as compressed RTF."""

import struct

import pytest
from compressed_rtf import compress

from gateway.inbound.reading.mail_files.rtf import RtfRoom, read_rtf
from tests.rig.cost import cost_of

_LARGEST = 390_000


@pytest.mark.parametrize(
    ("rtf", "kind", "text"),
    [
        pytest.param(
            rb"{\rtf1\ansi\ansicpg1252\fromtext Guten Tag,\par 5 \u8364? f\'fcr\tab mich}",
            "plain",
            "Guten Tag,\n5 € für\tmich",
            id="plain",
        ),
        pytest.param(
            rb"{\rtf1\ansi\ansicpg1250{\fonttbl{\f0 Arial;}{\f1\fcharset2 Symbol;}}\f0 \'9auma}",
            "plain",
            "šuma",
            id="a font without a charset has that of the text",
        ),
        pytest.param(
            rb"{\rtf1\ansi{\fonttbl{\f0\fcharset128 MS \'96\'be\'92\'a9;}}\f0 \'93\'fa\'96\'7b}",
            "plain",
            "日本",
            id="Japanese, the name of the font too",
        ),
        pytest.param(rb"{\rtf1 \u-10179?\u-8704?}", "plain", "😀", id="a sign written as two"),
        pytest.param(
            rb"{\rtf1{\pict\pngblip 89504e47}{\*\generator X;}{\info{\author Y}}Ja.}",
            "plain",
            "Ja.",
            id="pictures and what isn't shown",
        ),
        pytest.param(
            rb"{\rtf1\fromhtml1 {\*\htmltag64 <p>}a{\htmlrtf b}c"
            rb"\htmlrtf d\htmlrtf0 e{\*\mhtmltag1 f}}",
            "html",
            "<p>ace",
            id="what was made of tags, switched off by a word or by the end of a group",
        ),
        pytest.param(
            rb"{\rtf1\ansi\fromhtml1{\fonttbl{\f0\fcharset0 A;}{\f1\fcharset161 B;}}"
            rb"\htmlrtf{\f1\htmlrtf0 \'e1\htmlrtf}\htmlrtf0\'e1}",
            "html",
            "αá",
            id="a font that counts for the text behind it",
        ),
    ],
)
def test_rtf_is_turned_into_text_or_the_html_it_was_made_of(
    rtf: bytes, kind: str, text: str
) -> None:
    found = read_rtf(compress(rtf), RtfRoom())

    assert found is not None
    assert (kind, text) == (found.kind, found.text)


@pytest.mark.parametrize(
    "rtf",
    [b"", b"{\\rtf1}", b"plain text", b"{\\rtf1 x}" + b" " * 400_000],
    ids=["empty", "without text", "no RTF", "too large"],
)
def test_what_holds_no_text_or_too_much_isnt_read(rtf: bytes) -> None:
    assert read_rtf(_stored(rtf), RtfRoom()) is None


@pytest.mark.no_cover  # being traced costs time of its own
@pytest.mark.parametrize(
    "unit",
    [
        *(
            b"{",
            b"}",
            b"\\",
            b"\\'e9",
            b"\\f1 ",
            b"{\\f1 ",
            b"\\htmlrtf ",
            b"\\u8364?",
            b"\\fcharset",
        ),
        *(b"{\\*\\htmltag1 <b>}", b"{\\pict\\bin9 ", b"{\\field{\\*\\fldinst{", b'HYPERLINK "a" '),
    ],
)
@pytest.mark.parametrize(
    "head",
    [
        b"{\\rtf1 ",
        b"{\\rtf1\\fromhtml1 ",
        b"{\\rtf1{\\fonttbl{\\f1 ",
        b"{\\rtf1{\\field{\\*\\fldinst{",
    ],
)
def test_hostile_rtf_costs_little(head: bytes, unit: bytes) -> None:
    rtf = _stored(head + unit * (_LARGEST // len(unit)))

    # What grows with the square would take minutes.
    assert cost_of(lambda: read_rtf(rtf, RtfRoom())) < 4


def _stored(rtf: bytes) -> bytes:
    """Write RTF as MS-OXRTFCP has it where it isn't compressed."""
    return struct.pack("<II4sI", len(rtf) + 12, len(rtf), b"MELA", 0) + rtf
