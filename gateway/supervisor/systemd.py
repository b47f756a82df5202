"""What systemd expects of a service of `Type=notify` (sd_notify(3))."""

import os
import socket
from datetime import timedelta


def tell(state: str) -> None:
    """Send a state such as `READY=1`; do nothing without systemd."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.sendto(state.encode(), address)


def watchdog_interval() -> timedelta | None:
    """Return how often to send `WATCHDOG=1`, half of systemd's limit; None if never."""
    limit = os.environ.get("WATCHDOG_USEC", "")
    return timedelta(microseconds=int(limit)) / 2 if limit.isdigit() else None
