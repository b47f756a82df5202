"""A template's faults by place in the form: language, field and line."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from fastapi import Request

from gateway.api.console.access import language_of, text_for
from gateway.api.console.languages import NAMES
from gateway.api.console.sentences import retell

#: Lines of a text file that precede the form's field: the subject, and an empty line.
_ABOVE = 2
_FAULT = re.compile(
    r"(?:.*?/)?(?P<language>[a-z]{2})\.(?P<kind>txt|html)(?::(?P<line>\d+))?: (?P<fault>.*)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class TemplateFault:
    """A fault at one place in a template."""

    language: str
    kind: str  #: `txt` or `html`.
    fault: str  #: In the gateway's own words.


def fault_in(problem: str) -> TemplateFault | None:
    """Return the fault in a problem like `…/letter/nl.txt:3: …`; None if it isn't about a text."""
    match = _FAULT.fullmatch(problem)
    return match and TemplateFault(match["language"], match["kind"], match["fault"])


def retell_by_field(request: Request, problem: str) -> str:
    """Return a problem with a text, with the form's fields for place, in the reader's language."""
    language, match = language_of(request), _FAULT.fullmatch(problem)
    if match is None:
        return retell(language, problem)
    place = [NAMES.get(match["language"], match["language"])]
    line = int(match["line"] or 0)
    if match["kind"] == "html":
        place.append(text_for(request, "HTML"))
    elif line == 1:
        place, line = [*place, text_for(request, "Subject")], 0
    elif line:
        place, line = [*place, text_for(request, "Text")], max(1, line - _ABOVE)
    if line:
        place.append(text_for(request, "line {line}", line=line))
    return f"{', '.join(place)}: {retell(language, match['fault'])}"


def remaining_problems(
    problems: Iterable[str], shown_faults: Collection[TemplateFault]
) -> list[str]:
    """Return the problems that aren't shown elsewhere yet, each once."""
    return [problem for problem in dict.fromkeys(problems) if fault_in(problem) not in shown_faults]
