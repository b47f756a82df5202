"""Text that OpenPGP signed in place (RFC 9580, 7), with the signature's lines removed.

-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA256

Bitte ablegen.

- -----Original Message-----
From: Ann <ann@example.org>
…
-----BEGIN PGP SIGNATURE-----

iHUEARYKAB0WIQ…
-----END PGP SIGNATURE-----
"""

import re
from bisect import bisect
from collections import defaultdict
from collections.abc import Sequence

from gateway.core.replies.forwarded.lines import split_lines

_MARK = "-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE = "-----BEGIN PGP SIGNATURE-----"
_END = "-----END PGP SIGNATURE-----"
_QUOTED = re.compile(r"(?P<marks>(?:[ \t\xa0]{0,3}>){0,20})[ \t\xa0]{0,3}(?P<text>.*)")
_FIELD = re.compile(r"(?:Hash|SaltedHash|Charset|Comment|Version|NotDashEscaped):.*")
_ARMOR = re.compile(r"[A-Za-z0-9+/=]{0,100}|[A-Za-z]+: .*")
_MOST_ROUNDS = 5  #: Levels of nested signed texts.
_MOST_ARMOR = 300  #: Lines of a signature.


def is_signed(text: str) -> bool:
    """Whether a text, or part of it, is marked as signed."""
    return _MARK in text


def unsigned_text(text: str) -> str:
    """Return a text with the signatures of the whole or of parts removed."""
    if not is_signed(text):
        return text
    return "\n".join(line for _, line in unsigned_lines(split_lines(text)))


def unsigned_lines(raw_lines: Sequence[str]) -> list[tuple[int, str]]:
    """Return lines as they were before signing, each with its index.

    A signed text may be quoted, and may contain another one. Without a signature, all lines stay as
    they are.
    """
    indexed_lines = list(enumerate(raw_lines))
    for _ in range(_MOST_ROUNDS):
        opened = without_outer([line for _, line in indexed_lines])
        if len(opened) == len(indexed_lines):
            break
        indexed_lines = [(indexed_lines[index][0], line) for index, line in opened]
    return indexed_lines


def without_outer(lines: Sequence[str]) -> list[tuple[int, str]]:
    """Return lines without the outermost signatures."""
    signatures: dict[int, list[int]] = defaultdict(list)  # by quoting depth
    for index, line in enumerate(lines):
        if _SIGNATURE in line and (read := _read(line))[1] == _SIGNATURE:
            signatures[read[0]].append(index)
    indexed_lines: list[tuple[int, str]] = []
    index = 0
    while index < len(lines):
        depth, text = _read(lines[index]) if _MARK in lines[index] else (0, "")
        below = signatures[depth]
        place = bisect(below, index)
        if text != _MARK or place == len(below):
            indexed_lines.append((index, lines[index]))
            index += 1
            continue
        quote = rf"(?:[ \t\xa0]{{0,3}}>){{{depth}}} ?" if depth else ""
        escape = re.compile(rf"\A({quote})-[ \xa0]")
        start = below_fields(lines, index + 1)
        indexed_lines += [
            (number, escape.sub(r"\1", lines[number])) for number in range(start, below[place])
        ]
        index = below_signature(lines, below[place])
    return indexed_lines


def _read(line: str) -> tuple[int, str]:
    """Return a line's quoting depth and its text."""
    read = _QUOTED.match(line)
    return (read["marks"].count(">"), read["text"].rstrip()) if read else (0, line)


def below_fields(lines: Sequence[str], start: int) -> int:
    """Return the index of the signed text's first line: below `Hash: …` and an empty line."""
    while start < len(lines) and _FIELD.fullmatch(_read(lines[start])[1]):
        start += 1
    return start if start < len(lines) and _read(lines[start])[1] else start + 1


def below_signature(lines: Sequence[str], start: int) -> int:
    """Return the index of the line below a signature, even if the signature's end is missing."""
    last = min(len(lines), start + _MOST_ARMOR)
    for index in range(start + 1, last):
        text = _read(lines[index])[1]
        if text == _END:
            return index + 1
        if not _ARMOR.fullmatch(text):
            return index
    return last
