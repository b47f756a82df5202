"""`gateway suppress`."""

import csv
import io

from tests.cli.conftest import Cli


def test_a_suppressed_address_is_listed_whatever_its_spelling(cli: Cli) -> None:
    said = cli.do(
        "suppress", "add", "Ann@EXAMPLE.org", "--note", "asked", "--public", "--by", "Eva"
    )

    [entry] = cli.json("suppress", "list")
    assert "Suppressed: Ann@EXAMPLE.org gets no bulk mail.\n" == said
    assert "ann@example.org" == entry["address"]
    assert ("bulk", "asked", True, "Eva", None) == tuple(
        entry[key] for key in ("scope", "note", "public", "by", "until")
    )


def test_a_release_keeps_the_history(cli: Cli) -> None:
    cli.do("suppress", "add", "ann@example.org", "--scope", "all", "--by", "Eva")
    cli.do("suppress", "release", "ANN@example.org", "--by", "Jan")

    shown = cli.json("suppress", "show", "ann@example.org")
    assert [] == shown["suppressions"]
    assert [("all", "Eva", "Jan")] == [
        (one["scope"], one["by"], one["released_by"]) for one in shown["history"]
    ]
    assert [] == cli.json("suppress", "list")


def test_releasing_what_is_not_suppressed_fails_with_one_line(cli: Cli) -> None:
    done = cli("suppress", "release", "ann@example.org")

    line = "gateway: nothing suppresses ann@example.org itself, and nobody there opted out\n"
    assert (1, "", line) == (done.code, done.out, done.err)


def test_a_suppression_ends_with_its_last_local_day(cli: Cli) -> None:
    cli.do("suppress", "add", "ann@example.org", "--until", "2099-07-01")

    [entry] = cli.json("suppress", "list")
    assert "2099-07-01T21:59:59.999Z" == entry["until"]


def test_an_end_in_the_past_is_wrong_use(cli: Cli) -> None:
    done = cli("suppress", "add", "ann@example.org", "--until", "2020-01-01")

    assert 2 == done.code
    assert "--until 2020-01-01 is in the past" in done.err


def test_what_is_no_date_or_address_is_wrong_use(cli: Cli) -> None:
    assert 2 == cli("suppress", "add", "ann@example.org", "--until", "tomorrow").code
    assert 2 == cli("suppress", "add", "ann").code
    assert 2 == cli("suppress", "add", "ann@example.org", "--scope", "none").code


def test_the_list_as_csv_is_no_trap_for_spreadsheets(cli: Cli) -> None:
    cli.do("suppress", "add", "ann@example.org", "--note", "=cmd()", "--by", "Eva")

    [heading, row] = csv.reader(io.StringIO(cli.do("suppress", "list", "--csv")))
    assert ["address", "scope", "since", "until", "by", "note"] == heading
    assert ("ann@example.org", "bulk", "-", "Eva", "'=cmd()") == (*row[:2], *row[3:])


def test_everything_that_suppresses_an_address_is_shown(cli: Cli) -> None:
    cli.feed("groups", "crm_id,name,tag\nno-mail,Geen bulk-mail,NoMailingsTag\n")
    cli.feed("people", "crm_id,first_name,emails\n17,Ann,ann@example.org\n18,Ben,ann@example.org\n")
    cli.feed("memberships", "group,person\nno-mail,17\n")
    cli.do("suppress", "add", "ann@example.org", "--scope", "all", "--note", "moved", "--by", "Eva")

    text = cli.do("suppress", "show", "ann@example.org")
    found = cli.json("suppress", "show", "ann@example.org")
    assert ["candidate:17", "candidate:18"] == found["persons"]
    assert {("all", "staff"), ("bulk", "group")} == {
        (one["scope"], one["source"]) for one in found["suppressions"]
    }
    assert 'no bulk mail: group "Geen bulk-mail", candidate:17 since' in text
    assert "by Eva: moved" in text


def test_an_address_nobody_suppresses_is_shown_as_such(cli: Cli) -> None:
    assert "ann@example.org\n  is not suppressed\n" == cli.do("suppress", "show", "ann@example.org")
