"""Links to unsubscribe: what mail carries (RFC 2369, RFC 8058) and what a token names."""

from collections.abc import Mapping
from email import message_from_bytes, policy

import pytest

from gateway.core.bounces.return_address import ReturnedTo, return_address
from gateway.core.bounces.unsubscribe import (
    Named,
    NamedDelivery,
    NamedOccurrence,
    UnsubscribeLinks,
    mask_address,
)
from gateway.core.bounces.unsubscribe_words import WORDS
from gateway.core.signing import SigningKeys

OLD, NEW = SigningKeys((b"o" * 32,)), SigningKeys((b"n" * 32, b"o" * 32))
URL, ADDRESS = "https://mail.example.org", "bounces@example.org"
LINKS = UnsubscribeLinks(NEW, public_url=URL, address=ADDRESS)
NAMED: list[Named] = [NamedDelivery(2**62 + 5, 7), NamedDelivery(1, 0), NamedOccurrence(2**62 + 5)]


@pytest.mark.parametrize("named", NAMED)
def test_a_token_names_its_mail_and_no_address(named: Named) -> None:
    token = LINKS.token(named)

    assert named == LINKS.mail_of(token) == LINKS.mail_of(token.upper())
    assert token.isalnum()
    assert named == LINKS.mail_of(UnsubscribeLinks(OLD).token(named))  # an older key's


@pytest.mark.parametrize("named", NAMED)
def test_a_token_that_was_changed_anywhere_names_nothing(named: Named) -> None:
    token = LINKS.token(named)
    others = [
        token[:at] + other + token[at + 1 :]
        for at in range(len(token))
        for other in "a2q7"
        if token[at] != other
    ]

    named_by = [LINKS.mail_of(other) for other in (*others, token[:-1], f"{token}a", "", "ä", "%")]

    assert {None} == set(named_by)


def test_a_return_address_is_no_link_and_a_link_no_return_address() -> None:
    returned = return_address(ADDRESS, ReturnedTo(5, 0), NEW)

    assert LINKS.named_by([returned]) is None
    assert LINKS.mail_of(returned.partition("+")[2].partition("@")[0]) is None


@pytest.mark.parametrize("named", NAMED)
def test_mail_carries_one_https_link_a_mailto_link_and_the_pair_of_one_click(named: Named) -> None:
    """RFC 8058, 3.1: one HTTPS URI, others beside it; 5: the one pair; RFC 2369, 2: brackets."""
    lines = "".join(f"{field}\r\n" for field in LINKS.fields(named))

    mail = message_from_bytes(lines.encode() + b"\r\n", policy=policy.SMTP)

    token = LINKS.token(named)
    mailto = f"<mailto:bounces+{token}@example.org?subject=unsubscribe>"
    assert f"<{URL}/u/{token}>, {mailto}" == mail["List-Unsubscribe"]
    assert "List-Unsubscribe=One-Click" == mail["List-Unsubscribe-Post"]
    assert 2 == len(mail.keys())
    assert max(map(len, lines.split("\r\n"))) <= 998
    assert len(f"bounces+{token}") <= 64  # RFC 5321, 4.5.3.1.1
    assert named == LINKS.named_by(["eva@example.org", f"bounces+{token}@example.org"])


def test_without_an_https_link_there_is_no_one_click() -> None:
    links = UnsubscribeLinks(NEW, address=ADDRESS)

    (field,) = links.fields(NAMED[0])

    assert field.startswith("List-Unsubscribe: <mailto:")
    assert "" == links.url(NAMED[0])
    assert () == UnsubscribeLinks(NEW).fields(NAMED[0])
    assert UnsubscribeLinks(NEW, public_url=URL).named_by(["bounces+a@example.org"]) is None


def test_a_preview_has_a_link_that_names_nothing() -> None:
    assert f"{URL}/u/sample" == LINKS.url(None)
    assert LINKS.mail_of("sample") is None


@pytest.mark.parametrize(
    ("address", "shown"),
    [("ann@example.org", "a…@example.org"), ('"a@b"@example.org', '"…@example.org'), ("", "")],
)
def test_a_page_shows_no_whole_address(address: str, shown: str) -> None:
    assert shown == mask_address(address)


def test_a_page_says_everything_in_every_language() -> None:
    texts: Mapping[str, list[str]] = {
        language: [getattr(words, name) for name in words.__slots__]
        for language, words in WORDS.items()
    }

    assert ["nl", "de", "fr", "en"] == list(texts)
    assert all(all(said) for said in texts.values())
    forms = {tuple(text.count("{}") for text in said) for said in texts.values()}
    assert 1 == len(forms)
