"""The target of a link as a text shows it, where the words of the link don't say it already.

`<a href="https://drive.example.org/cv">My CV</a>` becomes `My CV <https://drive.example.org/cv>`.
"""

import re
from urllib.parse import SplitResult, quote, unquote, urlsplit

_LONGEST = 2_000  #: Characters up to which a target is kept whole, so that it can be followed …
_KEPT = 200  #: … and how many are kept of a longer one, which shows where it leads.
_MOST_WRAPPERS = 3
_WEB = re.compile(r"https?://[^\s/?#]", re.IGNORECASE)
_BEGINNING = re.compile(r"(?:https?://)?(?:www\.)?", re.IGNORECASE)
_AROUND = "<>()[]{}\"'.,;:!?*_ "  #: What may stand around a target within words.
#: Characters without width, with which programs let a long target wrap.
_UNSEEN = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))
_SAFE_LINKS = ".safelinks.protection.outlook.com"
_GOOGLE = ("google.com", "www.google.com")
_PROOFPOINT_2 = "urldefense.proofpoint.com"
#: Proofpoint's third form. It puts `*` for characters that it encodes further behind (`__;w6Q!!`);
#: a target without any is exact.
_PROOFPOINT_3 = re.compile(
    r"https://urldefense\.(?:com|us|proofpoint\.com)/v3/__(?P<target>https?://[^*]+?)__;!",
    re.IGNORECASE,
)
_FEWEST_DIGITS = 3
_LAST_DIGITS = 7  #: Digits in which `0221 1234567` and `+49 221 1234567` are the same.


def shown_target(target: str, words: str) -> str:
    """Return what to show of a link's target; empty if its words say it or it isn't shown.

    Web pages, addresses and telephone numbers are shown.
    """
    target = without_line_breaks(target)
    scheme, _, rest = target.partition(":")
    match scheme.casefold():
        case "http" | "https":
            page = unwrapped(target)
            if _WEB.match(page) is None or any(says(words, form) for form in {page, target}):
                return ""
            return _shortened(_encoded(page))
        case "mailto":
            address = unquote(rest.partition("?")[0]).strip()
            is_said = "@" not in address or address.casefold() in words.casefold()
            return "" if is_said else _shortened(_encoded(address))
        case "tel":
            digits = re.sub(r"\D", "", rest)
            is_said = digits[-_LAST_DIGITS:] in re.sub(r"\D", "", words)
            is_shown = len(digits) >= _FEWEST_DIGITS and not is_said
            return _shortened(_encoded(unquote(rest))) if is_shown else ""
    return ""


def without_line_breaks(target: str) -> str:
    """Return a target as browsers read it, without line breaks and blanks around it."""
    return re.sub(r"[\t\r\n]", "", target).strip()


def says(words: str, target: str) -> bool:
    """Whether words say a web page's target: `x.org` says `https://www.x.org/`."""
    whole = _comparable(target)
    words = words.translate(_UNSEEN)
    pieces = words.split()
    return _comparable("".join(pieces)) == whole or whole in map(_comparable, pieces)


def unwrapped(target: str) -> str:
    """Return the target of a web page without the wrappers by which mail servers check clicks.

    A wrapper that can't be removed exactly is kept.
    """
    for _ in range(_MOST_WRAPPERS):
        inner = _target_within(target)
        if inner is None or _WEB.match(inner) is None or "\ufffd" in inner:
            break
        target = inner
    return target


def _target_within(target: str) -> str | None:
    """Return the target that a wrapper contains; None if it is none that is known."""
    third_form = _PROOFPOINT_3.match(target)
    if third_form is not None:
        return third_form["target"]
    try:
        parts = urlsplit(target)
        host = (parts.hostname or "").casefold()
    except ValueError:  # e.g. a bracket without an IPv6 address
        return None
    if host.endswith(_SAFE_LINKS):
        return _parameter(parts, "url")
    if host in _GOOGLE and parts.path == "/url":
        return _parameter(parts, "q") or _parameter(parts, "url")
    if host == _PROOFPOINT_2 and parts.path == "/v2/url":
        encoded = _parameter(parts, "u")
        return unquote(encoded.replace("-", "%").replace("_", "/")) if encoded else None
    return None


def _parameter(parts: SplitResult, name: str) -> str | None:
    for field in parts.query.split("&"):
        key, _, value = field.partition("=")
        if key == name:
            return unquote(value)
    return None


def _comparable(target: str) -> str:
    target = target.strip(_AROUND)
    return unquote(target[_begins(target) :]).rstrip("/").casefold()


def _begins(target: str) -> int:
    beginning = _BEGINNING.match(target)
    return beginning.end() if beginning is not None else 0


def _encoded(target: str) -> str:
    """Return a target without characters that would end it, or that nobody sees."""
    return "".join(
        letter if letter.isprintable() and letter not in ' <>"' else quote(letter)
        for letter in target
    )


def _shortened(target: str) -> str:
    return target if len(target) <= _LONGEST else f"{target[:_KEPT]}…"
