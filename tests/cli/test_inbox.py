"""`gateway inbox`, `history`, `documents`, and what `person` and `check` say of replies."""

import asyncio
import json
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.app.replies.importing import importer_by_hand
from gateway.config import load
from gateway.core.replies.inbox import InboxRow, InboxState
from gateway.store.engine.blobs import Blobs
from gateway.store.replies import inbox
from tests.cli.conftest import Cli
from tests.inbound.mails import EVA, PDF, SERVER, forward, with_file

LISTENER = f"""
[[smtp.listeners]]
name = "import"
bind = "127.0.0.1:2526"
purpose = "import"
trust = "authentication-results"
authserv_id = "{SERVER}"
"""
UNTRUSTED = LISTENER.replace("trust = ", "#").replace("authserv_id", "#")


@pytest.fixture
def fed(cli: Cli) -> Cli:
    """A command line with a small CRM behind it."""
    cli.configure(LISTENER)
    cli.feed("staff", f"crm_id,name,email,roles\ns1,Eva Bos,{EVA},personnel_manager\n")
    cli.feed("people", "crm_id,first_name,emails,owner\n17,Ann,ann@example.org,s1\n")
    cli.feed("programmes", "crm_id,name\np1,Lehrkräfte\n")
    cli.feed("applications", "reference,person,programme,status\n4711,17,p1,open\n")
    return cli


def take(cli: Cli, *mails: bytes) -> list[str]:
    """Have mails taken as from the listener; return their ids."""

    async def taken() -> list[str]:
        settings = load(cli.file, {})
        with cli.store() as store:
            async with importer_by_hand(settings, store) as importer:
                for number, mail in enumerate(mails, 1):
                    row = InboxRow(
                        id=number,
                        content=await Blobs(settings.store.blobs).put(mail),
                        size=len(mail),
                        state=InboxState.WAITING,
                        origin="import",
                    )
                    with store.writing() as connection:
                        inbox.put(connection, row)
                    await importer.take_waiting(row)
        return [f"{number:013}" for number in range(1, len(mails) + 1)]

    return asyncio.run(taken())


@pytest.fixture
def waiting(fed: Cli) -> str:
    """A mail without a reference; its id."""
    return take(fed, with_file(forward(subject="WG: AW: Ihre Bewerbung")).as_bytes())[0]


def test_a_role_that_staff_have_in_another_case_is_told_with_theirs(cli: Cli) -> None:
    cli.configure(f'[inbound]\nallowed_roles = ["Personnel-Manager", "hr"]\n{LISTENER}')
    cli.feed("staff", f"crm_id,email,roles\ns1,{EVA},personnel_manager\n")

    told = cli("check", "--offline").out

    assert 'no staff have the role "Personnel-Manager"; write "personnel_manager"' in told
    assert '"hr"' not in told


class TestAddress:
    MAILBOX = """
[[inbound.mailboxes]]
name = "replies"
host = "imap.example.org"
username = "{}"
password = "x"
"""

    @pytest.mark.parametrize(
        ("config", "address", "told_by"),
        [
            (MAILBOX.format("replies@example.org"), "replies@example.org", "mailbox replies"),
            (
                f'[inbound]\naddress = "import@example.org"\n{MAILBOX.format("a@example.org")}',
                "import@example.org",
                "inbound.address",
            ),
            (f'[inbound]\naddress = "Import <i@example.org>"\n{LISTENER}', "i@example.org",
             "inbound.address"),
        ],
    )  # fmt: skip
    def test_it_is_the_setting_else_the_mailboxes(
        self, cli: Cli, config: str, address: str, told_by: str
    ) -> None:
        cli.configure(config)

        assert f"{address}\n" == cli("inbox", "address").out
        document = {"address": address, "addresses": [{"address": address, "told_by": told_by}]}
        assert document == cli.json("inbox", "address")
        checked = cli("check", "--offline").out
        assert f"staff forward replies to {address} ({told_by})" in checked

    @pytest.mark.parametrize("config", [LISTENER, MAILBOX.format("OFFICE\\\\replies")])
    def test_where_nobody_told_it_the_setting_is_named(self, cli: Cli, config: str) -> None:
        cli.configure(config)

        refused = cli("inbox", "address")

        assert 1 == refused.code
        assert "set inbound.address" in refused.err
        assert "set inbound.address" in cli("check", "--offline").out


