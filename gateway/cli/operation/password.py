"""Asking for a password."""

import sys

import typer

from gateway.cli.context import wrong_use


def ask_password() -> str:
    """Ask for a password on a terminal, or read it from the first line of standard input.

    Empty if there is none.
    """
    if sys.stdin.isatty():
        password: str = typer.prompt(
            "Password", hide_input=True, confirmation_prompt=True, err=True
        )
        return password
    try:
        return sys.stdin.buffer.readline().decode().rstrip("\r\n")
    except UnicodeDecodeError:
        wrong_use("the password on standard input is not UTF-8: give it in UTF-8")
