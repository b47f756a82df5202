"""`gateway today`."""

from gateway.core.kinds import State
from tests.cli.conftest import Cli, delivery, message


def test_what_flows_and_what_waits_is_shown(cli: Cli) -> None:
    cli.keep(
        message(0, delivery("ann@example.org"), delivery("ben@example.org", State.UNKNOWN)),
        message(1, delivery("eve@example.org", State.SEND_FAILED)),
    )
    cli.do("pause", "bulk")

    document = cli.json("today")
    shown = cli.do("today")

    counted = [quarter["deliveries"] for quarter in document["quarters"] if quarter["deliveries"]]
    assert 96 == len(document["quarters"])
    assert {"relayed": 1, "unknown": 1, "send_failed": 1} == {
        state: count for quarter in counted for state, count in quarter.items()
    }
    command = "gateway messages list --state unknown"
    assert ["bulk"] == document["paused"]
    waits = [{"what": "messages_unknown", "count": 1, "command": command}]
    assert waits == document["undecided"]
    assert "Paused: bulk. Go on with: gateway resume" in shown
    assert "from (Europe/Amsterdam)  relayed  send_failed  unknown" in shown
    assert command in shown
    assert 2 + 24 + 1 < len(shown.splitlines())


def test_where_nothing_is_it_says_what_would_be(cli: Cli) -> None:
    shown = cli.do("today")

    assert "No mail in 24 hours. What the CRM sends" in shown
    assert "Nothing waits for a person." in shown
