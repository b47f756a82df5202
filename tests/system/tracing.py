"""strace beside a running gateway: what it asks the system for, and errors in place of answers."""

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

from tests.rig.process import needs, program, wait_until

_CALL = re.compile(r"^\d+ +(?:<\.\.\. )?(\w+)(?:\(| resumed>)(.*)$")


@contextlib.asynccontextmanager
async def traced(pid: int, *options: str, output: Path | None = None) -> AsyncIterator[None]:
    """Attach strace to a process and all its threads for the block; skip where that can't be."""
    target = str(output or os.devnull)
    command = [program("strace", "strace"), "-f", "-p", str(pid), "-o", target, *options]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE)
    assert tracer.stderr is not None
    try:
        await wait_until(lambda: tracer.poll() is not None or _is_traced(pid), "strace to attach")
        if tracer.poll() is not None:
            needs("strace", tracer.stderr.read().decode(errors="replace").strip())
        yield
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait(10)
        tracer.stderr.close()


def _is_traced(pid: int) -> bool:
    threads = list(Path(f"/proc/{pid}/task").glob("*/status"))
    return all("TracerPid:\t0" not in thread.read_text() for thread in threads)


def calls(output: Path) -> list[tuple[str, str]]:
    """Return the system calls in the order in which they ended: name and the rest of the line."""
    lines = output.read_text(errors="replace").splitlines()
    found = [_CALL.match(line) for line in lines if not line.endswith("<unfinished ...>")]
    return [(one[1], one[2]) for one in found if one]
