"""Tokens of the API."""

import secrets
from typing import Annotated

import typer

from gateway.app import common
from gateway.cli.context import Json, of, read_id, user_name
from gateway.cli.output import local, one_line, print_json, print_line, print_table
from gateway.core import ids
from gateway.core.token import Token, TokenRole, TokenScope
from gateway.documents.access import token_document
from gateway.store.api import tokens

app = typer.Typer(help="Tokens of the API.", no_args_is_help=True)

_NO_TOKENS = "No tokens. `gateway tokens create` makes one for a program that calls the API."

PREFIX = "gw_"  #: Shows what it is to whoever finds one where it should not be.
_OCTETS = 32

_Id = Annotated[str, typer.Argument(metavar="ID", help="The id of a token.")]
_Scopes = Annotated[
    list[TokenScope], typer.Option("--scope", help="What its user may do; may be repeated.")
]
_Roles = Annotated[
    list[TokenRole] | None,
    typer.Option("--role", help="A manager may change suppressions."),
]
_Name = Annotated[
    str | None, typer.Option(help="Whose it is, for the record; by default your login here.")
]
_Source = Annotated[
    str | None,
    typer.Option(help="Who owns the rows it sends; by default [crm] source.", metavar="NAME"),
]


@app.command("create")
def create(
    context: typer.Context,
    *,
    scope: _Scopes,
    role: _Roles = None,
    name: _Name = None,
    source: _Source = None,
    as_json: Json = False,
) -> None:
    """Make a token and print it, this once: it can't be shown again.

    `read` reads everything, `feed` sends people, groups, statuses …, `suppressions` adds and
    releases suppressions, `events` reports submitted applications and changed statuses, `outbox`
    shows what the gateway sends and sends it again, `campaigns` makes and sends campaigns.

    Only managers change suppressions: a token with `--role manager`, or one that names a member of
    staff with the role `manager` as the person who asked.
    """
    chosen = of(context)
    secret = PREFIX + secrets.token_urlsafe(_OCTETS)
    with chosen.store() as store:
        token = Token(
            id=common.ids_of(store).next(),
            name=name or user_name(),
            source=source or chosen.settings.crm.source,
            scopes=frozenset(scope),
            roles=frozenset(role or ()),
        )
        with store.writing() as connection:
            tokens.add(connection, token, secret)
    if as_json:
        print_json({**token_document(token), "token": secret})
        return
    print_line(secret)


@app.command("list")
def list_tokens(context: typer.Context, as_json: Json = False) -> None:
    """List all tokens, revoked ones too, the newest first."""
    chosen = of(context)
    with chosen.store() as store, store.reading() as connection:
        listed = tokens.listed(connection)
    if as_json:
        print_json([token_document(token) for token in listed])
        return
    headings = ("id", "made", "name", "source", "scopes", "roles", "last used", "revoked")
    rows = (
        (
            ids.show(token.id),
            local(token.at, chosen.zone),
            one_line(token.name),
            token.source,
            ", ".join(sorted(token.scopes)),
            ", ".join(sorted(token.roles)),
            local(token.last_used, chosen.zone),
            local(token.revoked_at, chosen.zone),
        )
        for token in listed
    )
    print_table(headings, rows, empty=_NO_TOKENS)


@app.command("revoke")
def revoke(context: typer.Context, number: _Id) -> None:
    """Revoke a token at once."""
    with of(context).store() as store, store.writing() as connection:
        before = tokens.revoke(connection, read_id(number), common.now())
    print_line(f"Revoked: {number} ({one_line(before.name)}).")
