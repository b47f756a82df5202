"""All commands and the options they share."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import (
    applications,
    campaigns,
    check,
    database,
    demo,
    explain,
    feed,
    files,
    history,
    inbox,
    mailchimp,
    messages,
    outbox,
    person,
    running,
    suppress,
    switches,
    tail,
    tokens,
    triggers,
    users,
)
from gateway.cli.context import Context

app = typer.Typer(
    help="A gateway beside a mail server: suppression of bulk mail for any CRM.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_CONFIG = typer.Option(
    help="The config file; without it GATEWAY_CONFIG, then config/gateway.toml.", metavar="FILE"
)


@app.callback()
def prepare(context: typer.Context, config: Annotated[Path | None, _CONFIG] = None) -> None:
    """A gateway beside a mail server: suppression of bulk mail for any CRM."""
    context.obj = Context(config)


app.command("run")(running.run)
app.command("check")(check.check_everything)
app.add_typer(database.app, name="db")
app.command("pause")(switches.pause)
app.command("resume")(switches.resume)
app.command("tail")(tail.tail)
app.add_typer(users.app, name="users")
app.command("import")(feed.import_feed)
app.add_typer(suppress.app, name="suppress")
app.command("explain")(explain.explain_message)
app.add_typer(messages.app, name="messages")
app.command("report")(messages.report)
app.add_typer(person.app, name="person")
app.add_typer(history.app, name="history")
app.add_typer(files.app, name="documents")
app.add_typer(inbox.app, name="inbox")
app.add_typer(mailchimp.app, name="mailchimp")
app.add_typer(campaigns.app, name="campaigns")
app.add_typer(applications.app, name="applications")
app.add_typer(triggers.app, name="triggers")
app.add_typer(outbox.app, name="outbox")
app.add_typer(tokens.app, name="tokens")
app.command("demo")(demo.demo)
