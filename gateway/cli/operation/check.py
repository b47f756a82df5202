"""Checking everything before mail depends on it."""

import asyncio
from typing import Annotated

import typer

from gateway.app import common
from gateway.app.checks.check import check
from gateway.app.checks.check_ports import ports
from gateway.app.checks.findings import Finding, Level, error
from gateway.cli.context import Json, listeners_beginning, of, read_mail_address, wrong_use
from gateway.cli.output import one_line, print_json, print_line
from gateway.config import ConfigError
from gateway.core.errors import GatewayError
from gateway.documents.checks import CheckDocument, ProbeDocument

_STYLES = {Level.GOOD: "green", Level.WARNING: "yellow", Level.ERROR: "bold red"}


def check_everything(
    context: typer.Context,
    *,
    offline: Annotated[bool, typer.Option("--offline", help="Connect to nothing.")] = False,
    send: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Send a mail there as bulk mail leaves, to see whether its links to unsubscribe "
            "are signed.",
        ),
    ] = None,
    sender: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="ADDRESS", help="Who that mail is from; by default notices.from."
        ),
    ] = None,
    listener: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Whose bulk mail it stands for; by default the first that adds such links.",
            autocompletion=listeners_beginning,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Try everything the config names.

    Prints a line for each finding: what is wrong and what to do. The exit code is 1 if anything is
    wrong; warnings alone leave it at 0. Without --send no mail is sent.
    """
    if send is None and (sender is not None or listener is not None):
        wrong_use("--from and --listener go with --send")
    if send is not None and offline:
        wrong_use("--offline sends nothing: leave out --offline or --send")
    recipient = "" if send is None else read_mail_address(send)
    origin = "" if sender is None else read_mail_address(sender)
    invocation = of(context)
    findings: list[Finding] = []
    probes: list[ProbeDocument] = []

    def show(finding: Finding) -> None:
        findings.append(finding)
        if not as_json:
            line = f"{finding.level:<8} {finding.what}: {one_line(finding.text)}"
            print_line(line, _STYLES[finding.level])

    async def run_checks() -> None:
        try:
            _ = invocation.settings
        except ConfigError as problem:
            if not as_json:
                raise
            for line in problem.problems:
                show(error("config", line))
            return
        for finding in ports(invocation.settings):
            show(finding)
        async for finding in check(invocation.settings, invocation.config, offline=offline):
            show(finding)
        if not recipient:
            return
        from gateway.app.checks.probe import look_for, send_probe

        database = common.open_database(invocation.settings)
        try:
            probe = await send_probe(
                invocation.settings, database, recipient=recipient, sender=origin, listener=listener
            )
            for finding in probe.findings():
                show(finding)
            if probe.state == "sent":
                probe = await look_for(invocation.settings, database, probe)
                for finding in probe.arrival():
                    show(finding)
            probes.append(probe.document())
        except GatewayError as problem:
            show(error("probe", f"{recipient}: {problem}"))
        finally:
            database.close()

    asyncio.run(run_checks())
    if as_json:
        document: CheckDocument = {
            "findings": [finding.document() for finding in findings],
            "probe": probes[0] if probes else None,
        }
        print_json(document)
    raise typer.Exit(1 if any(finding.level is Level.ERROR for finding in findings) else 0)
