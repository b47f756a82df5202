"""The schemas of webhook payloads, as in the documentation."""

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from sqlalchemy import Connection

from gateway.core import ids
from gateway.core.sending.event import Event
from gateway.store.sending import events

SCHEMAS = Path(__file__).parents[2] / "docs" / "webhooks"
_MOST = 50  #: Of events stored together, how many are checked.


def check(document: Any) -> None:
    """Check a payload against the schema of its type."""
    _validator(document["type"]).validate(document)


@cache
def _validator(kind: str) -> Draft202012Validator:
    schema = json.loads((SCHEMAS / f"{kind}.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


_put = events.put


def checked_put(connection: Connection, happened: Iterable[Event]) -> None:
    """Store events like `gateway.store.sending.events.put`, checking each against its schema."""
    those = list(happened)
    for one in those[:_MOST]:
        check(
            {
                "id": ids.show(one.id),
                "type": one.type.value,
                "at": ids.moment_of(one.id).isoformat(),
                "person": None if one.person is None else str(one.person),
                "data": json.loads(json.dumps(one.data)),
            }
        )
    _put(connection, those)
