"""Character references of HTML where a plain text belongs: `O&#039;Brien@x`, `&lt;ann@x&gt;`.

Programs that escape what goes into their pages often store it so, and export it so. The syntax is
that of the HTML standard (13.1.4), https://html.spec.whatwg.org/multipage/syntax.html.
"""

import re

_NUMBER = "#[0-9]{1,20}|#[xX][0-9A-Fa-f]{1,20}"
#: However often escaped: `&lt;`, `&amp;lt;`, `&amp;amp;lt;`.
_REFERENCE = re.compile(rf"&(?:amp;)*({_NUMBER}|[A-Za-z][A-Za-z0-9]{{1,31}});", re.IGNORECASE)
#: Without its semicolon, a reference is also what an address may contain (RFC 5321, 4.1.2): only
#: those that stand for characters which programs escape.
_UNENDED = re.compile(rf"&({_NUMBER}|amp|apos|quot|lt|gt|nbsp)(?!;)", re.IGNORECASE)


def without_references(text: str) -> str:
    """Return a text with each reference, however often escaped, replaced by what it stands for.

    Names that HTML lacks stay, and so does what has no semicolon: `R&D;`, `a&lt@x`. No address is
    lost by it: what stands from `&` to `;` contains none, and none can end or begin there.
    """
    if "&" not in text or ";" not in text:
        return text
    return _REFERENCE.sub(_resolved, text)


def without_unended_references(text: str) -> str:
    """Return a text with references replaced that lack their semicolon: `O&#039Brien`."""
    return _UNENDED.sub(_resolved, text) if "&" in text else text


def _resolved(reference: re.Match[str]) -> str:
    from html import unescape  # With a table of 2,231 names, which few need.
    from html.entities import html5

    name = f"{reference[1]};"
    if name[0] == "#":
        return unescape(f"&{name}")
    return html5.get(name) or html5.get(name.lower(), reference[0])
