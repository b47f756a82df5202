"""The tables; addresses are in lookup form."""

from pathlib import Path

# Each adds its tables to `metadata`.
from gateway.store.schema import (  # noqa: F401
    activities,
    api,
    bounces,
    campaigns,
    console,
    erasures,
    feed,
    host,
    inbound,
    journal,
    outbox,
    references,
    searching,
    suppressions,
    triggers,
)
from gateway.store.schema.columns import mark_of_tables, metadata

_MIGRATIONS = Path(__file__).parents[1] / "migrations" / "versions"

#: The number of the first migration. Lower numbers were used by builds before the first release,
#: whose stores can't be upgraded.
FIRST_NUMBER = "0200"
#: A store's schema version, `0200-45f895`: the newest migration, and a mark of the tables; a store
#: of another version is refused. Until the first release, tables are added without a migration: the
#: mark distinguishes a store that has them from one of an earlier build.
VERSION = "-".join(
    (
        max(file.name[:4] for file in _MIGRATIONS.glob("[0-9]*.py")),
        mark_of_tables(metadata.tables.values()),
    )
)
