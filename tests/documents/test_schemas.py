"""The schemas of documents: those of webhooks, as the documentation has them, and of answers."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter

from gateway.api.schemas import webhook_schemas, write_webhook_schemas
from gateway.core.sending.event import EventType
from gateway.documents.messages import MessageDocument
from tests.documents.test_documents import DOCUMENTS
from tests.rig.schemas import SCHEMAS, check


def test_the_documentation_has_the_schema_of_every_event_and_no_other(tmp_path: Path) -> None:
    write_webhook_schemas(tmp_path)

    written = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert {f"{event_type}.json" for event_type in EventType} == set(written)
    assert written == {file.name: file.read_text() for file in SCHEMAS.iterdir()}, "make docs"


@pytest.mark.parametrize("event_type", EventType)
def test_a_schema_reads_from_top_to_bottom(event_type: EventType) -> None:
    schema = webhook_schemas()[event_type]

    Draft202012Validator.check_schema(schema)
    assert "$ref" not in json.dumps(schema)
    assert {"id", "type", "at", "person", "data"} == set(schema["properties"])


def test_what_webhooks_are_told_of_who_was_left_out_fits_its_schema() -> None:
    whole, _ = DOCUMENTS["message_send_failed"]

    for document in json.loads(json.dumps(whole())):
        check(document)


def schema_of(document: Any) -> dict[str, Any]:
    return TypeAdapter(document).json_schema()


def test_a_field_says_in_its_schema_what_its_type_can_not() -> None:
    fields = schema_of(MessageDocument)["properties"]

    assert "^[0-9a-z]{13}$" == fields["id"]["pattern"]
    assert "date-time" == fields["at"]["format"]
    assert "Octets of content as received." == fields["size"]["description"]
