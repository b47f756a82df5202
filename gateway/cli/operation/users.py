"""Logins of the CRM."""

from typing import Annotated

import argon2
import typer

from gateway.cli.context import wrong_use
from gateway.cli.operation.password import ask_password
from gateway.cli.output import print_line

app = typer.Typer(help="Logins the CRM may use.", no_args_is_help=True)


@app.callback()
def users() -> None:
    """Logins the CRM may use."""


@app.command("hash")
def hash_password(
    login: Annotated[str, typer.Argument(metavar="LOGIN", help="The login, e.g. crm.")],
) -> None:
    """Print the line of a listener's `users` file for a login.

    The password is asked for on a terminal, or read from the first line of standard input.
    """
    if not login or ":" in login or not login.isprintable():
        wrong_use("a login must not be empty or have a colon or control characters in it")
    password = ask_password()
    if not password:
        wrong_use("no password on standard input")
    print_line(f"{login}:{argon2.PasswordHasher().hash(password)}")
