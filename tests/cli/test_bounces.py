"""The report of what came back, as people ask for it."""

import json

import pytest

from gateway.core.plot import PlotBar, draw_bars, svg
from tests.cli.conftest import Cli


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


KEYS = ("recipient", "kind", "reason", "about", "hard")
