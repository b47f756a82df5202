"""A forked command behaves like the installed one, without the time for imports."""

import os
import signal
from pathlib import Path

import pytest

from tests.rig.command_server import CONFIG, launch_command, run_command
from tests.rig.gateway import COMMAND
from tests.rig.process import ended, run, wait_until

CASES = {
    "wrong use": ("run", "nobody"),
    "an answer": ("users", "list", "--help"),
    "an error": ("messages", "show", "7"),
    "a result": ("suppress", "check", "ann@example.org"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a config."""
    (tmp_path / "gateway.toml").write_text(CONFIG)
    return tmp_path


@pytest.mark.parametrize("arguments", CASES.values(), ids=CASES)
async def test_it_says_and_returns_what_the_installed_command_does(
    folder: Path, arguments: tuple[str, ...]
) -> None:
    environment = {"GATEWAY_CONFIG": "gateway.toml"}
    executed = await run(str(COMMAND), *arguments, environment=environment, folder=folder)

    forked = await run_command(*arguments, environment=environment, folder=folder)

    assert (executed.returncode, executed.stdout, executed.stderr) == (
        forked.returncode,
        forked.stdout,
        forked.stderr,
    )


async def test_it_reads_its_standard_input() -> None:
    done = await run_command("users", "hash", "crm", stdin=b"a long enough password\n")

    assert 0 == done.returncode, done.stderr
    assert done.stdout.startswith("crm:$argon2")


async def test_nothing_of_its_parent_is_open_and_a_signal_is_its_end(folder: Path) -> None:
    log = folder / "log"
    command = launch_command(
        ("tail",), log, environment={"GATEWAY_CONFIG": "gateway.toml"}, folder=folder
    )

    await wait_until(lambda: (folder / "gateway.db").exists() or command.poll() is not None, "it")
    opened = {str(each.readlink()) for each in Path(f"/proc/{command.pid}/fd").iterdir()}
    group = os.getpgid(command.pid)
    command.send_signal(signal.SIGKILL)
    code = await ended(command)

    assert not any("socket:" in each for each in opened), opened
    assert command.pid == group
    assert -signal.SIGKILL == code


def test_what_is_read_when_a_program_starts_is_not_changed_afterwards(folder: Path) -> None:
    with pytest.raises(AssertionError):
        launch_command((), folder / "log", environment={"LD_PRELOAD": "x.so"}, folder=folder)
