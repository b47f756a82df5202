"""Files sent to the console are gone with the process they were sent to, however that ends."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from gateway.api.console.upload_folder import UploadFolder, remove_left_folders

KILLED = """
import os, signal
from gateway.api.console.upload_folder import UploadFolder
folder = UploadFolder()
(folder.path / "people.csv").write_text("ann@example.org")
print(folder.path, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_is_removed_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "notes.txt").write_text("keep")
    (tmp_path / "gateway-upload-link").symlink_to(elsewhere)
    (tmp_path / "gateway-upload-file").write_text("keep")
    done = subprocess.run(
        [sys.executable, "-c", KILLED], check=False, capture_output=True, text=True
    )
    left, ours = Path(done.stdout.strip()), UploadFolder()
    assert (left / "people.csv").exists()

    remove_left_folders()

    assert (False, True) == (left.exists(), ours.path.exists())
    assert (elsewhere / "notes.txt").exists()
    assert (tmp_path / "gateway-upload-file").exists()
    ours.remove()
    assert not ours.path.exists()
