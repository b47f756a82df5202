"""Processes that run a module of the gateway."""

import subprocess
from pathlib import Path

from gateway.runtime.module_command import module_command


def test_what_lies_in_the_working_folder_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "gateway").mkdir()
    (tmp_path / "gateway" / "__init__.py").write_text("raise SystemExit('run')")

    done = subprocess.run(
        module_command("gateway", "--version"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout.startswith("gateway ")
