"""Fields that are a keyword, which comments and parameters may follow.

Auto-Submitted is one (RFC 3834, 5): `auto-generated (mailing list); owner-email="ann@x"`. What the
value of a parameter says is said about something else.
"""

import re

#: A quoted string, an escaped character, or a comment without another in it (RFC 5322, 3.2).
_QUOTED = r'"(?:[^"\\]|\\.)*+(?:"|\Z)'
_QUOTED_OR_COMMENT = re.compile(rf"{_QUOTED}|\\.|\((?:[^()\\]|\\.)*+\)", re.DOTALL)
_DEEPEST_COMMENT = 5
_BETWEEN_SEMICOLONS = re.compile(rf'(?:{_QUOTED}|[^";])++', re.DOTALL)
_UNUSUAL = re.compile(r'[;("]')


def keyword(value: str) -> str:
    """Return the keyword of a field, without comments and parameters."""
    if not _UNUSUAL.search(value):
        return value
    return next(iter(_parts(value)), "")


def keyword_and_kind(value: str) -> str:
    """Return the keyword, the comments and the value of the parameter `type`, between blanks."""
    if not _UNUSUAL.search(value):
        return value
    comments: list[str] = []
    name, *parameters = _parts(value, comments) or [""]
    pairs = (parameter.partition("=") for parameter in parameters)
    types = [content.strip() for key, _, content in pairs if key.strip().casefold() == "type"]
    return " ".join([name.strip(), *comments, *types])


def _parts(value: str, comments: list[str] | None = None) -> list[str]:
    """Return what stands between the semicolons; comments are taken out, into the list if any."""

    def take_out(match: re.Match[str]) -> str:
        if not match[0].startswith("("):
            return match[0]
        if comments is not None:
            comments.append(match[0])
        return " "

    for _ in range(_DEEPEST_COMMENT):
        if "(" not in value:
            break
        value = _QUOTED_OR_COMMENT.sub(take_out, value)
    return _BETWEEN_SEMICOLONS.findall(value)
