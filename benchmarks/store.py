"""The benchmark's queries of the gateway's store, and how it fills one."""

from sqlalchemy import text

from gateway.store.engine.database import Database

SYNCHRONOUS = ("OFF", "NORMAL", "FULL", "EXTRA")
RELAYED = "SELECT count(*) FROM deliveries WHERE state = 'relayed'"
GROUP = """
INSERT INTO groups (kind, crm_id, name, tag)
VALUES ('candidate', 'no-mail', 'No mail', 'NoMailingsTag')
"""
NUMBERS = """
WITH RECURSIVE numbers (n) AS (VALUES (:first) UNION ALL SELECT n + 1 FROM numbers WHERE n < :last)
"""
PEOPLE = """
INSERT INTO people (kind, crm_id, emails)
SELECT 'candidate', printf('%08d', n), printf('suppressed%08d@bench.example', n) FROM numbers
"""
ADDRESSES = """
INSERT INTO addresses (kind, person, address)
SELECT 'candidate', printf('%08d', n), printf('suppressed%08d@bench.example', n) FROM numbers
"""
MEMBERSHIPS = """
INSERT INTO memberships (kind, person, group_id, source, since)
SELECT 'candidate', printf('%08d', n), 'no-mail', 'crm', 0 FROM numbers
"""


def relayed(database: Database) -> int:
    """Return the number of relayed deliveries in the journal."""
    return _number(database, RELAYED)


def durability(database: Database) -> str:
    """Return what a commit of the gateway waits for, e.g. `WAL, synchronous = FULL`."""
    with database.reading() as connection:
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
    return f"{mode.upper()}, synchronous = {SYNCHRONOUS[_number(database, 'PRAGMA synchronous')]}"


def address(number: int) -> str:
    """Return the suppressed address with this number."""
    return f"suppressed{number:08d}@bench.example"


def suppress_group(database: Database) -> None:
    """Create the group whose members get no bulk mail."""
    with database.writing() as connection:
        connection.execute(text(GROUP))


def suppress_addresses(database: Database, first: int, last: int) -> None:
    """Add the people with these numbers to the group, as an import would."""
    for statement in (PEOPLE, ADDRESSES, MEMBERSHIPS):
        with database.writing() as connection:
            command, numbers = statement.split("SELECT", 1)
            query = f"{command} {NUMBERS} SELECT {numbers}"
            connection.execute(text(query), {"first": first, "last": last})


def _number(database: Database, query: str) -> int:
    with database.reading() as connection:
        number: int = connection.exec_driver_sql(query).scalar_one()
        return number
