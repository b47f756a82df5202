"""IMAP syntax: mailbox names, strings, and a server's answers (RFC 3501, 4 and 9)."""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Union

from gateway.core.errors import GatewayError

#: Atoms and numbers are `str`, strings `bytes`, NIL is None.
ImapValue = Union[str, bytes, None, "list[ImapValue]"]
Part = bytes | bytearray  #: Text as `bytes`, a literal as `bytearray`.

LITERAL = re.compile(rb"~?\{(\d{1,20})\+?\}\Z")
_TOKEN = re.compile(
    rb"[ \t]*(?:(?P<open>\()|(?P<close>\))|\"(?P<string>(?:[^\"\\]|\\.)*+)\""
    rb"|(?P<atom>[^ \t()\"]++))"
)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_DEEPEST = 50
_PLAIN = re.compile(r"[\x20-\x7e]+|[^\x20-\x7e]+")
_SHIFTED = re.compile(r"&([^-]*)-")


class MailboxLost(GatewayError):
    """The connection to a mailbox is gone, or its server doesn't answer properly."""


class Garbled(MailboxLost):
    """A server's answer is not IMAP."""


def responses(lines: Iterable[Part]) -> Iterator[list[Part]]:
    """Split the lines of an answer into responses; a literal joins the lines around it."""
    response: list[Part] = []
    goes_on = False
    for line in lines:
        if response and not goes_on and isinstance(line, bytes):
            yield response
            response = []
        response.append(line)
        goes_on = isinstance(line, bytearray)
    if response:
        yield response


def values(parts: Sequence[Part]) -> list[ImapValue]:
    """Parse a response into values; raise `Garbled` on a syntax error."""
    stack: list[list[ImapValue]] = [[]]
    for part in parts:
        if isinstance(part, bytearray):
            stack[-1].append(bytes(part))
            continue
        text = LITERAL.sub(b"", part).rstrip(b" ")
        position = 0
        while position < len(text):
            token = _TOKEN.match(text, position)
            if token is None or len(stack) > _DEEPEST:
                raise Garbled("an answer can't be read")
            position = token.end()
            if token["open"]:
                inner: list[ImapValue] = []
                stack[-1].append(inner)
                stack.append(inner)
            elif token["close"]:
                if len(stack) == 1:
                    raise Garbled("a list in an answer has no beginning")
                stack.pop()
            elif token["string"] is not None:
                stack[-1].append(_ESCAPED.sub(rb"\1", token["string"]))
            else:
                atom = token["atom"].decode("ascii", "replace")
                stack[-1].append(None if atom.upper() == "NIL" else atom)
    if len(stack) != 1:
        raise Garbled("a list in an answer has no end")
    return stack[0]


def quote(text: str) -> str:
    """Return a quoted string; it must not contain CR, LF or NUL."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def encoded_name(name: str) -> str:
    """Return a mailbox name in modified UTF-7 (RFC 3501, 5.1.3)."""
    written = []
    for part in _PLAIN.findall(name):
        if part.isascii() and part.isprintable():
            written.append(part.replace("&", "&-"))
        else:
            octets = base64.b64encode(part.encode("utf-16-be", "surrogatepass")).rstrip(b"=")
            written.append(f"&{octets.decode().replace('/', ',')}-")
    return "".join(written)


def decoded_name(name: str) -> str:
    """Decode a mailbox name from modified UTF-7; invalid UTF-7 is left unchanged."""

    def unshifted(shifted: re.Match[str]) -> str:
        if not shifted[1]:
            return "&"
        octets = shifted[1].replace(",", "/")
        octets += "=" * (-len(octets) % 4)
        try:
            return base64.b64decode(octets, validate=True).decode("utf-16-be")
        except (binascii.Error, UnicodeDecodeError):
            return shifted[0]

    return _SHIFTED.sub(unshifted, name)
