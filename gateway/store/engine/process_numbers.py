"""The numbers of processes that make ids: leases named `ids 512` to `ids 1023`.

Workers of the proxy have theirs in a table of their own (`store/journal/workers.py`).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from gateway.core.ids import OTHERS
from gateway.store.engine import leases
from gateway.store.engine.database import StoreUnavailable
from gateway.store.engine.leases import IsGone
from gateway.store.schema.host import leases as lease_table

_PREFIX = "ids "
#: How long a number that was given back has no holder: other machines' clocks may be behind.
_UNUSED_FOR = timedelta(seconds=5)


class NoNumberFree(StoreUnavailable):
    """As many processes as there are numbers work on the store; one more can make no ids."""


def take(
    connection: Connection, holder: str, now: datetime, duration: timedelta, *, is_gone: IsGone
) -> int:
    """Lease a number that no other process has, and return it; NoNumberFree: there is none.

    Numbers that nobody had for a while come first. Numbers of processes that ended without giving
    them back come last, the one renewed longest ago first: such a process made no id after its end,
    but this machine's clock may have been put back since. If it was put back to before the last
    renewal, the number waits until its lease is over.
    """
    named = lease_table.c.name.startswith(_PREFIX, autoescape=True)
    known = {row.name: row for row in connection.execute(select(lease_table).where(named))}

    def candidates() -> Iterator[int]:
        by_number = {number: known.get(_name(number)) for number in OTHERS}
        yield from (number for number, row in by_number.items() if row and row.until <= now)
        yield from (number for number, row in by_number.items() if row is None)
        ended = [
            (row.until, number)
            for number, row in by_number.items()
            if row and now < row.until <= now + duration and is_gone(row.holder)
        ]
        yield from (number for _, number in sorted(ended))

    for number in candidates():
        if leases.take(connection, _name(number), holder, now, duration, is_gone=is_gone):
            return number
    raise NoNumberFree(
        f"all {len(OTHERS)} numbers for processes that make ids are taken: end gateway processes "
        f"that nobody needs; those of machines that are gone get free within {duration}"
    )


def renew(
    connection: Connection, number: int, holder: str, now: datetime, duration: timedelta
) -> bool:
    """Extend the lease of a number; False if it has expired: it may be another's now."""
    return leases.renew(connection, _name(number), holder, now, duration)


def give_back(connection: Connection, number: int, holder: str, now: datetime) -> None:
    """Let others have a number in a moment; its holder makes no more ids with it."""
    leases.drop(connection, _name(number), holder, free_from=now + _UNUSED_FOR)


def _name(number: int) -> str:
    return f"{_PREFIX}{number}"
