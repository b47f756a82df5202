"""The mail tools of other people: swaks, smtp-source and smtp-sink."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Self

from tests.rig.process import (
    LOOPBACK,
    Guard,
    ended,
    free_port,
    has_banner,
    launch,
    program,
    run,
    signal_group,
    wait_until,
)


async def swaks(
    port: int,
    *arguments: str,
    sender: str = "ann@crm.example",
    to: str = "bob@example.org",
    data: bytes | None = None,
    timeout: float = 60.0,
) -> subprocess.CompletedProcess[str]:
    """Send one mail with swaks; `data` is the content. Its exit code is 0 if it was taken."""
    options = ["--server", LOOPBACK, "--port", str(port), "--from", sender, "--to", to]
    if data is not None:
        options += ["--data", "-"]
    command = [program("swaks", "swaks"), *options, *arguments]
    return await run(*command, stdin=data or b"", timeout=timeout)


async def smtp_source(
    port: int,
    *,
    messages: int = 1,
    sessions: int = 1,
    recipients: int = 1,
    length: int = 1000,
    sender: str = "ann@crm.example",
    to: str = "bob@example.org",
    keeps_connection: bool = False,
    subject: str = "",
    timeout: float = 120.0,
) -> None:
    """Send so many mails with Postfix's smtp-source; fails if one of them is not taken."""
    counts = {"-m": messages, "-s": sessions, "-r": recipients, "-l": length}
    options = [text for name, count in counts.items() for text in (name, str(count))]
    options += ["-f", sender, "-t", to]
    if keeps_connection:
        options.append("-d")
    if subject:
        options += ["-S", subject]
    tool = program("smtp-source", "postfix")
    done = await run(tool, *options, f"{LOOPBACK}:{port}", timeout=timeout)
    assert done.returncode == 0, done.stderr or done.stdout


class SmtpSink:
    """Postfix's smtp-sink: a relay that takes everything, with its own faults by option."""

    def __init__(self, folder: Path, *options: str, backlog: int = 1024) -> None:
        self.port = free_port()
        self._folder = folder
        command = [program("smtp-sink", "postfix"), *options]
        if os.geteuid() == 0:
            command += ["-u", "nobody"]
        self._command = [*command, f"{LOOPBACK}:{self.port}", str(backlog)]
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: Guard | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self, *, greets: bool = True) -> None:
        """Start it and wait for its banner, unless an option keeps it from greeting."""
        self._process = launch(self._command, self._folder / "smtp-sink.log", folder=self._folder)
        self._guard = Guard.of_group(self._process.pid)
        if greets:
            await wait_until(lambda: has_banner(self.port), "the banner of smtp-sink")

    async def close(self) -> None:
        """End it."""
        if self._process is None or self._guard is None:
            return
        signal_group(self._process.pid, signal.SIGTERM)
        await ended(self._process)
        self._guard.release()
        self._process = None
