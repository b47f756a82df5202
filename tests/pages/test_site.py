"""The pages as a site: whole, as they are written, and with nothing fetched from elsewhere."""

import logging
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from markdown_it import MarkdownIt
from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.exceptions import Abort

from tests.pages.markdown import DOCS, ROOT, links
from tests.rig.browser import chromium

#: What a page has of each, however it is rendered.
COUNTED = {
    "h1",
    "h2",
    "h3",
    "h4",
    "ul",
    "ol",
    "li",
    "table",
    "tr",
    "td",
    "th",
    "pre",
    "code",
    "img",
}
#: Attributes by which a browser fetches something without being asked.
FETCHED = {("link", "href"), ("script", "src"), ("img", "src"), ("iframe", "src")}


class Elements(HTMLParser):
    """Counts the elements of a document, and keeps what is fetched for it and what it links to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        self.fetched: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.counts.update({tag} & COUNTED)
        self.fetched |= {value or "" for name, value in attributes if (tag, name) in FETCHED}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it; any warning of mkdocs fails."""
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_MKDOCS_2_WARNING", "1")
        build(load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder)))
    return folder


def source(page: Path) -> Path:
    outside = {"index": ROOT / "README.md", "changes": ROOT / "CHANGELOG.md"}
    return outside.get(page.stem, ROOT / "docs" / f"{page.stem}.md")


def test_every_page_is_shown_with_all_that_stands_in_it(site: Path) -> None:
    """The site's Markdown isn't quite that of a terminal or of a forge: lists of three blanks."""
    forge = MarkdownIt("commonmark", {"html": True}).enable("table")
    for stem in ("index", "changes", *(page.stem for page in DOCS)):
        page = site / f"{stem}.html"
        article = re.search(r"<article.*?</article>", page.read_text(), re.DOTALL)
        assert article is not None
        expected = Elements(forge.render(source(page).read_text())).counts

        assert expected == Elements(article[0]).counts, stem


def test_files_that_pages_link_to_are_in_the_site(site: Path) -> None:
    assert (site / "files/config/alerts.yml").read_bytes() == (
        ROOT / "config/alerts.yml"
    ).read_bytes()
    assert (site / "webhooks/trigger.sent.json").is_file()
    for page in set(site.glob("*.html")) - {
        site / "404.html"
    }:  # its links begin at a server's root
        for target in re.findall(r'href="([^"#]+)', page.read_text()):
            if not urlsplit(target).scheme:
                assert (page.parent / target).is_file(), f"{page.name}: {target}"


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    pages = list(site.glob("*.html"))
    fetched = {address for page in pages for address in Elements(page.read_text()).fetched}

    assert 5 < len(fetched)
    assert [] == [address for address in fetched if urlsplit(address).netloc]
    for sheet in site.rglob("*.css"):
        assert [] == re.findall(r"url\((?!data:|\"data:)[^)]*//[^)]*\)|@import", sheet.read_text())


def test_a_dead_link_a_dead_anchor_and_a_page_outside_the_nav_end_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NO_MKDOCS_2_WARNING", "1")
    docs = tmp_path / "docs"
    docs.mkdir()
    for path in (ROOT / "docs").iterdir():
        (docs / path.name).symlink_to(path)
    text = (docs / "feed.md").read_text()
    (docs / "feed.md").unlink()
    (docs / "feed.md").write_text(text + "[dead](apis.md), [dead](operation.md#feeds)\n")
    (docs / "unlisted.md").write_text("# A page that the nav has not\n")

    config = load_config(
        str(ROOT / "mkdocs.yml"), docs_dir=str(docs), site_dir=str(tmp_path / "site")
    )
    with caplog.at_level(logging.WARNING), pytest.raises(Abort, match="3 warnings in strict mode"):
        build(config)

    assert all(fault in caplog.text for fault in ("'apis.md'", "'#feeds'", "unlisted.md"))


@pytest.mark.system
async def test_a_page_opened_as_a_file_is_searched_without_a_fault(site: Path) -> None:
    async with chromium("nowhere.example", 1) as browser:
        page = await (await browser.new_context()).new_page()
        faults: list[str] = []
        asked: set[str] = set()
        page.on("console", lambda said: faults.append(said.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda sent: asked.add(urlsplit(sent.url).scheme))
        await page.goto((site / "index.html").as_uri())
        await page.get_by_role("textbox", name="Search").press_sequentially("sandbox")
        found = page.locator(".md-search-result__link", has_text="Campaigns through Mailchimp")
        await found.first.click()
        await page.wait_for_url("**/campaigns.html*")

    assert [] == faults
    assert asked <= {"file", "data", "blob"}


def test_the_readme_names_the_pages_in_the_order_of_the_site() -> None:
    nav = [name for part in load_nav() for name in part]
    pages = (ROOT / "README.md").read_text().partition("## Pages")[2].partition("\n## ")[0]
    named = [target for target, _ in links(pages)]

    moved = {"CHANGELOG.md": "changes.md"}
    assert ["index.md", *(moved.get(name, Path(name).name) for name in named)] == nav


def load_nav() -> list[list[str]]:
    config = load_config(str(ROOT / "mkdocs.yml"))
    return [
        [page for title in part for page in title.values()] if isinstance(part, list) else [part]
        for entry in config.nav or []
        for part in entry.values()
    ]


def test_pictures_are_small_and_each_is_shown_on_the_console_s_page() -> None:
    pictures = sorted((ROOT / "docs/console").glob("*.png"))
    page = (ROOT / "docs/console.md").read_text()

    assert [] == [file.name for file in pictures if f"](console/{file.name})" not in page]
    assert [] == [file.name for file in pictures if file.stat().st_size > 60_000]
    assert sum(file.stat().st_size for file in pictures) < 1_000_000
