"""A store, and files to take in."""

from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file of these lines."""

    def write(*lines: str | bytes, name: str = "people.csv", end: bytes = b"\n") -> Path:
        path = tmp_path / name
        octets = (line.encode() if isinstance(line, str) else line for line in lines)
        path.write_bytes(b"".join(each + end for each in octets))
        return path

    return write
