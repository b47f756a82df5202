"""Making texts from mail fit for the store."""

import re

_LONGEST_TEXT = 1_000_000
_LONGEST_LINE = 1_000
_UNKEEPABLE = re.compile("[\0\ud800-\udfff]")


def keepable(text: str) -> str:
    """Return a text with NUL and lone surrogates, which no store can hold, replaced by U+FFFD."""
    return _UNKEEPABLE.sub("\ufffd", text)


def keepable_line(text: str) -> str:
    """Return a text as one line of at most 1,000 characters, with single spaces between words."""
    return " ".join(keepable(text).split())[:_LONGEST_LINE]


def keepable_lines(text: str) -> str:
    """Return a text of several lines, each ending in `\\n` whatever the mail used."""
    return keepable(text.replace("\r\n", "\n").replace("\r", "\n"))[:_LONGEST_TEXT]


def is_kept_whole(text: str) -> bool:
    """Whether a text of several lines isn't too long for `keepable_lines`."""
    return len(text) - text.count("\r\n") <= _LONGEST_TEXT
