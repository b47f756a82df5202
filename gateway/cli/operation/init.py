"""The first config, from five questions."""

import asyncio
import os
import shlex
from collections.abc import Iterator, Mapping
from typing import Annotated, get_args

import typer

from gateway.app.checks.check_relays import call_relay, own_listener
from gateway.app.checks.findings import Level
from gateway.cli.context import of, wrong_use
from gateway.cli.output import one_line, print_line
from gateway.config import ConfigError, Settings
from gateway.config.first_config import DATA, FirstConfig, check_free, write_first
from gateway.config.load import config_file
from gateway.config.smtp import LOOPBACK
from gateway.config.values import Language, check_zone
from gateway.core.languages import primary_subtag
from gateway.supervisor.listening import CantListen, bound_sockets

_LOCAL_TIME = (
    "/etc/localtime"  #: A link to the file of the machine's zone (systemd's localtime(5)).
)

_QUESTIONS = {
    "relay": "The mail server that mail goes to (HOST or HOST:PORT)",
    "listener": "Where the gateway listens for the CRM's mail (ADDRESS:PORT)",
    "networks": "The CRM's network (several with commas); anybody else is refused",
    "language": "The language of notes and mail to staff (nl, de, fr, en)",
    "notices": "The mail address for notices (empty: none)",
}
_OPTIONS = {"networks": "--network"}
#: The key of each answer, which is removed from errors: it means nothing to the user here.
_KEYS = {
    "relay": "relays[0].",
    "listener": "smtp.listeners[0].bind: ",
    "networks": "smtp.listeners[0].networks",
    "language": "suppression.language: ",
    "notices": "notices.fallback_to: ",
}


def init(
    context: typer.Context,
    *,
    relay: Annotated[
        str | None, typer.Option(metavar="HOST[:PORT]", help="The mail server that mail goes to.")
    ] = None,
    listener: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS:PORT", help="Where the gateway listens for the CRM's mail."),
    ] = None,
    network: Annotated[
        list[str] | None,
        typer.Option(metavar="NETWORK", help="The CRM's network; may be given several times."),
    ] = None,
    language: Annotated[
        str | None,
        typer.Option(metavar="nl|de|fr|en", help="The language of notes and mail to staff."),
    ] = None,
    notices: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Who gets notices; empty for nobody.")
    ] = None,
    data: Annotated[
        str,
        typer.Option(
            metavar="FOLDER",
            help="Where the gateway keeps what it knows; beside the config unless absolute.",
        ),
    ] = DATA,
    yes: Annotated[
        bool,
        typer.Option("--yes", help="Ask nothing: take the default of whatever no option gives."),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite a config that is there.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing; print what would be written.")
    ] = False,
) -> None:
    """Write a first config from five questions.

    Each answer is checked as it is given. At the end the gateway connects to the relay, without
    sending mail, and looks whether it can listen; if not, the config is written all the same.
    """
    invocation = of(context)
    file = config_file(invocation.file, os.environ)
    if not dry_run:
        check_free(file, is_forced=force)
    options = {
        "relay": relay,
        "listener": listener,
        "networks": ", ".join(network) if network else None,
        "language": language,
        "notices": notices,
    }
    answers = FirstConfig(
        language=_environments_language(os.environ),
        data=data.rstrip("/") or DATA,
        time_zone=_machines_time_zone(os.environ),
    )
    for name, option in options.items():
        if option is not None:
            answers = _take_answer(answers, name, option, _option(name))
    missing = [name for name, option in options.items() if option is None]
    if not yes:
        answers = _ask(answers, missing)
    if dry_run:
        print_line(answers.text().rstrip("\n"))
        return
    write_first(file, answers, is_forced=force)
    print_line(f"Wrote {file}; what the gateway keeps goes to {file.parent / answers.data}.")
    _report(answers)
    command = (
        f"gateway --config {shlex.quote(str(invocation.file))}" if invocation.file else "gateway"
    )
    settings = answers.settings()
    bind = settings.smtp.listeners[0].bind
    where = f"port {bind.port} of this machine" if bind.host in ("0.0.0.0", "::") else str(bind)  # noqa: S104
    print_line(f"The CRM's outgoing mail server: {where}")
    print_line(
        f"The console: http://{settings.api.bind}/console; to sign in there: "
        f"{command} console user NAME --role manage --role run"
    )
    print_line(f"Next: {command} check, then {command} run")


