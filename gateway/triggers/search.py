"""The people for whom a trigger is due on a day, and those selected but not mailed."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date

from gateway.core.people.people import PersonRef
from gateway.core.triggers.conditions import unmet_condition, why_waiting
from gateway.core.triggers.due_times import first_day_to_look_at, latest_moment, local_moment
from gateway.core.triggers.occurrence import DueOccurrence
from gateway.core.triggers.reasons import HAD_FROM, NO_ADDRESS
from gateway.core.triggers.trigger import DateEvent, Trigger
from gateway.core.triggers.trigger_run import SkippedPerson
from gateway.store.engine.database import Database, StoreTransaction
from gateway.store.triggers import due, trigger_runs
from gateway.store.triggers.due import DuePerson, OccurrenceKey
from gateway.triggers.trigger_settings import TriggerSettings


@dataclass(frozen=True, slots=True)
class RunFindings:
    """The findings of a search for an event."""

    dues: tuple[DueOccurrence, ...]
    skips: tuple[SkippedPerson, ...]
    #: What a trigger whose place this one takes has mailed.
    mailed_before: tuple[DueOccurrence, ...]
    is_again: bool  #: Whether the day was searched before.
    usual: int | None  #: How much the largest of the last runs had to send.


def search(
    database: Database,
    settings: TriggerSettings,
    trigger: Trigger,
    today: date,
    new_id: Callable[[], int],
) -> RunFindings:
    """Return the findings for a date event today that aren't in the ledger yet.

    Mail waiting for a field is due, too: the field may be read before it is too late.
    """
    event = trigger.event
    if not isinstance(event, DateEvent):
        raise AssertionError("only the event of a day is looked for")
    with database.reading() as connection:
        looks = trigger_runs.last_looks(connection)
        last_day = looks.get(trigger.name)
        first = first_day_to_look_at(trigger, last_day, today)
        selected = list(due.candidates(connection, trigger, first, today, fresh=True))
        usual = trigger_runs.usual(connection, trigger.name)
        refs = [candidate.person.ref for candidate in selected]
        mailed_by = mailed_by_old_triggers(connection, settings, trigger, refs, looks)
    dues: list[DueOccurrence] = []
    mailed_before: list[DueOccurrence] = []
    skips: list[SkippedPerson] = []
    for candidate in selected:
        old_trigger = mailed_by.get(candidate.key)
        is_waiting = old_trigger is not None or why_waiting(trigger, candidate.facts)
        why = "" if is_waiting else why_not(trigger, candidate, today)
        if why:
            skips.append(SkippedPerson(candidate.person.ref, candidate.about, why))
            continue
        useless_from = event.useless_from(candidate.facts)
        (dues if old_trigger is None else mailed_before).append(
            DueOccurrence(
                id=new_id(),
                trigger=trigger.name,
                event=event.name,
                person=candidate.person.ref,
                occurrence=candidate.occurrence,
                about=candidate.about,
                due_at=local_moment(candidate.day, settings.daily_at, settings.zone),
                latest_at=latest_moment(trigger, candidate.day, settings.zone, useless_from),
                skipped="" if old_trigger is None else HAD_FROM.format(old_trigger),
            )
        )
    return RunFindings(
        tuple(dues), tuple(skips), tuple(mailed_before), is_again=last_day == today, usual=usual
    )


def mailed_by_old_triggers(
    connection: StoreTransaction,
    settings: TriggerSettings,
    trigger: Trigger,
    refs: Iterable[PersonRef],
    looks: Collection[str],
) -> dict[OccurrenceKey, str]:
    """Return what these people had from a trigger that this one takes the place of, by its name.

    Where `diplomas.toml` is renamed, for example, `certificates` is a new trigger that has never
    looked, and `diplomas` is gone: who had the mail of a certificate gets no second one. `looks`
    are the triggers that have looked.
    """
    if trigger.name in looks:
        return {}
    at_work = {checked.trigger.name for checked in settings.active()} | settings.unusable
    old_triggers = sorted(set(looks) - at_work)
    return (
        due.mailed_keys(connection, trigger.event.name, old_triggers, refs) if old_triggers else {}
    )


def why_not(trigger: Trigger, candidate: DuePerson, today: date) -> str:
    """Return why a selected person isn't mailed; empty if nothing prevents it."""
    why = unmet_condition(trigger, candidate.occurrence, candidate.facts, today)
    return why or ("" if candidate.person.emails else NO_ADDRESS)
