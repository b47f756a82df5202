"""Deleting a person in the feed lifts no suppression, until somebody lifts it by name."""

from tests.cli.conftest import Cli

ANN = "ann@example.org"
PEOPLE = "crm_id,emails,status\n"
BOB = "18,bob@example.org,\n"


def told(cli: Cli) -> None:
    """Have the CRM tell of Ann, who is in a group that gets no bulk mail, and of Bob."""
    cli.feed("groups", "kind,crm_id,name,tag\ncandidate,g,No bulk,NoMailingsTag\n")
    cli.feed("people", f"{PEOPLE}17,{ANN},\n{BOB}")
    cli.feed("memberships", "kind,group,person\ncandidate,g,17\n")


def sources(cli: Cli, address: str) -> list[tuple[str, str]]:
    document = cli.json("suppress", "show", address)
    return [(each["source"], each["scope"]) for each in document["suppressions"]]


def test_whom_the_feed_deletes_stays_suppressed_by_hash(cli: Cli) -> None:
    told(cli)

    cli.feed("people", PEOPLE + BOB, "--replace", "--lift")
    cli.feed("memberships", "kind,group,person\n", "--replace", "--lift")

    assert [("erased", "bulk")] == sources(cli, ANN)
    assert [] == sources(cli, "bob@example.org")
    assert ANN not in cli.do("suppress", "list", "--csv")


def test_who_comes_back_stays_suppressed_until_released(cli: Cli) -> None:
    told(cli)
    cli.feed("people", PEOPLE + BOB, "--replace", "--lift")
    cli.feed("memberships", "kind,group,person\n", "--replace", "--lift")

    cli.feed("people", f"{PEOPLE}99,{ANN},\n")
    assert [("erased", "bulk")] == sources(cli, ANN)

    cli.do("suppress", "release", ANN)
    assert [] == sources(cli, ANN)


def test_whom_nothing_suppressed_is_free_when_gone(cli: Cli) -> None:
    told(cli)

    cli.feed("people", f"{PEOPLE}17,{ANN},\n", "--replace", "--lift")

    assert [] == sources(cli, "bob@example.org")


def test_a_dry_run_keeps_nothing(cli: Cli) -> None:
    told(cli)

    cli.feed("people", PEOPLE + BOB, "--replace", "--lift", "--dry-run")

    assert [("group", "bulk")] == sources(cli, ANN)


def test_the_note_says_that_it_was_erased_and_how_to_lift_it(cli: Cli) -> None:
    told(cli)
    cli.feed("people", PEOPLE + BOB, "--replace", "--lift")
    cli.feed("memberships", "kind,group,person\n", "--replace", "--lift")
    mail = cli.folder / "mail.eml"
    mail.write_text("From: crm@example.org\nSubject: News\nPrecedence: bulk\n\nHello\n")

    said = cli.do("explain", str(mail), "--from", "crm@example.org", "--to", ANN)

    assert "Gewist op " in said
    assert "geblokkeerd" in said
    assert f"gateway suppress release {ANN}" in said
