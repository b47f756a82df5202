"""Suppressions of single addresses, and all that suppresses one."""

import csv
import sys
from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from gateway.app import common
from gateway.cli.context import (
    Context,
    Json,
    NotFound,
    of,
    read_mail_address,
    wrong_use,
)
from gateway.cli.output import local, one_line, print_json, print_line, print_table
from gateway.cli.switches import user_name
from gateway.core.kinds import Scope
from gateway.core.people import PersonRef, Standing, Suppression
from gateway.core.spreadsheet import harmless
from gateway.core.typed_address import NotAnAddress, TypedAddress, read_address
from gateway.store import documents, opt_outs, releases, suppression
from gateway.store.database import Database
from gateway.store.suppression import Entry, Standings

app = typer.Typer(help="Suppressions of single addresses.", no_args_is_help=True)

_Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="A mail address.")]
_Scope = Annotated[Scope, typer.Option(help="Which mail the address no longer gets.")]
_Note = Annotated[str, typer.Option(help="Why; stays inside unless --public.", metavar="TEXT")]
_Public = Annotated[bool, typer.Option("--public", help="Tell the note to whoever writes there.")]
_Until = Annotated[
    str | None, typer.Option(help="The last day, or a local time; else for ever.", metavar="DATE")
]
_By = Annotated[
    str | None, typer.Option(help="Who asked for it; else the user of this system.", metavar="WHO")
]


@app.command("add")
def add(
    context: typer.Context,
    address: _Address,
    *,
    scope: _Scope = Scope.BULK,
    note: _Note = "",
    public: _Public = False,
    until: _Until = None,
    by: _By = None,
) -> None:
    """Suppress an address from the next message on."""
    typed = _typed(address)
    chosen, present = of(context), common.now()
    end = chosen.end_of_day(until)
    if end is not None and end <= present:
        wrong_use(f"--until {until} is in the past")
    with chosen.store() as store, store.writing() as connection:
        suppression.add(
            connection,
            id=common.Ids().next(),
            address=chosen.lookup(typed),
            scope=scope,
            remark=note,
            public=public,
            by=by or user_name(),
            since=present,
            until=end,
        )
    print_line(f"Suppressed: {typed} gets {scope.covers}{_until(chosen, end)}.")


@app.command("release")
def release(
    context: typer.Context,
    address: Annotated[
        str, typer.Argument(metavar="ADDRESS", help="A mail address, or candidate:17.")
    ],
    by: _By = None,
) -> None:
    """Lift the suppression of an address, and opt-outs.

    Of opt-outs, those from Mailchimp; the history of both stays. Whoever has the address leaves
    the opt-out group as far as Mailchimp put them in. Mailchimp itself may go on refusing: that
    is said.
    """
    chosen, who, present = of(context), by or user_name(), common.now()
    typed = _person(address) or read_address(address)
    match typed:
        case PersonRef():
            key: PersonRef | str = typed
        case TypedAddress():
            key = chosen.lookup(typed.address)
        case NotAnAddress():  # Older versions stored what was typed as it stood.
            key = chosen.lookup(address)
    with chosen.store() as store, store.writing() as connection:
        found = releases.release(connection, key, by=who, now=present)
    if not found.is_any and isinstance(typed, NotAnAddress):
        wrong_use(str(typed))
    if not found.is_any:
        raise NotFound(f"nothing suppresses {address} itself, and nobody there opted out")
    print_line(f"Released: {address}.")
    for ref in found.lifted:
        print_line(f"{ref} is out of the opt-out group.")
    for one in found.refused:
        print_line(refusal(chosen, one))


def refusal(context: Context, one: opt_outs.Refusal) -> str:
    """Return in one line that Mailchimp itself sends no campaigns to an address, and what helps."""
    since = f" since {local(one.since, context.zone)}" if one.since else ""
    match one.status:
        case "unsubscribed":
            why = f"unsubscribed{since}; only the person can subscribe again, by a form of yours"
        case "cleaned":
            why = f"cleaned{since}, for the address bounces; mail from the CRM is not stopped"
        case _:
            why = one_line(one.reason)
    return f"Mailchimp itself still refuses {one.address}: {why}"


@app.command("list")
def list_suppressions(
    context: typer.Context,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: Json = False,
) -> None:
    """List the suppressions of single addresses in force, by address."""
    chosen = of(context)
    with chosen.store() as store, store.reading() as connection:
        found = suppression.listed(connection, at=common.now())
    if as_json:
        print_json([documents.entry(one) for one in found])
        return
    headings = ("address", "scope", "since", "until", "by", "note")
    if as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(headings)
        writer.writerows([harmless(str(cell)) for cell in _row(chosen, one)] for one in found)
        return
    print_table(headings, (_row(chosen, one) for one in found))


@app.command("show")
def show(context: typer.Context, address: _Address, as_json: Json = False) -> None:
    """Show all that suppresses an address, and its history."""
    typed = read_mail_address(address)
    chosen = of(context)
    lookup = chosen.lookup(typed)
    with chosen.store() as store:
        standings = open_standings(chosen, store)
        with store.reading() as connection:
            standing = standings.within(connection, [lookup]).get(lookup, Standing())
            history = suppression.history(connection, lookup)
        standings.close()
    if as_json:
        print_json(documents.standing(lookup, standing, history))
        return
    for line in _described(chosen, lookup, standing, history):
        print_line(line)


def open_standings(context: Context, store: Database) -> Standings:
    """Return what tells who is suppressed, under the settings."""
    return common.standings(context.settings, store)


def described(context: Context, one: Suppression) -> str:
    """Return a suppression in one line."""
    person = f", {one.person}" if one.person else ""
    since = f" since {local(one.since, context.zone)}" if one.since else ""
    name = f' "{one_line(one.name)}"' if one.name else ""
    note = f": {one_line(one.remark)}" if one.remark else ""
    by = f" by {one.origin}" if one.origin else ""
    until = _until(context, one.until)
    return f"{one.scope.covers}: {one.source}{name}{person}{since}{until}{by}{note}"


def _described(
    context: Context, address: str, standing: Standing, history: Sequence[Entry]
) -> Iterator[str]:
    yield f"{address}"
    for holder in standing.holders:
        inactive = "" if holder.active else ", not active"
        yield f"  belongs to {holder.ref} {one_line(holder.name)}{inactive}"
    reasons = list(documents.reasons(standing))
    yield from (f"  {described(context, one)}" for one in reasons)
    if not reasons:
        yield "  is not suppressed"
    for one in history:
        if one.released_at is not None:
            when = local(one.released_at, context.zone)
            yield f"  got {one.scope.covers}; released {when} by {one.released_by}"


def _row(context: Context, one: Entry) -> Sequence[object]:
    since, until = local(one.since, context.zone), local(one.until, context.zone)
    return one.address, one.scope, since, until, one.by, one_line(one.remark)


def _until(context: Context, until: object) -> str:
    return "" if until is None else f" until {local(until, context.zone)}"  # type: ignore[arg-type]


def _typed(address: str) -> str:
    """Return the address to suppress; wrong use for anything else, people among it."""
    if _person(address) is not None:
        wrong_use(
            f"{address} is a person, suppressed by a group or status in the CRM; here goes an "
            f"address of theirs: gateway person show {address} lists them"
        )
    return read_mail_address(address)


def _person(text: str) -> PersonRef | None:
    try:
        return PersonRef.parse(text.strip())
    except ValueError:
        return None
