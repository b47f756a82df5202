"""What stands in a page is there: where links lead, files that it names, and what blocks are in."""

import re
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.pages.markdown import DOCS, PAGES, ROOT, anchors, blocks, code, links

#: Other texts for readers.
TEXTS = [ROOT / "CHANGELOG.md", *sorted((ROOT / "tests").rglob("README.md"))]
#: Where the paths begin that pages name: the repository, its code, and what is shipped beside it.
FOLDERS = [ROOT, ROOT / "gateway", ROOT / "config"]

#: What a block may be; what is in `sh` is run by a test.
LANGUAGES = {"sh", "text", "toml", "json", "python", "nginx", "ini"}
COMMANDS = re.compile("(gateway|make|curl|systemctl|docker|pip|python3|sudo|git) ")

MAKEFILE = (ROOT / "Makefile").read_text()


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", [*PAGES, *TEXTS], ids=named)
def test_every_link_leads_to_a_file_and_to_a_heading_of_it(page: Path) -> None:
    for target, anchor in links(page.read_text()):
        if urlsplit(target).scheme:
            continue
        linked = page.parent / target if target else page

        assert linked.is_file(), target
        assert not anchor or anchor in anchors(linked.read_text()), f"{target}#{anchor}"


@pytest.mark.parametrize("page", [*PAGES, *TEXTS], ids=named)
def test_every_link_to_elsewhere_is_an_address_of_the_web(page: Path) -> None:
    for target, _ in links(page.read_text()):
        address = urlsplit(target)

        if address.scheme:
            assert "https" == address.scheme, target
            assert re.fullmatch(r"([a-z0-9-]+\.)+[a-z]{2,}", address.netloc), target


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    beginnings = {entry.name for folder in FOLDERS for entry in folder.iterdir() if entry.is_dir()}
    paths = [
        text
        for text in code(page.read_text())
        if re.fullmatch(r"[\w.-]+(/[\w.-]+)*(/|/\w[\w.-]*\.[a-z]+)", text)
        and text.partition("/")[0] in beginnings
    ]

    assert [] == [path for path in paths if not any(map(partial(has, path), FOLDERS))]


def has(path: str, folder: Path) -> bool:
    """Whether a path is there in a folder; NAME and the like stand for any."""
    of_any = re.sub(r"(?<![A-Z])[A-Z_]*NAME", "*", path)
    return any(folder.glob(of_any.rstrip("/")))


def test_the_readme_leads_to_every_page() -> None:
    linked = {target for target, _ in links((ROOT / "README.md").read_text())}

    assert set() == {named(page) for page in DOCS} - linked


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_block_says_what_it_is_and_commands_are_shell(page: Path) -> None:
    read = list(blocks(page.read_text()))
    for block in read:
        assert block.language in LANGUAGES, f"line {block.line}: {block.language!r}"
        assert block.language == "sh" or not COMMANDS.match(block.text), f"line {block.line}"

    assert 2 * len(read) == page.read_text().count("```")


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_whatever_a_page_makes_can_be_made(page: Path) -> None:
    text = page.read_text()
    lines = [*code(text), *(line for block in blocks(text) for line in block.text.splitlines())]
    made = [
        target
        for line in lines
        for target in re.findall(r"(?:^|&& )make (?:-C \S+ )?([a-z][a-z-]*)", line)
    ]

    assert set() == set(made) - set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
