"""The bar of a long command stands on standard error alone, and is gone before the result."""

import json
import os
import pty
import subprocess
import threading
from pathlib import Path

from tests.cli.conftest import CONFIG
from tests.rig.gateway import COMMAND
from tests.rig.sandbox import ScriptedSandbox
from tests.sync.mailchimp_rig import campaign_in, candidate


def test_a_script_gets_its_document_though_a_terminal_shows_a_bar(tmp_path: Path) -> None:
    with ScriptedSandbox() as sandbox:
        number, _ = campaign_in(tmp_path, sandbox, candidate("ann"))
        account = f'[mailchimp]\napi_key = "0-us1"\nbase_url = "{sandbox.url}"\n'
        (tmp_path / "gateway.toml").write_text(CONFIG + account)
        done, shown = at_a_terminal(tmp_path, "campaigns", "prepare", number, "--json")

    assert json.loads(done)["id"] == number
    assert b"Looking at the members" in shown


def at_a_terminal(folder: Path, *arguments: str) -> tuple[bytes, bytes]:
    """Run a command that must succeed; return what it prints and what a terminal shows."""
    ours, theirs = pty.openpty()
    command = [str(COMMAND), "--config", str(folder / "gateway.toml"), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        shown: list[bytes] = []
        reader = threading.Thread(target=_drain, args=(ours, shown))
        reader.start()
        out, _ = process.communicate(timeout=100)
        reader.join()
    os.close(ours)
    assert process.returncode == 0
    return out, b"".join(shown)


def _drain(terminal: int, shown: list[bytes]) -> None:
    try:
        while some := os.read(terminal, 4096):
            shown.append(some)
    except OSError:
        return  # the other side is gone
