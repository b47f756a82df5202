"""HTML in mail: made safe to show, converted to lines, and cut where a forwarded mail begins."""

import html
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from urllib.parse import unquote

import nh3

from gateway.core.replies.forwarded.clear_signed import is_signed, unsigned_lines
from gateway.core.replies.link_targets import says, shown_target
from gateway.core.replies.list_labels import ItemCounter
from gateway.inbound.reading.embedded import without_embedded

_LONGEST = 5_000_000  #: Characters examined, without embedded pictures …
_LONGEST_BARE = 1_000_000  #: … and the limit without comments, or of what is left without tags.
_MOST_TAGS = 60_000
_MOST_SIGNS = 100_000
_MOST_MOVED = 20_000_000_000
_MOST_ROWS = 50_000
_LONGEST_TAG = 6_000
_DEEPEST = 400
_MOST_COPIES = 100_000

_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>]{0,30})")
_SPACE = r"[ \t\r\n\f]"
_VALUE = rf"{_SPACE}*+={_SPACE}*+(?:\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z)|[^ \t\r\n\f>]*+)"
#: A start tag as browsers parse it (HTML, 13.2.5.32 to 13.2.5.42), or more than that, never less.
_WHOLE_TAG = re.compile(
    r"<[a-zA-Z][^ \t\r\n\f/>]*+"
    rf"(?:(?:{_SPACE}|/)++|[^ \t\r\n\f/>][^ \t\r\n\f/>=]*+(?:{_VALUE})?+)*+"
)
_MAILTO = re.compile(r'href="mailto:([^"?\s]{3,320})')
_HREF = re.compile(r' href="([^"]*)"')
#: A picture of one pixel, by which the sender sees that the mail was opened.
_PIXEL = re.compile(r' (?:width|height)="[01]"')
_MOST_PICTURES = 20  #: Pictures whose links are shown; a mail that has more is an advertisement.
_MOST_LINKS = 2_000  #: Links whose targets are shown.
_MOST_PARTS = 20  #: Parts that one link may be split into, one beside the other.
_LONGEST_WORDS = 4_000
_NUMBER = r'="(-?\d{1,6})"'
#: Values of attributes that `inert_html` keeps: numbers, and the kinds of a list's numbers.
_INERT = re.compile(r"-?\d{1,6}|[aAiI]|")
_START, _VALUE_OF_ITEM = re.compile(" start" + _NUMBER), re.compile(" value" + _NUMBER)
_KIND = re.compile(r' type="([1aAiI])"')
_REVERSED = ' reversed="'
_LISTS = frozenset({"dir", "menu", "ol", "ul"})
_DEEPEST_LIST = 8  #: Lists around an item by which it is indented, at most.
#: An address that a program failed to escape; taken for a tag, it would be lost.
_BARE_ADDRESS = re.compile(r"<([^\s<>@\"'=/]{1,64}@[^\s<>@\"'=/]{1,255})>")
_MOST_ADDRESSES = 1_000
_TOKEN = re.compile(r'<(?P<closing>/?)(?P<name>[a-z][a-z0-9]*)(?:[^">]|"[^"]*")*>')
_ANY_TAG = re.compile(r"<[^<>]{0,2000}+>")
_EMPTY_LINES = re.compile(r"\n(?:[ \t\r]*+\n)++")
#: Elements that structure a page for screen readers.
_LANDMARK = re.compile(r"<(/?)(?:main|nav|header|footer|aside|section|article)>")
_EMPTY = frozenset({"area", "br", "col", "hr", "img", "wbr"})
_CELLS = frozenset({"td", "th"})
_FORMATTING = frozenset(
    {
        "a",
        "b",
        "big",
        "code",
        "em",
        "font",
        "i",
        "nobr",
        "s",
        "small",
        "strike",
        "strong",
        "tt",
        "u",
    }
)
_ROWS = frozenset({"dd", "dt", "li", "p", "tbody", "tfoot", "thead", "tr"})
_BLOCKS = _ROWS | {
    "address", "article", "aside", "blockquote", "caption", "center", "details", "dir", "div", "dl",
    "fieldset", "figcaption", "figure", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header",
    "hgroup", "hr", "legend", "main", "menu", "nav", "ol", "pre", "section", "summary", "table",
    "ul",
}  # fmt: skip
_PARAGRAPHS = frozenset(
    {"blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "pre", "table", "ul"}
)
#: Elements that end without an end tag.
_ENDLESS = _EMPTY | _CELLS | _ROWS | {"base", "embed", "input", "link", "meta", "option", "source"}
_SCHEMES = {"http", "https", "mailto", "tel", "cid"}
#: EGroupware puts the header of a forwarded mail into a `fieldset`.
_TAGS = (
    nh3.ALLOWED_TAGS | {"address", "dir", "fieldset", "font", "legend", "main", "menu", "section"}
) - {"area", "map"}
_RULE = "_" * 32
#: What the numbers of a list are counted by.
_OF_LISTS = {"ol": {"start", "reversed", "type"}, "li": {"value"}}
_BLANKS = re.compile(r"[ \t\r\n\f]+")
#: The dash and space that OpenPGP puts before a line of a signed text.
_ESCAPED = re.compile(r"(?P<before>(?:\A|>)[^<>]*?)-(?: |&nbsp;)")


def safe_html(markup: str) -> str:
    """Return HTML that can be shown: no scripts, no styles, no external pictures.

    Only pictures that came with the mail (`cid:`) are kept. HTML that can't be parsed safely (over
    1 MB, 60,000 tags or 400 levels) becomes empty; it is still in the raw mail.
    """
    return _sanitised(_strip_unread(markup)[0])


def _sanitised(markup: str) -> str:
    if not is_bearable(markup):
        return ""

    def attribute(tag: str, name: str, value: str) -> str | None:
        is_elsewhere = tag == "img" and name == "src" and not value.lower().startswith("cid:")
        return None if is_elsewhere else value

    return nh3.clean(
        _BARE_ADDRESS.sub(r"&lt;\1&gt;", markup, count=_MOST_ADDRESSES),
        tags=set(_TAGS),
        clean_content_tags={"script", "style", "title"},
        attributes={**nh3.ALLOWED_ATTRIBUTES, **_OF_LISTS},
        attribute_filter=attribute,
        url_schemes=_SCHEMES,
        link_rel="noopener noreferrer nofollow",
    )


def inert_html(markup: str) -> str:
    """Return safe HTML in which nothing leads elsewhere: no pictures, no links, no forms.

    A link keeps its text but not its target. The HTML is shown within a page of ours and must not
    pass for part of it: its own `main` or `nav` become plain blocks.
    """
    clean = nh3.clean(
        markup,
        tags=set(_TAGS) - {"a", "img", "details", "summary"},
        clean_content_tags={"script", "style", "title"},
        # No attribute contains text from the mail, so whatever looks like a tag below is one.
        attributes={
            "*": set(),
            "td": {"colspan", "rowspan"},
            "th": {"colspan", "rowspan"},
            **_OF_LISTS,
        },
        attribute_filter=lambda _, __, value: value if _INERT.fullmatch(value) else None,
        link_rel=None,
    )
    return _LANDMARK.sub(r"<\1div>", clean)


def _strip_unread(markup: str) -> tuple[str, bool]:
    """Remove what nobody reads: embedded pictures and comments; and say if its end is cut off.

    A comment that never ends swallows the rest, as in a browser.
    """
    markup = without_embedded(markup)
    is_cut = len(markup) > _LONGEST
    markup = markup[:_LONGEST]
    parts = []
    start = 0
    while (begin := markup.find("<!--", start)) >= 0:
        parts.append(markup[start:begin])
        end = markup.find("-->", begin + 4)
        start = end + 3 if end >= 0 else len(markup)
    return "".join(parts) + markup[start:], is_cut


def is_bearable(markup: str) -> bool:
    """Whether HTML can be parsed quickly.

    The time grows with the square of the nesting, of the stray ampersands, and of the attributes of
    one tag; the parser copies open formats (`<b>`, `<font>`) into every block; each character to be
    escaped moves all the text after it.
    """
    escaped = markup.count("&") + markup.count("\xa0")
    if len(markup) > _LONGEST_BARE or len(markup) * escaped > _MOST_MOVED:
        return False
    if markup.count("<") + escaped > _MOST_SIGNS or markup.count(">") > _MOST_SIGNS:
        return False
    if any(len(tag[0]) > _LONGEST_TAG for tag in _WHOLE_TAG.finditer(markup)):
        return False
    unclosed: Counter[str] = Counter()
    depth = copies = formats = 0
    for count, tag in enumerate(_TAG.finditer(markup)):
        closing, name = tag[1], tag[2].lower()
        copies += formats
        if count > _MOST_TAGS or depth > _DEEPEST or copies > _MOST_COPIES:
            return False
        if name in _ENDLESS or (closing and not unclosed[name]):
            continue
        step = -1 if closing else 1
        unclosed[name] += step
        depth += step
        formats += step if name in _FORMATTING else 0
    return True


@dataclass(frozen=True, slots=True)
class Element:
    """An open tag, and the one around it."""

    name: str
    written: str
    parent: "Element | None"


@dataclass(frozen=True, slots=True)
class MarkupLine:
    """A line of a page, with quote marks as in plain text, and its position in the HTML."""

    text: str  #: Its words alone, by which forwards are recognised.
    shown: str  #: Its words with the targets of its links and the labels of lists.
    start: int
    parent: Element | None
    is_apart: bool = (
        False  #: Whether it starts a paragraph, so that an empty line is shown above it.
    )


@dataclass(frozen=True, slots=True)
class MarkupText:
    """Safe HTML as lines of text."""

    html: str
    rows: Sequence[MarkupLine]
    is_cut: bool = False  #: Whether its end was too long to be read.
    targets: Sequence[str] = ()  #: The web pages that `text` names and `lines` don't.

    @property
    def lines(self) -> list[str]:
        """The page as lines of plain text, by which forwards are recognised."""
        return [row.text for row in self.rows]

    @property
    def shown_lines(self) -> list[str]:
        """The same lines with the targets of links and the labels of lists, for people to read."""
        return [row.shown for row in self.rows]

    def text(self, start: int = 0, end: int | None = None) -> list[str]:
        """Return rows as lines to read, with empty lines between paragraphs."""
        return [row.shown if row is not None else "" for row in self._spaced(start, end)]

    def bare_text(self, start: int = 0, end: int | None = None) -> list[str]:
        """Return the lines of `text` without the targets of links and the labels of lists."""
        return [row.text if row is not None else "" for row in self._spaced(start, end)]

    def _spaced(self, start: int, end: int | None) -> Iterator[MarkupLine | None]:
        """Yield rows, and None for each empty line between paragraphs."""
        above = ""
        for row in self.rows[start:end]:
            if row.is_apart and above.strip("> "):
                yield None
            yield row
            above = row.text

    def between(self, start: int, end: int) -> str:
        """Return the safe HTML from one line up to another, without the quotes around it."""
        if start >= len(self.rows) or not self.html:
            return ""
        written: list[str] = []  # The tags open at `start`, innermost first.
        element = self.rows[start].parent
        while element is not None:
            if element.name != "blockquote":
                written.append(element.written)
            element = element.parent
        opening = "".join(reversed(written))
        stop = self.rows[end].start if end < len(self.rows) else len(self.html)
        return safe_html(opening + self.html[self.rows[start].start : stop])


def read_page(markup: str) -> MarkupText:
    """Parse HTML as a page; if it can't be shown safely, the page has only its bare text."""
    stripped, is_cut = _strip_unread(markup)
    safe = _sanitised(stripped)
    if safe or not markup:
        page = read_safe(safe, is_cut=is_cut)
        return unsigned_page(page) if is_signed(markup) else page
    bare = _EMPTY_LINES.sub("\n", _ANY_TAG.sub("\n", stripped))
    lines = html.unescape(bare[:_LONGEST_BARE]).split("\n", _MOST_ROWS)
    rows = [MarkupLine(line, line, 0, None) for line in lines if line.strip()]
    return MarkupText("", rows, is_cut or len(bare) > _LONGEST_BARE)


def read_safe(markup: str, *, is_cut: bool) -> MarkupText:
    """Parse HTML that is safe already."""
    reader = MarkupReader(markup)
    return MarkupText(markup, reader.rows, is_cut, reader.targets)


def unsigned_page(page: MarkupText) -> MarkupText:
    """Return a page without OpenPGP's armour lines, if its lines are those of a signed text.

    Tags opened or closed by a removed line are kept, so that the HTML stays well-formed.
    """
    kept_lines = dict(unsigned_lines(page.lines))
    starts = [*(row.start for row in page.rows), len(page.html)]
    parts = [page.html[: starts[0]]]
    left_out = ""
    for index, (start, end) in enumerate(pairwise(starts)):
        part = page.html[start:end]
        if index not in kept_lines:
            tags = _TOKEN.finditer(part)
            left_out += "".join(tag[0] for tag in tags if tag["name"] not in _EMPTY)
            continue
        for _ in range((len(page.rows[index].text) - len(kept_lines[index])) // len("- ")):
            part = _ESCAPED.sub(r"\g<before>", part, count=1)
        parts += [_without_empty_elements(left_out), part]
        left_out = ""
    unsigned = "".join([*parts, _without_empty_elements(left_out)])
    return read_safe(unsigned, is_cut=page.is_cut)


def _without_empty_elements(tags: str) -> str:
    """Remove elements that both begin and end among the tags."""
    opened: list[re.Match[str]] = []
    for tag in _TOKEN.finditer(tags):
        if tag["closing"] and opened and not opened[-1]["closing"]:
            opened.pop()
        else:
            opened.append(tag)
    return "".join(tag[0] for tag in opened)


@dataclass(slots=True)
class OpenLink:
    """A link that is being read."""

    target: str
    words: str = ""
    parts: int = 1  #: How often it was opened again: programs split links where formats change.
    has_picture: bool = False


class MarkupReader:
    """Splits safe, hence well-formed, HTML into rows."""

    def __init__(self, markup: str) -> None:
        self.rows: list[MarkupLine] = []
        self.targets: list[str] = []
        self._element: Element | None = None
        self._quotes = 0
        self._preformatted = 0
        self._text: list[str] = []
        self._last_word = -1  #: The last piece of the row's text that isn't blank.
        self._is_apart = False
        self._linked = 0  #: How many pieces of text there were when the last link opened.
        self._start = 0
        self._parent: Element | None = None
        self._link: OpenLink | None = None
        self._room = _MOST_LINKS
        self._closed: OpenLink | None = None  #: The row's last link, if no words followed it.
        self._added: dict[int, str] = {}  #: Targets to show, by the piece they follow.
        self._worded: set[str] = set()  #: Targets of links that have words.
        self._pictured: list[str] = []  #: Targets of the row's pictures …
        self._pictures: list[tuple[int, str]] = []  #: … and of all above, with their rows.
        self._lists: list[ItemCounter] = []
        self._items: list[str] = []  #: The labels of the items around the text …
        self._unlabelled = 0  #: … and how many of the last ones no row shows yet.
        self._sizes = items_of_lists(markup) if _REVERSED in markup else {}
        end = 0
        for tag in _TOKEN.finditer(markup):
            self._read_text(markup[end : tag.start()], end)
            self.read_tag(tag)
            end = tag.end()
        self._read_text(markup[end:], end)
        self._end_row(len(markup))
        self._add_pictures()

    def read_tag(self, tag: re.Match[str]) -> None:
        """Open or close an element; a block ends the row above it, a cell becomes a space."""
        name = tag["name"]
        if name in _BLOCKS:
            self._end_row(tag.start())
            self._is_apart = self._is_apart or name in _PARAGRAPHS
        if tag["closing"]:
            if self._element is not None:
                self._close(self._element)
                self._element = self._element.parent
            return
        if name == "br":
            self._end_row(tag.end(), counts=True)
        elif name == "hr":
            self._write(_RULE)
            self._end_row(tag.end())
        elif name in _CELLS:
            self._write(" ")
        elif name == "a":
            self._open_link(tag[0])
        elif name == "img" and self._link is not None and _PIXEL.search(tag[0]) is None:
            self._link.has_picture = True
        if name not in _EMPTY:
            self._element = Element(name, tag[0], self._element)
            self._count(name, 1)
            self._open_list(tag)

    def address_behind(self, element: Element) -> str:
        """Return the address of a `mailto:` link that shows only a name; otherwise empty."""
        link = _MAILTO.search(element.written) if element.name == "a" else None
        link_text = "".join(self._text[self._linked :]).strip()
        if link is None or not link_text or "@" in link_text:
            return ""
        return f" <{html.unescape(unquote(link[1]))}>"

    def _close(self, element: Element) -> None:
        self._count(element.name, -1)
        self._write(self.address_behind(element))
        if element.name in _LISTS:
            self._lists.pop()
        elif element.name == "li":
            self._items.pop()
            self._unlabelled = max(0, self._unlabelled - 1)
        elif element.name == "a":
            self._close_link()

    def _open_list(self, tag: re.Match[str]) -> None:
        """Begin to count the items of a list, or label the next one."""
        name = tag["name"]
        if name == "ol":
            start, kind = _START.search(tag[0]), _KIND.search(tag[0])
            is_reversed = _REVERSED in tag[0]
            first = self._sizes.get(tag.start(), 1) if is_reversed else 1
            self._lists.append(
                ItemCounter(
                    kind=kind[1] if kind else "1",
                    number=int(start[1]) if start else first,
                    step=-1 if is_reversed else 1,
                )
            )
        elif name in _LISTS:
            self._lists.append(ItemCounter())
        elif name == "li":
            value = _VALUE_OF_ITEM.search(tag[0])
            counter = self._lists[-1] if self._lists else ItemCounter()
            self._items.append(counter.label(int(value[1]) if value else None))
            self._unlabelled += 1

    def _open_link(self, tag: str) -> None:
        self._linked = len(self._text)
        href = _HREF.search(tag)
        target = html.unescape(href[1]) if href is not None else ""
        closed = self._closed
        if closed is None or closed.target != target or closed.parts == _MOST_PARTS:
            self._link = OpenLink(target)
            return
        closed.parts += 1
        self._link = closed
        self._added.pop(self._last_word, None)

    def _close_link(self) -> None:
        """Show the target of a link behind its words, unless they say it."""
        link, self._link = self._link, None
        if link is None or not link.target:
            return
        if not link.words.strip():
            self._pictured += [link.target] if link.has_picture else []
            return
        self._worded.add(link.target)
        target = shown_target(link.target, link.words) if self._room else ""
        self._room -= bool(target)
        is_page = target.startswith("http") and not target.endswith("…")
        self.targets += [target] if is_page else []
        if self._last_word >= 0:
            self._closed = link
            self._added |= {self._last_word: target} if target else {}
        elif self.rows and target:  # A block within the link ended the row that has its words.
            self.rows[-1] = replace(self.rows[-1], shown=f"{self.rows[-1].shown} <{target}>")

    def _add_pictures(self) -> None:
        """Show the targets of pictures, as of the icons below a name, in the row they are in.

        A picture that leads where words lead as well is left out.
        """
        by_row: dict[int, list[str]] = {}
        for row, link in self._pictures[:_MOST_PICTURES]:
            target = shown_target(link, "") if link.startswith("http") else ""
            if target and link not in self._worded and row < len(self.rows):
                self._worded.add(link)
                by_row.setdefault(row, []).append(f"<{target}>")
        for row, targets in by_row.items():
            text = " ".join((self.rows[row].shown, *targets)).strip()
            self.rows[row] = replace(self.rows[row], shown=text)

    def _read_text(self, text: str, offset: int) -> None:
        if not self._preformatted:
            self._write(html.unescape(_BLANKS.sub(" ", text)))
            return
        *ended, last = text.split("\n", _MOST_ROWS - len(self.rows))
        for line in ended:
            self._write(html.unescape(line))
            offset += len(line) + 1
            self._end_row(offset, counts=True)
        self._write(html.unescape(last))

    def _write(self, text: str) -> None:
        """Add to the text of the row, and to the words of the link around it."""
        if text.strip():
            self._last_word = len(self._text)
            if self._link is None:
                self._closed = None
        self._text.append(text)
        if self._link is not None and len(self._link.words) < _LONGEST_WORDS:
            self._link.words += text

    def _count(self, name: str, step: int) -> None:
        self._quotes += step if name == "blockquote" else 0
        self._preformatted += step if name == "pre" else 0

    def _end_row(self, offset: int, *, counts: bool = False) -> None:
        """End a row at an offset; a row without text is dropped unless it `counts`."""
        if len(self.rows) == _MOST_ROWS:
            self._write(" ")
            return
        text = "".join(self._text).strip(" ")
        is_row = bool(text) or counts
        if is_row:
            marks = "> " * self._quotes
            marked, shown = marks + text, self._shown(text)
            shown = marks + shown if shown != text else marked
            self.rows.append(MarkupLine(marked, shown, self._start, self._parent, self._is_apart))
            self._is_apart = False
            self._start, self._parent = offset, self._element
        row = max(0, len(self.rows) - 1)
        self._pictures += [(row, target) for target in self._pictured]
        self._pictured.clear()
        self._text.clear()
        self._added.clear()
        self._closed, self._last_word = None, -1
        if self._link is not None and len(self._link.words) < _LONGEST_WORDS:
            self._link.words += " "

    def _shown(self, text: str) -> str:
        """Return the text of a row with the targets of its links and the labels of its items."""
        if self._added:
            pieces = list(self._text)
            for number, target in self._added.items():
                if len(text) < _LONGEST_WORDS and says(text, target):
                    continue
                words = pieces[number].rstrip(" ")
                blanks = pieces[number][len(words) :]
                pieces[number] = f"{words} <{target}>{blanks}"
            text = "".join(pieces).strip(" ")
        if not self._items or not text:
            return text
        items = self._items[-_DEEPEST_LIST:]
        around = len(items) - self._unlabelled
        labels = (
            label if number >= around else " " * len(label) for number, label in enumerate(items)
        )
        self._unlabelled = 0
        return f"{' '.join(labels)} {text}"


def items_of_lists(markup: str) -> dict[int, int]:
    """Return how many items each list of safe HTML has, by the position of its tag."""
    sizes: dict[int, int] = {}
    lists: list[int] = []
    for tag in _TOKEN.finditer(markup):
        if tag["name"] in _LISTS and tag["closing"]:
            lists.pop()
        elif tag["name"] in _LISTS:
            lists.append(tag.start())
            sizes[tag.start()] = 0
        elif tag["name"] == "li" and not tag["closing"] and lists:
            sizes[lists[-1]] += 1
    return sizes
