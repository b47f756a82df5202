"""What spreadsheets would take for a formula."""

import re

import pytest

from gateway.core.feed.spreadsheet import harmless


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=cmd()", "'=cmd()"),
        ("+31 20 123", "'+31 20 123"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("＝1", "'＝1"),  # Excel in Japanese and Chinese reads it as "="
        ("'=1", "''=1"),  # else it could not be told from "=1"
        ("", ""),
        ("-", "-"),  # nothing is there
        ("'t Hooft", "'t Hooft"),  # a name in Dutch
        ("a=b", "a=b"),
    ],
)
def test_a_cell_that_would_be_a_formula_gets_an_apostrophe(cell: str, written: str) -> None:
    assert written == harmless(cell)
    assert cell == re.sub(r"^'('*[=+\-@\t\r＝＋－＠])", r"\1", written)
