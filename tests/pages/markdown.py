"""What stands in a page: blocks of code, links and headings, as CommonMark has them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [ROOT / "README.md", *DOCS]

_BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<why>[^\n]+?) -->\n)?"
    r"^(?P<indent> *)```(?P<language>[^\n]*)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of code."""

    language: str  #: What is written behind the fence; `sh` is run by a test.
    text: str
    line: int  #: Of its first line in the page, from 1.
    not_run: str  #: Why no test runs it, as the comment above it says; else empty.


def blocks(text: str) -> Iterator[Block]:
    """Yield every fenced block of a page."""
    for found in _BLOCK.finditer(text):
        line = text.count("\n", 0, found.start("text")) + 1
        indent = found["indent"]
        content = "".join(
            one.removeprefix(indent) for one in found["text"].splitlines(keepends=True)
        )
        yield Block(found["language"], content, line, found["why"] or "")


def blocks_of(page: Path, language: str) -> list[str]:
    """Return the blocks of a page in one language."""
    return [block.text for block in blocks(page.read_text()) if block.language == language]


def code(text: str) -> list[str]:
    """Return what is written as code in running text."""
    prose = _BLOCK.sub("", text)
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", prose)


def links(text: str) -> Iterator[tuple[str, str]]:
    """Yield the target and the anchor of every link, each may be empty."""
    for target in re.findall(r"\]\(([^)\s]+)\)", _BLOCK.sub("", text)):
        file, _, anchor = target.partition("#")
        yield file, anchor


def anchors(text: str) -> set[str]:
    """Return what the headings of a page are called in links."""
    headings = re.findall(r"^#+ (.*)$", _BLOCK.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
