"""aiosmtpd's own Proxy handler, unmodified: `python -m benchmarks.stock_proxy PORT RELAY`."""

import signal
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Proxy


def main(port: int, relay: int) -> None:
    """Serve on a loopback port until stopped."""
    controller = Controller(Proxy("127.0.0.1", relay), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        signal.sigwait({signal.SIGTERM, signal.SIGINT})
    finally:
        controller.stop()


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main(int(sys.argv[1]), int(sys.argv[2]))
