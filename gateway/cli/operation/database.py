"""The store's schema."""

from typing import Annotated

import typer

from gateway.app import common
from gateway.cli.context import NotFound, of
from gateway.cli.output import complain, print_line
from gateway.config import Settings
from gateway.core.written import counted
from gateway.store.engine.database import Database
from gateway.store.engine.upgrade import upgrade
from gateway.store.schema import VERSION

app = typer.Typer(help="The store's schema.", no_args_is_help=True)


@app.command("upgrade")
def upgrade_schema(
    context: typer.Context,
    *,
    new: Annotated[
        bool, typer.Option("--new", help="Begin with an empty store even if there was one.")
    ] = False,
) -> None:
    """Bring the store to this gateway's version.

    Stop the gateway and make a copy first. A missing store is created, but not on a machine that
    had one before: an empty store would let bulk mail through to everybody.
    """
    invocation = of(context)
    database = common.open_database(invocation.settings)
    try:
        before = _version(database)
        if before is None:
            database.prepare(anew=new)
            done = f"Created at version {VERSION}."
        elif upgrade(database):
            done = f"Upgraded from {before} to {VERSION}."
        else:
            done = f"At version {before} already."
        _tell_lost_erasures(invocation.settings, database, is_new=before is None)
    finally:
        database.close()
    print_line(done)


@app.command("check")
def check_schema(context: typer.Context) -> None:
    """Show the store's version, and whether it is whole."""
    invocation = of(context)
    database = common.open_database(invocation.settings)
    try:
        if _version(database) is None and not database.was_there:
            raise NotFound("the store is empty: its schema is created at first use")
        common.prepare(database)
        _tell_lost_erasures(invocation.settings, database)
    finally:
        database.close()
    print_line(f"The store is at version {VERSION}, and whole.")


def _tell_lost_erasures(settings: Settings, database: Database, *, is_new: bool = False) -> None:
    """Report erased people that a restored store has again, or a new one may get again."""
    from gateway.app.people.erasure import AGAIN, missing_erasures

    with database.reading() as connection:
        lost = missing_erasures(settings, connection)
    if lost and is_new:
        complain(f"the new store knows of none of {counted(len(lost), 'erasure')}: {AGAIN}")
    elif lost:
        people = counted(len(lost), "erased person", "erased people")
        complain(f"the store was restored and has {people} again: {AGAIN}")


def _version(database: Database) -> str | None:
    is_missing = database.file is not None and database.file.identity() is None
    return None if is_missing else database.version()
