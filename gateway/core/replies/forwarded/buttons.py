"""The buttons Emacs Rmail shows for the parts of a mail, which its forwards contain as text.

[1:text/plain Hide]
[2:application/pdf Show Save:Lebenslauf.pdf (69B)]

(`rmail-mime-insert-tagline` in rmailmm.el of Emacs 28.) A `Hide` button is followed by the part
itself; a part with `Show` was not forwarded.
"""

import re

from gateway.core.replies.forwarded.lines import join_lines

_BUTTON = re.compile(
    r"\[(?:\d{1,3}(?:/\d{1,3}){0,8}:)?(?P<type>[a-z]+/[\w.+-]{1,100}) (?P<action>Hide|Show)"
    r"(?: Save:.{1,255} \(\d+(?:\.\d+)?[kMG]?i?B\))?\]"
)
#: Shown in another form, or containers whose parts have their own button.
_KEPT = ("multipart/", "text/")


def without_buttons(body: str) -> tuple[str, bool]:
    """Return a text without buttons, and whether one of them stood for a file that is missing."""
    if " Hide" not in body and " Show" not in body:
        return body, False
    lines = [(line, _BUTTON.fullmatch(line.rstrip())) for line in body.split("\n")]
    text = join_lines(line for line, button in lines if button is None)
    buttons = (button for _, button in lines if button is not None)
    lacks_files = any(
        button["action"] == "Show" and not button["type"].startswith(_KEPT) for button in buttons
    )
    return text, lacks_files
