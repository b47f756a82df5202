"""A time of day that is moved by hand, for processes started with libfaketime.

Not for Python that sleeps: under libfaketime 0.9.10 `time.sleep` ends in EINVAL where the monotonic
clock is left alone (Python 3.11 sleeps until a moment of it). The gateway waits in its event loop.
"""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

_LOOK_SECONDS = 1


class MovedClock:
    """The clock of all processes that are started with `environment`."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._moved = 0.0  #: In seconds, after the true time.

    @staticmethod
    def library() -> Path | None:
        """Return libfaketime, of Debian's `faketime`; None where it isn't installed."""
        return next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)

    @property
    def environment(self) -> dict[str, str]:
        """What processes are started with."""
        return {
            "LD_PRELOAD": str(self.library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": str(_LOOK_SECONDS),  # to look at each call is dear
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def now(self) -> datetime:
        """Return what it shows, in UTC."""
        return datetime.now(UTC) + timedelta(seconds=self._moved)

    def set(self, moment: datetime) -> None:
        """Let it be this moment; return once all know, and time goes on from there."""
        self._moved = moment.timestamp() - time.time()
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{self._moved:+.3f}")
        fresh.replace(self._file)
        time.sleep(_LOOK_SECONDS + 0.1)
