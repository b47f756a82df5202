"""How to start a gateway whose dead processes are started again at once."""

import sys
from pathlib import Path

IMPATIENT = (sys.executable, str(Path(__file__).with_name("impatient.py")))