def events(cli: Cli, kind: str) -> list[dict[str, Any]]:
    return [one for one in cli.json("person", "show", "candidate:17")["timeline"]
            if one["type"] == kind]  # fmt: skip


def test_what_was_not_filed_is_listed_with_its_reason(fed: Cli, waiting: str) -> None:
    (found,) = fed.json("inbox", "list")

    assert {"id", "at", "sender", "subject", "reason", "message_id"} <= found.keys()
    assert (waiting, EVA, "no_reference") == (found["id"], found["sender"], found["reason"])
    assert "no_reference" in fed.do("inbox", "list")


def test_a_mail_is_shown_with_what_it_says(fed: Cli, waiting: str) -> None:
    shown = fed.do("inbox", "show", waiting)

    assert "State:       needs_attention (no_reference)" in shown
    assert "das passt mir gut." in shown
    assert "das passt mir gut." in fed.json("inbox", "show", waiting)["text"]


def test_assigning_files_it(fed: Cli, waiting: str) -> None:
    done = fed("inbox", "assign", waiting, "4711")

    assert (0, "") == (done.code, done.err)
    assert [] == fed.json("inbox", "list")
    assert ["4711"] == [one["reference"] for one in events(fed, "reply")]


def test_assigning_to_nothing_is_refused(fed: Cli, waiting: str) -> None:
    done = fed("inbox", "assign", waiting, "99")

    said = (
        "no application has the reference 99: gateway applications list WORD finds those there are"
    )
    assert (1, f"gateway: {said}\n") == (done.code, done.err)


def test_a_retry_that_changes_nothing_says_so(fed: Cli, waiting: str) -> None:
    done = fed("inbox", "retry", waiting, "--json")

    assert 1 == done.code
    assert "no_reference" == json.loads(done.out)["reason"]


def test_a_discarded_mail_is_listed_no_more_and_can_still_be_assigned(
    fed: Cli, waiting: str
) -> None:
    discarded = fed.json("inbox", "discard", waiting)

    assert (waiting, "discarded") == (discarded["id"], discarded["state"])
    assert [] == fed.json("inbox", "list")
    assert [waiting] == [o["id"] for o in fed.json("inbox", "list", "--state", "discarded")]
    assert 0 == fed("inbox", "assign", waiting, "4711").code


@pytest.mark.parametrize("command", [("show",), ("discard",), ("retry",), ("assign",)])
def test_an_unknown_mail_is_named(fed: Cli, command: tuple[str, ...]) -> None:
    rest = ("4711",) if command == ("assign",) else ()

    done = fed("inbox", *command, "0000000000zzz", *rest)

    assert 1 == done.code
    assert "0000000000zzz" in done.err


def test_history_opens_what_was_filed(fed: Cli) -> None:
    take(fed, with_file(forward()).as_bytes())
    (event,) = events(fed, "reply")

    found = fed.json("history", "show", event["id"])

    assert {
        *("id", "at", "person", "reference", "staff", "sender_name", "sender", "subject", "date"),
        *("text", "html", "staff_text", "remarks", "documents"),
    } <= found.keys()
    assert ("candidate:17", "4711", "s1") == (found["person"], found["reference"], found["staff"])
    shown = fed.do("history", "show", event["id"])
    assert "From:        Ann Müller <ann@example.org>" in shown
    assert "| Bitte ablegen." in shown


