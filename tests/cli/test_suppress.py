"""`gateway suppress`."""

import csv
import io

import pytest

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


def test_a_release_says_which_groups_of_the_crm_still_suppress_the_address(cli: Cli) -> None:
    cli.feed("groups", "crm_id,name,tag\n12,No bulk mail,NoMailingsTag\n")
    cli.feed("people", "crm_id,emails,status\n17,ann@example.org,\n")
    cli.feed("memberships", "group,person\n12,17\n")
    cli.do("suppress", "add", "ann@example.org")

    released, rest = cli.do("suppress", "release", "ann@example.org").splitlines()

    assert "Released: ann@example.org." == released
    assert 'Still suppressed: no bulk mail: group "No bulk mail", candidate:17 since ' in rest


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
    known = ["address", "scope", "since", "until", "by", "note"]
    assert [*known, "person", "source", "name"] == heading
    assert ("ann@example.org", "bulk", "", "Eva", "'=cmd()", "", "staff", "") == (
        *row[:2], *row[3:],
    )  # fmt: skip


@pytest.fixture
def fed(cli: Cli) -> Cli:
    """Ann is in a group, Ben has died, Cas left Mailchimp's list, Dee rang up; Eve is free."""
    cli.feed("groups", "crm_id,name,tag\nno-mail,Geen bulk-mail,NoMailingsTag\n"
                       "out,Uit,NoMailChimpMailingsTag\n")  # fmt: skip
    cli.feed("statuses", "kind,crm_id,name,tag\ncandidate,dead,Overleden,NoMailTag\n")
    cli.feed(
        "people",
        "crm_id,emails,status\n17,ann@x.org,\n18,ben@x.org,dead\n19,cas@x.org,\n20,eve@x.org,\n",
    )
    cli.feed("memberships", "group,person\nno-mail,17\nno-mail,18\n")
    cli.feed("memberships", "group,person\nout,19\n", "--source", "mailchimp")
    cli.do("suppress", "add", "dee@x.org", "--note", "rang up", "--by", "Eva")
    return cli


def test_everybody_who_is_suppressed_is_listed_whatever_the_source(fed: Cli) -> None:
    found = fed.json("suppress", "list")

    assert [
        ("ann@x.org", "candidate:17", "bulk", "group", "Geen bulk-mail", "crm", None),
        ("ben@x.org", "candidate:18", "bulk", "group", "Geen bulk-mail", "crm", None),
        ("ben@x.org", "candidate:18", "all", "status", "Overleden", "crm", None),
        ("cas@x.org", "candidate:19", "mailchimp", "group", "Uit", "mailchimp", None),
    ] == [
        tuple(one[key] for key in ("address", "person", "scope", "source", "name", "by", "id"))
        for one in found[:-1]
    ]
    assert ("dee@x.org", None, "staff", "Eva", "rang up", False, 13) == (
        *(found[-1][key] for key in ("address", "person", "source", "by", "note", "public")),
        len(found[-1]["id"]),
    )  # fmt: skip


def test_people_read_the_list_as_a_table(fed: Cli) -> None:
    heading, ann, *_, dee = fed.do("suppress", "list").splitlines()

    columns = "address person scope source name since (Europe/Amsterdam) until by note"
    assert columns == " ".join(heading.split())
    assert ["ann@x.org", "candidate:17", "bulk", "group", "Geen", "bulk-mail"] == ann.split()[:6]
    assert ["dee@x.org", "bulk", "staff"] == dee.split()[:3]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--source", "staff"), ["dee"]),
        (("--source", "status"), ["ben"]),
        (("--source", "group"), ["ann", "ben", "cas"]),
        (("--source", "mailchimp"), ["cas"]),
        (("--scope", "all"), ["ben"]),
        (("--scope", "bulk"), ["ann", "ben", "ben", "dee"]),
        (("--scope", "mailchimp", "--after", "<ben@x.org>"), ["cas", "dee"]),
        (("--source", "group", "--scope", "bulk"), ["ann", "ben"]),
        (("--after", "ben@x.org"), ["cas", "dee"]),
        (("--after", "zoe@x.org"), []),
        (("--limit", "1"), ["ann"]),
        (("--limit", "2"), ["ann"]),
        (("--limit", "3"), ["ann", "ben", "ben"]),
        (("--limit", "1", "--after", "ann@x.org"), ["ben", "ben"]),
    ],
)
def test_the_list_is_narrowed(fed: Cli, options: tuple[str, ...], expected: list[str]) -> None:
    found = fed.json("suppress", "list", *options)

    assert [f"{name}@x.org" for name in expected] == [one["address"] for one in found]


