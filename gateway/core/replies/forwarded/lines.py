"""Lines of a mail's text as people read them: without quote marks and unusual spaces."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from gateway.core.replies.forwarded.language.words import readable

SEARCHED = 2_000  #: Lines in which the start of a forwarded mail is searched.

WRAPPED_OVER = 3  #: Lines that an introduction may be wrapped into.
_LONGEST = 20_000
_DEEPEST = 20
_BREAK = re.compile(r"\r\n|\r|\n|\x85|\u2028|\u2029")
_MARKS = re.compile(rf"(?:[ \t\xa0]{{0,3}}>){{1,{_DEEPEST}}}")
_BLANKS = tuple(" \t\xa0")
#: An address at the end of a line without its closing bracket.
_UNCLOSED = re.compile(r"<(?:mailto:)?[^\s<>@]{1,128}@[^\s<>@]{1,255}[ \t]{0,3}\Z")
_INDENTED = re.compile(r"[ \xa0]{4}|\t")


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line of text with its quoting depth."""

    depth: int
    text: str
    is_indented: bool = False  #: Whether there are spaces between its quote marks and its text.
    indent: int = field(default=0, compare=False)  #: Spaces at its start, if it isn't quoted.

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing to read on it."""
        return not self.text


def split_lines(text: str) -> list[str]:
    """Split a text at any line ending, moving wrapped brackets back to where they belong.

    Gmail wraps `… <ann@example.org> wrote:` before the `>`, though nothing is quoted:

        Am 04.03.2026 um 10:11 schrieb Ann Roe <ann@example.org
        >:

    A line with nothing but a bracket was none: it is left out.
    """
    lines = _BREAK.split(text)
    emptied: set[int] = set()
    for number, line in enumerate(lines[:-1]):
        if "@" in line and "<" in line and _UNCLOSED.search(line) is not None:
            marks = _MARKS.match(lines[number + 1])
            if marks is not None and marks[0].count(">") == _depth(line) + 1:
                rest = lines[number + 1][marks.end() :]
                lines[number] = f"{line.rstrip()}>"
                lines[number + 1] = marks[0][:-1] + rest
                if not rest.strip():
                    emptied.add(number + 1)
    if not emptied:
        return lines
    return [line for number, line in enumerate(lines) if number not in emptied]


def read_lines(raw_lines: Sequence[str]) -> list[TextLine]:
    """Parse the lines in which a forwarded mail can start."""
    return [read_line(raw) for raw in raw_lines[:SEARCHED]]


def read_line(raw: str) -> TextLine:
    """Parse one line, or only its start if it is endless."""
    raw = raw[:_LONGEST].lstrip("\ufeff")
    marks = _MARKS.match(raw)
    if marks is None or (raw.startswith(">>> ") and raw.rstrip().endswith(" >>>")):  # GroupWise
        is_indented = raw[:1] in _BLANKS
        indent = len(raw) - len(raw.lstrip(" ")) if is_indented else 0
        return TextLine(0, readable(raw), is_indented, indent)
    text = raw[marks.end() :].removeprefix(" ")
    return TextLine(marks[0].count(">"), readable(text), text[:1] in _BLANKS)


def unwrapped_texts(
    lines: Sequence[TextLine], start: int, *, longest: int
) -> Iterator[tuple[str, int]]:
    """Yield the text of a line, then with the next line appended, and so on, to undo wrapping.

    Each comes with the index after its last line. It stops before a blank line, before a line with
    another quoting depth, and when the text exceeds `longest` characters.
    """
    text = ""
    for end, line in enumerate(lines[start : start + WRAPPED_OVER], start + 1):
        if line.is_blank or line.depth != lines[start].depth:
            return
        text = f"{text} {line.text}".strip()
        if len(text) > longest:
            return
        yield text, end


def _depth(raw: str) -> int:
    marks = _MARKS.match(raw)
    return marks[0].count(">") if marks is not None else 0


def is_quoted(raw: str) -> bool:
    """Whether a line is quoted at all."""
    return _MARKS.match(raw) is not None


def is_quoted_below(lines: Sequence[TextLine], start: int) -> bool:
    """Whether the next line with text is quoted more deeply than the one before `start`."""
    following = next((line for line in lines[start : start + 3] if not line.is_blank), None)
    return following is not None and following.depth > lines[start - 1].depth


def last_quoted(raw_lines: Sequence[str], start: int) -> int:
    """Return the index after the last quoted line from `start` on."""
    for index in range(len(raw_lines) - 1, start - 1, -1):
        if is_quoted(raw_lines[index]):
            return index + 1
    return start


def is_indented(raw: str) -> bool:
    """Whether a line starts with a tab or four spaces, as text inserted into a mail may."""
    return _INDENTED.match(raw) is not None


def last_indented(raw_lines: Sequence[str], start: int) -> int:
    """Return the index after the last of the lines from `start` on that are all indented.

    0 if lines in between aren't indented, or none is. mailx and s-nail (`~m`, `~Q`) indent what
    they insert into a mail by a tab; any text may follow.
    """
    written = [index for index in range(start, len(raw_lines)) if raw_lines[index].strip()]
    indented = list(takewhile(lambda index: is_indented(raw_lines[index]), written))
    is_mixed = any(is_indented(raw_lines[index]) for index in written[len(indented) :])
    return indented[-1] + 1 if indented and not is_mixed else 0


def unquote(raw_lines: Iterable[str], depth: int) -> list[str]:
    """Remove `depth` quote marks from each line."""
    if not depth:
        return list(raw_lines)
    marks = re.compile(rf"\A(?:[ \t\xa0]{{0,3}}>){{1,{depth}}} ?")
    return [marks.sub("", raw, count=1) if ">" in raw[:99] else raw for raw in raw_lines]


def outdent(raw_lines: Sequence[str]) -> list[str]:
    """Remove the indentation if every line has it."""
    if not all(_INDENTED.match(raw) for raw in raw_lines if raw.strip()):
        return list(raw_lines)
    return [_INDENTED.sub("", raw, count=1) for raw in raw_lines]


def undo_dash_stuffing(raw_lines: Sequence[str]) -> list[str]:
    """Undo the escaping of lines that start with dashes: `- --` is `--` (RFC 934, 2.2).

    nmh escapes either every line that starts with a dash, or none.
    """
    dashed = [raw for raw in raw_lines if raw.startswith("-")]
    if not dashed or not all(raw.startswith("- -") for raw in dashed):
        return list(raw_lines)
    return [raw.removeprefix("- ") for raw in raw_lines]


def join_lines(raw_lines: Iterable[str]) -> str:
    """Join lines to a text without leading and trailing blank lines."""
    return "\n".join(raw.rstrip() for raw in raw_lines).strip().strip("\ufeff").strip()
