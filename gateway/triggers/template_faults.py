"""Errors in a template's code, in plain sentences that say what to write instead.

Jinja's errors speak of tokens and Python's of types; authors of mail know neither.
"""

import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from traceback import walk_tb

from jinja2 import TemplateError, TemplateSyntaxError, UndefinedError, nodes
from jinja2.exceptions import SecurityError

#: Tags that include other files, which templates don't have.
OTHER_FILES = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
_FILE = "<template>"  #: Jinja's name for a template given as text.
_TAGS = ("if", "elif", "else", "endif", "for", "endfor", "set", "endset", "macro", "endmacro")
#: Jinja's names for the delimiters of a template, and for the kinds of tokens in its code.
_SIGNS = {
    "begin of print statement": "{{",
    "end of print statement": "}}",
    "begin of statement block": "{%",
    "end of statement block": "%}",
    "name": "a name",
    "string": "a text",
    "integer": "a number",
    "float": "a number",
}
_NESTED = re.compile(
    r"(?:Encountered unknown tag '(?P<tag>\w+)'|Unexpected end of template)\..*"
    r" The innermost block that needs to be closed is '(?P<open>\w+)'\.",
    re.DOTALL,
)
_Told = Callable[[re.Match[str], Iterable[str]], str]


def syntax_fault(error: TemplateSyntaxError, filters: Iterable[str]) -> str:
    """Return why a template can't be parsed; `filters` are the existing ones."""
    message = error.message or ""
    for form, wording in _SYNTAX:
        match = form.match(message)
        if match is not None:
            return wording(match, filters)
    return f"its code can't be read ({message})"


def run_fault(error: Exception) -> str:
    """Return why a template failed during rendering."""
    message = str(error)
    for kind, form, wording in _RUN:
        match = re.search(form, message)
        if isinstance(error, kind) and match is not None:
            return wording(next(filter(None, match.groups()), ""))
    # The sandbox's own messages are written for people.
    return message if isinstance(error, SecurityError) else _MISUSED


def line_of(error: BaseException) -> int | None:
    """Return the line at which a part failed; None if unknown."""
    lines = [
        number
        for frame, number in walk_tb(error.__traceback__)
        if frame.f_code.co_filename == _FILE
    ]
    return lines[-1] if lines else None


def did_you_mean(name: str, known_names: Iterable[str]) -> str:
    """Return `; did you mean …?` with the nearest known name, or nothing."""
    closest = get_close_matches(name, list(known_names), 1)
    return f"; did you mean {closest[0]}?" if closest else ""


def tag(name: str) -> str:
    """Return a tag as written in a template."""
    return f"{{% {name} %}}"


def _nested(match: re.Match[str], _: Iterable[str]) -> str:
    begun, end = tag(match["open"]), tag(f"end{match['open']}")
    if match["tag"] is None:
        return f"{begun} is never ended: write {end} where it ends"
    return f"{tag(match['tag'])} can't stand here: {begun} must end first, with {end}"


def _unknown_tag(match: re.Match[str], _: Iterable[str]) -> str:
    name = match[1]
    if name in ("else", "elif") or name.startswith("end"):
        return f"{tag(name)} belongs to nothing: what it ends never began"
    return f"there is no tag {name}{did_you_mean(name, _TAGS)}"


def _expected(match: re.Match[str], _: Iterable[str]) -> str:
    expected_sign, found_sign = _sign(match[1]), _sign(match[2])
    if found_sign == "=":
        return "a single = compares nothing: write =="
    return f"{expected_sign} is expected here, not {found_sign}"


def _unexpected_character(match: re.Match[str], _: Iterable[str]) -> str:
    if match[1] in ("'", '"'):
        return "a quotation mark is missing: a text has one at its beginning and one at its end"
    return f"the character {match[1]} can't stand here"


def _sign(token: str) -> str:
    return _SIGNS.get(token, token)


#: Jinja's messages, and what replaces them.
_SYNTAX: tuple[tuple[re.Pattern[str], _Told], ...] = (
    (_NESTED, _nested),
    (re.compile(r"Encountered unknown tag '(\w+)'"), _unknown_tag),
    (
        re.compile(r"unexpected end of template, expected '(.+)'"),
        lambda match, _: f"{_sign(match[1])} is missing at the end",
    ),
    (re.compile(r"expected token '(.+)', got '(.+)'", re.DOTALL), _expected),
    (
        re.compile(r"Expected an expression, got '(.+)'", re.DOTALL),
        lambda match, _: f"a value is missing before {_sign(match[1])}",
    ),
    (
        re.compile(r"unexpected '(.+)', expected '(.+)'", re.DOTALL),
        lambda match, _: f"{match[2]} is missing before {match[1]}",
    ),
    (
        re.compile(r"unexpected '(end of .+)'"),
        lambda match, _: f"a value is missing before {_sign(match[1])}",
    ),
    (
        re.compile(r"unexpected '(.+)'", re.DOTALL),
        lambda match, _: f"{_sign(match[1])} can't stand here: something is missing, or too much",
    ),
    (re.compile(r"unexpected char ['\"](.+)['\"] at", re.DOTALL), _unexpected_character),
    (
        re.compile(r"No filter named '(\w+)'"),
        lambda match, filters: f"there is no filter {match[1]}{did_you_mean(match[1], filters)}",
    ),
    (
        re.compile("Missing end of comment tag"),
        lambda _, __: f"a comment begins and never ends: write {'#}'} where it ends",
    ),
    (
        re.compile("Missing end of raw directive"),
        lambda _, __: f"{tag('raw')} is never ended: write {tag('endraw')} where it ends",
    ),
)
_MISUSED = "a value is used as it can't be: a text where a number belongs, or a number for a text"
#: By type and form of an error, what replaces it, given the name in it.
_RUN: tuple[tuple[type[Exception], str, Callable[[str], str]], ...] = (
    (
        UndefinedError,
        r"^'(\w+)' is undefined",
        lambda name: f"{name} has no value here: look for a slip in its name",
    ),
    (
        UndefinedError,
        r"has no (?:attribute|element) '?(.+?)'?$",
        lambda name: f"there is no {name} in this value: look for a slip in its name",
    ),
    (ZeroDivisionError, "", lambda _: "it divides by 0: ask with if whether the number is 0"),
    (
        SecurityError,
        r"^access to attribute '(.+)' of ",
        lambda name: f"{name} can't be taken of a value: leave it out",
    ),
    (
        TemplateError,
        r"^No test named '(\w+)'",
        lambda name: f"there is no test {name}: look for a slip in its name",
    ),
    (
        TypeError,
        "not callable",
        lambda _: "this is no macro: leave the brackets behind it out",
    ),
    (
        TypeError,
        "can only concatenate|unsupported operand",
        lambda _: "+ doesn't put texts and numbers together: write ~ instead",
    ),
    (
        TypeError,
        "not iterable",
        lambda _: "this is no list, and for goes over lists only",
    ),
    (
        TypeError,
        "positional argument|required argument|keyword argument|not more than",
        lambda _: (
            "a filter or macro is given too little or too much: look at what stands in its brackets"
        ),
    ),
)
