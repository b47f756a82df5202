"""Following a log file written by another process."""

from pathlib import Path


class LogFile:
    """The complete lines of a file, each read once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines: list[str] = []
        self._offset = 0

    def lines(self) -> list[str]:
        """Return all lines so far, without line ends, except for an incomplete last line."""
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            file.seek(self._offset)
            whole, end, _ = file.read().rpartition(b"\n")
        self._offset += len(whole) + len(end)
        if end:
            self._lines += whole.decode(errors="replace").split("\n")
        return self._lines

    def text(self) -> str:
        """Return the whole text so far, for messages."""
        return self.path.read_text(errors="replace") if self.path.exists() else ""
