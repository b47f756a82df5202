"""`gateway suppress mend`, and what `gateway check` says before it."""

import pytest

from gateway.store.people.people import find
from tests.cli.conftest import Cli


@pytest.fixture
def stale(cli: Cli) -> Cli:
    """A store with addresses as they were typed."""
    cli.do("suppress", "add", "ann@example.org", "--by", "Eva", "--note", "asked", "--scope", "all")
    cli.do("suppress", "add", "bob@example.org")
    cli.do("suppress", "release", "bob@example.org", "--by", "Jan")
    cli.do("suppress", "add", "bob@example.org")
    cli.do("suppress", "add", "cas@example.org")
    cli.do("suppress", "add", '"dee bos"@example.org')
    cli.do("suppress", "add", "eve@example.org")
    cli.do("suppress", "release", "eve@example.org")
    stored(cli, "ann@example.org", "<ann@example.org>")
    stored(cli, "bob@example.org", "mailto:bob@example.org")
    stored(cli, "cas@example.org", "cas@example.org;dee@example.org")
    stored(cli, "eve@example.org", "<eve@example.org>")
    return cli


def stored(cli: Cli, address: str, text: str) -> None:
    """Store a suppression as it would have been typed."""
    with cli.store() as store, store.writing() as connection:
        connection.exec_driver_sql(
            "UPDATE suppressions SET address = ? WHERE address = ?", (text, address)
        )


def warnings(cli: Cli) -> list[str]:
    lines = cli("check", "--offline").out.splitlines()
    return [" ".join(line.split()) for line in lines if "gateway suppress mend" in line]


def test_check_counts_what_no_recipient_can_have_without_naming_anybody(stale: Cli) -> None:
    [entry] = [one["id"] for one in stale.json("suppress", "list") if one["address"][0] == "<"]

    assert [
        f"warning suppressions: 3 are for an address (the first: entry {entry}) that no recipient "
        "can have: gateway suppress mend"
    ] == warnings(stale)


def test_what_is_understood_is_mended_with_its_history_and_the_rest_is_told(stale: Cli) -> None:
    done = stale("suppress", "mend")

    assert (1, "") == (done.code, done.err)
    *lines, summary = done.out.splitlines()
    assert "2 are mended, 1 left." == summary
    assert any(line.endswith(": <ann@example.org> is ann@example.org") for line in lines)
    assert any("; add what was meant, then: gateway suppress release" in line for line in lines)
    shown = stale.json("suppress", "show", "ann@example.org")
    assert [("all", "Eva", "asked")] == [
        (one["scope"], one["origin"], one["note"]) for one in shown["suppressions"]
    ]
    history = stale.json("suppress", "show", "bob@example.org")["history"]
    assert ["", "Jan"] == [one["released_by"] for one in history]
    assert [True] == ["1 is for" in line for line in warnings(stale)]


def test_what_is_left_goes_by_hand(stale: Cli) -> None:
    stale("suppress", "mend")
    stale.do("suppress", "release", "cas@example.org;dee@example.org")

    assert "Nothing to mend: every stored address can match a recipient.\n" == stale.do(
        "suppress", "mend"
    )
    assert [] == warnings(stale)


def test_a_dry_run_changes_nothing(stale: Cli) -> None:
    before = warnings(stale)
    done = stale("suppress", "mend", "--dry-run", "--json")

    assert 1 == done.code
    assert before == warnings(stale)
    assert '"address": "ann@example.org"' in done.out


def test_people_are_found_by_what_the_crm_meant(cli: Cli) -> None:
    cli.feed("groups", "crm_id,name,tag\nno-mail,Geen bulk-mail,NoMailingsTag\n")
    cli.feed("people", "crm_id,emails\n17,ann@example.org\n18,none\n19,\n20,dee@example.org\n")
    cli.feed("memberships", "group,person\nno-mail,17\nno-mail,19\n")
    for crm_id, unusable in (("17", "<ann.bos@example.org>;-"), ("19", "a@x.org, b@x.org")):
        with cli.store() as store, store.writing() as connection:
            connection.exec_driver_sql(
                "UPDATE people SET unusable = ? WHERE crm_id = ?", (unusable, crm_id)
            )
    with cli.store() as store, store.writing() as connection:
        connection.exec_driver_sql("UPDATE people SET emails = '<dee@x.org>' WHERE crm_id = '20'")
        connection.exec_driver_sql(
            "UPDATE addresses SET address = '<dee@x.org>' WHERE person = '20'"
        )

    before = warnings(cli)
    done = cli("suppress", "mend")

    assert [
        "warning people: 3 addresses (the first: of candidate:20) are such as no recipient can "
        "have: gateway suppress mend"
    ] == before
    assert (1, "2 are mended, 1 left.") == (done.code, done.out.splitlines()[-1])
    assert "correct it in the CRM" in done.out
    found = cli.json("person", "show", "ann.bos@example.org")
    assert ["ann@example.org", "ann.bos@example.org"] == found["addresses"]
    assert "candidate:20" == cli.json("person", "show", "dee@x.org")["person"]
    assert ["group"] == [one["source"] for one in found["suppressions"]]
    with cli.store() as store, store.reading() as connection:
        [record] = find(connection, "ann.bos@example.org")
    assert ("-",) == record.person.unusable
