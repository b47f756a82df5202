"""The key file: listing its keys, adding a new one, and giving up a lost one."""

from typing import Annotated

import typer

from gateway.cli.context import NotFound, of, wrong_use
from gateway.cli.listing import ListColumns, ListRequest, in_memory, lists
from gateway.cli.output import print_line

app = typer.Typer(
    help="Keys of return addresses, links, and erased addresses.",
    no_args_is_help=True,
)


@app.command("list")
@lists(has_since=False)
def list_keys(context: typer.Context, request: ListRequest) -> None:
    """List the keys by their marks, and who stays suppressed.

    The exit code is 1 if a key that somebody stays suppressed by is not in the file: bulk mail is
    held until it is back.
    """
    from gateway.app.keys import signing_keys
    from gateway.core.people.erased_names import ErasedNames
    from gateway.store.people import erasure_keys

    invocation = of(context)
    with invocation.store() as store, store.reading() as connection:
        needed = erasure_keys.marks(connection)
    is_there = invocation.settings.keys.file.exists()
    keys = ErasedNames(lambda: signing_keys(invocation.settings)).key_marks if is_there else ()
    lost = [mark for mark in needed if mark not in keys]

    def state(mark: str) -> str:
        return "LOST" if mark in lost else "signs" if mark == keys[0] else "verifies"

    def document(mark: str) -> dict[str, object]:
        since = needed.get(mark)
        return {
            "mark": mark,
            "signs": state(mark) == "signs",
            "suppresses_since": None if since is None else since.isoformat(),
            "lost": mark in lost,
        }

    columns: ListColumns[str] = {
        "mark": lambda mark: mark,
        "state": state,
        "keeps people suppressed since": needed.get,
    }
    empty = f"No keys yet: {invocation.settings.keys.file} is made when one is needed."
    request.print(in_memory([*keys, *lost], str), columns, document=document, empty=empty)
    if lost:
        raise typer.Exit(1)


@app.command("rotate")
def rotate(context: typer.Context) -> None:
    """Put a new key on top of the file.

    The old ones stay below it, and go on verifying. Reload the gateway afterwards (SIGHUP), and
    back the file up.
    """
    from gateway.app import keys
    from gateway.core.people.erased_names import ErasedNames

    invocation = of(context)
    marks = (
        ErasedNames(lambda: rotated).key_marks
        if (rotated := keys.rotate(invocation.settings))
        else ()
    )
    print_line(f"{marks[0]} signs from the next reload on; {len(marks) - 1} below it verify.")
    print_line(f"Back up {invocation.settings.keys.file}.")


@app.command("forget")
def forget(
    context: typer.Context,
    mark: Annotated[
        str, typer.Argument(metavar="MARK", help="The key, as gateway keys list shows it.")
    ],
    by: Annotated[str, typer.Option("--by", metavar="WHO", help="Who asked for it.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask on a terminal.")] = False,
) -> None:
    """Give up a key that is lost for good: bulk mail flows again.

    Whoever stays suppressed by nothing but this key gets mail again when the CRM or Mailchimp
    brings the address; suppress those you know of first.
    """
    import sys

    from gateway.app.keys import erased_names
    from gateway.core.errors import GatewayError
    from gateway.store.people import erasure_keys

    invocation = of(context)
    if not by.strip():
        wrong_use("say who asked for it: --by eva")
    try:
        is_there = mark in erased_names(invocation.settings).key_marks
    except GatewayError:
        is_there = False
    if is_there:
        wrong_use(f"{mark} is in {invocation.settings.keys.file}: nothing is lost")
    if not yes and sys.stdin.isatty():
        typer.confirm(f"Give up everybody suppressed by {mark}?", abort=True, err=True)
    with invocation.store() as store, store.writing() as connection:
        is_done = erasure_keys.forget(connection, mark)
    if not is_done:
        raise NotFound(f"nobody is suppressed by a key {mark}", "gateway keys list")
    print_line(f"Given up by {by}: {mark}.")
