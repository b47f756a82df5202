"""A mark that changes whenever the mail triggers will send may have changed."""

from datetime import datetime

from sqlalchemy import Connection, func, literal_column, select

from gateway.store.schema.console import console_acts
from gateway.store.schema.feed import feeds
from gateway.store.schema.suppressions import person_suppressions, suppressions, topic_opt_outs
from gateway.store.schema.triggers import occurrences, trigger_runs

#: Tables that grow with every action of people, runs and console users; `feeds` has a row per kind,
#: the others are looked up by their keys.
_NEWEST = (
    feeds.c.at,
    occurrences.c.id,
    trigger_runs.c.id,
    suppressions.c.id,
    person_suppressions.c.id,
    topic_opt_outs.c.id,
    console_acts.c.id,
)


#: In these tables lifted rows count, too; they have only as many rows as there are suppressions.
_LIFTED = (suppressions, person_suppressions, topic_opt_outs)


def calendar_mark(connection: Connection, now: datetime) -> tuple[object, ...]:
    """Return a value that changes with anything that affects the calendar.

    It changes if the feed brought something, a run began, mail of it was sent or settled, or
    somebody was suppressed or released, whoever did it and wherever.
    """
    newest = (select(func.max(column)).scalar_subquery() for column in _NEWEST)
    lifted = (select(func.max(table.c.released_at)).scalar_subquery() for table in _LIFTED)
    lapsed = (
        select(func.count()).select_from(table).where(table.c.until <= now).scalar_subquery()
        for table in (suppressions, person_suppressions)
    )
    # SQLite uses a partial index only if the query contains its condition.
    is_due = occurrences.c.state == literal_column("'due'")
    due = select(func.count()).select_from(occurrences).where(is_due).scalar_subquery()
    return tuple(connection.execute(select(*newest, *lifted, *lapsed, due)).one())
