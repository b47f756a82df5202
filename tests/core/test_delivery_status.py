"""The fields of a DSN that programs read."""

import pytest

from gateway.core.decision.delivery_status import decoded_xtext, recipient_group, typed_address


@pytest.mark.parametrize(
    ("address", "is_international", "expected"),
    [
        ("ann@example.org", False, "rfc822; ann@example.org"),
        ("ann@example.org", True, "rfc822; ann@example.org"),
        ("ü+x@example.org", True, "utf-8; ü+x@example.org"),
        (r"ü+\x@example.org", False, r"utf-8; \x{FC}\x{2B}\x{5C}x@example.org"),
    ],
)
def test_an_address_has_its_type(address: str, is_international: bool, expected: str) -> None:
    assert expected == typed_address(address, is_international=is_international)


@pytest.mark.parametrize(
    ("xtext", "expected"),
    [("QQ+2B314", "QQ+314"), ("a+0D+0Ab", "a+0D+0Ab"), ("+C3+BC", "+C3+BC"), ("+2b", "+2b")],
)
def test_xtext_is_decoded_where_that_puts_nothing_else_into_a_field(
    xtext: str, expected: str
) -> None:
    assert expected == decoded_xtext(xtext)


def test_the_original_recipient_comes_first() -> None:
    group = recipient_group("a@x.org", "rfc822;A+3D1@x.org", "No.", is_international=False)

    assert [
        "Original-Recipient: rfc822; A=1@x.org",
        "Final-Recipient: rfc822; a@x.org",
        "Action: failed",
        "Status: 5.7.1",
        "Diagnostic-Code: smtp; 550 5.7.1 No.",
    ] == group
