"""Files shipped with the gateway's code: templates, triggers, alert rules, pages."""

from importlib.resources import files
from pathlib import Path

#: In a clone `gateway/shipped` links to the folders `config` and `docs` beside `gateway`; a wheel
#: has copies in their place, so an installed gateway needs no clone.
SHIPPED_CONFIG = Path(str(files("gateway") / "shipped" / "config"))
SHIPPED_DOCS = Path(str(files("gateway") / "shipped" / "docs"))
