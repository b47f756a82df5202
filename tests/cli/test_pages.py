"""`gateway docs`: the documentation, in the terminal."""

import re

import pytest

from gateway.cli.operation import pages
from tests.cli.conftest import Cli
from tests.pages.markdown import DOCS, PAGES, ROOT
from tests.test_docs import written_commands


def test_every_page_is_listed_with_its_heading(cli: Cli) -> None:
    lines = cli.do("docs").splitlines()

    assert [page.stem for page in DOCS] == [line.split()[0] for line in lines]
    assert "topology     Where to put the gateway" in lines


@pytest.mark.parametrize("name", ["topology", "topology.md", "docs/topology.md"])
def test_a_page_is_printed_as_it_is_written_where_no_terminal_is(cli: Cli, name: str) -> None:
    cli.file.unlink()  # no config is needed to read

    assert (ROOT / "docs/topology.md").read_text() == cli.do("docs", name)


def test_a_page_is_drawn_in_a_pager_on_a_terminal(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    shown: list[str] = []
    monkeypatch.setattr("pydoc.pager", shown.append)

    assert "" == cli.do("docs", "topology")
    assert "Where to put the gateway" in shown[0]
    assert "|---|" not in shown[0]


def test_a_page_that_is_not_there_is_told_with_those_that_are(cli: Cli) -> None:
    done = cli("docs", "../README")

    assert 1 == done.code
    assert "no page is called ../README (known: api, " in done.err


@pytest.mark.parametrize(
    ("beginning", "names"), [("to", ["topology"]), ("/", []), ("*", []), ("zz", [])]
)
def test_names_of_pages_are_completed(beginning: str, names: list[str]) -> None:
    assert names == pages.pages_beginning(beginning)


#: What goes on until it is stopped, asks elsewhere, or has tests of its own that take longer.
NOT_TRIED = {"run", "tail", "demo", "check", "init", "mailchimp", "dkim"}

#: What is told of a command of which a sentence leaves something out.
LACKING = re.compile("is missing|name the file|no password on standard input")


def test_every_command_of_a_sentence_is_taken_as_it_stands_there(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None is wrong use, but for what a sentence leaves out; whether it finds anything is open."""
    monkeypatch.chdir(cli.folder)
    cli.feed("people", "crm_id,emails\n17,ann@example.org\n")
    written = {tuple(words): page.name for page in PAGES for words in written_commands(page)}
    tried = {
        words: page
        for words, page in written.items()
        if words[0] not in NOT_TRIED and not any(re.search("[A-Z]{2}|…", word) for word in words)
    }

    refused = []
    assert 60 < len(tried)
    for words, page in tried.items():
        for file in (word for word in words if re.fullmatch(r"[\w-]+\.(csv|eml|txt)", word)):
            (cli.folder / file).write_text("Subject: Hello\n\nHello\n")
        done = cli(*words)
        if done.code == 2 and LACKING.search(done.err) is None:
            refused.append(f"{page}: {' '.join(words)}: {done.err}")

    assert [] == refused
