"""Text in lines that flow is read in the paragraphs it was written in."""

import pytest

from gateway.core.replies.forwarded.mailboxes import Mailbox
from gateway.inbound.reading.original import recover
from tests.rig.cost import cost_of

HEAD = b"Content-Type: text/plain; charset=utf-8; format=flowed"


def _text(text: str, more: bytes = b"") -> str:
    return recover(HEAD + more + b"\r\n\r\n" + text.encode()).text


@pytest.mark.parametrize(
    ("flowed", "read"),
    [
        ("Das passt \nmir gut.\nAnn", "Das passt mir gut.\nAnn"),
        ("> Das passt \n> mir gut.\n>> Wann?", "> Das passt mir gut.\n> > Wann?"),
        ("> Ja. \nNein.", "> Ja. \nNein."),
        ("Bis bald \n-- \nAnn \nRoe", "Bis bald \n-- \nAnn Roe"),
        (" From hier \n >an", "From hier >an"),
        ("", ""),
    ],
)
def test_lines_are_joined_where_they_flow(flowed: str, read: str) -> None:
    assert read == _text(flowed)


def test_the_blank_at_the_end_may_be_the_lines_only() -> None:
    """Apple Mail divides long words so."""
    assert "https://example.org/lang" == _text("https://example. \norg/lang", b"; delsp=yes")


def test_a_header_whose_lines_end_with_blanks_is_still_one() -> None:
    text = (
        "Von: Ann Roe <ann@example.org> \nDatum: 4. März 2026 10:11 \nAn: Bob <bob@example.com>, \n"
        "Cleo <cleo@example.com> \nBetreff: Ein langer \nBetreff\n\nDas passt \nmir gut.\n"
    )

    found = recover(HEAD + b"\r\n\r\n" + text.encode())

    assert found.heading is not None
    assert Mailbox("Ann Roe", "ann@example.org") == found.heading.sender
    assert ["bob@example.com", "cleo@example.com"] == [to.address for to in found.heading.to]
    assert found.heading.subject == "Ein langer Betreff"
    assert found.text == "Das passt mir gut."


def test_text_that_does_not_say_so_keeps_its_lines() -> None:
    found = recover(b"Content-Type: text/plain\r\n\r\nDas passt \nmir gut.")

    assert found.text == "Das passt \nmir gut."


@pytest.mark.no_cover  # being traced costs time of its own
@pytest.mark.parametrize("piece", ["x \n", "> \n", ">", " \n", "From: \n"])
def test_hostile_text_costs_little(piece: str) -> None:
    text = piece * (4_000_000 // len(piece))

    assert cost_of(lambda: _text(text)) < 4  # What grows with the square would take minutes.
