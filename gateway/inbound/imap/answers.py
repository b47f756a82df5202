"""Parsing an IMAP server's answers."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from aioimaplib.aioimaplib import Response

from gateway.inbound.imap.text import Garbled, ImapValue, responses, values
from gateway.inbound.imap.wire import on_one_line

_CODE = re.compile(rb"\[([A-Z0-9-]+)(?: ([^\]]*))?\]", re.IGNORECASE)


def untagged(answer: Response, word: str) -> Iterable[list[ImapValue]]:
    """Return the responses in an answer that start with a word, without that word."""
    for parts in responses(answer.lines[:-1]):
        first = bytes(parts[0]).partition(b" ")[0]
        if first.upper() == word.encode():
            yield values(parts)[1:]


def fetched_items(answer: Response) -> Iterable[dict[str, ImapValue]]:
    """Return what an answer to FETCH says about each mail."""
    for parts in responses(answer.lines[:-1]):
        if not re.match(rb"\d+ FETCH ", parts[0], re.IGNORECASE):
            continue
        match values(parts):
            case [_, _, list(items)] if len(items) % 2 == 0:
                names = [str(name).upper() for name in items[::2]]
                yield dict(zip(names, items[1::2], strict=True))
            case _:
                raise Garbled("an answer to FETCH can't be read")


def as_text(answer: Response) -> bytes:
    """Return an answer as one text."""
    return b"\n".join(map(bytes, answer.lines))


def server_words(answer: Response) -> str:
    """Return a server's own words."""
    return f"{answer.result} {on_one_line(bytes(answer.lines[-1]))}"


def code(answer: Response) -> bytes:
    """Return the code of an answer, such as TRYCREATE (RFC 5530); empty if it has none."""
    code = _CODE.match(bytes(answer.lines[-1]))
    return code[1].upper() if code else b""


def text(value: ImapValue) -> str:
    """Return a value as text."""
    match value:
        case bytes():
            return value.decode("utf-8", "replace")
        case str():
            return value
        case _:
            return ""


def prefixes(namespaces: Iterable[ImapValue]) -> list[str]:
    """Return the prefix of folder names in each namespace (RFC 2342); empty ones are left out."""
    written = []
    for kind in namespaces:
        for namespace in kind if isinstance(kind, list) else ():
            match namespace:
                case [bytes(prefix), *_] if prefix:
                    written.append(prefix.decode("ascii", "replace"))
    return written


def uid_set(uids: Sequence[int]) -> str:
    """Format UIDs as a set, with runs as ranges."""
    runs: list[list[int]] = []
    for uid in sorted(uids):
        if runs and uid == runs[-1][1] + 1:
            runs[-1][1] = uid
        else:
            runs.append([uid, uid])
    return ",".join(str(a) if a == b else f"{a}:{b}" for a, b in runs)


def moment(value: ImapValue) -> datetime | None:
    """Parse a server's time (INTERNALDATE) and return it in UTC; None if it isn't one."""
    try:
        return datetime.strptime(text(value).strip(), "%d-%b-%Y %H:%M:%S %z").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
