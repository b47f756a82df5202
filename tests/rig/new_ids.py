"""Ids for rows that tests put into a store."""

from datetime import UTC, datetime

from gateway.core.ids import IdSource, milliseconds_of


class RowIds:
    """Rising ids of this moment; `number` keeps them apart from those of other processes."""

    def __init__(self, number: int) -> None:
        self._source = IdSource(number)

    def next(self) -> int:
        """Return a new id."""
        return self._source.next(milliseconds_of(datetime.now(UTC)))
