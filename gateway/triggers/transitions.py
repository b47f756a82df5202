"""What is done to applications: kept together with the mail it owes, in one transaction (S5)."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson

from gateway.core import ids
from gateway.core.applications import KnownApplication
from gateway.core.decide import blocking
from gateway.core.occurrence import Due, Occurrence
from gateway.core.people import NOBODY
from gateway.core.transition import Transition, fired, recipients, warning
from gateway.core.trigger import Trigger, TriggerEvent
from gateway.core.trigger_run import Skip
from gateway.store import due, ledger, transitions
from gateway.triggers import record
from gateway.triggers.letter import addressee, render
from gateway.triggers.plan import Plan
from gateway.triggers.preview import Preview, PreviewMail
from gateway.triggers.sender import refused
from gateway.triggers.templates import NotRendered

Connection = Any  #: A transaction of the store, handed on to it.


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be done to applications."""

    event: TriggerEvent  #: `submitted` by the candidate, or `status_changed` by staff.
    references: tuple[str, ...]
    status: str | None  #: crm_id; None: as it is.
    actor: str = ""  #: crm_id of the member of staff who acts.
    language: str = ""  #: In which the warning is.


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What was done to one application, or why nothing was."""

    reference: str
    before: str = ""  #: crm_id of its status.
    status: str = ""
    changed: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What was done, and what it mails."""

    changes: tuple[Change, ...]
    preview: Preview

    @property
    def failed(self) -> bool:
        """Whether something could not be done."""
        return any(change.error for change in self.changes)


class Office:
    """Does what is wished in one transaction, with a plan of a moment."""

    def __init__(
        self, connection: Connection, plan: Plan, *, now: datetime, new_id: Callable[[], int]
    ) -> None:
        self._connection = connection
        self._plan = plan
        self._now = now
        self._new_id = new_id

    def carry_out(self, wish: Wish, *, dry_run: bool) -> Done:
        """Do it and return what it mails; a `dry_run` leaves everything as it was.

        Raise `NoSuchStatus`. What can't be done to one application stops no other.
        """
        if wish.status is not None:
            transitions.check_status(self._connection, wish.status)
        trial = self._connection.begin_nested()
        done = self._done(wish)
        if dry_run:
            trial.rollback()
        else:
            trial.commit()
        return done

    def _done(self, wish: Wish) -> Done:
        # In one order, whatever order they are named in: two callers never wait for each other.
        changes: dict[str, Change] = {}
        owed: list[Occurrence] = []
        for reference in sorted(set(wish.references)):
            changes[reference], mails = self._changed(wish, reference)
            owed += mails
        outcomes = [self._outcome(row) for row in owed]
        sent = tuple(one for one in outcomes if isinstance(one, PreviewMail))
        return Done(
            changes=tuple(changes[reference] for reference in dict.fromkeys(wish.references)),
            preview=Preview(
                trigger=", ".join(dict.fromkeys(row.trigger for row in owed)),
                mails=sent,
                skipped=tuple(one for one in outcomes if isinstance(one, Skip)),
                warning=warning(wish.language) if sent else "",
            ),
        )

    def _changed(self, wish: Wish, reference: str) -> tuple[Change, list[Occurrence]]:
        try:
            before = transitions.locked(self._connection, reference)
        except transitions.NoSuchApplication as error:
            return Change(reference=reference, error=str(error)), []
        old = before.application.status
        status = old if wish.status is None else wish.status
        change = Change(reference=reference, before=old, status=status)
        if not self._is_new(wish.event, before, status):
            return change, []
        is_submission = wish.event is TriggerEvent.SUBMITTED
        after = transitions.change(
            self._connection,
            reference,
            status=status,
            submitted_at=self._now if is_submission else None,
        )
        transition = Transition(
            id=self._new_id(),
            at=self._now,
            event=wish.event,
            application=after,
            before=old,
            is_initial=transitions.is_initial(self._connection, status),
            actor=wish.actor,
        )
        transitions.note(self._connection, transition)
        return replace(change, changed=True), self._owed(transition)

    def _is_new(self, event: TriggerEvent, before: KnownApplication, status: str) -> bool:
        """Whether anything happens: a status is given once, and an application submitted once.

        What the feed tells of a submission is no reason not to acknowledge it.
        """
        application = before.application
        if status != application.status:
            return True
        is_submission = event is TriggerEvent.SUBMITTED
        last = transitions.last_event(self._connection, application.reference)
        return is_submission and last is not TriggerEvent.SUBMITTED

    def _owed(self, transition: Transition) -> list[Occurrence]:
        """Put the mail a transition owes into the ledger; return its rows."""
        dues = list(self._dues(transition))
        added = ledger.put(self._connection, dues, now=self._now)
        rows = (ledger.one(self._connection, number) for number in added)
        return [row for row in rows if row is not None]

    def _dues(self, transition: Transition) -> Iterator[Due]:
        around = transitions.around(self._connection, transition.application, transition.actor)
        for trigger in fired(self._triggers(), transition):
            for recipient in recipients(trigger, around):
                yield self._due(transition, trigger, recipient)

    def _triggers(self) -> Iterable[Trigger]:
        return (self._plan.rules[name].trigger for name in sorted(self._plan.rules))

    def _due(self, transition: Transition, trigger: Trigger, recipient: str) -> Due:
        application = transition.application.application
        latest = None if trigger.latest is None else transition.at + trigger.latest
        return Due(
            id=self._new_id(),
            trigger=trigger.name,
            event=trigger.event,
            person=application.person,
            occurrence=ids.show(transition.id),
            about=application.reference,
            recipient=recipient,
            due_at=transition.at,
            latest_at=latest,
            facts=orjson.dumps({"actor": transition.actor}).decode(),
        )

    def _outcome(self, row: Occurrence) -> PreviewMail | Skip:
        """Tell what would become of a row if it were sent now."""
        plan, rule = self._plan, self._plan.rules[row.trigger]
        facts = due.facts(self._connection, row)
        ended = refused(plan, rule, row, facts, self._now)
        if ended is not None:
            return Skip(row.person, row.about, ended.reason)
        to = addressee(row.recipient, facts)
        address = plan.lookup(to.address)
        standing = plan.standings.within(self._connection, [address]).get(address, NOBODY)
        blocked = blocking(rule.trigger.kind, standing)
        if blocked:
            return Skip(row.person, row.about, record.reason(blocked))
        try:
            rendered = render(rule, facts, to.language, plan.day(row.due_at))
        except NotRendered as error:
            return Skip(row.person, row.about, str(error))
        return PreviewMail(
            person=row.person,
            about=row.about,
            to=to.address,
            subject=rendered.subject,
            text=rendered.text,
        )