def test_what_is_not_shown_is_counted_with_how_to_see_it(fed: Cli) -> None:
    table = fed.do("suppress", "list", "--limit", "3")
    document = fed("suppress", "list", "--limit", "3", "--json")
    whole = fed("suppress", "list", "--json")

    line = "… and 2 more: --after 'ben@x.org', or --json or --csv for all"
    assert line == table.splitlines()[-1]
    assert (f"{line}\n", "") == (document.err, whole.err)


def test_a_terminal_shows_a_hundred_lines_and_a_document_all(cli: Cli) -> None:
    cli.feed("groups", "crm_id,name,tag\nno-mail,Geen bulk-mail,NoMailingsTag\n")
    numbers = range(130)
    cli.feed("people", "crm_id,emails\n" + "".join(f"{n},p{n:03}@x.org\n" for n in numbers))
    cli.feed("memberships", "group,person\n" + "".join(f"no-mail,{n}\n" for n in numbers))

    lines = cli.do("suppress", "list").splitlines()

    assert (102, "… and 30 more: --after 'p099@x.org', or --json or --csv for all") == (
        len(lines), lines[-1],
    )  # fmt: skip
    assert 130 == len(cli.json("suppress", "list"))
    assert 131 == len(cli.do("suppress", "list", "--csv").splitlines())


def test_an_empty_list_is_an_empty_document(cli: Cli) -> None:
    assert "[]\n" == cli.do("suppress", "list", "--json")


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


PEOPLE = (
    "crm_id,first_name,emails\n17,Ann,ann@example.org;ann@home.example\n18,Bob,bob@example.org\n"
)


def scopes(cli: Cli, *addresses: str) -> list[list[str]]:
    shown = (cli.json("suppress", "show", address) for address in addresses)
    return [[one["scope"] for one in document["suppressions"]] for document in shown]


def test_a_person_is_suppressed_at_every_address_now_and_later(cli: Cli) -> None:
    cli.feed("people", PEOPLE)
    said = cli.do(
        "suppress",
        "add",
        "candidate:17",
        "--scope",
        "all",
        "--note",
        "asked by phone",
        "--by",
        "bea",
    )
    before = scopes(cli, "ann@example.org", "ann@home.example", "bob@example.org")
    cli.feed("people", "crm_id,emails\n17,ann@new.example\n")
    after = scopes(cli, "ann@example.org", "ann@new.example", "bob@example.org")
    shown = cli.json("suppress", "show", "candidate:17")
    [person] = [one for one in cli.json("suppress", "list") if one["address"] == "ann@new.example"]

    assert [["all"], ["all"], []] == before
    assert [[], ["all"], []] == after
    assert said.startswith("Suppressed: candidate:17 gets no mail at all.\n")
    assert "ann@example.org, ann@home.example" in said
    assert ("candidate:17", ["ann@new.example"]) == (shown["person"], shown["addresses"])
    assert ["asked by phone"] == [one["note"] for one in shown["history"]]
    assert ("candidate:17", "staff", "bea") == (person["person"], person["source"], person["by"])
    assert ["all"] == [
        one["scope"] for one in cli.json("person", "show", "candidate:17")["suppressions"]
    ]


def test_a_person_is_released_and_the_history_stays(cli: Cli) -> None:
    cli.feed("people", PEOPLE)
    cli.do("suppress", "add", "candidate:17")
    cli.do("suppress", "add", "ann@example.org")
    of_address = cli.do("suppress", "release", "ann@example.org")
    said = cli.do("suppress", "release", "candidate:17", "--by", "bea")
    again = cli("suppress", "release", "candidate:17")

    assert "Still suppressed: no bulk mail: staff, candidate:17" in of_address
    assert "Released: candidate:17.\n" == said
    assert [[], []] == scopes(cli, "ann@example.org", "ann@home.example")
    assert ["bea"] == [
        one["released_by"] for one in cli.json("suppress", "show", "candidate:17")["history"]
    ]
    assert 1 == again.code
    assert "nothing suppresses candidate:17 itself" in again.err


