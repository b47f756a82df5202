"""Ids of a time: an id says when the thing it is of came."""

from datetime import datetime

from sqlalchemy import ColumnElement

from gateway.core.ids import first_id_after, first_id_at

_LARGEST = 2**63 - 1  #: What an id can be at most; that is in the year 2089.


def between(
    number: ColumnElement[int], since: datetime | None, until: datetime | None
) -> list[ColumnElement[bool]]:
    """Return the conditions on an id of a thing that came between two moments, these included."""
    conditions = []
    if since is not None:
        conditions.append(number >= min(first_id_at(since), _LARGEST))
    if until is not None:
        conditions.append(number < min(first_id_after(until), _LARGEST))
    return conditions


def of_page(
    number: ColumnElement[int], since: datetime | None, before: int | None
) -> list[ColumnElement[bool]]:
    """Return the conditions on an id in a list: from a moment on, and lower than the last seen."""
    conditions = between(number, since, None)
    if before is not None:
        conditions.append(number < before)
    return conditions
