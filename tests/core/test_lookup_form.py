"""The one form in which addresses are compared."""

import pytest

from gateway.core.mail.address import lookup_form


@pytest.mark.parametrize(
    "written",
    [
        "zoe@bucher.example",
        "Zoe@BUCHER.example",
        "zo\u200be@bucher.example",
        "\ufeffzoe@bucher.example",
        "zoe\u200e@bucher.example",
        "zoe@buch\u00ader.example",
        "zoe@bucher.example\u200b",
        "zoe@bucher.example.\u2060",
        "zoe@xn--bucher-jf0c.example",  # With a ZERO WIDTH NON-JOINER behind the u.
    ],
)
def test_what_cant_be_seen_makes_no_other_address(written: str) -> None:
    assert "zoe@bucher.example" == lookup_form(written)
