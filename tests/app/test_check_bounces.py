"""What `gateway check` says of where bounces come to."""

from pathlib import Path

import pytest

from gateway.app.checks.check_bounces import settings_for_bounces
from gateway.app.checks.check_inbound import settings_for_replies
from tests.settings import RELAY, loaded

MAILBOX = """
[[inbound.mailboxes]]
name = "returns"
host = "127.0.0.1"
username = "bounces"
password = "secret"
purpose = "bounces"
"""
REWRITING = """
[bounces]
address = "bounces@example.org"
[[smtp.listeners]]
name = "crm"
bind = "127.0.0.1:2525"
envelope = "rewrite"
"""


LISTENER = """
[[smtp.listeners]]
name = "returns"
bind = "{bind}:2526"
purpose = "bounces"
networks = {networks}
"""


@pytest.mark.parametrize(
    ("bind", "networks", "warned"),
    [
        ("127.0.0.1", ["127.0.0.0/8", "::1/128"], ""),
        ("0.0.0.0", ["127.0.0.0/8", "::1/128"], "takes mail from this host only"),
        ("0.0.0.0", ["192.0.2.25/32"], ""),
        ("0.0.0.0", ["0.0.0.0/0"], "takes mail from everybody"),
    ],
)
def test_who_may_deliver_bounces_is_looked_at(
    tmp_path: Path, bind: str, networks: list[str], warned: str
) -> None:
    settings = loaded(tmp_path, RELAY + REWRITING + LISTENER.format(bind=bind, networks=networks))

    said = [finding.text for finding in settings_for_bounces(settings)]

    assert bool(warned) == any(f"listener returns {warned}" in text for text in said), said
    assert 1 + bool(warned) == len(said)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (MAILBOX, ["read at mailbox returns", "no listener has envelope = rewrite"]),
        (
            REWRITING,
            ["envelope = rewrite of crm sends them to bounces+…@example.org, where nothing"],
        ),
        (REWRITING + MAILBOX, ["read at mailbox returns: the mail server must deliver bounces+…@"]),
    ],
)
def test_where_bounces_come_to_is_looked_at(tmp_path: Path, text: str, expected: list[str]) -> None:
    settings = loaded(tmp_path, RELAY + text)

    said = [finding.text for finding in settings_for_bounces(settings)]

    assert len(expected) == len(said)
    assert [] == [e for e, s in zip(expected, said, strict=True) if not s.startswith(e)]


def test_a_mailbox_of_bounces_needs_no_proof_of_who_writes(tmp_path: Path) -> None:
    settings = loaded(tmp_path, RELAY + MAILBOX)

    assert [] == [finding.text for finding in settings_for_replies(settings)]
