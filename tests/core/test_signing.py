"""Texts that only the gateway can have made."""

import pytest

from gateway.core.bounces.return_address import ReturnedTo, return_address, returned_to
from gateway.core.bounces.unsubscribe import NamedDelivery, UnsubscribeLinks
from gateway.core.signing import KeysWrong, SigningKeys

OLD, NEW = b"o" * 32, b"n" * 32
KEYS = SigningKeys((NEW, OLD))
BASE = "bounces@office.example"


def test_what_was_signed_is_opened_again() -> None:
    assert b"payload" == KEYS.verify("links", KEYS.sign("links", b"payload"))


def test_what_an_older_key_signed_is_opened_still() -> None:
    assert b"payload" == KEYS.verify("links", SigningKeys((OLD,)).sign("links", b"payload"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "!!!",
        KEYS.sign("other purpose", b"payload"),
        SigningKeys((b"x" * 32,)).sign("links", b"payload"),
        "a" + KEYS.sign("links", b"payload")[1:],
        KEYS.sign("links", b"payload")[:-2] + "aa",
        KEYS.sign("links", b""),
    ],
)
def test_what_somebody_else_made_is_not_opened(text: str) -> None:
    assert KEYS.verify("links", text) is None


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([], "no key"),
        (["# only a comment"], "no key"),
        (["", "xyz"], "line 2: not hexadecimal"),
        (["abcd"], "line 1: 2 octets, at least 16"),
    ],
)
def test_a_key_file_that_is_wrong_says_where(lines: list[str], problem: str) -> None:
    with pytest.raises(KeysWrong, match=problem):
        SigningKeys.read(lines)


def test_a_key_file_has_a_key_on_each_line_that_is_no_comment() -> None:
    keys = SigningKeys.read(["# the new one", f"{NEW.hex()}  # 2026", "", f"  {OLD.hex().upper()}"])

    assert SigningKeys((NEW, OLD)) == keys


def test_a_keyed_hash_is_found_again_after_a_new_key_was_put_in_front() -> None:
    stored = SigningKeys((OLD,)).digest("tokens", "text")

    assert stored in KEYS.digests("tokens", "text")
    assert KEYS.digest("tokens", "text") == KEYS.digests("tokens", "text")[0]
    assert stored not in KEYS.digests("other purpose", "text")
    assert stored not in SigningKeys((NEW,)).digests("tokens", "text")


def test_keys_are_not_shown() -> None:
    assert "6e6e" not in repr(KEYS)
    assert "nnnn" not in repr(KEYS)


def test_the_longest_base_has_room_for_a_return_address_and_a_link() -> None:
    base = f"{'b' * 29}@office.example"
    address = return_address(base, ReturnedTo(2**62 + 5, 7), KEYS)
    token = UnsubscribeLinks(KEYS, address=base).token(NamedDelivery(2**62 + 5, 7))

    assert [62, 64] == [len(address.partition("@")[0]), 29 + len(f"+{token}")]


@pytest.mark.parametrize("to", [ReturnedTo(2**62 + 5, 7), ReturnedTo(1, None), ReturnedTo(99, 0)])
def test_a_return_address_names_its_message_and_recipient(to: ReturnedTo) -> None:
    address = return_address(BASE, to, KEYS)

    assert len(address.partition("@")[0]) <= 64  # RFC 5321, 4.5.3.1.1
    assert to == returned_to(BASE, ["eva@office.example", address], KEYS)
    assert to == returned_to(BASE, [address.upper()], KEYS)
    assert to == returned_to(BASE, [address.replace("+", "-")], KEYS)


@pytest.mark.parametrize(
    "address",
    [
        BASE,
        "bounces+abcdefgh@office.example",
        return_address("bounces@elsewhere.example", ReturnedTo(1), KEYS),
        return_address(BASE, ReturnedTo(1), SigningKeys((b"x" * 32,))),
    ],
)
def test_backscatter_has_no_return_address(address: str) -> None:
    assert returned_to(BASE, [address], KEYS) is None
