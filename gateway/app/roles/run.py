"""`gateway run`: runs the configured roles under a supervisor."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path

from gateway import logs, metrics
from gateway.app.common import open_database, prepare
from gateway.app.roles.role_process import load_roles, run_role
from gateway.app.triggers import triggers
from gateway.config import ConfigError, ConfigText, Settings
from gateway.core.errors import GatewayError
from gateway.core.written import no_such_name
from gateway.runtime.module_command import module_command
from gateway.runtime.periodic import every
from gateway.store.engine.database import StoreUnavailable
from gateway.supervisor.fork_server import ForkServer
from gateway.supervisor.supervisor import Supervisor
from gateway.supervisor.worker import Role, RunConfig

_AWAY = timedelta(seconds=2)  #: Between retries while the store is away.

ROLES = ("smtp", "inbound", "sync", "sender", "api")

log = logs.get("supervisor")


class UnknownRole(GatewayError):
    """This version has no role with that name."""


def run_gateway(config: Path | None, names: Sequence[str]) -> None:
    """Run roles (none: all) under a supervisor until SIGTERM or Ctrl-C.

    Raises GatewayError if the config, a trigger, the store or an address to listen on can't be
    used.
    """
    for name in names:
        if name not in ROLES:
            raise UnknownRole(no_such_name("role", name, ROLES))
    role_names = tuple(name for name in ROLES if name in (names or ROLES))
    text = ConfigText.read(config, os.environ)
    settings = text.settings(os.environ)
    logs.setup(settings.log.level, settings.log.format, role="supervisor")
    if "sender" in role_names:
        triggers.checked_triggers(settings)  # An error in any of them prevents the start.
    arguments = {"store": _prepare_store(settings)}
    load_roles(role_names)
    # What is read here, forked processes don't read again.
    first = run_config(role_names, text, settings)

    def reread() -> RunConfig:
        text = ConfigText.read(config, os.environ)
        fresh = text.settings(os.environ)
        if fresh.store.url != settings.store.url:
            raise ConfigError(f"{text.file}: store.url: takes a restart: stop the gateway for it")
        check_files(role_names, fresh)
        return run_config(role_names, text, fresh)

    with metrics.shared_folder(), ForkServer.started(run_role) as fork_server:
        supervisor = Supervisor(
            first,
            command=module_command("gateway.app"),
            arguments=arguments,
            reread=reread,
            ended=metrics.forget_process,
            fork_server=fork_server,
        )

        async def supervise() -> None:
            waiting = asyncio.create_task(prepare_store_once_there(settings, arguments))
            try:
                await supervisor.run()
            finally:
                waiting.cancel()

        asyncio.run(supervise())


async def prepare_store_once_there(settings: Settings, arguments: dict[str, str]) -> None:
    """Prepare a store that was away at startup once it is there: create a missing schema.

    No role's process does that: if its store disappeared, an empty one would let all mail through.
    """

    async def open_store() -> None:
        arguments["store"] = await asyncio.to_thread(_prepare_store, settings)
        if arguments["store"]:
            is_there.set()

    def failed(error: Exception) -> None:
        if not isinstance(error, GatewayError):
            raise error
        log.error("store_unusable", reason=str(error))

    is_there = asyncio.Event()
    if not arguments["store"]:
        await every(_AWAY, open_store, stopping=is_there, failed=failed)


def run_config(names: Sequence[str], text: ConfigText, settings: Settings) -> RunConfig:
    """Return what to run under a config; GatewayError if a file it names can't be used."""
    fixed: tuple[object, ...] = (settings.store,)
    bind = settings.api.bind
    roles = {name: Role(name=name, fixed=fixed) for name in names}
    if "api" in roles:
        place = (bind.host, bind.port)
        roles["api"] = replace(
            roles["api"], binds={"api": place}, keys={place: f"api.bind in {text.file}"}
        )
    if "smtp" in roles:
        from gateway.app.roles.smtp import fixed_settings

        roles["smtp"] = Role(
            name="smtp",
            processes=settings.smtp.workers,
            binds={
                listener.name: (listener.bind.host, listener.bind.port)
                for listener in settings.smtp.listeners
            },
            keys={
                (listener.bind.host, listener.bind.port): (
                    f"smtp.listeners[{index}].bind in {text.file}"
                )
                for index, listener in enumerate(settings.smtp.listeners)
            },
            fixed=(*fixed, *fixed_settings(settings)),
        )
    return RunConfig(roles=list(roles.values()), sent=asdict(text))


def check_files(names: Sequence[str], settings: Settings) -> None:
    """Read the files that the settings name, as these roles do; GatewayError if one can't be used.

    A reload is refused for it as a whole. The start isn't: mail goes on though a webhook can't be
    told. The `smtp` role's files are read with its fixed settings.
    """
    if "sender" in names:
        from gateway.app.roles import sender

        sender.check_files(settings)
    if "inbound" in names:
        from gateway.app.mailbox_settings import mailbox_settings
        from gateway.app.replies.importing import rules

        rules(settings)
        for mailbox in settings.inbound.mailboxes:
            mailbox_settings(settings, mailbox, None)


def _prepare_store(settings: Settings) -> str:
    """Create a missing schema once, before several processes try; return the store's identity.

    It is empty while the store is away. A server that is away doesn't prevent the start: mail gets
    the answers for that case. An unusable file, however, won't recover by itself.
    """
    database = open_database(settings)
    try:
        prepare(database)
        database.remember()
    except StoreUnavailable as error:
        if database.is_sqlite:
            raise
        log.error("store_unavailable", reason=str(error))
    except OSError as error:
        log.error("store_not_remembered", reason=str(error))
    finally:
        database.close()
    return database.identity
