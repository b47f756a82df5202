"""Why people got no mail of a run, in the words of its report: the ledger keeps it in English."""

import re
from collections.abc import Mapping

#: The reasons the gateway itself gives, by the key of their wording; `{}` is what differs.
REASONS: Mapping[str, str] = {
    "person_gone": "the person is gone",
    "not_active": "not active",
    "no_address": "no address",
    "application_gone": "the application is gone",
    "other_status": "the application has another status now",
    "other_birthday": "the birthday is another day now",
    "finance_status": "finance status: {}",
    "no_consent": "no consent to e-mail",
    "qualification_gone": "the qualification is gone",
    "other_end": "the qualification ends another day now",
    "has_ended": "the qualification has ended",
    "too_early": "it is too early for notice",
    "not_ended": "the qualification has not ended",
    "date_gone": "the date is no longer stored in the trigger",
    "no_set_date": "mail on set dates is not wanted",
    "no_first_delivery": "mail after the first delivery is not wanted",
    "no_closing": "there is no closing",
    "no_date": "no stored date has come since the closing",
    "unread": "can't be read: {}",
    "trigger_gone": "the trigger is gone",
    "trigger_off": "the trigger is switched off",
    "suppressed": "suppressed: {}",
    "same_address": "the address had it once today, for {}",
    "too_late": "too late to be of use",
    "too_late_again": "too late for another try: {}",
    "given_up": "given up: {}",
    "interrupted": "the process that sent it ended; it may have been sent or not",
}
#: What stands for a part of a reason, or a state, by itself.
PARTS = ("group", "status", "staff", "failed", "unknown", "expired")
WORDS = frozenset((*REASONS, *PARTS))
_SOURCE = re.compile(r'\b(group|status|staff)(?= "|, |\Z)')
_STARTS = sorted(REASONS.items(), key=lambda one: -len(one[1]))


def in_words(reason: str, words: Mapping[str, str]) -> str:
    """Return a reason in the words of a report; one that others gave (a relay) as it is."""
    for key, english in _STARTS:
        start, has_more, _ = english.partition("{}")
        if reason != start and not (has_more and reason.startswith(start)):
            continue
        rest = reason.removeprefix(start)
        if key == "suppressed":
            rest = _SOURCE.sub(lambda found: words[found[1]], rest)
        elif key in ("too_late_again", "given_up"):
            rest = in_words(rest, words)
        return words[key].replace("{}", rest)
    return reason
