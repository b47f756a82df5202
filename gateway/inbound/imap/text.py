"""How IMAP is written: mailbox names, strings, and what a server answers (RFC 3501, 4 and 9)."""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Union

from gateway.core.errors import GatewayError

#: Atoms and numbers are `str`, strings `bytes`, NIL is None.
Value = Union[str, bytes, None, "list[Value]"]
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
    """The connection to a mailbox is gone, or its server doesn't answer as it should."""


class Garbled(MailboxLost):
    """A server's answer is not IMAP."""


def responses(lines: Iterable[Part]) -> Iterator[list[Part]]:
    """Divide the lines of an answer into responses; a literal joins the lines around it."""
    found: list[Part] = []
    goes_on = False
    for line in lines:
        if found and not goes_on and isinstance(line, bytes):
            yield found
            found = []
        found.append(line)
        goes_on = isinstance(line, bytearray)
    if found:
        yield found


def values(parts: Sequence[Part]) -> list[Value]:
    """Read a response as values; `Garbled` where it has no form."""
    stack: list[list[Value]] = [[]]
    for part in parts:
        if isinstance(part, bytearray):
            stack[-1].append(bytes(part))
            continue
        _read(LITERAL.sub(b"", part).rstrip(b" "), stack)
    if len(stack) != 1:
        raise Garbled("a list in an answer has no end")
    return stack[0]


def _read(text: bytes, stack: list[list[Value]]) -> None:
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None or len(stack) > _DEEPEST:
            raise Garbled("an answer can't be read")
        position = found.end()
        if found["open"]:
            inner: list[Value] = []
            stack[-1].append(inner)
            stack.append(inner)
        elif found["close"]:
            if len(stack) == 1:
                raise Garbled("a list in an answer has no beginning")
            stack.pop()
        elif found["string"] is not None:
            stack[-1].append(_ESCAPED.sub(rb"\1", found["string"]))
        else:
            atom = found["atom"].decode("ascii", "replace")
            stack[-1].append(None if atom.upper() == "NIL" else atom)


def quoted(text: str) -> str:
    """Return a quoted string; it may hold neither CR, LF nor NUL."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def encoded_name(name: str) -> str:
    """Return a mailbox name in modified UTF-7 (RFC 3501, 5.1.3)."""
    parts = _PLAIN.findall(name)
    return "".join(
        part.replace("&", "&-") if part.isascii() and part.isprintable() else _shifted(part)
        for part in parts
    )


def _shifted(text: str) -> str:
    octets = base64.b64encode(text.encode("utf-16-be", "surrogatepass")).rstrip(b"=")
    return f"&{octets.decode().replace('/', ',')}-"


def decoded_name(name: str) -> str:
    """Return a mailbox name from modified UTF-7; what isn't is left as it is."""
    return _SHIFTED.sub(_unshifted, name)


def _unshifted(found: re.Match[str]) -> str:
    if not found[1]:
        return "&"
    octets = found[1].replace(",", "/")
    try:
        return base64.b64decode(octets + "=" * (-len(octets) % 4), validate=True).decode(
            "utf-16-be"
        )
    except (binascii.Error, UnicodeDecodeError):
        return found[0]
