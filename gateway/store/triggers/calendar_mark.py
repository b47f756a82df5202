"""By what the store shows that what triggers will mail may have changed."""

from sqlalchemy import Connection, func, select

from gateway.store.schema import (
    console_acts,
    feeds,
    occurrences,
    person_suppressions,
    suppressions,
    topic_opt_outs,
    trigger_runs,
)

#: What grows with whatever people, runs and the console's users do; `feeds` has a row per kind, the
#: others are asked by their keys.
_NEWEST = (
    feeds.c.at,
    occurrences.c.id,
    trigger_runs.c.id,
    suppressions.c.id,
    person_suppressions.c.id,
    topic_opt_outs.c.id,
    console_acts.c.id,
)


def calendar_mark(connection: Connection) -> tuple[object, ...]:
    """Return another mark when the feed told something, a run ended, or somebody was suppressed.

    What was lifted on the command line, or has lapsed, it doesn't show.
    """
    newest = (select(func.max(column)).scalar_subquery() for column in _NEWEST)
    return tuple(connection.execute(select(*newest)).one())
