"""Why mail of a trigger isn't sent, or not yet: the sentences that the ledger stores, in English.

Reports and the console tell them in their reader's language (`run_report.in_words`). What only the
conditions of one event say is in its own module (`TriggerEvent.reasons`).
"""

from collections.abc import Mapping

# About the person, and where mail would go.
PERSON_GONE = "the person is gone"
NOT_ACTIVE = "not active"
NO_ADDRESS = "no address"
#: Where an event requires consent: a blank one is none.
NO_CONSENT = "no consent to e-mail"
SUPPRESSED = "suppressed: {}"
TOPIC_DECLINED = "wants no mailings of: {}"
SAME_ADDRESS = "the address had it once today, for {}"
#: Of a trigger that takes the place of another: a file that was renamed, for example.
HAD_FROM = "had it from a trigger that is off or gone: {}"
#: Of mail that waits until a field can be read.
UNREAD = "can't be read: {}"
WAITS = UNREAD.removesuffix("{}")

# About the trigger.
TRIGGER_GONE = "the trigger is gone"
TRIGGER_OFF = "the trigger is switched off"
TRIGGER_UNUSABLE = "the trigger's file can't be used: gateway check says why"

# About the application, and its changes before and since.
APPLICATION_GONE = "the application is gone"
OTHER_STATUS = "the application has another status now"
TAKEN_BACK = "undone: the status was taken back before the mail left"
GIVEN_AGAIN = "the status was given again later"
SUBMITTED_AGAIN = "the application was submitted again later"
EARLIER_FIRST = "the mail of an earlier change to this status is being sent"
EARLIER_LEFT = "the mail of an earlier change to this status left after this one was made"
EARLIER_UNKNOWN = "the mail of an earlier change to this status may have left"

# About sending it.
ALREADY = "already {}"
PAUSED = "mail is paused"
CHANGED_MEANWHILE = "changed meanwhile"
TAKEN_BY_ANOTHER = "taken by another process"
CANCELLED = "cancelled by hand"
TOO_LATE = "too late to be of use"
TOO_LATE_AGAIN = "too late for another try: {}"
GIVEN_UP = "given up: {}"
UNBEGUN = "the process that was to send it ended before it began"
INTERRUPTED = "the process that sent it ended; it may have been sent or not"

#: By the key of their wording in `templates/trigger_report`; `{}` is filled in.
WORDED: Mapping[str, str] = {
    "person_gone": PERSON_GONE,
    "not_active": NOT_ACTIVE,
    "no_address": NO_ADDRESS,
    "no_consent": NO_CONSENT,
    "suppressed": SUPPRESSED,
    "topic_declined": TOPIC_DECLINED,
    "same_address": SAME_ADDRESS,
    "had_from": HAD_FROM,
    "unread": UNREAD,
    "trigger_gone": TRIGGER_GONE,
    "trigger_off": TRIGGER_OFF,
    "trigger_unusable": TRIGGER_UNUSABLE,
    "application_gone": APPLICATION_GONE,
    "other_status": OTHER_STATUS,
    "taken_back": TAKEN_BACK,
    "given_again": GIVEN_AGAIN,
    "submitted_again": SUBMITTED_AGAIN,
    "earlier_first": EARLIER_FIRST,
    "earlier_left": EARLIER_LEFT,
    "earlier_unknown": EARLIER_UNKNOWN,
    "already": ALREADY,
    "paused": PAUSED,
    "changed_meanwhile": CHANGED_MEANWHILE,
    "taken_by_another": TAKEN_BY_ANOTHER,
    "cancelled": CANCELLED,
    "too_late": TOO_LATE,
    "too_late_again": TOO_LATE_AGAIN,
    "given_up": GIVEN_UP,
    "unbegun": UNBEGUN,
    "interrupted": INTERRUPTED,
}
