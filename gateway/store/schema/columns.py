"""Column types. Times are microseconds since 1970 in UTC."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Dialect,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TextClause,
    text,
)
from sqlalchemy.types import TypeDecorator

_UNIX = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970, the store's form of times."""
    since = moment - _UNIX
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def moment(value: int) -> datetime:
    """Return the aware UTC time for a number of microseconds since 1970."""
    return _UNIX + timedelta(microseconds=value)


class UtcTime(TypeDecorator[datetime]):
    """An aware time, stored as microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Return the number to store."""
        return None if value is None else microseconds(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return the stored time."""
        return None if value is None else moment(value)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)


def key(name: str) -> Column[str]:
    """Return a column of the primary key."""
    return Column(name, Text, primary_key=True)


def number() -> Column[int]:
    """Return the column of a row's id."""
    kind = BigInteger().with_variant(Integer, "sqlite")
    return Column("id", kind, primary_key=True, autoincrement=False)


def words(name: str) -> Column[str]:
    """Return a text column, empty if there is no value."""
    return Column(name, Text, nullable=False, server_default="")


def flag(name: str, default: str = "false") -> Column[bool]:
    """Return a boolean column."""
    return Column(name, Boolean, nullable=False, server_default=text(default))


_WHERE = "where"


def partial_index(
    name: str, *columns: Column[Any], where: ColumnElement[bool] | TextClause
) -> None:
    """Define an index of only the rows for which `where` holds, on either database.

    Only `create_all` passes the condition to the dialect: an index with `postgresql_where` would
    make every process load that dialect with four of its drivers' modules.
    """
    Index(name, *columns, info={_WHERE: where})


def create_all(connection: Connection) -> None:
    """Create every table and index in an empty store."""
    for table in metadata.tables.values():
        for index in table.indexes:
            if _WHERE in index.info:
                index.kwargs[f"{connection.dialect.name}_{_WHERE}"] = index.info[_WHERE]
    metadata.create_all(connection)


def mark_of_tables(tables: Iterable[Table]) -> str:
    """Return a mark of the names of tables, columns and indexes: six hexadecimal digits."""
    names: list[str] = []
    for table in tables:
        names += (f"{table.name}.{column.name} {column.nullable}" for column in table.columns)
        names += (str(index.name) for index in table.indexes)
    return sha256("\n".join(sorted(names)).encode()).hexdigest()[:6]
