"""Changes to an application, and who is mailed about them (seed S5)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.core.languages import in_language
from gateway.core.people.applications import KnownApplication
from gateway.core.people.people import Staff
from gateway.core.triggers.occurrence import STAFF_RECIPIENT
from gateway.core.triggers.trigger import (
    ACTING,
    CANDIDATE,
    OWNER,
    RESPONSIBLE,
    ApplicationEvent,
    Trigger,
)

#: The warning before a change that sends mail; the French one is verbatim from S5.
WARNINGS: Mapping[str, str] = {
    "nl": "Deze actie verstuurt een e-mail naar de geselecteerde kandidaten",
    "de": "Diese Aktion sendet eine E-Mail an die ausgewählten Kandidaten",
    "fr": "Cette action enverra un e-mail aux candidats sélectionnés",
    "en": "This action will send an e-mail to the selected candidates",
}


#: The same if mail goes only to people other than candidates; who they are follows.
_TO_OTHERS: Mapping[str, str] = {
    "nl": "Deze actie verstuurt een e-mail naar",
    "de": "Diese Aktion sendet eine E-Mail an",
    "fr": "Cette action enverra un e-mail à",
    "en": "This action will send an e-mail to",
}


def warning(language: str, others: Sequence[str] = ()) -> str:
    """Return the warning in a language, or in English if it isn't available.

    With `others` it is the one for a change that is mailed to them and to no candidate.
    """
    if not others:
        return in_language(WARNINGS, language, "en")
    return f"{in_language(_TO_OTHERS, language, 'en')} {', '.join(others)}"


#: The question whether to continue, asked after the warning, and the answers that mean yes.
_QUESTIONS: Mapping[str, tuple[str, Sequence[str]]] = {
    "nl": ("Doorgaan? [j/N]", ("j", "ja")),
    "de": ("Fortfahren? [j/N]", ("j", "ja")),
    "fr": ("Continuer ? [o/N]", ("o", "oui")),
    "en": ("Go on? [y/N]", ("y", "yes")),
}


def question(language: str) -> str:
    """Return the question whether to continue, in the same language as the `warning`."""
    return _question(language)[0]


def is_yes(answer: str, language: str) -> bool:
    """Whether an answer means yes, in the question's language or in English."""
    word = answer.strip().lower()
    return word in (*_question(language)[1], *_QUESTIONS["en"][1])


def _question(language: str) -> tuple[str, Sequence[str]]:
    return in_language(_QUESTIONS, language, "en")


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One change to an application: its candidate submitted it, or staff changed its status."""

    id: int
    at: datetime
    event: ApplicationEvent
    application: KnownApplication  #: In its state afterwards.
    before: str  #: crm_id of the previous status.
    is_initial: bool  #: Whether it is in its first phase.
    actor: str = ""  #: crm_id of the member of staff; empty for the candidate.


@dataclass(frozen=True, slots=True, kw_only=True)
class PastChange:
    """An earlier change of an application's status."""

    at: datetime
    before: str  #: crm_id of the previous status.
    is_announced: (
        bool  #: Whether mail about it was sent, or may have been, or the candidate made the change.
    )


def is_undone(
    past: Iterable[PastChange], *, before: str, status: str, at: datetime, undo: timedelta
) -> bool:
    """Whether a change restores the status people last heard of, before they heard of another.

    `past` are the earlier changes, newest first. Those followed by another within `undo` and not
    mailed about are ignored: new, accepted, new within two minutes is nothing; new, accepted, new,
    accepted is accepted once.
    """
    heard, later, is_back = before, at, False
    for change in past:
        if change.is_announced or later - change.at >= undo:
            break
        heard, later, is_back = change.before, change.at, True
    return is_back and heard == status


def fired_triggers(triggers: Iterable[Trigger], transition: Transition) -> tuple[Trigger, ...]:
    """Return the triggers a transition fires.

    Of those that confirm a submission to the candidate, the most specific counts: a programme's own
    replaces one for every programme, and any replaces one for the initial phase only.
    """
    fitting = [trigger for trigger in triggers if fits(trigger, transition)]
    if not transition.event.by_candidate:
        return tuple(fitting)
    to_candidate = [trigger for trigger in fitting if CANDIDATE in trigger.recipients]
    most = max(map(_particular, to_candidate), default=0)
    return tuple(
        trigger
        for trigger in fitting
        if trigger not in to_candidate or _particular(trigger) == most
    )


def fits(trigger: Trigger, transition: Transition) -> bool:
    """Whether an active trigger matches the event, programme, status and phase."""
    application = transition.application.application
    return (
        trigger.enabled
        and trigger.event is transition.event
        and trigger.programme in ("", application.programme)
        and trigger.status in ("", application.status)
        and (transition.is_initial or not trigger.initial_phase)
    )


def _particular(trigger: Trigger) -> int:
    return 2 if trigger.programme else 0 if trigger.initial_phase else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationStaff:
    """The staff involved in an application."""

    responsible: Sequence[Staff] = ()
    owner: Staff | None = None  #: The candidate's.
    actor: Staff | None = None


def recipients(trigger: Trigger, around: ApplicationStaff) -> Iterator[str]:
    """Yield a trigger's recipients as the ledger names them, each once.

    Empty for the person, `staff:3`, or an address.
    """
    mailboxes: set[str] = set()
    for recipient in trigger.recipients:
        for name, mailbox in _people_named(recipient, around):
            if mailbox not in mailboxes:
                mailboxes.add(mailbox)
                yield name


def missing_recipients(trigger: Trigger, around: ApplicationStaff) -> Iterator[str]:
    """Yield a trigger's recipients that don't exist here, as its file names them."""
    return (
        recipient for recipient in trigger.recipients if not any(_people_named(recipient, around))
    )


def _people_named(recipient: str, around: ApplicationStaff) -> Iterator[tuple[str, str]]:
    """Yield the people a trigger's recipient means, each with the mailbox in lower case."""
    if recipient == CANDIDATE:
        yield "", ""
    elif "@" in recipient:
        yield recipient, recipient.lower()
    else:
        role = recipient.removeprefix(RESPONSIBLE)
        responsible = [staff for staff in around.responsible if role in staff.roles]
        one_person = {OWNER: around.owner, ACTING: around.actor}
        for staff in [one_person[recipient]] if recipient in one_person else responsible:
            if staff is not None:
                ledger_name = f"{STAFF_RECIPIENT}{staff.crm_id}"
                yield ledger_name, staff.email.lower() or ledger_name
