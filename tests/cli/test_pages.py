"""`gateway docs`: the documentation, in the terminal."""

import pytest

from gateway.cli.operation import pages
from tests.cli.conftest import Cli
from tests.pages.markdown import DOCS, ROOT


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
    assert "no page ../README; there are: api, " in done.err


@pytest.mark.parametrize(
    ("beginning", "names"), [("to", ["topology"]), ("/", []), ("*", []), ("zz", [])]
)
def test_names_of_pages_are_completed(beginning: str, names: list[str]) -> None:
    assert names == pages.pages_beginning(beginning)
