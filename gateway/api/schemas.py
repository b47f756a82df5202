"""OpenAPI's and the webhook schemas' descriptions of the documents in `gateway.documents`."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from gateway.api.problems import TYPE
from gateway.core.sending.event import EventType
from gateway.documents.event_kinds import EVENT_KINDS
from gateway.documents.problems import ProblemDocument

Schema = dict[str, Any]

_PREFIX = "#/components/schemas/"
#: Documents in the routes' answers, by schema name. pydantic examines them when the description is
#: requested: doing it for each route at startup takes half a second.
_documents: dict[str, Any] = {}


class _WithoutFieldTitles(GenerateJsonSchema):
    """Omits the titles pydantic makes from field names, as they add nothing."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False


def answers(document: Any, text: str, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """Return the responses of a route that returns a document, a `TypedDict` or a union of some."""
    return _answers(_reference(document), text, status)


def items(
    document: Any, more: Mapping[str, Schema] | None = None
) -> dict[int | str, dict[str, Any]]:
    """Return the responses of a route that returns a list of documents, sometimes with `more`."""
    page = {
        "type": "object",
        "required": ["items", "next"],
        "properties": {
            "items": {"type": "array", "items": _reference(document)},
            "next": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            **(more or {}),
        },
    }
    text = "The entries; `next` is the cursor of the next page, if there is one."
    return _answers(page, text, 200)


def list_schema(document: Any) -> Schema:
    """Return the schema of a list of documents."""
    return {"type": "array", "items": _reference(document)}


def _answers(schema: Schema, text: str, status: int) -> dict[int | str, dict[str, Any]]:
    content = {"application/json": {"schema": schema}}
    return {status: {"description": text, "content": content}}


def _reference(document: Any) -> Schema:
    if get_origin(document) in (Union, UnionType):
        return {"anyOf": [_reference(part) for part in get_args(document)]}
    name = document.__name__
    assert _documents.setdefault(name, document) is document, f"two documents are called {name}"
    return {"$ref": f"{_PREFIX}{name}"}


def record(columns: Iterable[str]) -> Schema:
    """Return the description of a feed record: a value for each of its columns."""
    value = {
        "anyOf": [
            {"type": ["string", "integer", "boolean", "null"]},
            {"type": "array", "items": {"type": ["string", "integer"]}},
        ]
    }
    properties = dict.fromkeys(columns, value)
    return {"type": "object", "properties": properties, "additionalProperties": False}


def complete_description(api: Mapping[str, Any]) -> dict[str, Any]:
    """Return FastAPI's description with the documents, and the problems any route may return."""
    content = {TYPE: {"schema": _reference(ProblemDocument)}}
    problem = {"description": "Why not", "content": content}
    paths = dict(api["paths"])
    for methods in paths.values():
        for operation in methods.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = problem
    parts = dict(api.get("components", {}))
    schemas = {
        name: schema
        for name, schema in parts.get("schemas", {}).items()
        if "ValidationError" not in name
    }
    _, definitions = TypeAdapter.json_schemas(
        [(name, "serialization", TypeAdapter(document)) for name, document in _documents.items()],
        ref_template=f"{_PREFIX}{{model}}",
        schema_generator=_WithoutFieldTitles,
    )
    schemas.update(definitions["$defs"])
    return {**api, "paths": paths, "components": {**parts, "schemas": schemas}}


def webhook_schemas() -> Mapping[EventType, Schema]:
    """Return the schema of webhook payloads, by type of event."""
    schemas = {}
    for event_type, kind in EVENT_KINDS.items():
        schema = TypeAdapter(kind.document).json_schema(
            mode="serialization", schema_generator=_WithoutFieldTitles
        )
        definitions = schema.pop("$defs")
        schemas[event_type] = {
            "$schema": _WithoutFieldTitles.schema_dialect,
            **_inline(schema, definitions),
            "title": kind.title,
        }
    return schemas


def _inline(schema: Any, definitions: Mapping[str, Schema]) -> Any:
    """Return a schema with its references inlined, so that it reads from top to bottom."""
    if isinstance(schema, list):
        return [_inline(part, definitions) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        definition = definitions[schema["$ref"].rpartition("/")[2]]
        members = {key: value for key, value in definition.items() if key != "title"}
        schema = {**members, **{key: value for key, value in schema.items() if key != "$ref"}}
    return {key: _inline(value, definitions) for key, value in schema.items()}


def write_webhook_schemas(folder: Path) -> None:
    """Write the schemas to a folder of the documentation, a file for each type of event."""
    for event_type, schema in webhook_schemas().items():
        file = folder / f"{event_type}.json"
        file.write_text(json.dumps(schema, indent=2) + "\n")
