"""A shell that runs the blocks of a page one after another, as a reader pastes them."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from tests.pages.markdown import Block
from tests.rig.process import Guard, program, signal_group

_ENDED = "the block has ended"
_SECONDS = 60.0  #: For one block.


class Shell:
    """One bash for a whole page: what a block sets, the next one has."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self._process = process
        self._folder = folder

    async def run(self, block: Block, names: Mapping[str, str]) -> str:
        """Run a block and return what it prints; `names` has what stands here for names in it.

        Each command of it must succeed, those of a pipe too.
        """
        text = block.text
        for theirs, ours in names.items():
            text = ours.join(re.split(rf"(?<!\w){re.escape(theirs)}(?!\w)", text))
        name = f"line-{block.line}"
        (self._folder / f"{name}.sh").write_text(text)
        words = f"source {name}.sh </dev/null >{name}.out 2>&1\n"
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{words}echo {_ENDED!r}\n".encode())
        async with asyncio.timeout(_SECONDS):
            ended = await self._process.stdout.readline()
        output = self.output(block)
        assert _ENDED == ended.decode().strip(), f"line {block.line}:\n{text}\n{output}"
        return output

    def output(self, block: Block) -> str:
        """Return what a block has printed so far."""
        return (self._folder / f"line-{block.line}.out").read_text()


@asynccontextmanager
async def open_shell(folder: Path, environment: Mapping[str, str]) -> AsyncIterator[Shell]:
    """Start bash in a folder, with the gateway's command in its path; at the end all of it ends.

    `curl` fails at an answer from 400 on, which it doesn't by itself.
    """
    (folder / ".curlrc").write_text("fail-with-body\nnoproxy = *\n")
    commands = Path(sys.executable).parent
    process = await asyncio.create_subprocess_exec(
        program("bash", "bash"),
        *("--noprofile", "--norc", "-eu", "-o", "pipefail"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=folder,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("GATEWAY")},
            "PATH": f"{commands}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "HOME": str(folder),
            **environment,
        },
        start_new_session=True,
    )
    guard = Guard.of_group(process.pid)
    try:
        yield Shell(process, folder)
    finally:
        signal_group(process.pid, signal.SIGKILL)
        await process.communicate()
        guard.release()
