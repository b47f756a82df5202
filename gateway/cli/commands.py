"""All commands and the options they share; each is loaded when it is called.

Loading them all takes a second, and a command shouldn't wait for the others.
"""

import gc
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import CompletionItem, TyperGroup  # type: ignore[attr-defined]

from gateway import __version__

#: By name: the module, the function or group in it, and the first sentence of its help.
COMMANDS = {
    "init": ("operation.init:init", "Write a first config from five questions."),
    "run": ("operation.running:run", "Run the gateway, or some of its roles."),
    "docs": ("operation.pages:show_page", "Show a page of the documentation."),
    "check": ("operation.check:check_everything", "Try everything the config names."),
    "today": ("operation.today:today", "Show what flows and what waits for a person."),
    "pause": ("operation.pauses:pause", "Make the CRM hold its mail back."),
    "resume": ("operation.pauses:resume", "Accept mail again after a pause."),
    "tail": ("decision.tail:tail", "Follow decisions live, until Ctrl-C."),
    "import": ("feed.feed:import_feed", "Import a file from the CRM."),
    "explain": (
        "decision.explain:explain_message",
        "Explain the decision on a message, without sending it.",
    ),
    "report": ("decision.messages:report", "Report what enforcing would change."),
    "demo": ("demo:demo", "Show what the gateway does, with a sample CRM."),
    "db": ("operation.database:app", "The store's schema."),
    "users": ("operation.users:app", "Logins the CRM may use."),
    "suppress": ("people.suppress:app", "Who is suppressed, and what staff suppress."),
    "messages": ("decision.messages:app", "The journal of messages."),
    "person": ("people.person:app", "People of the CRM."),
    "keys": (
        "people.keys_command:app",
        "Keys of return addresses, links, and erased addresses.",
    ),
    "history": ("people.history:app", "Replies that were filed to people."),
    "documents": ("people.documents:app", "Documents of people."),
    "inbox": ("replies.inbox:app", "Forwarded replies that were not filed."),
    "bounces": ("bounces.command:app", "Bounces and complaints: what came back."),
    "mailchimp": ("campaigns.mailchimp:app", "The Mailchimp account campaigns go out through."),
    "campaigns": ("campaigns:app", "Campaigns that go out through Mailchimp."),
    "applications": (
        "triggers.applications:app",
        "Report what happened to applications, and mail people.",
    ),
    "triggers": ("triggers.triggers:app", "Mail on events."),
    "outbox": ("operation.outbox:app", "What the gateway itself sends."),
    "dkim": ("operation.dkim_command:app", "Keys that mail is signed with (DKIM)."),
    "console": (
        "operation.console_command:app",
        "The console: who may sign in, who did what.",
    ),
    "tokens": ("operation.tokens:app", "Tokens of the API."),
}


class Commands(TyperGroup):
    """The commands of `COMMANDS`, by name."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Return the names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """Return a command, loading it now; None if there is none with that name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        loaded = getattr(import_module(f"gateway.cli.{module}"), attribute)
        if not gc.isenabled():  # as `__main__` leaves it
            gc.freeze()
            gc.enable()
        # A separate app, since a Typer's inherited settings (plain help, no completion) are the
        # outermost one's.
        around = typer.Typer(add_completion=False, rich_markup_mode=None)
        if isinstance(loaded, typer.Typer):
            around.add_typer(loaded, name=cmd_name)
        else:
            around.command(cmd_name)(loaded)
        return typer.main.get_group(around).commands[cmd_name]

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Return completions of an argument; command names without loading commands."""
        names = [
            CompletionItem(name, help=help_text)
            for name, (_, help_text) in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*names, *super(TyperGroup, self).shell_complete(ctx, incomplete)]

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """Write the list of commands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_text) for name, (_, help_text) in COMMANDS.items()])


app = typer.Typer(
    cls=Commands,
    help="A gateway beside a mail server: suppression of bulk mail for any CRM.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_CONFIG = typer.Option(
    help="The config file; by default GATEWAY_CONFIG, then config/gateway.toml.", metavar="FILE"
)


def _tell_version(is_given: bool) -> None:
    if is_given:
        typer.echo(f"gateway {__version__}")
        raise typer.Exit


_VERSION = typer.Option(
    "--version", help="Print the version and exit.", is_eager=True, callback=_tell_version
)


@app.callback()
def prepare(
    context: typer.Context,
    config: Annotated[Path | None, _CONFIG] = None,
    version: Annotated[bool, _VERSION] = False,  # noqa: ARG001
) -> None:
    """A gateway beside a mail server: suppression of bulk mail for any CRM."""
    from gateway.cli.context import Context  # with settings and store, which `--help` doesn't need

    context.obj = Context(config)
