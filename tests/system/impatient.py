"""The gateway's own command with a supervisor that starts dead processes again at once.

Put before the command: `python impatient.py path/to/gateway run smtp`. It spares tests that kill
often the seconds of back-off.
"""

import runpy
import sys
from datetime import timedelta
from functools import partial

from gateway.supervisor import supervisor
from gateway.supervisor.worker import Timing

MOMENT = timedelta(milliseconds=20)


def main() -> None:
    """Run the command named by the arguments."""
    timing = partial(Timing, first_wait=MOMENT, longest_wait=MOMENT)
    supervisor.Timing = timing  # type: ignore[assignment,attr-defined]
    del sys.argv[0]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
