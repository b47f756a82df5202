"""Changes to applications, stored with the mail they owe in one transaction (S5)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import orjson

from gateway.core import ids
from gateway.core.triggers import confirmation
from gateway.core.triggers.application_change import Change, ChangeOutcome, ChangeResult
from gateway.core.triggers.events.status_changed import STATUS_CHANGED
from gateway.core.triggers.occurrence import DueOccurrence, Occurrence
from gateway.core.triggers.reasons import OTHER_STATUS, SUBMITTED_AGAIN, TAKEN_BACK, WAITS
from gateway.core.triggers.transition import (
    ApplicationStaff,
    Transition,
    fired_triggers,
    is_undone,
    missing_recipients,
    recipients,
    warning,
)
from gateway.core.triggers.trigger import ApplicationEvent, Trigger
from gateway.core.triggers.trigger_preview import NotMailed, Preview, PreviewMail
from gateway.core.written import plain
from gateway.store.engine.database import StoreTransaction
from gateway.store.triggers import ledger, transitions
from gateway.triggers.preview import outcome_of_row
from gateway.triggers.trigger_settings import TriggerSettings

_NOT_ALL = "not changed, as not all can be"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRequest:
    """A requested change to applications."""

    event: ApplicationEvent  #: `submitted` by the candidate, or `status_changed` by staff.
    references: tuple[str, ...]
    status: str | None  #: crm_id; None: unchanged.
    actor: str = ""  #: crm_id of the acting member of staff.
    language: str = ""  #: Of the warning.
    is_partial: bool = False  #: Whether to change some if not all can be.
    is_confirmed: bool = False  #: Whether staff know who is mailed.
    token: str = ""  #: From a preview staff have seen; another token counts as not confirmed.


class ApplicationChanges:
    """Carries out changes in one transaction, with a fixed set of triggers."""

    def __init__(
        self,
        connection: StoreTransaction,
        settings: TriggerSettings,
        *,
        now: datetime,
        new_id: Callable[[], int],
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._now = now
        self._new_id = new_id

    def carry_out(self, request: ChangeRequest, *, dry_run: bool) -> ChangeResult:
        """Carry out a change and return what it mails; a `dry_run` leaves everything as it was.

        The same holds for a change that isn't possible for every application, unless it may be
        partial, and for one that would send mail and is not confirmed. Raises `NoSuchStatus`.
        """
        request = replace(request, references=tuple(map(plain, request.references)))
        if request.status is not None:
            status = transitions.status_named(self._connection, plain(request.status))
            request = replace(request, status=status)
        trial = self._connection.begin_nested()
        done = self._apply(request)
        confirmed_content = what_is_confirmed(request, done)
        if dry_run:
            outcome = ChangeOutcome.SHOWN
        elif done.has_failed and not request.is_partial:
            outcome = ChangeOutcome.INCOMPLETE
        elif request.token and not confirmation.is_valid(
            request.token, confirmed_content, self._now
        ):
            outcome = ChangeOutcome.STALE
        elif must_be_confirmed(request, done) and not (request.token or request.is_confirmed):
            outcome = ChangeOutcome.UNCONFIRMED
        else:
            outcome = ChangeOutcome.DONE
        if outcome is ChangeOutcome.DONE:
            trial.commit()
            return done
        trial.rollback()
        if outcome is ChangeOutcome.INCOMPLETE:
            changes = tuple(
                replace(change, changed=False, undone=False, withdrawn=0, error=_NOT_ALL)
                if change.changed
                else change
                for change in done.changes
            )
            nothing = Preview(trigger="", mails=(), skipped=())
            return replace(done, changes=changes, preview=nothing, outcome=outcome)
        if not must_be_confirmed(request, done):
            return replace(done, outcome=outcome)
        token, until = confirmation.token(confirmed_content, self._now)
        return replace(done, outcome=outcome, token=token, token_valid_until=until)

    def _apply(self, request: ChangeRequest) -> ChangeResult:
        # In a fixed order, whatever order they are named in, so that two callers never deadlock.
        changes: dict[str, Change] = {}
        owed: list[Occurrence] = []
        unnamed: list[NotMailed] = []
        for reference in sorted(set(request.references)):
            changes[reference], put_in, nobody = self._change(request, reference)
            owed += put_in
            unnamed += nobody
        outcomes = [
            outcome_of_row(self._connection, self._settings, row, self._now) for row in owed
        ]
        leaving = [
            (row, outcome)
            for row, outcome in zip(owed, outcomes, strict=True)
            if may_leave(outcome)
        ]
        # What staff are told first: that candidates get mail, or else who does.
        if any(not row.recipient for row, _ in leaving):
            warning_text = warning(request.language)
        elif leaving:
            others = (addressee_in_words(outcome) for _, outcome in leaving)
            warning_text = warning(request.language, list(dict.fromkeys(others)))
        else:
            warning_text = ""
        mails = tuple(outcome for outcome in outcomes if isinstance(outcome, PreviewMail))
        skipped = (outcome for outcome in outcomes if isinstance(outcome, NotMailed))
        preview = Preview(
            trigger=", ".join(dict.fromkeys(row.trigger for row in owed)),
            mails=mails,
            skipped=(*skipped, *unnamed),
            warning=warning_text,
        )
        return ChangeResult(
            changes=tuple(changes[reference] for reference in dict.fromkeys(request.references)),
            preview=preview,
        )

    def _change(
        self, request: ChangeRequest, reference: str
    ) -> tuple[Change, list[Occurrence], list[NotMailed]]:
        """Change an application; return the change, the mail it owes, and missing recipients."""
        try:
            before = transitions.lock_application(self._connection, reference)
        except transitions.NoSuchApplication as error:
            return Change(reference=reference, error=str(error)), [], []
        old = before.application.status
        status = old if request.status is None else request.status
        change = Change(reference=reference, before=old, status=status)
        last = transitions.last_transition(self._connection, reference)
        is_submission = request.event.by_candidate
        # A submission known only from the feed is no reason not to acknowledge it.
        was_submitted = last is not None and last.event.by_candidate
        if status == old and (was_submitted or not is_submission):
            return change, [], []
        after = transitions.change(
            self._connection,
            reference,
            status=status,
            submitted_at=self._now if is_submission else None,
        )
        transition = Transition(
            # Later than the last one, however much the clocks of two machines differ.
            id=max(self._new_id(), last.id + 1 if last else 0),
            at=self._now,
            event=request.event,
            application=after,
            before=old,
            is_initial=transitions.is_initial(self._connection, status),
            actor=request.actor,
        )
        withdrawn = 0
        if last and status != old:  # Mail about earlier statuses that isn't being sent yet.
            is_back = status == last.before
            why = TAKEN_BACK if is_back else OTHER_STATUS
            withdrawn = ledger.supersede(
                self._connection, reference, STATUS_CHANGED.name, why, self._now
            )
        undone = False
        if last is not None and self._settings.undo and not request.event.by_candidate:
            # Whether it restores the last state people heard of. Mail about the states between was
            # withdrawn, so nobody has heard of those.
            undo = self._settings.undo
            past = transitions.past_changes(self._connection, reference, at=self._now, undo=undo)
            undone = is_undone(past, before=old, status=status, at=self._now, undo=undo)
        transitions.note(self._connection, transition)
        change = replace(change, changed=True, undone=undone, withdrawn=withdrawn)
        if undone:
            return change, [], []
        around = transitions.staff_around(self._connection, after, request.actor)
        triggers = (
            self._settings.checked_triggers[name].trigger
            for name in sorted(self._settings.checked_triggers)
        )
        of_status = fired_triggers(triggers, transition)
        owed = self._add_owed_mail(transition, of_status, around, is_first=last is None)
        nobody = [
            NotMailed(person=recipient, about=reference, reason=f"{recipient}: nobody")
            for trigger in of_status
            for recipient in missing_recipients(trigger, around)
        ]
        return change, owed, nobody

    def _add_owed_mail(
        self,
        transition: Transition,
        of_status: Sequence[Trigger],
        around: ApplicationStaff,
        *,
        is_first: bool,
    ) -> list[Occurrence]:
        """Add the mail a transition owes to the ledger; return its rows.

        Mail of an earlier transition may be in progress, unless it `is_first`.
        """
        application = transition.application.application
        undo = timedelta(0) if transition.event.by_candidate else self._settings.undo
        due_at = transition.at + undo
        dues: list[DueOccurrence] = []
        for trigger in of_status:
            for recipient in recipients(trigger, around):
                due = DueOccurrence(
                    id=self._new_id(),
                    trigger=trigger.name,
                    event=trigger.event.name,
                    person=application.person,
                    occurrence=ids.show(transition.id),
                    about=application.reference,
                    recipient=recipient,
                    due_at=due_at,
                    latest_at=None if trigger.latest is None else due_at + trigger.latest,
                )
                brought: dict[str, object] = {"actor": transition.actor}
                earlier = None
                if not is_first:
                    earlier = ledger.on_its_way(self._connection, due, application.status)
                if earlier is not None:
                    brought["earlier"] = earlier
                dues.append(replace(due, facts=orjson.dumps(brought).decode()))
        if transition.event.by_candidate and not is_first:
            # Mail owed for an earlier submission that isn't being sent yet.
            why = SUBMITTED_AGAIN
            for due in dues:
                ledger.supersede(self._connection, due.about, due.event, why, self._now, like=due)
        added = ledger.put(self._connection, dues, now=self._now)
        if added:
            transitions.open_for(self._connection, transition.id)
        rows = (ledger.by_id(self._connection, number) for number in added)
        return [row for row in rows if row is not None]


def addressee_in_words(outcome: PreviewMail | NotMailed) -> str:
    """Return a mail's addressee as in the warning: `Mia <mia@crm.example>`."""
    if isinstance(outcome, NotMailed):
        return outcome.name or outcome.person
    return f"{outcome.name} <{outcome.to}>" if outcome.name else outcome.to


def may_leave(outcome: PreviewMail | NotMailed) -> bool:
    """Whether a mail is sent now, or once an unreadable field can be read."""
    return isinstance(outcome, PreviewMail) or outcome.reason.startswith(WAITS)


def must_be_confirmed(request: ChangeRequest, done: ChangeResult) -> bool:
    """Whether staff must have been shown the mail; candidates know what they submit."""
    return not request.event.by_candidate and done.preview.may_mail


def what_is_confirmed(request: ChangeRequest, done: ChangeResult) -> tuple[object, ...]:
    """Return everything a confirmation covers: the change, the previous state, and its mail."""
    preview = done.preview
    changes = sorted(
        (change.reference, change.before, change.status, change.error) for change in done.changes
    )
    mails = sorted(
        (mail.recipient, mail.to, mail.about, mail.subject, mail.text, mail.trigger)
        for mail in preview.mails
    )
    waiting = sorted((skip.person, skip.about) for skip in preview.skipped if may_leave(skip))
    what = (request.event.name, request.status, request.actor, request.is_partial)
    return *what, changes, mails, waiting
