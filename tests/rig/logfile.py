"""Following a log file that another process writes."""

from pathlib import Path


class LogFile:
    """The whole lines of a file, read once each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines: list[str] = []
        self._offset = 0

    def lines(self) -> list[str]:
        """Return every line so far, without line ends; a last line still without one is left."""
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
        """Return everything so far, for messages."""
        return self.path.read_text(errors="replace") if self.path.exists() else ""
