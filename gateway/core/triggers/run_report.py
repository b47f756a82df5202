"""The contents of a run's report, with why people got no mail, in the reader's language.

The ledger stores reasons in English.
"""

import re
from collections.abc import Mapping, Sequence

from gateway.core.people.people import SuppressionSource
from gateway.core.sending.mail_wording import MailWording, WordingForm, console_page
from gateway.core.triggers.events.registry import EVENTS
from gateway.core.triggers.occurrence import Occurrence, OccurrenceState
from gateway.core.triggers.reasons import WORDED
from gateway.core.triggers.trigger_run import TriggerRun
from gateway.core.triggers.values import format_date
from gateway.core.written import colon

#: All reasons of the gateway's own, by the key of their wording; `{}` is filled in.
REASONS: Mapping[str, str] = {
    **WORDED,
    **{key: reason for event in EVENTS.values() for key, reason in event.reasons.items()},
}
#: Words for a part of a reason, or for a state.
PARTS = (
    *SuppressionSource,
    *("sent", "skipped", "failed", "unknown", "expired", "due"),
)
WORDS = frozenset((*REASONS, *PARTS))
#: Reports on a run of a trigger.
RUN_REPORT = WordingForm(
    placeholders=frozenset(
        (
            *("trigger", "day", "sent", "skipped", "failed", "unknown", "expired", "waiting"),
            *("held", "error", "details", "where", "resume"),
        )
    ),
    sections=frozenset(),
    words=WORDS,
    optional=WORDS,
)
_SOURCE = re.compile(rf'\b({"|".join(SuppressionSource)})(?= "|, |\Z)')
_STARTS = sorted(REASONS.items(), key=lambda reason: -len(reason[1]))
_LINES = 100  #: How many unmailed people are listed; the rest are in the history.
_FAULTS = (OccurrenceState.FAILED, OccurrenceState.UNKNOWN, OccurrenceState.EXPIRED)


def values_of_report(
    run: TriggerRun, rows: Sequence[Occurrence], wording: MailWording, *, console_url: str = ""
) -> dict[str, str]:
    """Return the values for the placeholders of a run's report; `rows` are its occurrences.

    With `console_url`, pages of the console are named, otherwise commands. A count of zero is empty
    and its line left out, except for those in every report.
    """
    unknown = run.count(OccurrenceState.UNKNOWN)
    expired = run.count(OccurrenceState.EXPIRED)
    held = run.count(OccurrenceState.HELD)
    return {
        "trigger": run.trigger,
        "day": format_date(run.day, wording.language),
        "sent": str(run.count(OccurrenceState.SENT)),
        "skipped": str(run.left_out),
        "failed": str(run.count(OccurrenceState.FAILED)),
        "unknown": str(unknown or ""),
        "expired": str(expired or ""),
        "waiting": str(run.waiting or ""),
        "held": str(held or ""),
        "error": run.error,
        "details": "\n".join(details(run, rows, wording)),
        "where": console_page(console_url, "triggers", "history") or "gateway triggers history",
        "resume": console_page(console_url, "triggers") or "gateway triggers resume",
    }


def details(run: TriggerRun, rows: Sequence[Occurrence], wording: MailWording) -> list[str]:
    """Return a line for each of the first people who got no mail, with the reason.

    First come faults, then what was put off, what was skipped when its mail was due, and those the
    run itself left out.
    """
    faults = [row for row in rows if row.state in _FAULTS]
    put_off = [row for row in rows if row.state is OccurrenceState.DUE and row.reason]
    skipped = [row for row in rows if row.state is OccurrenceState.SKIPPED]
    words, parted = wording.words, colon(wording.language)
    reasons = [
        (row.person, row.about, f"{words[row.state]}{parted}{in_words(row.reason, words)}")
        for row in (*faults, *put_off)
    ]
    reasons += [(row.person, row.about, in_words(row.reason, words)) for row in skipped]
    reasons += [(skip.person, skip.about, in_words(skip.reason, words)) for skip in run.skips]
    lines = [f"- {f'{person} {about}'.strip()}{parted}{why}" for person, about, why in reasons]
    left_out = len(lines) - _LINES
    return [*lines[:_LINES], f"- … ({left_out})"] if left_out > 0 else lines


def in_words(reason: str, words: Mapping[str, str]) -> str:
    """Return a reason in the report's words; one from elsewhere (a relay) is unchanged."""
    for key, english in _STARTS:
        start, has_more, _ = english.partition("{}")
        if reason != start and not (has_more and reason.startswith(start)):
            continue
        rest = reason.removeprefix(start)
        if key == "suppressed":
            rest = _SOURCE.sub(lambda match: words[match[1]], rest)
        elif key in ("too_late_again", "given_up"):
            rest = in_words(rest, words)
        elif key == "already":
            rest = words.get(rest, rest)
        return words[key].replace("{}", rest)
    return reason
