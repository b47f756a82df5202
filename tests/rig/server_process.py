"""A third-party server as a separate process, from its start to its end."""

import signal
import subprocess
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from tests.rig.process import Guard, ended, launch, signal_group, wait_until


class ServerProcess:
    """A server; if the tests die, so does it, and its folder is removed."""

    def __init__(self, name: str, log: Path, own_folder: Path | None = None) -> None:
        self.name = name
        self._log = log
        self._own_folder = own_folder
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: Guard | None = None

    async def start(
        self,
        command: Sequence[str],
        greets: Callable[[], Awaitable[bool]],
        *,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        timeout: float = 30,
    ) -> None:
        """Start it and wait until it greets; it may be a restart."""
        process = launch(command, self._log, environment=environment, folder=folder)
        self._process, self._guard = process, Guard.of_group(process.pid, self._own_folder)

        async def has_started() -> bool:
            assert process.poll() is None, self._log.read_text()
            return await greets()

        await wait_until(has_started, f"the greeting of {self.name}", timeout)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Stop it with a signal if it is running, and clean up."""
        if self._process is None or self._guard is None:
            return
        self._process.send_signal(number)
        await ended(self._process)
        signal_group(self._process.pid, signal.SIGKILL)
        self._guard.release()
        self._process = None
