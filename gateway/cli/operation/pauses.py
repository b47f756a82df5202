"""Pausing mail by hand, and resuming it."""

from enum import StrEnum
from typing import Annotated

import typer

from gateway.app.common import now
from gateway.cli.context import of, user_name
from gateway.cli.output import print_line
from gateway.store.journal import message_lookup


class Pausable(StrEnum):
    """What can be paused."""

    BULK = "bulk"
    ALL = "all"


def pause(
    context: typer.Context,
    what: Annotated[Pausable, typer.Argument(metavar="MAIL", help="Bulk mail, or all mail.")],
) -> None:
    """Make the CRM hold its mail back.

    Until `gateway resume` it is answered 451, and tries again later.
    """
    with of(context).store() as store, store.writing() as connection:
        message_lookup.pause(connection, what, now=now(), by=user_name())
    print_line(f"Paused: {what}. The CRM hears 451 until `gateway resume`.")


def resume(context: typer.Context) -> None:
    """Accept mail again after a pause."""
    with of(context).store() as store, store.writing() as connection:
        lifted = message_lookup.resume(connection)
    print_line(f"Resumed: {', '.join(lifted)}." if lifted else "Nothing was paused.")
