"""What a connection makes of octets and settings, without a relay."""

import pytest

from gateway.delivery.connection import login_steps, single_line_replies
from tests.delivery.relays import relay_settings

#: Octets that came together, and the replies that are whole in them.
RECEIVED = {
    "one": (b"250 2.0.0 Ok\r\n", ["250 2.0.0 Ok"]),
    "several": (b"250 a\r\n250 b\r\n354 c\r\n", ["250 a", "250 b", "354 c"]),
    "no text": (b"250\r\n", ["250"]),
    "a bare line feed": (b"250 a\n", ["250 a"]),
    "half a line": (b"250 a\r\n25", []),
    "more lines follow": (b"250-a\r\n250 b\r\n", []),
    "no reply": (b"welcome\r\n", []),
    "too long": (b"250 " + b"x" * 5_000 + b"\r\n", []),
    "nothing": (b"", []),
}


@pytest.mark.parametrize(("octets", "texts"), RECEIVED.values(), ids=RECEIVED)
def test_replies_of_one_line_are_taken_apart_at_once(octets: bytes, texts: list[str]) -> None:
    assert texts == [reply.text for reply in single_line_replies(octets)]


#: What is said for the user `crm` with the secret `secret`.
LOGINS = {
    "none": [],
    "plain": [b"AUTH PLAIN AGNybQBzZWNyZXQ="],
    "login": [b"AUTH LOGIN", b"Y3Jt", b"c2VjcmV0"],
    "xoauth2": [b"AUTH XOAUTH2 dXNlcj1jcm0BYXV0aD1CZWFyZXIgc2VjcmV0AQE="],
}


@pytest.mark.parametrize("mechanism", LOGINS)
def test_each_mechanism_has_its_steps(mechanism: str) -> None:
    settings = relay_settings(25, auth=mechanism, password="secret")

    assert LOGINS[mechanism] == login_steps(settings)
