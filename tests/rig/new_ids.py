"""Ids for rows that tests add to a store."""

from datetime import UTC, datetime

from gateway.core.ids import IdSource, milliseconds_of


class RowIds:
    """Rising ids with the current time; `number` keeps them apart from other processes' ids."""

    def __init__(self, number: int) -> None:
        self._source = IdSource(number)

    def next(self) -> int:
        """Return a new id."""
        return self._source.next(milliseconds_of(datetime.now(UTC)))
