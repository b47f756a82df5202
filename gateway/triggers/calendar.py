"""What date events will mail in the next days, as things stand. Nothing is rendered or stored."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from gateway.core.people.people import PersonRef, Standing
from gateway.core.triggers.due_times import first_day_to_look_at
from gateway.core.triggers.trigger import Trigger
from gateway.core.triggers.trigger_preview import DueDay
from gateway.store.engine.database import StoreTransaction
from gateway.store.triggers import due, trigger_runs
from gateway.store.triggers.due import DuePerson, OccurrenceKey
from gateway.triggers.preview import decliners_of, mail_of, standings_of, why_left_out
from gateway.triggers.search import mailed_by_old_triggers
from gateway.triggers.templates import CheckedTrigger
from gateway.triggers.trigger_settings import TriggerSettings

NAMED = 5  #: How many of a day's people are named.


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decided:
    """A selected person, the day, and whether there is a mail."""

    key: OccurrenceKey
    day: date
    mail: tuple[object, ...] | None  #: Equal values mean the same mail. None: left out.
    person: tuple[PersonRef, str]  #: With their name.


def calendar(
    connection: StoreTransaction,
    settings: TriggerSettings,
    checked_triggers: Sequence[CheckedTrigger],
    today: date,
    days: int,
) -> list[DueDay]:
    """Return what date events will mail on that many days from today; empty days are left out.

    Today has what a run would find now: including what is still useful from the days before, and
    nothing that is settled. All days are queried together, and triggers that differ only in their
    wording are queried together, too.
    """
    looks = trigger_runs.last_looks(connection)
    last = today + timedelta(days=days - 1)
    alike: dict[tuple[date, Trigger], list[Trigger]] = {}
    for checked in checked_triggers:
        first = first_day_to_look_at(checked.trigger, looks.get(checked.trigger.name), today)
        alike.setdefault((first, _without_names(checked.trigger)), []).append(checked.trigger)
    selected = [
        (triggers, list(due.upcoming_people(connection, triggers[0], first, today, last)))
        for (first, _), triggers in alike.items()
    ]
    everybody = (candidate for _, candidates in selected for candidate in candidates)
    standings = standings_of(connection, settings, everybody)
    due_days: dict[str, list[DueDay]] = {}
    for triggers, candidates in selected:
        decided = _decide(connection, settings, triggers[0], candidates, today, standings=standings)
        names = [trigger.name for trigger in triggers]
        settled = due.settled_keys(connection, names, (entry.key[0] for entry in decided))
        keys = {entry.key for entry in decided}
        counted: dict[frozenset[OccurrenceKey], list[DueDay]] = {}
        new = next((trigger for trigger in triggers if trigger.name not in looks), triggers[0])
        refs = {key[0] for key in keys}
        mailed_before = mailed_by_old_triggers(connection, settings, new, refs, looks.keys()).keys()
        for name in names:
            of_old_triggers = set() if name in looks else mailed_before
            done = frozenset(keys & (settled.get(name, set()) | of_old_triggers))
            if done not in counted:
                counted[done] = _count_by_day([entry for entry in decided if entry.key not in done])
            due_days[name] = [replace(day, trigger=name) for day in counted[done]]
    return [day for checked in checked_triggers for day in due_days[checked.trigger.name]]


def _without_names(trigger: Trigger) -> Trigger:
    """Return a trigger without anything that doesn't affect who is mailed on which day."""
    return replace(trigger, name="", template="", sender="", report_to="", report_empty=False)


def _decide(
    connection: StoreTransaction,
    settings: TriggerSettings,
    trigger: Trigger,
    candidates: Sequence[DuePerson],
    today: date,
    *,
    standings: dict[str, Standing],
) -> list[_Decided]:
    """Decide about selected people, each as of the day they are due."""
    decliners = decliners_of(connection, trigger)
    decided = []
    for number, candidate in enumerate(candidates):
        day, person = max(candidate.day, today), candidate.person
        mail: tuple[object, ...] | None = None
        if not why_left_out(
            connection, settings, trigger, candidate, day, standings=standings, decliners=decliners
        ):
            mail = mail_of(settings, candidate) if settings.once_per_address else (number,)
        decided.append(
            _Decided(
                key=candidate.key,
                day=day,
                mail=mail,
                person=(person.ref, person.name),
            )
        )
    return sorted(decided, key=lambda entry: entry.day)


def _count_by_day(decided: Sequence[_Decided]) -> list[DueDay]:
    """Count mails and people left out, by day."""
    of_days: dict[date, list[_Decided]] = {}
    for entry in decided:
        of_days.setdefault(entry.day, []).append(entry)
    due_days = []
    for day, entries in of_days.items():
        mailed: dict[object, tuple[PersonRef, str]] = {}
        for entry in entries:
            if entry.mail is not None:
                mailed.setdefault(entry.mail, entry.person)
        due_days.append(
            DueDay(
                trigger="",
                day=day,
                mails=len(mailed),
                left_out=len(entries) - len(mailed),
                people=tuple(mailed.values())[:NAMED],
            )
        )
    return due_days
