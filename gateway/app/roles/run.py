"""`gateway run`: from the settings to the roles that are supervised."""

import asyncio
import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from gateway import logs, metrics
from gateway.app.common import open_database, prepare
from gateway.app.roles.role_process import load_roles, run_role
from gateway.app.triggers import triggers
from gateway.config import Settings, load
from gateway.core.errors import GatewayError
from gateway.core.written import no_such_name
from gateway.runtime.module_command import module_command
from gateway.runtime.periodic import every
from gateway.store.engine.database import StoreUnavailable
from gateway.supervisor.fork_server import ForkServer
from gateway.supervisor.supervisor import Supervisor
from gateway.supervisor.worker import Role

_AWAY = timedelta(seconds=2)  #: Between tries while the store is away.

ROLES = ("smtp", "inbound", "sync", "sender", "api")

log = logs.get("supervisor")


class UnknownRole(GatewayError):
    """There is no role of that name in this version."""


def run_gateway(config: Path | None, names: Sequence[str]) -> None:
    """Run roles (none: all) under a supervisor until SIGTERM or Ctrl-C.

    Raises GatewayError if the config, a trigger or the store can't be used, or an address not be
    listened at.
    """
    for name in names:
        if name not in ROLES:
            raise UnknownRole(no_such_name("role", name, ROLES))
    wanted = tuple(name for name in ROLES if name in (names or ROLES))
    settings = _read(config)
    if "sender" in wanted:
        triggers.rules(settings)  # What is wrong with one of them stops the start.
    arguments = {"config": str(config) if config else None, "store": ""}
    arguments["store"] = _prepare_store(settings)
    load_roles(wanted)
    if "smtp" in wanted:
        # What is wrong with a file stops the start; and what is read of them here, no process that
        # is forked reads again.
        from gateway.app.decision.proxy_policy import policy

        policy(settings)
    with metrics.shared_folder(), ForkServer.started(run_role) as fork_server:
        supervisor = Supervisor(
            _roles(wanted, settings),
            command=module_command("gateway.app"),
            arguments=arguments,
            reload=lambda: _roles(wanted, _read(config)),
            ended=metrics.forget_process,
            fork_server=fork_server,
        )

        async def supervise() -> None:
            waiting = asyncio.create_task(wait_for_store(settings, arguments))
            try:
                await supervisor.run()
            finally:
                waiting.cancel()

        asyncio.run(supervise())


async def wait_for_store(settings: Settings, arguments: dict[str, str | None]) -> None:
    """Create the schema once a store is there that was away at the start.

    No process of a role does that: the one it had may be gone, and every mail would pass.
    """

    async def look() -> None:
        arguments["store"] = await asyncio.to_thread(_prepare_store, settings)
        if arguments["store"]:
            is_there.set()

    def failed(error: Exception) -> None:
        if not isinstance(error, GatewayError):
            raise error
        log.error("store_unusable", reason=str(error))

    is_there = asyncio.Event()
    if not arguments["store"]:
        await every(_AWAY, look, stopping=is_there, failed=failed)


def _read(config: Path | None) -> Settings:
    """Load the settings, and log by them from now on."""
    settings = load(config, os.environ)
    logs.setup(settings.log.level, settings.log.format, role="supervisor")
    return settings


def _roles(names: Sequence[str], settings: Settings) -> list[Role]:
    roles = {name: Role(name=name) for name in names}
    if "smtp" in roles:
        binds = {
            listener.name: (listener.bind.host, listener.bind.port)
            for listener in settings.smtp.listeners
        }
        roles["smtp"] = Role(name="smtp", processes=settings.smtp.workers, binds=binds)
    if "api" in roles:
        bind = settings.api.bind
        roles["api"] = Role(name="api", binds={"api": (bind.host, bind.port)})
    return list(roles.values())


def _prepare_store(settings: Settings) -> str:
    """Create a missing schema once, before several processes would; return which store it is.

    Empty while it is away. A server that is away is no reason not to start: mail then gets the
    answers for that case. A file that can't be used won't come back by itself.
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
