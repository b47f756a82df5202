"""Dialogs: a client's lines and the server's, read from a file and played against a gateway.

README.md beside it says how such a file is written.
"""

import fnmatch
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from tests.rig import faults

#: Everything a line may begin with.
WORDS = ("listener", "tls", "c", "s", "closes", "relay", "relayed", "heard", "journal")
_LINE = re.compile(r"([a-z]+):(?: (.*))?")
_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|([rnt\\]))")
_REPEATED = re.compile(r"\{(\d+)\*([^}]+)\}")
_PLAIN = {"r": b"\r", "n": b"\n", "t": b"\t", "\\": b"\\"}
_RELAY = re.compile(r"(\w+)(?: (\S+@\S+))? -> (.+)")
_REPLY = re.compile(r"[2-5]\d\d .+")


class DialogError(Exception):
    """A line nobody can play: the file, the line, what is wrong with it, and how it goes."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a dialog."""

    number: int  #: In its file, from 1.
    word: str  #: One of `WORDS`.
    text: str

    @property
    def octets(self) -> bytes:
        """What a client's line sends: CR LF behind it, unless it ends in a backslash."""
        text, end = (self.text[:-1], b"") if _is_open(self.text) else (self.text, b"\r\n")
        text = _REPEATED.sub(lambda found: found[2] * int(found[1]), text)
        pieces, start = [], 0
        for found in _ESCAPE.finditer(text):
            pieces.append(text[start : found.start()].encode())
            pieces.append(bytes.fromhex(found[1]) if found[1] else _PLAIN[found[2]])
            start = found.end()
        return b"".join((*pieces, text[start:].encode(), end))


def _is_open(text: str) -> bool:
    """Whether a line ends in a backslash that stands for itself alone."""
    return (len(text) - len(text.rstrip("\\"))) % 2 == 1


@dataclass(frozen=True, slots=True)
class Fault:
    """What the relay does in place of its usual reply."""

    stage: faults.Stage
    address: bytes | None
    action: faults.Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialog:
    """One file."""

    name: str
    why: str  #: The comment it begins with.
    lines: tuple[Line, ...]

    def of(self, word: str) -> list[Line]:
        """Return the lines that begin with a word."""
        return [line for line in self.lines if line.word == word]

    def faults(self, patience: float) -> list[Fault]:
        """Return what the relay does; `later` is after so many seconds."""
        return [_fault(self.name, line, patience) for line in self.of("relay")]

    def journal(self) -> list[list[str]]:
        """Return what is written down of each message: kind and rule, then each recipient."""
        messages: list[list[str]] = []
        for line in self.of("journal"):
            if line.text.startswith(" "):
                messages[-1].append(" ".join(line.text.split()))
            else:
                messages.append([line.text])
        return messages


def read_dialog(file: Path) -> Dialog:
    """Read a file, and refuse what can't be played."""
    texts = file.read_text(encoding="utf-8").splitlines()
    lines = tuple(_lines(file.name, texts))
    why = " ".join(_first_comment(texts))
    if not why:
        raise DialogError(f"{file.name}: begin with a comment that says why: # …")
    dialog = Dialog(name=file.name, why=why, lines=lines)
    dialog.faults(1.0)
    return dialog


def _first_comment(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        if not text.startswith("#"):
            return
        yield text.lstrip("# ")


def _lines(name: str, texts: Iterable[str]) -> Iterator[Line]:
    in_message = False
    for number, text in enumerate(texts, 1):
        if not text.strip() or text.startswith("#"):
            continue
        found = _LINE.fullmatch(text)
        if found is None or found[1] not in WORDS:
            known = ", ".join(f"{word}:" for word in WORDS)
            raise DialogError(f"{name}:{number}: {text!r}: begin with one of {known}, or with #")
        line = Line(number, found[1], found[2] or "")
        if line.word == "journal":
            if line.text.startswith(" ") and not in_message:
                raise DialogError(f"{name}:{number}: name kind and rule of the message first")
            in_message = True
        yield line


def _fault(name: str, line: Line, patience: float) -> Fault:
    found = _RELAY.fullmatch(line.text)
    stage = next((one for one in get_args(faults.Stage) if found and one == found[1]), None)
    if found is None or stage is None:
        raise DialogError(
            f"{name}:{line.number}: write `relay: STAGE -> ANSWER` or `relay: RCPT ADDRESS ->"
            f" ANSWER`, with a stage of {', '.join(get_args(faults.Stage))}"
        )
    address = found[2].encode() if found[2] else None
    return Fault(stage, address, _action(name, line, found[3], patience))


def _action(name: str, line: Line, answer: str, patience: float) -> faults.Action:
    if answer == "closes":
        return faults.disconnect()
    if answer == "hangs":
        return faults.hang()
    after, _, text = answer.rpartition("later ")
    if not _REPLY.fullmatch(text):
        raise DialogError(
            f"{name}:{line.number}: answer with REPLY, `later REPLY`, closes or hangs"
        )
    reply = faults.reply(text.encode())
    return reply if text == answer and not after else faults.delay(patience, reply)


def fits(text: str, pattern: str) -> bool:
    """Whether a text is as expected; `*` in a pattern stands for anything."""
    return fnmatch.fnmatchcase(text, pattern.replace("[", "[[]").replace("?", "[?]"))