def test_an_address_whose_person_is_suppressed_is_not_released_and_that_is_said(cli: Cli) -> None:
    cli.feed("people", PEOPLE)
    cli.do("suppress", "add", "candidate:17")

    done = cli("suppress", "release", "ann@example.org")

    assert 1 == done.code
    assert "Still suppressed: no bulk mail: staff, candidate:17" in done.out


def test_what_only_the_crm_can_lift_is_said_to_be_lifted_there(cli: Cli) -> None:
    cli.feed("groups", "crm_id,name,tag\n12,No bulk,NoMailingsTag\n")
    cli.feed("people", PEOPLE)
    cli.feed("memberships", "group,person\n12,17\n")
    by_group = cli("suppress", "release", "ann@example.org")
    cli.do("suppress", "add", "ann@example.org")
    released = cli("suppress", "release", "ann@example.org")

    assert 1 == by_group.code
    assert "it is lifted in the CRM: whoever leaves the group" in by_group.err
    assert released.out.startswith("Released: ann@example.org.\nStill suppressed: no bulk mail")
    assert "That is lifted in the CRM: whoever leaves the group" in released.err


def test_a_person_without_an_address_is_suppressed_for_those_to_come(cli: Cli) -> None:
    cli.feed("people", "crm_id,first_name\n17,Ann\n")
    said = cli.do("suppress", "add", "candidate:17")
    shown = cli.json("suppress", "show", "candidate:17")
    cli.feed("people", "crm_id,emails\n17,ann@example.org\n")

    assert "none known yet" in said
    assert ["bulk"] == [one["scope"] for one in shown["suppressions"]]
    assert [["bulk"]] == scopes(cli, "ann@example.org")


def test_somebody_unknown_is_not_suppressed_and_those_near_are_named(cli: Cli) -> None:
    cli.feed("people", PEOPLE)
    refused = cli("suppress", "add", "candidate:71")
    contact = cli("suppress", "show", "contact:17")

    assert (1, 1) == (refused.code, contact.code)
    assert "nobody known as candidate:71; nearest: candidate:" in refused.err
    assert "candidate:17 Ann" in refused.err
    assert "nobody known as contact:17; nearest: candidate:17 Ann" in contact.err


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("suppress list", "Nobody. Whoever a group, a status, an opt-out or `suppress add`"),
        ("report --would-fail", "None: no message to somebody suppressed was let through. What a"),
        ("bounces list", "Nothing came back. Bounces arrive in a mailbox or at a listener"),
        ("bounces report", "No mail went out in the last 30 days. What listeners relay"),
        ("person erasures", "Nobody was erased yet. `gateway person erase` does it"),
        ("keys list", "No keys yet: "),
        (
            "dkim check",
            "No keys in the config. `gateway dkim new DOMAIN` makes one",
        ),
        ("messages list", "No messages. Whatever the CRM sends through a listener is listed"),
        ("import waiting", "Nothing waits. Rows whose group, status or person isn't known"),
        ("inbox list", "No mails. Replies that can't be filed to an application wait here"),
        ("documents list candidate:17", "No documents. The attachments of this person's"),
        ("outbox list", "No entries. Reports to senders, notices to staff and triggered mail"),
        ("campaigns list", "No campaigns. `gateway campaigns create` makes one."),
        ("campaigns opt-outs", "Nobody. Whoever unsubscribes at Mailchimp is listed here"),
        ("triggers list --waiting", "No mail waits for a field."),
        ("triggers history", "No runs. `gateway run` looks once a day"),
        ("tokens list", "No tokens. `gateway tokens create` makes one"),
    ],
)
def test_a_table_without_rows_says_what_would_be_there_and_how_it_comes(
    cli: Cli, command: str, said: str
) -> None:
    cli.feed("people", PEOPLE)

    assert cli.do(*command.split()).startswith(said)


def test_a_release_says_why(cli: Cli) -> None:
    cli.do("suppress", "add", "ann@example.org")
    cli.do("suppress", "release", "ann@example.org", "--by", "Eva", "--note", "asked by phone")

    assert "by Eva: asked by phone" in cli.do("suppress", "show", "ann@example.org")
