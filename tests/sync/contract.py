"""The official contract of Mailchimp, where it is at hand beside the project."""

import importlib.util
import warnings
from functools import cache
from pathlib import Path

from gateway.sandbox.engine import Check

FOLDER = Path(__file__).parents[2].parent / "shared" / "mailchimp"
CONTRACT = FOLDER / "mailchimp-3.0.85.strict.json"


@cache
def contract() -> Check | None:
    """Return what checks a call and its answer against the contract; None where it is absent."""
    if not CONTRACT.exists():
        return None
    spec = importlib.util.spec_from_file_location("spec_validator", FOLDER / "spec_validator.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves its file open
        check: Check = module.SpecValidator(CONTRACT).check
    return check
