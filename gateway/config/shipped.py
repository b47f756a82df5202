"""What comes with the gateway beside its code: templates, triggers, rules for alerts, pages."""

from importlib.resources import files
from pathlib import Path

#: In a clone `gateway/shipped` leads to the folders `config` and `docs` beside `gateway`; a wheel
#: has copies in their place, so that what is installed needs no clone.
SHIPPED_CONFIG = Path(str(files("gateway") / "shipped" / "config"))
SHIPPED_DOCS = Path(str(files("gateway") / "shipped" / "docs"))
