"""Ranges of ids by time: an id contains the time it was made."""

from datetime import datetime

from sqlalchemy import ColumnElement

from gateway.core.ids import first_id_after, first_id_at

_LARGEST = 2**63 - 1  #: The largest possible id, in the year 2089.


def between(
    number: ColumnElement[int], since: datetime | None, until: datetime | None
) -> list[ColumnElement[bool]]:
    """Return the conditions for ids made between two times, inclusive."""
    conditions = []
    if since is not None:
        conditions.append(number >= min(first_id_at(since), _LARGEST))
    if until is not None:
        conditions.append(number < min(first_id_after(until), _LARGEST))
    return conditions


def of_page(
    number: ColumnElement[int], since: datetime | None, before: int | None
) -> list[ColumnElement[bool]]:
    """Return the conditions for a page of a list: ids since a time, and below the last one seen."""
    conditions = between(number, since, None)
    if before is not None:
        conditions.append(number < before)
    return conditions
