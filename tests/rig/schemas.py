"""The schemas of what webhooks tell, as the documentation has them."""

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

SCHEMAS = Path(__file__).parents[2] / "docs" / "webhooks"


def check(document: Any) -> None:
    """Hold what a webhook told against the schema of its type."""
    schema = json.loads((SCHEMAS / f"{document['type']}.json").read_text())
    Draft202012Validator.check_schema(schema)
    checker = Draft202012Validator.FORMAT_CHECKER
    Draft202012Validator(schema, format_checker=checker).validate(document)
