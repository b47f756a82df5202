"""Running the gateway."""

from typing import Annotated

import typer

from gateway.app.roles.run import ROLES, UnknownRole, run_gateway
from gateway.cli.context import of, wrong_use

_ROLES = typer.Argument(metavar="ROLE", help=f"Any of {', '.join(ROLES)}; by default all of them.")


def run(context: typer.Context, roles: Annotated[list[str] | None, _ROLES] = None) -> None:
    """Run the gateway, or some of its roles.

    It stops on SIGTERM or Ctrl-C. Each role runs in a process of its own that is restarted if it
    dies. SIGHUP reloads the config and the certificates.
    """
    try:
        run_gateway(of(context).file, roles or [])
    except UnknownRole as error:
        wrong_use(str(error))
