"""How much mail of the gateway's own is under way at once, beside the proxy's."""

import asyncio
from pathlib import Path

import pytest

from gateway.app.sending.own_mail import own_mail_sender
from gateway.core.sending.outbox import Sent
from gateway.delivery.own_mail import OwnMailSender
from gateway.metrics import Metrics
from tests.rig import faults
from tests.rig.process import LOOPBACK
from tests.rig.sink import RawSink
from tests.settings import loaded

RELAY = """
[[relays]]
name = "main"
host = "{host}"
port = {port}
tls = "none"
{limits}
"""


def own_mail(folder: Path, port: int, limits: str) -> OwnMailSender:
    text = RELAY.format(host=LOOPBACK, port=port, limits=limits)
    return own_mail_sender(loaded(folder, text), Metrics())


@pytest.mark.parametrize(
    ("limits", "at_once"),
    [
        ("", 4),
        ("max_connections = 100", 10),
        ("max_connections = 3", 4),  # One leaves; the others wait, and are known to be due.
        ("max_connections = 100\nmessages_per_minute = 30", 4),
    ],
)
async def test_as_many_triggered_mails_are_let_go_as_there_are_connections(
    tmp_path: Path, limits: str, at_once: int
) -> None:
    assert at_once == own_mail(tmp_path, 25, limits).at_once


@pytest.mark.parametrize(("limits", "connections"), [("", 4), ("max_connections = 3", 1)])
async def test_a_tenth_of_a_relays_connections_is_for_mail_of_our_own(
    sink: RawSink, tmp_path: Path, limits: str, connections: int
) -> None:
    may_go = asyncio.Event()
    sink.fault("dot", faults.hold(may_go))
    sender = own_mail(tmp_path, sink.port, limits)

    sending = [
        asyncio.create_task(
            sender.submit(sender="office@example.org", recipient=f"p{n}@example.org", content=b"x")
        )
        for n in range(6)
    ]
    await sink.wait_until(lambda: len(sink.messages) == connections)
    assert connections == sink.open_connections
    may_go.set()
    results = await asyncio.gather(*sending)

    assert 6 == len(sink.messages)
    assert {Sent} == set(map(type, results))
    assert connections == len(sink.connections)
    sender.close()
