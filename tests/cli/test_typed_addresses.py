"""Addresses on the command line: however people write one, and what is said of anything else."""

import pytest

from tests.cli.conftest import Cli, delivery, message

WRITTEN = [
    "ann@example.org",
    " Ann@Example.ORG\n",
    "<ann@example.org>",
    "mailto:ann@example.org?subject=Hallo",
    "Ann Bos <ann@example.org>",
    '"Bos, Ann" <ann@example.org>',
    "\ufeffann\u200b@exam\u00adple.org\u200e",  # What can't be seen came by copying.
    "Ann &amp; Bob &lt;ann@example.org&gt;",  # As an HTML page has it.
]
REFUSED = [
    ("ann@example.org, bob@example.org", "names several addresses"),
    ("ann@example.org;", "ends in “;”"),
    ("'ann@example.org'", "begins with the quote"),
    ("ann@example.org\x07", "U+0007"),
]
#: `{}` is the address.
COMMANDS = [
    ("suppress", "add", "{}"),
    ("suppress", "release", "{}"),
    ("suppress", "show", "{}"),
    ("messages", "list", "--to", "{}"),
    ("messages", "list", "--from", "{}"),
    ("explain", "{file}", "--from", "{}", "--to", "ann@example.org"),
    ("explain", "{file}", "--from", "ann@example.org", "--to", "{}"),
    ("person", "show", "{}"),
    ("documents", "list", "{}"),
    ("applications", "status", "accepted", "4711", "--by", "{}"),
    ("campaigns", "create", "News", "--template", "1", "--from-name", "N", "--from-address", "{}"),
    ("campaigns", "add", "0000000000001", "--person", "{}"),
    ("campaigns", "remove", "0000000000001", "--person", "{}"),
]


@pytest.mark.parametrize(("text", "fault"), REFUSED)
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_what_is_no_single_address_is_wrong_use_and_says_why(
    cli: Cli, command: tuple[str, ...], text: str, fault: str
) -> None:
    file = cli.folder / "message.eml"
    file.write_text("Subject: Hoi\n\nhi\n")

    done = cli(*(each.replace("{file}", str(file)).replace("{}", text) for each in command))

    assert (2, "") == (done.code, done.out)
    assert fault in " ".join(done.err.split())
    assert "\x07" not in done.err


@pytest.mark.parametrize("text", WRITTEN)
def test_an_address_is_suppressed_shown_and_released_however_it_is_written(
    cli: Cli, text: str
) -> None:
    cli.do("suppress", "add", text)
    [entry] = cli.json("suppress", "list")
    shown = cli.json("suppress", "show", text)
    cli.do("suppress", "release", text)

    assert "ann@example.org" == entry["address"]
    assert ("ann@example.org", 1) == (shown["address"], len(shown["suppressions"]))
    assert [] == cli.json("suppress", "list")


@pytest.mark.parametrize("text", WRITTEN)
def test_people_and_messages_are_found_however_the_address_is_written(cli: Cli, text: str) -> None:
    cli.feed("people", "crm_id,first_name,emails\n17,Ann,ann@example.org\n")
    cli.keep(message(1, delivery("ann@example.org"), sender="ann@example.org"))

    assert "candidate:17" == cli.json("person", "show", text)["person"]
    assert 1 == len(cli.json("messages", "list", "--to", text))
    assert 1 == len(cli.json("messages", "list", "--from", text))


def test_the_null_sender_is_written_as_brackets_or_nothing(cli: Cli) -> None:
    cli.keep(message(1, delivery("ann@example.org"), sender=""))
    file = cli.folder / "message.eml"
    file.write_text("Subject: Hoi\n\nhi\n")

    assert 1 == len(cli.json("messages", "list", "--from", "<>"))
    for sender in ("<>", ""):
        cli.do("explain", str(file), "--from", sender, "--to", "ann@example.org")


def test_the_key_of_a_person_may_be_an_address(cli: Cli) -> None:
    cli.feed("people", "crm_id,first_name,emails\nann@x.org,Ann,ann@example.org\n")

    assert "candidate:ann@x.org" == cli.json("person", "show", "candidate:ann@x.org")["person"]
    assert "candidate:ann@x.org" == cli.json("suppress", "show", "candidate:ann@x.org")["person"]


def test_what_an_older_version_stored_as_it_was_typed_can_still_be_released(cli: Cli) -> None:
    cli.do("suppress", "add", "x@example.org")
    with cli.store() as store, store.writing() as connection:
        connection.exec_driver_sql("UPDATE suppressions SET address = 'a@x.org;b@x.org'")

    assert 2 == cli("suppress", "release", "a@x.org;c@x.org").code
    assert "Released: a@x.org;b@x.org.\n" == cli.do("suppress", "release", "a@x.org;b@x.org")


def test_a_file_that_is_no_mail_is_not_explained(cli: Cli) -> None:
    file = cli.folder / "mail.msg"
    file.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 512)

    done = cli("explain", str(file), "--from", "a@example.org", "--to", "b@example.org")

    assert (2, "") == (done.code, done.out)
    assert "mail.msg is an Outlook item (.msg): " in " ".join(done.err.split())


def test_a_mail_out_of_a_mailbox_file_is_explained_without_its_first_line(cli: Cli) -> None:
    file = cli.folder / "mbox"
    file.write_text("From a@x.org Sat Nov 28 09:00:00 2026\nPrecedence: bulk\nSubject: x\n\nhi\n")

    found = cli.json("explain", str(file), "--from", "a@example.org", "--to", "b@example.org")

    assert "precedence" == found["rule"]


def test_a_note_that_is_not_utf_8_is_wrong_use(cli: Cli) -> None:
    done = cli("suppress", "add", "ann@example.org", "--note", "\udcff")

    assert (2, "gateway: an argument is not UTF-8: type it again\n") == (done.code, done.err)
    assert [] == cli.json("suppress", "list")


def test_a_folder_is_no_mail(cli: Cli) -> None:
    to = ("--from", "a@example.org", "--to", "b@example.org")

    assert 2 == cli("explain", str(cli.folder), *to).code
