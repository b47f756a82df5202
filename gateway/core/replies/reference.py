"""The reference of an application at the start of a subject (seed 002)."""

import re
from dataclasses import dataclass

from gateway.core.errors import GatewayError
from gateway.core.replies.subject_prefixes import UNSEEN, prefixes_end, without_prefixes

#: The form of a reference unless configured otherwise.
DIGITS = r"(?P<reference>[0-9]+)"

_LONGEST = 128  #: Characters of a subject within which a reference must end.
_BLANKS = " \t\xa0"


class BadPattern(GatewayError):
    """The pattern for references can't be used; it needs a group named `reference`."""


@dataclass(frozen=True, slots=True)
class SubjectReference:
    """The reference a subject starts with, and the rest of the subject."""

    reference: str
    subject: str  #: Without the reference and the prefixes on either side of it.


def reference_pattern(pattern: str = DIGITS) -> re.Pattern[str]:
    """Compile the pattern from a setting; it matches in either case, ASCII letters only.

    Raise BadPattern if it is no regular expression or has no group `reference`.
    """
    try:
        whole = re.compile(
            rf"(?:{pattern})(?=[{UNSEEN}]*(?:[{_BLANKS}]|\Z))", re.ASCII | re.IGNORECASE
        )
    except re.error as error:
        raise BadPattern(f"not a regular expression: {error}") from error
    if "reference" not in whole.groupindex:
        raise BadPattern("it has no group (?P<reference>…)")
    return whole


_DEFAULT = reference_pattern()


def find_reference(subject: str, pattern: re.Pattern[str] = _DEFAULT) -> SubjectReference | None:
    """Return the reference a subject starts with: `WG: 4711 AW: Ihre Bewerbung` has `4711`.

    `pattern` comes from `reference_pattern`. There may be prefixes and marks on either side; a
    space, a tab, a no-break space or the end must follow. Anything else is None, never a guess.
    """
    start = prefixes_end(subject)
    match = pattern.match(subject[: start + _LONGEST + 1], start)
    if match is None or not match["reference"] or match.end() - start > _LONGEST:
        return None
    return SubjectReference(match["reference"], without_prefixes(subject[match.end() :]))
