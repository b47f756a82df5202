"""A process of one role, as the supervisor starts it."""

import asyncio
import signal
import sys

from gateway import logs
from gateway.app.life import Life, Order
from gateway.core.errors import GatewayError

log = logs.get("role")


def main() -> int:
    """Run one role to its end; the exit code is 0 unless it failed."""
    order = Order.read(sys.argv[1])
    # Ctrl-C reaches the whole group: the supervisor alone decides how to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        settings = order.settings()
        logs.setup(settings.log.level, settings.log.format, role=order.role)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_live(order, Life(order, settings)))
    except GatewayError as error:
        log.error("failed", reason=str(error))
        return 1
    except Exception:
        log.exception("failed")
        return 1
    return 0


async def _live(order: Order, life: Life) -> None:
    async with life:
        match order.role:
            case "smtp":
                from gateway.app.smtp import run_smtp

                await run_smtp(life)
            case "inbound":
                from gateway.app.inbound import run_inbound

                await run_inbound(life)
            case "sync":
                from gateway.app.sync import run_sync

                await run_sync(life)
            case "sender":
                from gateway.app.sender import run_sender

                await run_sender(life)
            case "api":
                from gateway.app.api import run_api

                await run_api(life)
    log.info("ended", number=order.number)


def _loop_factory() -> "type[asyncio.AbstractEventLoop] | None":
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.Loop


if __name__ == "__main__":
    sys.exit(main())
