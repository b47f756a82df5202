"""How long it takes to find the people for each date event, among a million people."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlalchemy import text

from benchmarks.store import NUMBERS
from gateway.core.kinds import Kind
from gateway.core.triggers.due_times import first_day_to_look_at
from gateway.core.triggers.events.registry import EVENTS
from gateway.core.triggers.stored_dates import StoredDates
from gateway.core.triggers.trigger import DateEvent, Trigger
from gateway.store.engine.database import Database
from gateway.store.triggers import due

PEOPLE = 1_000_000
TODAY = date(2027, 3, 1)
_STEP = 100_000
_DATES = StoredDates(monthly=(1,))
#: Multiples of a prime instead of random numbers: the same people in every run.
_STATEMENTS = (
    """INSERT INTO people (kind, crm_id, first_name, emails, consent_email, mail_on_set_date,
         mail_after_first_delivery, birthday, anniversary)
       SELECT 'candidate', n, 'Ann', 'p' || n || '@bench.example', n % 10 < 7, n % 100 = 0,
         n % 50 = 0, day, CAST(strftime('%m%d', day) AS INTEGER)
       FROM (SELECT n, date('1950-01-01', (n * 7919 % 20000) || ' days') AS day FROM numbers)""",
    """INSERT INTO qualifications (crm_id, kind, person, name, expires_on, notice_days)
       SELECT n, 'candidate', n, 'Trainer', date('2025-01-01', (n * 7919 % 1460) || ' days'),
         CASE n % 4 WHEN 0 THEN NULL WHEN 1 THEN 30 WHEN 2 THEN 60 ELSE 90 END
       FROM numbers""",
    """INSERT INTO closings (crm_id, kind, person, closed_on)
       SELECT n, 'candidate', n, date('2024-01-01', (n * 7919 % 1200) || ' days') FROM numbers""",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The search for one event."""

    event: str
    selected: int
    seconds: float


def measure(directory: Path, step: Callable[[str], None]) -> tuple[Selection, ...]:
    """Fill a store and search for every date event once."""
    database = Database(f"sqlite:///{directory}/selection.db")
    database.prepare()
    try:
        _fill(database)
        found = tuple(_looked_for(database))
    finally:
        database.close()
    step("due occurrences")
    return found


def _fill(database: Database) -> None:
    for first in range(1, PEOPLE, _STEP):
        for statement in _STATEMENTS:
            command, rest = statement.split("SELECT", 1)
            numbers = {"first": first, "last": first + _STEP - 1}
            with database.writing() as connection:
                connection.execute(text(f"{command} {NUMBERS} SELECT {rest}"), numbers)


def _looked_for(database: Database) -> Iterator[Selection]:
    for event in (event for event in EVENTS.values() if isinstance(event, DateEvent)):
        trigger = Trigger(
            name=event.name,
            event=event,
            template="letter",
            kind=Kind.BULK,
            latest=event.lateness,
            stored=_DATES,
        )
        first = first_day_to_look_at(trigger, None, TODAY)
        began = time.perf_counter()
        with database.reading() as connection:
            selected = sum(1 for _ in due.candidates(connection, trigger, first, TODAY, fresh=True))
        yield Selection(event=event.name, selected=selected, seconds=time.perf_counter() - began)
