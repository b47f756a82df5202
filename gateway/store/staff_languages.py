"""In which language the staff read what the gateway writes to them."""

from collections.abc import Sequence

from gateway.store.database import Database
from gateway.store.quick import QuickReader

_SQL = (
    "SELECT address, language FROM staff WHERE address IN ({}) AND language <> '' ORDER BY crm_id"
)


class StaffLanguages:
    """Asked where somebody is told why mail was not sent; never for mail that goes."""

    def __init__(self, database: Database) -> None:
        self._reader = QuickReader(database)
        self._mark = "?" if database.is_sqlite else "%s"

    async def of(self, addresses: Sequence[str]) -> list[str]:
        """Return the languages of the staff with these addresses (in lookup form), in their order.

        An address of nobody, or of somebody whose language isn't known, gives none.
        `StoreUnavailable` when the store fails.
        """
        if not addresses:
            return []
        statement = _SQL.format(", ".join([self._mark] * len(addresses)))
        languages: dict[str, list[str]] = {}
        for address, language in await self._reader.rows(statement, addresses):
            languages.setdefault(address, []).append(language)
        return [one for address in dict.fromkeys(addresses) for one in languages.get(address, ())]

    def close(self) -> None:
        """Let go of the held connection."""
        self._reader.close()
