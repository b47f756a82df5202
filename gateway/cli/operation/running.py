"""Running the gateway."""

from typing import Annotated

import typer

from gateway.app.roles.run import ROLES, UnknownRole, run_gateway
from gateway.cli.context import of, wrong_use

_ROLES = typer.Argument(metavar="ROLE …", help=f"Of {', '.join(ROLES)}; none: all of them.")


def run(context: typer.Context, roles: Annotated[list[str] | None, _ROLES] = None) -> None:
    """Run the gateway, or some of its roles.

    It ends with SIGTERM or Ctrl-C. Each role is a process of its own and is started again when it
    dies; SIGHUP has the config and the certificates read again.
    """
    try:
        run_gateway(of(context).file, roles or [])
    except UnknownRole as error:
        wrong_use(str(error))
