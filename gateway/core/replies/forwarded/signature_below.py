"""A signature typed by staff below a forwarded mail with no marked end."""

import re

_MOST_LINES = 12  #: Lines of a signature.


def divide_signature(text: str, name: str) -> tuple[str, str]:
    """Split a text above the last signature that has a name: below `-- ` or an empty line.

    The second half is empty if there is none.
    """
    name_words = _words(name)
    lines = text.split("\n")
    for number in range(len(lines) - 1, max(0, len(lines) - _MOST_LINES), -1):
        is_below = lines[number - 1].strip() in ("", "--")
        if name_words and is_below and _words(lines[number]) == name_words:
            start = number - 1 if lines[number - 1].strip() else number
            return "\n".join(lines[:start]).rstrip(), "\n".join(lines[start:]).strip()
    return text, ""


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())
