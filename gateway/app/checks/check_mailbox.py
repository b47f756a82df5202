"""`gateway check` for mailboxes, in a separate process, which keeps aioimaplib out of this one."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import asdict

from gateway.app.checks.findings import Finding, Level, error
from gateway.config import ConfigText, Settings
from gateway.runtime.module_command import module_command


async def mailboxes(settings: Settings, config: ConfigText) -> AsyncIterator[Finding]:
    """Check each mailbox of the settings, which are those of `config`; nothing in it is changed."""
    if not settings.inbound.mailboxes:
        return
    process = await asyncio.create_subprocess_exec(
        *module_command("gateway.app.checks.mailbox_calls"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(ConnectionError):  # It has failed; its exit code says so.
        process.stdin.write(json.dumps(asdict(config)).encode())
        await process.stdin.drain()
        process.stdin.close()
        await process.stdin.wait_closed()
    async for line in process.stdout:
        level, what, text = json.loads(line)
        yield Finding(Level(level), what, text)
    if await process.wait():
        yield error("inbound", "the process that tries the mailboxes failed; its output is above")