def test_when_a_reply_was_forwarded_again_is_told_in_local_time(fed: Cli) -> None:
    first, second = with_file(forward()), with_file(forward())
    second.replace_header("Message-ID", "<second@office.example>")
    take(fed, first.as_bytes(), second.as_bytes())
    (event,) = events(fed, "reply")

    [repeated] = fed.json("history", "show", event["id"])["remarks"]
    shown = fed.do("history", "show", event["id"])

    at = datetime.fromisoformat(repeated.split()[1]).astimezone(ZoneInfo("Europe/Amsterdam"))
    assert f"Remark:      repeated {at:%Y-%m-%d %H:%M:%S} s1 Bitte" in shown


def test_documents_are_listed_and_saved(fed: Cli, tmp_path: Path) -> None:
    take(fed, with_file(forward()).as_bytes())
    (found,) = fed.json("documents", "list", "candidate:17")

    fed.do("documents", "save", found["id"], "--to", str(tmp_path))

    assert {"id", "filename", "type", "size", "sha256"} <= found.keys()
    assert PDF == (tmp_path / "Lebenslauf.pdf").read_bytes()
    assert [found["id"]] == [one["id"] for one in events(fed, "document")]
    assert found == fed.json("documents", "list", "ann@example.org")[0]


def test_saving_overwrites_nothing(fed: Cli, tmp_path: Path) -> None:
    take(fed, with_file(forward()).as_bytes())
    (found,) = fed.json("documents", "list", "candidate:17")
    (tmp_path / "there.pdf").write_text("mine")

    done = fed("documents", "save", found["id"], "--to", str(tmp_path / "there.pdf"))

    assert 1 == done.code
    assert "mine" == (tmp_path / "there.pdf").read_text()


def test_I10_a_name_made_of_paths_stays_in_the_folder(fed: Cli, tmp_path: Path) -> None:
    take(fed, with_file(forward(), "../../outside/CON.pdf").as_bytes())
    (found,) = fed.json("documents", "list", "candidate:17")
    folder = tmp_path / "folder"
    folder.mkdir()

    fed.do("documents", "save", found["id"], "--to", str(folder))

    assert [found["filename"]] == [one.name for one in folder.iterdir()]


def test_I11_names_that_turn_around_are_shown_plainly(fed: Cli) -> None:
    take(fed, with_file(forward(), "invoice_\u202egpj.exe").as_bytes())

    (found,) = fed.json("documents", "list", "candidate:17")

    assert "invoice_gpj.exe" == found["filename"]


def test_a_person_has_applications(fed: Cli) -> None:
    found = fed.json("person", "show", "candidate:17")["applications"]

    assert [("4711", "Lehrkräfte", "open")] == [
        (one["reference"], one["title"], one["status"]) for one in found
    ]
    assert "Application 4711: Lehrkräfte (open)" in fed.do("person", "show", "candidate:17")


def test_the_check_says_what_is_missing_for_trust(cli: Cli) -> None:
    cli.configure(UNTRUSTED)

    done = cli("check", "--offline")

    assert 1 == done.code
    assert "listener import: nothing that comes in here is imported, all of it waits" in done.out
    assert 'set trust = "authentication-results" with authserv_id' in done.out


def test_the_check_says_that_nobody_may_import_yet(cli: Cli) -> None:
    cli.configure(LISTENER)

    out = cli("check", "--offline").out

    assert "nobody may import yet: no staff with an address has a role of personnel_manager" in out
    assert "no application is known: gateway import applications" in out


def test_the_case_of_a_role_makes_no_difference(cli: Cli) -> None:
    cli.configure(LISTENER + '[inbound]\nallowed_roles = ["recruiter"]\n')
    cli.feed("staff", "crm_id,email,roles\n1,olga@agency.example,Manager;Recruiter\n")

    out = cli("check", "--offline").out

    assert "1 member of staff may import" in out
    assert "no staff have the role" not in out


