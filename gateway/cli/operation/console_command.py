"""The console's users, and what they did there."""

import secrets
from collections.abc import Sequence
from typing import Annotated

import typer

from gateway.api.console.roles import ConsoleRole
from gateway.api.console.users import (
    LONGEST_NAME,
    is_name,
    is_there,
    put_user,
    read_users,
    remove_user,
)
from gateway.cli.context import of, wrong_use
from gateway.cli.listing import ListColumns, ListRequest, in_memory, lists, newest_first
from gateway.cli.operation.password import ask_password
from gateway.cli.output import print_line
from gateway.core import ids
from gateway.core.moments import in_utc
from gateway.core.written import did_you_mean
from gateway.store.console import console_acts
from gateway.store.console.console_acts import ConsoleAct
from gateway.store.engine.database import StoreTransaction

app = typer.Typer(help="The console: who may sign in, who did what.", no_args_is_help=True)

_NO_USERS = "Nobody yet. `gateway console user NAME` adds somebody who signs in with a password."
_NO_ACTS = "No acts yet. What people do in the console is written down here."

_Name = Annotated[str, typer.Argument(metavar="NAME", help="Who signs in, e.g. anna.")]
_Roles = Annotated[
    list[str] | None,
    typer.Option(
        "--role",
        help="What they may do: look, work, manage or run; may be repeated. By default look.",
    ),
]


@app.command("user")
def add_or_change_user(
    context: typer.Context,
    name: _Name,
    *,
    role: _Roles = None,
    keep_password: Annotated[
        bool, typer.Option("--keep-password", help="Change only the roles.")
    ] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="Take away the right to sign in.")
    ] = False,
) -> None:
    """Add a user of the console, or change one.

    The password is asked for on a terminal, or read from the first line of standard input; where
    that is empty one is made and printed. It counts at once, without a restart; whoever is signed
    in with the old password is signed out.

    `look` sees everything, `work` also assigns mail, suppresses and releases people and makes
    campaigns, `manage` also changes triggers and templates and sends campaigns, `run` is `work`
    with pauses, the outbox and imports.
    """
    invocation = of(context)
    file = invocation.settings.console.users
    # A line starting with # is a comment in the file.
    if not is_name(name) or ":" in name or name.startswith("#"):
        wrong_use(
            "a name must not be empty or have a colon, blanks around it or control characters, or "
            f"begin with #; it has {LONGEST_NAME} letters at most"
        )
    if remove:
        remove_user(file, name)
        print_line(f"{name} can't sign in any more ({file}).")
        return
    role_names = [part.lower() for text in role or () for part in text.replace(",", " ").split()]
    for part in role_names:
        if part not in set(ConsoleRole):
            wrong_use(f"a role is one of {', '.join(ConsoleRole)}{did_you_mean(part, ConsoleRole)}")
    roles = [ConsoleRole(part) for part in role_names]
    if keep_password and not roles:
        wrong_use("--keep-password needs --role: there is nothing else to change")
    made = ""
    password: str | None = None
    if not keep_password:
        password = ask_password()
        if not password:
            password = made = secrets.token_urlsafe(12)
    is_new = put_user(file, name, password, roles or [ConsoleRole.LOOK])
    names = ", ".join(sorted(roles or [ConsoleRole.LOOK]))
    what = "can sign in" if is_new else "is changed"
    print_line(f"{name} {what} at http://{invocation.settings.api.bind}/console ({names}; {file}).")
    if made:
        print_line(f"Password: {made}")


@app.command("users")
@lists(has_since=False)
def list_users(context: typer.Context, request: ListRequest) -> None:
    """List the users of the console."""
    file = of(context).settings.console.users
    users = read_users(file).users if is_there(file) else {}
    roles = {name: sorted(users[name].roles) for name in sorted(users)}
    columns: ListColumns[str] = {"name": str, "roles": lambda name: ", ".join(roles[name])}
    request.print(
        in_memory(roles, str),
        columns,
        document=lambda name: {"name": name, "roles": roles[name]},
        empty=_NO_USERS,
    )


_ACTS: ListColumns[ConsoleAct] = {
    "id": lambda act: ids.show(act.id),
    "when": lambda act: act.at,
    "user": lambda act: act.user,
    "act": lambda act: act.act,
    "about": lambda act: act.about,
}


@app.command("acts")
@lists()
def list_acts(
    context: typer.Context,
    request: ListRequest,
    *,
    user: Annotated[str | None, typer.Option(help="Only what this user did.")] = None,
    about: Annotated[
        str | None, typer.Option(help="Only what is about this, e.g. candidate:17.")
    ] = None,
) -> None:
    """List what was done in the console, the newest first."""

    def read(connection: StoreTransaction, before: int | None, limit: int) -> Sequence[ConsoleAct]:
        return console_acts.list_acts(
            connection, user=user, about=about, since=request.since, before=before, limit=limit
        )

    def document(act: ConsoleAct) -> dict[str, object]:
        return {
            "id": ids.show(act.id),
            "at": in_utc(act.at),
            "user": act.user,
            "act": act.act,
            "about": act.about,
        }

    with of(context).store() as store:
        source = newest_first(store, read, lambda act: act.id)
        request.print(source, _ACTS, document=document, empty=_NO_ACTS)
