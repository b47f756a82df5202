"""Why people got no mail of a run, in the words of its report: the ledger keeps it in English."""

import re
from collections.abc import Mapping

from gateway.core.sending.mail_wording import WordingForm
from gateway.core.triggers.events.registry import EVENTS
from gateway.core.triggers.trigger import NO_CONSENT

#: The reasons the gateway itself gives, by the key of their wording; `{}` is what differs.
REASONS: Mapping[str, str] = {
    "person_gone": "the person is gone",
    "not_active": "not active",
    "no_address": "no address",
    "no_consent": NO_CONSENT,
    "unread": "can't be read: {}",
    "trigger_gone": "the trigger is gone",
    "trigger_off": "the trigger is switched off",
    "suppressed": "suppressed: {}",
    "topic_declined": "wants no mailings of: {}",
    "same_address": "the address had it once today, for {}",
    "too_late": "too late to be of use",
    "too_late_again": "too late for another try: {}",
    "given_up": "given up: {}",
    "interrupted": "the process that sent it ended; it may have been sent or not",
    **{key: reason for event in EVENTS.values() for key, reason in event.reasons.items()},
}
#: What stands for a part of a reason, or a state, by itself.
PARTS = ("group", "status", "staff", "failed", "unknown", "expired", "due")
WORDS = frozenset((*REASONS, *PARTS))
#: Tells of a run of a trigger.
RUN_REPORT = WordingForm(
    placeholders=frozenset(
        (
            *("trigger", "day", "sent", "skipped", "failed", "unknown", "expired", "waiting"),
            *("held", "error", "details"),
        )
    ),
    sections=frozenset(),
    words=WORDS,
    optional=WORDS,
)
_SOURCE = re.compile(r'\b(group|status|staff)(?= "|, |\Z)')
_STARTS = sorted(REASONS.items(), key=lambda reason: -len(reason[1]))


def in_words(reason: str, words: Mapping[str, str]) -> str:
    """Return a reason in the words of a report; one that others gave (a relay) as it is."""
    for key, english in _STARTS:
        start, has_more, _ = english.partition("{}")
        if reason != start and not (has_more and reason.startswith(start)):
            continue
        rest = reason.removeprefix(start)
        if key == "suppressed":
            rest = _SOURCE.sub(lambda match: words[match[1]], rest)
        elif key in ("too_late_again", "given_up"):
            rest = in_words(rest, words)
        return words[key].replace("{}", rest)
    return reason
