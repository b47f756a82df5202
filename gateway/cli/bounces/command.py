"""Bounces: listed, read from a file, and as shares by domain."""

import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.app import common
from gateway.cli.context import Json, of, read_mail_address, wrong_use
from gateway.cli.listing import (
    ListColumns,
    ListForm,
    ListRequest,
    in_memory,
    lists,
    newest_first,
)
from gateway.cli.output import one_line, print_json, print_json_list, print_line, print_table
from gateway.cli.plot_file import check_plot_file, write_plot
from gateway.core import ids
from gateway.core.bounces.bounce import BounceKind, KeptBounce
from gateway.core.bounces.bounce_share import BounceShare
from gateway.core.mail.mail_file import NoMail, mails_of_mbox, read_mail
from gateway.core.plot import PlotBar, draw_bars
from gateway.core.written import counted
from gateway.documents.bounces import bounce_document
from gateway.store.bounces import bounce_shares, bounces
from gateway.store.engine.database import StoreTransaction

app = typer.Typer(help="Bounces and complaints: what came back.", no_args_is_help=True)

_NOTHING = (
    "Nothing came back. Bounces arrive in a mailbox or at a listener with purpose = bounces, or "
    "among the replies."
)
_Kind = Annotated[
    list[BounceKind] | None, typer.Option(help="Only what is of this kind; may be repeated.")
]
_COLUMNS: ListColumns[KeptBounce] = {
    "at": lambda entry: entry.at,
    "kind": lambda entry: entry.kind,
    "address": lambda entry: entry.address or one_line(entry.recipient),
    "reason": lambda entry: entry.reason,
    "hard": lambda entry: "hard" if entry.hard else "",
    "status": lambda entry: one_line(entry.status),
    "message": lambda entry: "" if entry.message is None else ids.show(entry.message),
    "proof": lambda entry: entry.proof or "none",
    "inbox": lambda entry: ids.show(entry.inbox),
}
_FOR_THE_CRM: ListColumns[KeptBounce] = {
    **_COLUMNS,
    "diagnostic": lambda entry: one_line(entry.diagnostic),
    "suppression": lambda entry: "" if entry.suppression is None else ids.show(entry.suppression),
}
#: After every recipient that one mail can name.
_LAST_POSITION = 2**31 - 1


@app.command("list")
@lists()
def list_bounces(
    context: typer.Context,
    request: ListRequest,
    *,
    address: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Only of this address.")
    ] = None,
    kind: _Kind = None,
    undecided: Annotated[
        bool,
        typer.Option(
            "--undecided", help="Only what suppresses nobody by itself: a person has to decide."
        ),
    ] = False,
) -> None:
    """List what came back, a line for each recipient, the newest first.

    `hard`: the address itself is wrong or gone. `proof` says how a bounce is known to be about one
    of the gateway's messages; without any, nothing is done to the address.
    """
    invocation = of(context)
    lookup_form = invocation.lookup(read_mail_address(address)) if address else ""

    def read(connection: StoreTransaction, before: int | None, limit: int) -> list[KeptBounce]:
        return bounces.list_bounces(
            connection,
            address=lookup_form,
            kinds=kind or (),
            undecided=undecided,
            since=request.since,
            after=None if before is None else (before, _LAST_POSITION),
            limit=limit,
        )

    with invocation.store() as store:
        request.print(
            newest_first(store, read, lambda entry: entry.inbox),
            _COLUMNS,
            csv_columns=_FOR_THE_CRM,
            document=bounce_document,
            empty=_NOTHING,
        )


@app.command("read")
def read_files(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE", help="A mail, an mbox, or a folder of them; - reads standard input."
        ),
    ],
    as_json: Json = False,
) -> None:
    """Show what mails say about recipients.

    Nothing is kept, nobody is suppressed. `about`: whether it says something about the address,
    about whoever sent the mail, or only about the moment. JSON is a list of recipients;
    for several mails, a list of files with theirs.
    """
    is_one = len(files) == 1 and not files[0].is_dir()
    mails = [(file, *_read(file)) for path in files for file in _mails_in(path)]
    if is_one and mails[0][2]:
        wrong_use(mails[0][2])
    if as_json and is_one:
        print_json(mails[0][1])
        return
    if as_json:
        print_json_list(
            {"file": str(file), "fault": fault or None, "bounces": recipients}
            for file, recipients, fault in mails
        )
        return
    headings = ("recipient", "kind", "reason", "about", "hard", "status", "diagnostic")
    rows = [
        (
            *(() if is_one else (one_line(str(file)),)),
            one_line(bounce["recipient"]),
            bounce["kind"],
            bounce["reason"] or "",
            bounce["about"] or "",
            "hard" if bounce["hard"] else "",
            one_line(bounce["status"]),
            one_line(bounce["diagnostic"]),
        )
        for file, recipients, _ in mails
        for bounce in recipients
    ]
    names = headings if is_one else ("file", *headings)
    print_table(names, rows, empty="It says nothing of any recipient.")
    for _, _, fault in mails:
        if fault:
            print_line(fault, "red")