def test_the_check_says_of_how_many_applications_nobody_would_hear(cli: Cli) -> None:
    cli.configure(LISTENER)
    cli.feed("statuses", "kind,crm_id,closed\napplication,done,yes\napplication,new,no\n")
    cli.feed("people", "crm_id,owner\n17,s1\n18,\n")
    cli.feed(
        "applications",
        "reference,person,status,responsible\n1,17,new,\n2,18,new,\n3,18,,\n4,18,done,\n5,18,,s1\n",
    )

    out = cli("check", "--offline").out

    assert "nobody hears of replies to 2 open applications" in out

    cli.configure(f'{LISTENER}\n[notices]\nfallback_to = "office@crm.example"\n')
    assert "nobody hears of replies" not in cli("check", "--offline").out


def test_the_check_names_a_text_that_can_not_be_used(cli: Cli) -> None:
    cli.configure(LISTENER)
    folder = cli.folder / "templates" / "reply_refused"
    folder.mkdir(parents=True)
    (folder / "de.txt").write_text("Hallo\n")

    done = cli("check", "--offline")

    assert 1 == done.code
    assert "reply_refused/de.txt: the first line must be `Subject: …`" in done.out


class TestApplications:
    def test_references_are_unique(self, fed: Cli) -> None:
        fed.feed("people", "crm_id,first_name\n18,Bob\n")

        done = fed.feed("applications", "reference,person\n5000,17\n5000,18\n")

        assert 1 == done.code
        assert (
            "applications.csv:3: 5000 stands in lines 2, 3, which differ: person: "
            "line 2 says '17', line 3 says '18'; leave one row for each\n"
        ) == done.err
        assert {"4711", "5000"} == {
            one["reference"] for one in fed.json("person", "show", "candidate:17")["applications"]
        }

    def test_unknown_columns_are_refused_by_name(self, fed: Cli) -> None:
        done = fed.feed("applications", "reference,person,owner\n5000,17,s1\n")

        assert 1 == done.code
        assert "unknown column 'owner'" in done.err

    @pytest.mark.parametrize(
        ("written", "expected"),
        [
            ("2026-03-01", "2026-02-28T23:00:00.000Z"),
            ("2026-03-01T08:30", "2026-03-01T07:30:00.000Z"),
            ("2026-03-01T08:30:00Z", "2026-03-01T08:30:00.000Z"),
            ("", None),
        ],
    )
    def test_a_time_without_a_zone_is_local(
        self, fed: Cli, written: str, expected: str | None
    ) -> None:
        fed.feed("applications", f"reference,person,submitted_at\n4711,17,{written}\n")

        (found,) = fed.json("person", "show", "candidate:17")["applications"]

        assert expected == found["submitted_at"]

    def test_a_time_that_is_none_is_told_with_its_line(self, fed: Cli) -> None:
        done = fed.feed("applications", "reference,person,submitted_at\n4711,17,soon\n")

        assert "applications.csv:2: submitted_at: not a time" in done.err

    def test_replace_removes_what_the_file_lacks(self, fed: Cli) -> None:
        fed.feed("applications", "reference,person\n5000,17\n", "--replace")

        found = fed.json("person", "show", "candidate:17")["applications"]
        assert ["5000"] == [one["reference"] for one in found]


def test_a_mail_that_was_not_filed_is_shown_with_what_it_is_likely_about(
    fed: Cli, waiting: str
) -> None:
    shown = fed.json("inbox", "show", waiting)
    [suggestion] = shown["suggestions"]

    assert ("4711", "candidate:17", "Lehrkräfte") == (
        suggestion["application"]["reference"],
        suggestion["person"],
        suggestion["application"]["title"],
    )
    assert [{"reason": "sender", "text": "ann@example.org"}] == suggestion["reasons"]
    assert [{"filename": "Lebenslauf.pdf", "size": len(PDF)}] == shown["files"]
    text = fed.do("inbox", "show", waiting)
    assert "Lebenslauf.pdf" in text
    assert "sender ann@example.org" in text

    fed.do("inbox", "assign", waiting, "4711")
    assert [] == fed.json("inbox", "show", waiting)["suggestions"]
