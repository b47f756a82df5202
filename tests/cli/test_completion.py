"""What the shell completes, asked in bash itself."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli.commands import COMMANDS
from tests.rig.gateway import COMMAND

CONFIG = '[[smtp.listeners]]\nname = "crm"\n[[smtp.listeners]]\nname = "mailings"\n'


def environment(*words: str) -> dict[str, str]:
    """Return what the script of bash tells the command when TAB is pressed behind these words."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    return plain | {
        "_GATEWAY_COMPLETE": "complete_bash",
        "COMP_WORDS": shlex.join(("gateway", *words[:-1])) + f" {words[-1]}",
        "COMP_CWORD": str(len(words)),
    }


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (("",), [*COMMANDS]),
        (("trig",), ["triggers"]),
        (("--ver",), ["--version"]),
        (("messages", "l"), ["list"]),
        (("messages", "list", "--st"), ["--state"]),
        (("inbox", "list", "--state", "n"), ["needs_attention"]),
        (("--config", "gateway.toml", "explain", "--listener", ""), ["crm", "mailings"]),
        (("--config", "gateway.toml", "check", "--listener", "m"), ["mailings"]),
        (("--config", "none.toml", "check", "--listener", ""), []),
        (("docs", "top"), ["topology"]),
    ],
)
def test_words_are_completed(tmp_path: Path, words: tuple[str, ...], completed: list[str]) -> None:
    (tmp_path / "gateway.toml").write_text(CONFIG)

    done = subprocess.run(
        [str(COMMAND)], cwd=tmp_path, env=environment(*words), capture_output=True, check=False
    )

    assert (completed, b"") == (done.stdout.decode().split(), done.stderr)


def test_to_complete_a_command_loads_none() -> None:
    code = (
        "import atexit, sys; from gateway.cli import run\n"
        "atexit.register(lambda: print(*sys.modules))\nrun([])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(""), capture_output=True, check=False
    )
    loaded = set(done.stdout.decode().split())

    assert "gateway.cli.commands" in loaded
    assert set() == {"sqlalchemy", "rich", "gateway.cli.context", "gateway.config"} & loaded


def test_bash_takes_the_script(tmp_path: Path) -> None:
    script = (
        f'PATH="{COMMAND.parent}:$PATH"; eval "$(gateway --show-completion)"\n'
        "COMP_WORDS=(gateway sup) COMP_CWORD=1\n_gateway_completion gateway sup gateway\n"
        'echo "completed: ${COMPREPLY[*]}"\n'
    )
    done = subprocess.run(
        ["bash", "--norc", "-s"],
        input=script.encode(),
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )

    assert b"completed: suppress\n" == done.stdout, done.stderr
