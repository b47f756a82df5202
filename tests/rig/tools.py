"""Third-party mail tools: swaks and smtp-source."""

import subprocess

from tests.rig.process import (
    LOOPBACK,
    program,
    run,
)

SENDER = "ann@crm.example"


async def swaks(
    port: int,
    *arguments: str,
    to: str = "bob@example.org",
    data: bytes | None = None,
) -> subprocess.CompletedProcess[str]:
    """Send a mail with swaks; `data` is the content. Its exit code is 0 if it was accepted."""
    options = ["--server", LOOPBACK, "--port", str(port), "--from", SENDER, "--to", to]
    if data is not None:
        options += ["--data", "-"]
    command = [program("swaks", "swaks"), *options, *arguments]
    return await run(*command, stdin=data or b"")


async def smtp_source(
    port: int,
    *,
    messages: int = 1,
    sessions: int = 1,
    length: int = 1000,
    to: str = "bob@example.org",
    keeps_connection: bool = False,
    timeout: float = 120.0,
) -> None:
    """Send this many mails with Postfix's smtp-source; fail if one of them isn't accepted."""
    counts = {"-m": messages, "-s": sessions, "-l": length}
    options = [text for name, count in counts.items() for text in (name, str(count))]
    options += ["-f", SENDER, "-t", to]
    if keeps_connection:
        options.append("-d")
    tool = program("smtp-source", "postfix")
    done = await run(tool, *options, f"{LOOPBACK}:{port}", timeout=timeout)
    assert done.returncode == 0, done.stderr or done.stdout
