"""A process of one role, as the supervisor starts it."""

import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable

# No role draws on a terminal, but structlog loads rich for its tracebacks wherever it finds it: 66
# modules and 4 MB in each process (structlog 26.1, `dev.py`). So it finds none.
sys.modules["rich"] = None  # type: ignore[assignment]

from gateway import logs  # noqa: E402
from gateway.app.roles.role_context import RoleArguments, RoleContext  # noqa: E402
from gateway.core.errors import GatewayError  # noqa: E402

log = logs.get("role")


def main() -> int:
    """Run one role to its end; the exit code is 0 unless it failed."""
    gc.disable()  # What is imported stays: to look for garbage in it takes a quarter of the start.
    arguments = RoleArguments.read(sys.argv[1])
    # Ctrl-C reaches the whole group: the supervisor alone decides how to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        settings = arguments.settings()
        logs.setup(settings.log.level, settings.log.format, role=arguments.role)
        context = RoleContext(arguments, settings)

        async def live() -> None:
            async with context:
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
    return 0


def main_of(role: str) -> Callable[[RoleContext], Awaitable[None]]:
    """Return the main of a role, and load nothing of the others."""
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


if __name__ == "__main__":
    sys.exit(main())
