"""What came back: listed, read from a file, and as shares by domain."""

import csv
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Annotated

import typer

from gateway.app import common
from gateway.cli.context import Json, of, read_mail_address, wrong_use
from gateway.cli.output import local, one_line, print_json, print_json_list, print_line, print_table
from gateway.core import ids
from gateway.core.bounces.bounce import BounceKind
from gateway.core.feed.spreadsheet import harmless
from gateway.core.mail.mail_file import NoMail, read_mail
from gateway.core.plot import PlotBar, draw_bars, svg
from gateway.documents.bounces import bounce_document
from gateway.store.bounces import bounce_shares, bounces

app = typer.Typer(help="Bounces and complaints: what came back.", no_args_is_help=True)

_NOTHING = (
    "Nothing came back. Bounces arrive in a mailbox or at a listener with purpose = bounces, or "
    "among the replies."
)
_COLUMNS = ("at", "kind", "address", "reason", "hard", "status", "message", "proof", "inbox")
_SHARES = ("sender", "receiver", "sent", "bounced", "hard", "complaints", "bounce_rate")
_Kind = Annotated[
    list[BounceKind] | None, typer.Option(help="Only what is of this kind; may be repeated.")
]
_Limit = Annotated[int, typer.Option(help="At most so many, the newest.", min=1)]
_Csv = Annotated[bool, typer.Option("--csv", help="Print CSV, for the CRM.")]


@app.command("list")
def list_bounces(
    context: typer.Context,
    *,
    address: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Only of this address.")
    ] = None,
    kind: _Kind = None,
    since: Annotated[
        str | None, typer.Option(metavar="WHEN", help="A day, a local time, or 2h, 3d.")
    ] = None,
    limit: _Limit = 50,
    as_csv: _Csv = False,
    as_json: Json = False,
) -> None:
    """List what came back, a line for each recipient, the newest first.

    `hard`: the address itself is wrong or gone. `proof` says by what a bounce is known to be about
    a message of the gateway's; without one nothing is done to the address.
    """
    chosen = of(context)
    wanted = chosen.lookup(read_mail_address(address)) if address else ""
    with chosen.store() as store, store.reading() as connection:
        kept = bounces.listed(
            connection,
            address=wanted,
            kinds=kind or (),
            since=chosen.moment(since) if since else None,
            limit=limit,
        )
    if as_json:
        print_json_list(bounce_document(entry) for entry in kept)
        return
    rows = [
        (
            local(entry.at, chosen.zone),
            entry.kind,
            entry.address or one_line(entry.recipient),
            entry.reason,
            "hard" if entry.hard else "",
            one_line(entry.status),
            "" if entry.message is None else ids.show(entry.message),
            entry.proof or "none",
            ids.show(entry.inbox),
        )
        for entry in kept
    ]
    if as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow((*_COLUMNS, "diagnostic"))
        for cells, entry in zip(rows, kept, strict=True):
            writer.writerow(map(harmless, (*cells, one_line(entry.diagnostic))))
        return
    print_table(_COLUMNS, rows, empty=_NOTHING)


@app.command("read")
def read_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A mail; - reads standard input.")],
    as_json: Json = False,
) -> None:
    """Say what a mail tells of recipients.

    Nothing is kept, nobody is suppressed.
    """
    from gateway.inbound.reading.bounces.bounces import read_bounces

    try:
        octets = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        wrong_use(f"{file}: {error.strerror or error}")
    mail = read_mail(octets)
    if isinstance(mail, NoMail):
        wrong_use(f"{'standard input' if str(file) == '-' else file} {mail.fault}")
    bounces = read_bounces(message_from_bytes(mail))
    if as_json:
        print_json([asdict(bounce) | {"hard": bounce.is_hard} for bounce in bounces])
        return
    headings = ("recipient", "kind", "reason", "hard", "status", "diagnostic")
    rows = (
        (
            one_line(bounce.recipient),
            bounce.kind,
            bounce.reason if bounce.kind in (BounceKind.BOUNCE, BounceKind.DELAY) else "",
            "hard" if bounce.is_hard else "",
            one_line(bounce.status),
            one_line(bounce.diagnostic),
        )
        for bounce in bounces
    )
    print_table(headings, rows, empty="It says nothing of any recipient.")


@app.command("report")
def report(
    context: typer.Context,
    *,
    days: Annotated[int, typer.Option(help="Of so many days.", min=1)] = 30,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Plot the shares into a .svg or .png file."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Report what share of mail came back.

    By the domains of senders and receivers. Gmail and Yahoo want complaints below 0.3 %; more
    than 5 % bounces is what providers look into.
    """
    if plot is not None and plot.suffix.lower() not in {".svg", ".png"}:
        wrong_use(f"a plot is a .svg or .png file, not {plot}")
    chosen = of(context)
    since = common.now() - timedelta(days=days)
    with chosen.store() as store, store.reading() as connection:
        shares = bounce_shares.by_domain(connection, since)
    if plot is not None:
        _draw(shares, plot, f"Of the last {days} days, by sender's and receiver's domain")
    if as_json:
        print_json([asdict(share) | {"bounce_rate": share.bounce_rate} for share in shares])
        return
    rows = (
        (
            share.sender,
            share.receiver,
            share.sent,
            share.bounced,
            share.hard,
            share.complaints,
            f"{share.bounce_rate:.1%} {'#' * round(share.bounce_rate * 50)}",
        )
        for share in shares
    )
    print_table(_SHARES, rows, empty=f"No mail went out in the last {days} days.")
    for share in shares:
        if share.is_alarming:
            print_line(f"Look at {share.sender} to {share.receiver}: {share.alarm}", "red")


def _draw(shares: Sequence[bounce_shares.BounceShare], file: Path, subtitle: str) -> None:
    bars = [
        PlotBar(
            f"{share.sender} to {share.receiver}",
            share.bounce_rate,
            f"{share.bounce_rate:.1%} of {share.sent:,}; {share.complaints:,} complaints",
            share.is_alarming,
        )
        for share in shares
    ]
    shapes = draw_bars("What came back", subtitle, bars, nothing="No mail went out.")
    if file.suffix.lower() == ".svg":
        painted = svg(shapes).encode()
    else:
        from gateway.cli.campaigns.picture import png

        painted = png(shapes)
    try:
        file.write_bytes(painted)
    except OSError as error:
        wrong_use(f"{file}: {error.strerror or error}")
