"""What the grammar refused is written down so that people can read it."""

import pytest

from gateway.core.mail.envelope import malformed_recipient


@pytest.mark.parametrize(
    ("argument", "shown"),
    [
        (b"TO:<two@@example.org>", "two@@example.org"),
        (b"to: <ann example.org> NOTIFY=NEVER", "ann example.org"),
        (b"TO:ann@example.org;", "ann@example.org;"),
        (b"TO:<\x00\x1b[2J\xc2\x9b1m@example.org>", "\ufffd\ufffd[2J\ufffd1m@example.org"),
        (b"TO:<\xff@example.org>", "\ufffd@example.org"),
        ("TO:<bücher@example.org>".encode(), "bücher@example.org"),
        (b"", ""),
        (b"ann@example.org", "ann@example.org"),
    ],
)
def test_a_refused_recipient_is_shown_as_it_was_said(argument: bytes, shown: str) -> None:
    assert shown == malformed_recipient(argument).address


def test_little_of_a_long_line_is_kept() -> None:
    assert 509 == len(malformed_recipient(b"TO:" + b"x" * 4000).address)
