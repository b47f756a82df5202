"""The language in which each member of staff gets the gateway's texts."""

from collections.abc import Iterable, Mapping, Sequence

from gateway.store.engine.database import Database, StoreUnavailable
from gateway.store.engine.quick_reader import QuickReader

_SQL = (
    "SELECT address, language FROM staff WHERE address IN ({}) AND language <> '' ORDER BY crm_id"
)
_ALL = "SELECT address, language FROM staff WHERE address <> '' AND language <> '' ORDER BY crm_id"


class StaffLanguages:
    """Queried to explain why mail was not sent; never for mail that is sent."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reader = QuickReader(database)
        self._mark = "?" if database.is_sqlite else "%s"
        self._last_known: Mapping[str, Sequence[str]] = {}

    async def of(self, addresses: Sequence[str]) -> list[str]:
        """Return the languages of the staff with these addresses (in lookup form), in their order.

        An unknown address, or a person without a known language, yields none. While the store is
        away, the result is what `remember` last read.
        """
        if not addresses:
            return []
        statement = _SQL.format(", ".join([self._mark] * len(addresses)))
        try:
            languages = _by_address(await self._reader.rows(statement, addresses))
        except StoreUnavailable:
            languages = self._last_known
        return [
            language
            for address in dict.fromkeys(addresses)
            for language in languages.get(address, ())
        ]

    def remember(self) -> None:
        """Read all languages, for when the store is away; blocks.

        Raises `StoreUnavailable` if the store fails: what was known before stays.
        """
        with self._database.reading() as connection:
            rows = connection.exec_driver_sql(_ALL).all()
        self._last_known = _by_address((address, language) for address, language in rows)

    def close(self) -> None:
        """Close the held connection."""
        self._reader.close()


def _by_address(rows: Iterable[Sequence[str]]) -> Mapping[str, Sequence[str]]:
    languages: dict[str, list[str]] = {}
    for address, language in rows:
        languages.setdefault(address, []).append(language)
    return languages