def _ask(answers: FirstConfig, missing: list[str]) -> FirstConfig:
    """Ask for what no option gave; report a wrong answer, and ask again."""
    for at, name in enumerate(missing):
        so_far = answers

        def read(text: str, name: str = name, so_far: FirstConfig = so_far) -> FirstConfig:
            return _take_answer(so_far, name, text, None)

        try:
            default = getattr(answers, name)
            answers = typer.prompt(
                _QUESTIONS[name], default=default, show_default=bool(default), value_proc=read
            )
        except typer.Abort:
            print_line()
            needed = ", ".join(_option(other) for other in missing[at:])
            raise ConfigError(
                f"nothing was written; no answer for {needed}: give each as an option, or --yes "
                "for the defaults"
            ) from None
    return answers


def _option(name: str) -> str:
    return _OPTIONS.get(name, f"--{name}")


def _take_answer(answers: FirstConfig, name: str, text: str, option: str | None) -> FirstConfig:
    """Return the answers with one more; wrong use if it is invalid."""
    try:
        completed = answers.with_answer(name, text)
    except ConfigError as error:
        lines = (one_line(problem) for problem in error.problems)
        problems = "; ".join(
            problem.partition(": ")[2] if problem.startswith(_KEYS[name]) else problem
            for problem in lines
        )
        wrong_use(f"{option}: {problems}" if option else problems)
    settings = completed.settings()
    if own_listener(settings, settings.default_relay, offline=True) is not None:
        wrong_use(
            f"{settings.default_relay.host}:{settings.default_relay.port} would be both the relay "
            "and the gateway's own listener: mail would go round in circles"
        )
    return completed


def _report(answers: FirstConfig) -> None:
    """Report the relay's answer, and what is probably a mistake."""
    settings = answers.settings()

    async def answered() -> list[str]:
        words = {Level.GOOD: "", Level.WARNING: "Warning: ", Level.ERROR: "Not reachable: "}
        return [
            words[finding.level] + f"{finding.what}: {one_line(finding.text)}"
            async for finding in call_relay(settings.default_relay)
        ]

    for line in asyncio.run(answered()):
        print_line(line)
    for warning in (*_contradictions(settings), *_taken_addresses(settings)):
        print_line(f"Warning: {warning}")


def _contradictions(settings: Settings) -> Iterator[str]:
    listener = settings.smtp.listeners[0]
    elsewhere = [
        str(network)
        for network in listener.networks
        if not any(
            network.version == own.version and network.subnet_of(own)  # type: ignore[arg-type]
            for own in LOOPBACK
        )
    ]
    if listener.bind.is_loopback and elsewhere:
        yield (
            f"{listener.bind} takes connections from this machine only, but the CRM connects from "
            f"{', '.join(elsewhere)}: set bind to an address of this machine, or 0.0.0.0"
        )


def _taken_addresses(settings: Settings) -> Iterator[str]:
    """Report addresses on which this machine allows no listening, or another program listens."""
    binds = {
        "smtp.listeners[0].bind": settings.smtp.listeners[0].bind,
        "api.bind, with the console": settings.api.bind,
    }
    for key, bind in binds.items():
        try:
            for bound in bound_sockets((bind.host, bind.port), shared=False):
                bound.close()
        except CantListen as problem:
            yield f"{problem} ({key})"


def _environments_language(environ: Mapping[str, str]) -> str:
    """Return the terminal's language if the gateway has it; else English."""
    locale = environ.get("LC_ALL") or environ.get("LC_MESSAGES") or environ.get("LANG") or ""
    language = primary_subtag(locale)
    return language if language in get_args(Language) else "en"


def _machines_time_zone(environ: Mapping[str, str]) -> str:
    """Return the time zone of the machine's place, such as `Europe/Paris`; empty if unknown.

    `Etc/UTC` is no place: servers often keep it wherever they and their people are. `TZ` may have a
    colon in front, or a rule such as `CET-1CEST` (POSIX.1-2024, 8.3), which has no name.
    """
    name = environ.get("TZ", "").removeprefix(":")
    if not name:
        name = os.path.realpath(_LOCAL_TIME).partition("/zoneinfo/")[2]
    area, slash, _ = name.partition("/")
    try:
        return check_zone(name) if slash and area != "Etc" else ""
    except ValueError:
        return ""
