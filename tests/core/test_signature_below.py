"""A signature that staff typed below a mail whose end nothing marks."""

import pytest

from gateway.core.replies.forwarded.signature_below import divide_signature


@pytest.mark.parametrize(
    ("text", "original", "signature"),
    [
        ("Das passt.\n\nAnn\n-- \nEva Bos\nTel. 1", "Das passt.\n\nAnn", "-- \nEva Bos\nTel. 1"),
        ("Das passt.\n\nEva Bos", "Das passt.", "Eva Bos"),
        ("Das passt.\n\nBos, Eva", "Das passt.\n\nBos, Eva", ""),
        ("Das passt.\n-- \nAnn Müller", "Das passt.\n-- \nAnn Müller", ""),  # the candidate's own
        ("Liebe\nEva Bos", "Liebe\nEva Bos", ""),  # goes on with the line above it
        ("Eva Bos", "Eva Bos", ""),
        ("Guten Tag\n\nEva Bos\n" + "x\n" * 12, "Guten Tag\n\nEva Bos\n" + "x\n" * 12, ""),
    ],
)
def test_a_text_is_divided_above_the_name_of_who_forwards(
    text: str, original: str, signature: str
) -> None:
    assert (original, signature) == divide_signature(text, "Eva Bos")


def test_nobody_has_no_signature() -> None:
    assert ("Das passt.\n\n", "") == divide_signature("Das passt.\n\n", "")
