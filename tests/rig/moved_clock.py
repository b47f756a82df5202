"""A clock moved by hand, for processes started with libfaketime.

It doesn't work for Python code that sleeps: under libfaketime 0.9.10 `time.sleep` fails with EINVAL
if the monotonic clock isn't faked (Python 3.11 sleeps until a time on it). The gateway waits in its
event loop.
"""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.rig.process import needs


class MovedClock:
    """The clock of all processes started with `environment`; initially it is right."""

    def __init__(self, file: Path, *, look_seconds: int = 0) -> None:
        """Store the clock's offset in a file.

        Processes read it at each call, or every `look_seconds`, which costs them much less.
        """
        self._file = file
        self._look_seconds = look_seconds
        self._moved = timedelta()
        self.move(timedelta())

    @staticmethod
    def library() -> Path | None:
        """Return the libfaketime of Debian's `faketime`; None if it isn't installed."""
        return next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)

    @property
    def environment(self) -> dict[str, str]:
        """The environment for processes; skips the test if libfaketime isn't installed."""
        library = self.library()
        if library is None:
            needs("faketime", "libfaketime is not installed")
        looks = str(self._look_seconds)
        return {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            **({"FAKETIME_CACHE_DURATION": looks} if looks != "0" else {"FAKETIME_NO_CACHE": "1"}),
        }

    @property
    def wrapper(self) -> tuple[str, ...]:
        """The words that precede a command."""
        return ("env", *(f"{name}={value}" for name, value in self.environment.items()))

    def now(self) -> datetime:
        """Return its current time, in UTC."""
        return datetime.now(UTC) + self._moved

    def set(self, moment: datetime) -> None:
        """Set it to this time, from which it continues."""
        self.move(moment - datetime.now(UTC))

    def move(self, by: timedelta) -> None:
        """Set its offset from the true time; return once all processes know."""
        self._moved = by
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{by.total_seconds():+.3f}")
        fresh.replace(self._file)
        if self._look_seconds:
            time.sleep(2 * self._look_seconds + 0.1)  # it counts whole seconds
