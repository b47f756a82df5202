"""What date events will mail in the next days, as things stand now. Nothing is rendered or kept."""

from collections.abc import Sequence
from datetime import date, timedelta

from gateway.core.triggers.due_times import first_day_to_look_at
from gateway.core.triggers.occurrence import SETTLED
from gateway.core.triggers.trigger_preview import DueDay
from gateway.store.engine.database import StoreTransaction
from gateway.store.feed.unread import EventFields
from gateway.store.triggers import due, trigger_runs
from gateway.store.triggers.due import DuePerson
from gateway.triggers.plan import TriggerSettings
from gateway.triggers.preview import mail_of, standings_of, why_left_out
from gateway.triggers.templates import CheckedTrigger

NAMED = 5  #: So many of a day's people are named.


def calendar(
    connection: StoreTransaction,
    plan: TriggerSettings,
    rules: Sequence[CheckedTrigger],
    today: date,
    days: int,
) -> list[DueDay]:
    """Return what date events will mail on so many days from today on; days without are left out.

    Today has what a run would find now: also what is still of use of the days before, and nothing
    that is settled.
    """
    selected: list[tuple[CheckedTrigger, date, list[DuePerson]]] = []
    unread_of: dict[str, EventFields] = {}
    for rule in rules:
        event = rule.trigger.event
        fields = unread_of.get(event.name) or EventFields(connection, event)
        unread_of[event.name] = fields
        looked = trigger_runs.looked(connection, rule.trigger.name)
        for number in range(days):
            day = today + timedelta(days=number)
            first = first_day_to_look_at(rule.trigger, looked, today) if not number else day
            candidates = [
                candidate
                for candidate in due.candidates(
                    connection, rule.trigger, first, day, fresh=False, fields=fields
                )
                # Whose lead time has begun before counts on the first day alone.
                if candidate.known not in SETTLED and (not number or candidate.day == day)
            ]
            if candidates:
                selected.append((rule, day, candidates))
    everybody = (candidate for _, _, candidates in selected for candidate in candidates)
    standings = standings_of(connection, plan, everybody)
    due_days = []
    for rule, day, candidates in selected:
        mailed: dict[object, DuePerson] = {}
        for candidate in candidates:
            if not why_left_out(
                connection, plan, rule.trigger, candidate, day, standings=standings
            ):
                is_shared = plan.once_per_address
                mail = mail_of(plan, candidate) if is_shared else (len(mailed),)
                mailed.setdefault(mail, candidate)
        people = [candidate.person for candidate in list(mailed.values())[:NAMED]]
        due_days.append(
            DueDay(
                trigger=rule.trigger.name,
                day=day,
                mails=len(mailed),
                left_out=len(candidates) - len(mailed),
                people=tuple((person.ref, person.name) for person in people),
            )
        )
    return due_days
