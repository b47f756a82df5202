"""The report of what came back, as people ask for it."""

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.app import common
from gateway.core import ids
from gateway.core.bounces.bounce import BounceKind, KeptBounce, Proof
from gateway.core.journal.message import Delivery, Message
from gateway.core.kinds import By, State
from gateway.core.plot import PlotBar, draw_bars, svg
from gateway.store.bounces import bounces
from gateway.store.journal.journal import write_recorded
from tests.cli.conftest import Cli

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


def test_bars_are_as_long_as_their_shares_and_stay_on_the_paper() -> None:
    bars = [
        PlotBar(f"a{n}.example to b.example", n / 100, f"{n} %", n > 90) for n in range(100, 0, -1)
    ]

    drawn = svg(draw_bars("What came back", "Of 7 days", bars, nothing="Nothing."))

    assert 10 < drawn.count("<polyline") < 20
    assert "a100.example to b.example" in drawn
    assert "a1.example to b.example" not in drawn
    assert "Nothing." in svg(draw_bars("What came back", "", [], nothing="Nothing."))


@pytest.mark.parametrize("text", ["17,ann@example.org,\n18,bob@example.org,\n", ""])
def test_what_is_no_mail_is_not_read_as_a_bounce(cli: Cli, text: str) -> None:
    (cli.folder / "people.csv").write_text(text)

    done = cli("bounces", "read", str(cli.folder / "people.csv"))

    assert (2, "") == (done.code, done.out)
    assert "save the mail" in " ".join(done.err.split())


def test_a_mail_without_from_is_read_without_a_traceback(
    cli: Cli, caplog: pytest.LogCaptureFixture
) -> None:
    (cli.folder / "mail.eml").write_text("Subject: hello\n\nhello\n")

    done = cli("bounces", "read", str(cli.folder / "mail.eml"))

    assert (0, "It says nothing of any recipient.") == (done.code, done.out.strip())
    assert [] == caplog.records


BOUNCE = """\
From: MAILER-DAEMON@mx.example
Subject: Undelivered Mail

<ann@example.org>: host mx.example.org said: {said} (in reply to RCPT TO command)
"""


def test_mails_of_a_folder_are_read_and_what_is_none_is_named(cli: Cli) -> None:
    folder = cli.folder / "mails"
    (folder / "new").mkdir(parents=True)
    (folder / "a.eml").write_text(BOUNCE.format(said="550 5.1.1 User unknown"))
    (folder / "new/b.eml").write_text(BOUNCE.format(said="550 5.7.1 blocked using bl.example"))
    (folder / "c.txt").write_text("no mail\n")
    (folder / "d.eml").write_text("From: ann@example.org\nSubject: hello\n\nHi!\n")

    told = json.loads(cli("bounces", "read", str(folder), "--json").out)

    assert [
        ("a.eml", [("ann@example.org", "bounce", "userunknown", "address", True)], False),
        ("c.txt", [], True),
        ("d.eml", [], False),
        ("b.eml", [("ann@example.org", "bounce", "reputation", "sender", False)], False),
    ] == [
        (
            mail["file"].rpartition("/")[2],
            [tuple(one[key] for key in KEYS) for one in mail["bounces"]],
            bool(mail["fault"]),
        )
        for mail in told
    ]


def test_all_mails_of_an_mbox_are_read(cli: Cli) -> None:
    line = "From MAILER-DAEMON Thu Apr 29 23:34:45 2021\n"
    mails = [BOUNCE.format(said=said) for said in ("550 5.1.1 User unknown", "552 5.2.2 Full")]
    (cli.folder / "mbox").write_text("\n".join(line + mail for mail in mails))

    told = json.loads(cli("bounces", "read", str(cli.folder / "mbox"), "--json").out)

    assert ["userunknown", "mailboxfull"] == [one["reason"] for one in told]


KEYS = ("recipient", "kind", "reason", "about", "hard")


def kept(number: int, *, suppression: int | None = None) -> KeptBounce:
    return KeptBounce(
        inbox=ids.first_id_at(NOW) + number,
        position=0,
        message=ids.first_id_at(NOW - timedelta(days=1)) + number,
        proof=Proof.TOKEN,
        kind=BounceKind.BOUNCE,
        address=f"a{number}@example.org",
        recipient=f"a{number}@example.org",
        action="failed",
        status="5.1.1",
        diagnostic="=550 no such user",
        reason="userunknown",
        hard=True,
        suppression=suppression,
    )


def test_what_came_back_is_listed_for_people_and_whole_for_the_crm(cli: Cli) -> None:
    with cli.store() as database, database.writing() as connection:
        for number in range(70):
            bounces.add(connection, [kept(number, suppression=number or None)])

    shown = cli("bounces", "list", "--json")
    rows = list(csv.DictReader(io.StringIO(cli("bounces", "list", "--csv").out)))
    few = cli("bounces", "list", "--csv", "--limit", "2")

    assert 70 == len(json.loads(shown.out))
    assert 70 == len(rows)
    assert 3 == len(few.out.splitlines())
    newest = rows[0]
    assert ("a69@example.org", "bounce", "userunknown", "hard", "5.1.1", "token") == tuple(
        newest[key] for key in ("address", "kind", "reason", "hard", "status", "proof")
    )
    assert ("'=550 no such user", ids.show(69)) == (newest["diagnostic"], newest["suppression"])
    assert "" == rows[-1]["suppression"]


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_shares_are_reported_by_both_domains_and_plotted(cli: Cli, suffix: str) -> None:
    now = common.now()
    with cli.store() as database, database.writing() as connection:
        for number, (sender, to) in enumerate(
            [("crm@a.example", "x@gmail.example")] * 60 + [("hr@b.example", "y@web.example")] * 2
        ):
            at = now - timedelta(days=1, seconds=number)
            message = Message(
                id=ids.first_id_at(at),
                at=at,
                listener="crm",
                sender=sender,
                deliveries=(Delivery(recipient=to, address=to, state=State.RELAYED, by=By.RELAY),),
            )
            write_recorded(connection, 1, [message], [])
            if number < 6:
                came_back = replace(kept(number), message=message.id, address=to, hard=number < 3)
                bounces.add(connection, [came_back])

    told = json.loads(cli("bounces", "report", "--json").out)
    plot = cli.folder / f"shares.{suffix}"
    text = cli("bounces", "report", "--plot", str(plot)).out

    assert [
        ("a.example", "gmail.example", 60, 6, 3, 0, 0.1),
        ("b.example", "web.example", 2, 0, 0, 0, 0.0),
    ] == [
        (
            *(share[key] for key in ("sender", "receiver", "sent", "bounced", "hard")),
            share["complaints"],
            round(share["bounce_rate"], 3),
        )
        for share in told
    ]
    assert "10.0% bounces, more than 5%" in text
    assert 500 < plot.stat().st_size
    if suffix == "svg":
        assert "a.example to gmail.example" in plot.read_text()
