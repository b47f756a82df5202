"""The importer's side of the process that parses mail."""

import asyncio
import contextlib
import json
from dataclasses import asdict, replace

from gateway.core.errors import GatewayError
from gateway.inbound.reading.reader import READY, load
from gateway.inbound.reading.reading import ReadingTask, ReadMail
from gateway.runtime.module_command import module_command

_START_SECONDS = 30.0
_READ_SECONDS = 30.0  #: Of elapsed time; the process itself limits its processor time.
_MOST_READ = 500  #: Mails after which a new process is started.
_LONGEST_LINE = 16_000_000


class ReaderUnavailable(GatewayError):
    """The process that parses mail can't be started; mails wait."""


class UnreadableMail(Exception):
    """A mail could not be read; the text says why."""


class Readers:
    """Has mails parsed, one at a time, in a process that is started when needed."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._left = 0

    async def read(self, task: ReadingTask) -> ReadMail:
        """Parse a mail; raise `UnreadableMail` if that fails, or takes too much."""
        async with self._turn:
            process = await self._start()
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                async with asyncio.timeout(_READ_SECONDS):
                    process.stdin.write(json.dumps(asdict(task)).encode() + b"\n")
                    await process.stdin.drain()
                    line = await process.stdout.readline()
            except (TimeoutError, ValueError, OSError) as error:
                await self._end()
                raise UnreadableMail(f"reading it failed: {type(error).__name__}") from error
            except asyncio.CancelledError:
                await self._end()
                raise
            if not line.endswith(b"\n"):
                await self._end()
                raise UnreadableMail("reading it takes too long")
            self._left -= 1
            reading = load(line)
            if isinstance(reading, str) or self._left == 0:
                await self._end()
            if isinstance(reading, str):
                raise UnreadableMail(reading)
            return reading

    async def read_header(self, task: ReadingTask) -> ReadMail | None:
        """Parse only the header of a mail; None if even that fails."""
        try:
            return await self.read(replace(task, header_only=True))
        except UnreadableMail:
            return None

    async def start(self) -> None:
        """Start the process ahead of the first mail; raise `ReaderUnavailable` on failure."""
        async with self._turn:
            await self._start()

    async def close(self) -> None:
        """End the process."""
        async with self._turn:
            await self._end()

    async def _start(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await start_reader()
            self._left = _MOST_READ
        return self._process

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        transport = getattr(process, "_transport", None)
        if transport is not None:
            transport.close()


async def start_reader() -> asyncio.subprocess.Process:
    """Start the process and wait for it; raise `ReaderUnavailable` if it isn't ready in time."""
    process = await asyncio.create_subprocess_exec(
        *module_command("gateway.inbound.reading.reader"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LONGEST_LINE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_START_SECONDS):
            greeting = await process.stdout.readline()
    except TimeoutError:
        greeting = b""
    if greeting != READY:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise ReaderUnavailable("the process that reads mails does not start")
    return process
