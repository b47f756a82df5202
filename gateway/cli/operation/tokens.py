"""Tokens of the API."""

import secrets
from typing import Annotated

import typer

from gateway.app import common
from gateway.cli.context import Json, of, read_id, user_name
from gateway.cli.listing import ListColumns, ListRequest, in_memory, lists
from gateway.cli.output import one_line, print_json, print_line
from gateway.core import ids
from gateway.core.token import Token, TokenRole, TokenScope
from gateway.documents.access import token_document
from gateway.store.api import tokens

app = typer.Typer(help="Tokens of the API.", no_args_is_help=True)

_NO_TOKENS = "No tokens. `gateway tokens create` makes one for a program that calls the API."

PREFIX = "gw_"  #: Shows what it is to anybody who finds one where it should not be.
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
    invocation = of(context)
    secret = PREFIX + secrets.token_urlsafe(_OCTETS)
    with invocation.store() as store:
        token = Token(
            id=common.ids_of(store).next(),
            name=name or user_name(),
            source=source or invocation.settings.crm.source,
            scopes=frozenset(scope),
            roles=frozenset(role or ()),
        )
        with store.writing() as connection:
            tokens.add(connection, token, secret)
    if as_json:
        print_json({**token_document(token), "token": secret})
        return
    print_line(secret)


_COLUMNS: ListColumns[Token] = {
    "id": lambda token: ids.show(token.id),
    "made": lambda token: token.at,
    "name": lambda token: one_line(token.name),
    "source": lambda token: token.source,
    "scopes": lambda token: ", ".join(sorted(token.scopes)),
    "roles": lambda token: ", ".join(sorted(token.roles)),
    "last used": lambda token: token.last_used,
    "revoked": lambda token: token.revoked_at,
}


@app.command("list")
@lists()
def list_tokens(context: typer.Context, request: ListRequest) -> None:
    """List all tokens, revoked ones too, the newest first."""
    with of(context).store() as store, store.reading() as connection:
        listed = [
            token
            for token in tokens.list_tokens(connection)
            if request.since is None or token.at >= request.since
        ]
    source = in_memory(listed, lambda token: ids.show(token.id))
    request.print(source, _COLUMNS, document=token_document, empty=_NO_TOKENS)


@app.command("revoke")
def revoke(context: typer.Context, number: _Id) -> None:
    """Revoke a token at once."""
    with of(context).store() as store, store.writing() as connection:
        before = tokens.revoke(connection, read_id(number), common.now())
    print_line(f"Revoked: {number} ({one_line(before.name)}).")
