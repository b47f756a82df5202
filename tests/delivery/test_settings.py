"""Which relay a message goes to, and what its replies mean to the CRM."""

import re

import pytest

from gateway.core.mail.reply import Reply
from gateway.delivery import replies
from gateway.delivery.settings import MailMatch, RelaySettings, choose
from tests.delivery.relays import relay_settings


def relay(name: str, match: MailMatch | None = None) -> RelaySettings:
    return relay_settings(25, name=name, match=match)


RELAYS = (
    relay("both", MailMatch(listeners=frozenset({"mass"}), logins=frozenset({"crm"}))),
    relay("mass", MailMatch(listeners=frozenset({"mass"}))),
    relay("login", MailMatch(logins=frozenset({"boss", "crm"}))),
    relay("domain", MailMatch(sender_domains=frozenset({"example.org", "xn--bcher-kva.example"}))),
    relay("default"),
)


@pytest.mark.parametrize(
    ("listener", "login", "domain", "expected"),
    [
        ("mass", "crm", "example.org", "both"),
        ("mass", "boss", "example.org", "mass"),
        ("mass", None, "", "mass"),
        ("crm", "crm", "example.org", "login"),
        ("crm", None, "example.org", "domain"),
        ("crm", "other", "xn--bcher-kva.example", "domain"),
        ("crm", None, "other.example", "default"),
        ("crm", None, "", "default"),
    ],
)
def test_the_first_relay_whose_whole_match_fits_is_chosen(
    listener: str, login: str | None, domain: str, expected: str
) -> None:
    chosen = choose(RELAYS, listener=listener, login=login, sender_domain=domain)

    assert expected == chosen.name


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("250 2.1.5 ok", "250 2.1.5 ok"),
        ("251 2.1.5 forwarded", "251 2.1.5 forwarded"),
        ("450 4.2.0 greylisted", "450 4.2.0 greylisted"),
        ("552 5.2.2 mailbox full", "552 5.2.2 mailbox full"),
        ("421 4.3.2 shutting down", "451 4.3.2 shutting down"),
        ("500 what", "451 4.3.5 The relay refuses the gateway: what"),
        ("504 5.5.4 no", "451 4.3.5 The relay refuses the gateway: 5.5.4 no"),
        ("530 5.7.0 log in", "451 4.3.5 The relay refuses the gateway: 5.7.0 log in"),
        ("535 5.7.8 wrong", "451 4.3.5 The relay refuses the gateway: 5.7.8 wrong"),
        ("554 5.7.1 Relay access denied", "451 4.3.5 The relay refuses the gateway: "
         "5.7.1 Relay access denied"),
        ("354 go on", replies.OUR_FAULT.text),
        ("150 what", replies.OUR_FAULT.text),
        ("999 what", replies.OUR_FAULT.text),
    ],
)  # fmt: skip
def test_the_reply_table(said: str, heard: str) -> None:
    patterns = [re.compile("relay access denied", re.IGNORECASE)]

    assert heard == replies.for_client(Reply.of(said), patterns).text


def test_a_pattern_never_turns_success_into_a_fault() -> None:
    patterns = [re.compile(".")]

    assert [False, True, True] == [
        replies.is_our_fault(Reply.of(text), patterns) for text in ("250 ok", "450 no", "550 no")
    ]
