"""The buttons of Emacs Rmail in a text."""

import pytest

from gateway.core.replies.forwarded.buttons import without_buttons


@pytest.mark.parametrize(
    ("body", "text", "lacks_files"),
    [
        ("[1:text/plain Hide]\n\nJa.", "Ja.", False),
        ("Ja.\n[2:application/pdf Show Save:Zeugnis Müller.pdf (68B)]", "Ja.", True),
        ("Ja.\n[1/2:multipart/related Show]", "Ja.", False),  # the same in another form
        ("[text/html Hide Save:noname (1.5kB)]\nJa.", "Ja.", False),
        ("[2:image/jpeg Hide Save:a.jpg (2MB)]\nJa.", "Ja.", False),
        ("See [2:application/pdf Show]", "See [2:application/pdf Show]", False),
        ("[Ann] Show me", "[Ann] Show me", False),
    ],
)
def test_buttons_are_taken_out_of_a_text(body: str, text: str, lacks_files: bool) -> None:
    assert (text, lacks_files) == without_buttons(body)