def _mails_in(file: Path) -> list[Path]:
    """Return a file, or those below a folder."""
    return sorted(path for path in file.rglob("*") if path.is_file()) if file.is_dir() else [file]


def _read(file: Path) -> tuple[list[dict[str, Any]], str]:
    """Return what a mail says about each recipient, or why a file can't be read as mail."""
    from gateway.inbound.reading.bounces.bounces import read_bounces

    name = "standard input" if str(file) == "-" else str(file)
    try:
        octets = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        return [], f"{name}: {error.strerror or error}"
    recipients = []
    for content in mails_of_mbox(octets):
        mail = read_mail(content)
        if isinstance(mail, NoMail):
            return [], f"{name} {mail.fault}"
        for bounce in read_bounces(message_from_bytes(mail)):
            has_reason = bounce.kind in (BounceKind.BOUNCE, BounceKind.DELAY)
            about = bounce.reason.about if has_reason else None
            reason = bounce.reason if has_reason else None
            hard = {"hard": bounce.is_hard}
            recipients.append({**asdict(bounce), "reason": reason, "about": about, **hard})
    return recipients, ""


_SHARES: ListColumns[BounceShare] = {
    "sender": lambda share: share.sender,
    "receiver": lambda share: share.receiver,
    "sent": lambda share: share.sent,
    "bounced": lambda share: share.bounced,
    "hard": lambda share: share.hard,
    "complaints": lambda share: share.complaints,
    "bounce_rate": lambda share: share.bounce_rate,
}
_SHARES_SHOWN: ListColumns[BounceShare] = {
    **_SHARES,
    "bounce_rate": lambda share: f"{share.bounce_rate:.1%} {'#' * round(share.bounce_rate * 50)}",
}


@app.command("report")
@lists()
def report(
    context: typer.Context,
    request: ListRequest,
    *,
    days: Annotated[
        int, typer.Option(help="How many days back, unless --since says so.", min=1, max=36_500)
    ] = 30,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Plot the shares into a .svg or .png file."),
    ] = None,
) -> None:
    """Report what share of mail came back.

    By the domains of senders and receivers. Gmail and Yahoo want complaints below 0.3 %; more
    than 5 % bounces is what providers look into.
    """
    check_plot_file(plot)
    invocation = of(context)
    since = request.since or common.now() - timedelta(days=days)
    with invocation.store() as store, store.reading() as connection:
        shares = bounce_shares.by_domain(connection, since)
    time = (
        f"since {invocation.local(since)}"
        if request.since
        else f"in the last {counted(days, 'day')}"
    )
    if plot is not None:
        _draw(shares, plot, f"Mail sent {time}, by sender's and receiver's domain")
    empty = (
        f"No mail went out {time}. What listeners relay is counted here by "
        "the sender's and the receiver's domain, beside what came back of it."
    )
    # The sentence itself names the time.
    replace(request, narrowing=()).print(
        in_memory(shares, lambda share: f"{share.sender} {share.receiver}"),
        _SHARES_SHOWN,
        csv_columns=_SHARES,
        document=lambda share: asdict(share) | {"bounce_rate": share.bounce_rate},
        empty=empty,
    )
    if request.form is ListForm.TABLE:
        for share in shares:
            if share.is_alarming:
                print_line(f"Look at {share.sender} to {share.receiver}: {share.alarm}", "red")


def _draw(shares: Sequence[BounceShare], file: Path, subtitle: str) -> None:
    bars = [
        PlotBar(
            f"{share.sender} to {share.receiver}",
            share.bounce_rate,
            f"{share.bounce_rate:.1%} of {share.sent:,}; {counted(share.complaints, 'complaint')}",
            share.is_alarming,
        )
        for share in shares
    ]
    shapes = draw_bars("What came back", subtitle, bars, nothing="No mail went out.")
    try:
        write_plot(file, shapes)
    except OSError as error:
        wrong_use(f"{file}: {error.strerror or error}")
