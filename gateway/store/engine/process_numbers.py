"""Numbers of the processes that make ids: leases named `ids 512` to `ids 1023`.

The proxy's workers have their numbers in a separate table (`store/journal/workers.py`).
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
#: How long a returned number stays unused: other machines' clocks may be behind.
_UNUSED_FOR = timedelta(seconds=5)


class NoNumberFree(StoreUnavailable):
    """All numbers are in use by processes on this store; another process can make no ids."""


def take(
    connection: Connection, holder: str, now: datetime, duration: timedelta, *, is_gone: IsGone
) -> int:
    """Lease a number that no other process has, and return it; NoNumberFree if there is none.

    Numbers that have been unused for a while come first. Numbers of processes that ended without
    giving them back come last, the one renewed longest ago first: such a process made no ids after
    it ended, but this machine's clock may have been set back since. If it was set back to before
    the last renewal, the number has to wait until its lease expires.
    """
    has_prefix = lease_table.c.name.startswith(_PREFIX, autoescape=True)
    by_name = {row.name: row for row in connection.execute(select(lease_table).where(has_prefix))}

    def candidates() -> Iterator[int]:
        by_number = {number: by_name.get(_name(number)) for number in OTHERS}
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
    """Extend the lease of a number; False if it has expired, as somebody else may have it."""
    return leases.renew(connection, _name(number), holder, now, duration)


def give_back(connection: Connection, number: int, holder: str, now: datetime) -> None:
    """Release a number for others after a moment; its holder makes no more ids with it."""
    leases.drop(connection, _name(number), holder, free_from=now + _UNUSED_FOR)


def _name(number: int) -> str:
    return f"{_PREFIX}{number}"
