"""SMTP replies (RFC 5321, 4.2): what a relay said, made safe to repeat."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

MAX_LINE = 500  #: Octets of text in one line; RFC 5321 allows 512 with code and CRLF.
MAX_LINES = 20
#: OpenSMTPD up to 6.3 put a colon after it: `501 5.1.3: Recipient address syntax error`.
_ENHANCED = re.compile(r"([245])\.\d{1,3}\.\d{1,3}(?=[ :]|$)")
_HARMFUL = re.compile(r"[^\x20-\x7e]")


@dataclass(frozen=True, slots=True)
class Reply:
    """A code and its lines of text, with nothing but printable ASCII."""

    code: int
    lines: tuple[str, ...]
    # Computed once, as a relay gives the same few replies all day:
    #: Whether the command did what it should (2xx).
    positive: bool = field(init=False, repr=False, compare=False)
    #: The reply on one line, as stored and shown: `250 2.0.0 queued as 4711`.
    text: str = field(init=False, repr=False, compare=False)
    #: The wire form: every line with its code (RFC 5321, 4.2.1).
    octets: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "positive", 200 <= self.code < 300)
        text = f"{self.code} {' / '.join(self.lines)}".rstrip()
        object.__setattr__(self, "text", text)
        object.__setattr__(self, "octets", _octets(self.code, self.lines))

    @classmethod
    def of(cls, text: str) -> "Reply":
        """Build a reply from `"451 4.3.0 Try again later"`; further lines follow a newline."""
        return cls(int(text[:3]), tuple(text[4:].split("\n")))

    @classmethod
    def received(cls, code: int, lines: list[bytes]) -> "Reply":
        """Accept a peer's reply: printable ASCII, at most 20 lines of 500 octets."""
        return _received(code, *lines[:MAX_LINES])

    @property
    def permanent(self) -> bool:
        """Whether a retry is pointless (5xx)."""
        return self.code >= 500

    @property
    def enhanced(self) -> str | None:
        """The enhanced status code (RFC 3463), if the reply has one."""
        match = _ENHANCED.match(self.lines[0])
        return match[0] if match else None


def _octets(code: int, lines: Sequence[str]) -> bytes:
    if len(lines) == 1:
        return b"%d %s\r\n" % (code, lines[0].encode("ascii", "replace"))
    last = len(lines) - 1
    return b"".join(
        b"%d%s%s\r\n" % (code, b" " if n == last else b"-", line.encode("ascii", "replace"))
        for n, line in enumerate(lines)
    )


@lru_cache(256)
def encoded(text: str) -> bytes:
    """Return a reply like `"250 2.0.0 Ok"` in wire form; the gateway sends the same few all day."""
    return Reply.of(text).octets


@lru_cache(1024)
def _received(code: int, *lines: bytes) -> Reply:
    """A relay gives the same few replies all day."""
    texts = [line[:MAX_LINE].decode("utf-8", "replace") for line in lines]
    return Reply(code, tuple(_HARMFUL.sub("?", text).rstrip() for text in texts) or ("",))
