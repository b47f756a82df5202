"""Fields that are a keyword, which comments and parameters may follow.

Auto-Submitted is one (RFC 3834, 5): `auto-generated (by hand); owner-email="ann@x"`. What a comment
or the value of a parameter says is said about something else.
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


def keyword_and_type(value: str) -> str:
    """Return the keyword and the value of the parameter `type`, with a blank between them."""
    if not _UNUSUAL.search(value):
        return value
    name, *parameters = _parts(value) or [""]
    pairs = (parameter.partition("=") for parameter in parameters)
    types = [content.strip() for key, _, content in pairs if key.strip().casefold() == "type"]
    return " ".join([name.strip(), *types])


def _parts(value: str) -> list[str]:
    """Return what stands before, between and after the semicolons, without comments."""
    for _ in range(_DEEPEST_COMMENT):
        if "(" not in value:
            break
        value = _QUOTED_OR_COMMENT.sub(lambda one: " " if one[0][0] == "(" else one[0], value)
    return _BETWEEN_SEMICOLONS.findall(value)
