"""What the report of a run says, in the words of its reader's language."""

from collections.abc import Sequence

from gateway.core.sending.mail_wording import MailWording
from gateway.core.triggers.occurrence import Occurrence, OccurrenceState
from gateway.core.triggers.run_words import in_words
from gateway.core.triggers.trigger_run import TriggerRun
from gateway.core.triggers.values import written

_LINES = 100  #: Of those who got no mail; the rest are in the history.
_FAULTS = (OccurrenceState.FAILED, OccurrenceState.UNKNOWN, OccurrenceState.EXPIRED)


def values_of_report(
    run: TriggerRun, rows: Sequence[Occurrence], wording: MailWording
) -> dict[str, str]:
    """Return what stands for the placeholders of a run's report; `rows` are its occurrences.

    A count of nothing is empty, and its line is left out, but for what every report says.
    """
    unknown = run.count(OccurrenceState.UNKNOWN)
    expired = run.count(OccurrenceState.EXPIRED)
    held = run.count(OccurrenceState.HELD)
    return {
        "trigger": run.trigger,
        "day": written(run.day, wording.language),
        "sent": str(run.count(OccurrenceState.SENT)),
        "skipped": str(run.left_out),
        "failed": str(run.count(OccurrenceState.FAILED)),
        "unknown": str(unknown or ""),
        "expired": str(expired or ""),
        "waiting": str(run.waiting or ""),
        "held": str(held or ""),
        "error": run.error,
        "details": "\n".join(details(run, rows, wording)),
    }


def details(run: TriggerRun, rows: Sequence[Occurrence], wording: MailWording) -> list[str]:
    """Return a line for each of the first of those who got no mail, with why.

    First come faults, then what is put off, what was skipped when its mail was to leave, and whom
    the run itself left out.
    """
    faults = [row for row in rows if row.state in _FAULTS]
    put_off = [row for row in rows if row.state is OccurrenceState.DUE and row.reason]
    skipped = [row for row in rows if row.state is OccurrenceState.SKIPPED]
    words = wording.words
    reasons = [
        (row.person, row.about, f"{words[row.state]}: {in_words(row.reason, words)}")
        for row in (*faults, *put_off)
    ]
    reasons += [(row.person, row.about, in_words(row.reason, words)) for row in skipped]
    reasons += [(skip.person, skip.about, in_words(skip.reason, words)) for skip in run.skips]
    lines = [f"- {f'{person} {about}'.strip()}: {why}" for person, about, why in reasons]
    left_out = len(lines) - _LINES
    return [*lines[:_LINES], f"- … ({left_out})"] if left_out > 0 else lines
