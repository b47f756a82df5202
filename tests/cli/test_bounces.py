"""The report of what came back, as people ask for it."""

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
