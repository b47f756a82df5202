"""A process of one role, from the supervisor's arguments to its exit code."""

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable, Sequence
from importlib import import_module

from gateway import logs
from gateway.app.roles.role_context import RoleArguments, RoleContext
from gateway.core.errors import GatewayError

log = logs.get("role")

#: By role: modules loaded before its processes are forked. aioimaplib and the library for Mailchimp
#: never share a process (README, "Licence"); what only `api` needs, it loads itself.
_LOADED_FIRST = {
    "smtp": "gateway.app.roles.smtp",
    "inbound": "gateway.app.replies.importing",
    "sync": "gateway.app.roles.sync",
    "sender": "gateway.app.roles.sender",
}


def load_roles(roles: Sequence[str]) -> None:
    """Load what processes of these roles share, in the process they are forked from."""
    for role in roles:
        if role in _LOADED_FIRST:
            import_module(_LOADED_FIRST[role])
    _loop_factory()


def run_role(text: str) -> int:
    """Run a role to its end, given its arguments as JSON; return 0 unless it failed."""
    gc.disable()  # Imports stay in memory: looking for garbage in them is a quarter of the startup.
    arguments = RoleArguments.read(text)
    # Ctrl-C and the end of a terminal reach the whole process group: only the supervisor decides
    # how to end, and when to reload.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:

        async def live() -> None:
            async with RoleContext(arguments) as context:
                run = main_of(arguments.role)
                gc.freeze()
                gc.enable()
                await run(context)
            log.info("ended", number=arguments.number)

        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(live())
    except GatewayError as error:
        log.error("failed", reason=str(error))
        return 1
    except Exception:
        log.exception("failed")
        return 1
    finally:
        logs.write_gathered()
    return 0


def main_of(role: str) -> Callable[[RoleContext], Awaitable[None]]:
    """Return a role's main function without loading other roles."""
    match role:
        case "smtp":
            from gateway.app.roles.smtp import run_smtp as run
        case "inbound":
            from gateway.app.roles.inbound import run_inbound as run
        case "sync":
            from gateway.app.roles.sync import run_sync as run
        case "sender":
            from gateway.app.roles.sender import run_sender as run
        case _:
            from gateway.app.roles.api import run_api as run
    return run


def _loop_factory() -> "type[asyncio.AbstractEventLoop] | None":
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.Loop
