"""Whether a mail can be unsubscribed from with one click, as receivers see it (RFC 8058)."""

import pytest

from gateway.core.mail.headers import Headers
from gateway.core.mail.link_signatures import UnsubscribeReport, unsubscribe_report

LINK = b"List-Unsubscribe: <https://mail.example.org/u/x>, <mailto:a@example.org>\r\n"
PAIR = b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
SIGNED = (
    b"DKIM-Signature: v=1; d=example.org; h=From:List-Unsubscribe:\r\n"
    b"\tList-Unsubscribe-Post; b=x\r\n"
)


def report(*fields: bytes) -> UnsubscribeReport:
    return unsubscribe_report(Headers.parse(b"".join(fields)), is_added=False)


@pytest.mark.parametrize(
    ("fields", "is_one_click"),
    [
        ((LINK, PAIR), True),
        ((LINK.lower(), PAIR.lower()), True),
        ((LINK,), False),
        ((PAIR,), False),
        ((b"List-Unsubscribe: <mailto:a@example.org>\r\n", PAIR), False),
        ((b"List-Unsubscribe: <http://mail.example.org/u>\r\n", PAIR), False),
        ((b"List-Unsubscribe: <https://a.example/>, <https://b.example/>\r\n", PAIR), False),
        ((LINK, LINK, PAIR), False),
        ((LINK, PAIR, PAIR), False),
        ((LINK, b"List-Unsubscribe-Post: yes\r\n"), False),
    ],
)
def test_one_click_is_one_https_address_and_the_pair(
    fields: tuple[bytes, ...], is_one_click: bool
) -> None:
    assert is_one_click == report(*fields).is_one_click


@pytest.mark.parametrize(
    ("signatures", "missing"),
    [
        ((SIGNED,), [("example.org", ())]),
        ((SIGNED.replace(b"h=From:List", b"H = from : list"),), [("example.org", None)]),
        (
            (b"DKIM-Signature: d=a.example; h=from:list-unsubscribe\r\n",),
            [("a.example", ("list-unsubscribe-post",))],
        ),
        (
            (b"DKIM-Signature: d=a.example; h=from:to\r\n", SIGNED),
            [("a.example", ("list-unsubscribe", "list-unsubscribe-post")), ("example.org", ())],
        ),
        ((b"DKIM-Signature: nothing\r\n",), [("", ("list-unsubscribe", "list-unsubscribe-post"))]),
        ((), []),
    ],
)
def test_a_signature_must_name_both_fields(
    signatures: tuple[bytes, ...], missing: list[tuple[str, tuple[str, ...] | None]]
) -> None:
    found = report(LINK, PAIR, *signatures)

    both = ("list-unsubscribe", "list-unsubscribe-post")  # tags are written in lower case
    expected = [(domain, both if left is None else left) for domain, left in missing]
    assert expected == [(each.domain, each.missing) for each in found.signatures]
    assert any(left == () for _, left in expected) == found.is_signed
