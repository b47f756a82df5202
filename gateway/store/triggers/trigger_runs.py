"""Runs of triggers: how far each has looked, what it found, and the results."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Select, delete, func, insert, select, update

from gateway.core.people.people import PersonRef
from gateway.core.triggers.occurrence import OccurrenceState
from gateway.core.triggers.trigger_run import RunState, SkippedPerson, TriggerRun
from gateway.store.engine.id_ranges import of_page
from gateway.store.engine.upsert import insert_into
from gateway.store.schema.triggers import occurrences, trigger_looks, trigger_runs

TOLD = 1_000  #: How many people left out are stored with their reasons; the rest are only counted.
_USUAL = 30  #: Runs the guard compares with.
_c = trigger_runs.c


def last_look(connection: Connection, trigger: str) -> date | None:
    """Return the last local day a trigger has looked at."""
    return connection.scalar(select(trigger_looks.c.day).where(trigger_looks.c.trigger == trigger))


def last_looks(connection: Connection) -> dict[str, date]:
    """Return the last local day each trigger has looked at, without those that never looked."""
    query = select(trigger_looks.c.trigger, trigger_looks.c.day)
    return {row.trigger: row.day for row in connection.execute(query)}


def record_look(connection: Connection, trigger: str, day: date, now: datetime) -> None:
    """Record that a trigger has looked at a day."""
    insert = insert_into(connection, trigger_looks).values(trigger=trigger, day=day, at=now)
    query = insert.on_conflict_do_update(
        index_elements=[trigger_looks.c.trigger], set_={"day": day, "at": now}
    )
    connection.execute(query)


def pass_over(connection: Connection, triggers: Sequence[str], day: date, now: datetime) -> None:
    """Record that triggers need not look at a day or the days before; not for one yet to look."""
    c = trigger_looks.c
    query = update(trigger_looks).where(c.trigger.in_(triggers), c.day < day)
    connection.execute(query.values(day=day, at=now))


def begin(connection: Connection, run: TriggerRun) -> None:
    """Record the start of a run; an earlier one that was interrupted ends with its mails."""
    broken = update(trigger_runs).where(
        _c.trigger == run.trigger, _c.state == RunState.LOOKING, _c.id < run.id
    )
    connection.execute(broken.values(state=RunState.OPEN))
    left_out = [[str(skip.person), skip.about, skip.reason] for skip in run.skips[:TOLD]]
    connection.execute(
        insert(trigger_runs).values(
            id=run.id,
            trigger=run.trigger,
            day=run.day,
            state=run.state,
            due=run.due,
            skipped=run.skipped,
            skips=orjson.dumps(left_out).decode() if left_out else "",
            error=run.error,
            report_to=run.report_to,
            finished_at=run.finished_at,
        )
    )


def note_due(connection: Connection, run: int, *, due: int, state: RunState) -> None:
    """Record how many occurrences a run has added to the ledger."""
    connection.execute(update(trigger_runs).where(_c.id == run).values(due=due, state=state))


def drop(connection: Connection, run: int) -> None:
    """Delete a run with nothing to report."""
    connection.execute(delete(trigger_runs).where(_c.id == run))


def report(connection: Connection, run: TriggerRun, state: RunState, now: datetime) -> bool:
    """Record that a run is reported; False if another process has reported it."""
    query = update(trigger_runs).where(_c.id == run.id, _c.reports == run.reports)
    query = query.values(
        reports=run.reports + 1,
        state=state,
        finished_at=now if state is RunState.FINISHED else None,
    )
    return connection.execute(query).rowcount == 1


def reopen(connection: Connection) -> None:
    """Mark runs to be reported again whose mail is no longer held."""
    held = update(trigger_runs).where(_c.state == RunState.HELD)
    connection.execute(held.values(state=RunState.OPEN))


def unfinished(connection: Connection) -> list[TriggerRun]:
    """Return the runs that still have something to report, in order."""
    open_ones = select(trigger_runs).where(_c.state != RunState.FINISHED).order_by(_c.id)
    return _runs(connection, open_ones)


def by_id(connection: Connection, number: int) -> TriggerRun | None:
    """Return the run with an id."""
    return next(iter(_runs(connection, select(trigger_runs).where(_c.id == number))), None)


def list_runs(
    connection: Connection,
    *,
    trigger: str | None = None,
    since: datetime | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[TriggerRun]:
    """Return runs, newest first; with `before`, those older than this id."""
    query = select(trigger_runs).order_by(_c.id.desc()).limit(limit)
    query = query.where(*of_page(_c.id, since, before))
    return _runs(connection, query if trigger is None else query.where(_c.trigger == trigger))


def usual(connection: Connection, trigger: str) -> int | None:
    """Return how much the largest of a trigger's last runs with mail had to send."""
    last = select(_c.due).where(
        _c.trigger == trigger, _c.due > 0, _c.state.in_((RunState.OPEN, RunState.FINISHED))
    )
    last = last.order_by(_c.id.desc()).limit(_USUAL)
    return max(connection.scalars(last), default=None)


def _runs(connection: Connection, query: Select[Any]) -> list[TriggerRun]:
    rows = connection.execute(query).all()
    c = occurrences.c
    of_runs = c.run.in_([row.id for row in rows])
    query = select(c.run, c.state, func.count()).where(of_runs).group_by(c.run, c.state)
    counts: dict[int, dict[OccurrenceState, int]] = {}
    for run, state, count in connection.execute(query):
        counts.setdefault(run, {})[OccurrenceState(state)] = count
    return [
        TriggerRun(
            id=row.id,
            trigger=row.trigger,
            day=row.day,
            state=RunState(row.state),
            due=row.due,
            skipped=row.skipped,
            skips=tuple(
                SkippedPerson(PersonRef.parse(person), about, reason)
                for person, about, reason in orjson.loads(row.skips or "[]")
            ),
            error=row.error,
            report_to=row.report_to,
            reports=row.reports,
            finished_at=row.finished_at,
            counts=counts.get(row.id, {}),
        )
        for row in rows
    ]
