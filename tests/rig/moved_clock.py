"""A time of day that is moved by hand, for processes started with libfaketime.

Not for Python that sleeps: under libfaketime 0.9.10 `time.sleep` ends in EINVAL where the monotonic
clock is left alone (Python 3.11 sleeps until a moment of it). The gateway waits in its event loop.
"""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.rig.process import needs


class MovedClock:
    """The clock of all processes that are started with `environment`; at first it is right."""

    def __init__(self, file: Path, *, look_seconds: int = 0) -> None:
        """Keep how far it is moved in a file.

        Processes look into it at each call, or every `look_seconds`, which costs them much less.
        """
        self._file = file
        self._look_seconds = look_seconds
        self._moved = timedelta()
        self.move(timedelta())

    @staticmethod
    def library() -> Path | None:
        """Return libfaketime, of Debian's `faketime`; None where it isn't installed."""
        return next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)

    @property
    def environment(self) -> dict[str, str]:
        """What processes are started with; skips the test where libfaketime isn't installed."""
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
        """What is put before a command."""
        return ("env", *(f"{name}={value}" for name, value in self.environment.items()))

    def now(self) -> datetime:
        """Return what it shows, in UTC."""
        return datetime.now(UTC) + self._moved

    def set(self, moment: datetime) -> None:
        """Let it be this moment; time goes on from there."""
        self.move(moment - datetime.now(UTC))

    def move(self, by: timedelta) -> None:
        """Let it be so much before or after the true time; returns once all know."""
        self._moved = by
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{by.total_seconds():+.3f}")
        fresh.replace(self._file)
        if self._look_seconds:
            time.sleep(2 * self._look_seconds + 0.1)  # it counts whole seconds
