"""JSON Schemas of the events, from the models in `securities_transactions.events.schemas`.

They describe a published event for its reader: a field that is always present is required, an optional one is not, null
is never sent, rupees are numbers. They are open: a newer minor version may add fields, and a validator must accept
them.
"""

from collections.abc import Mapping
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from securities_transactions.events.schemas import CATALOGUE, SCHEMA_VERSION, SOURCE, Event
from tools.contracts.known_values import described, with_fields
from tools.contracts.shapes import FIELDS

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_DRAFT_4: Final = "http://json-schema.org/draft-04/schema#"

Schema = dict[str, Any]


class Published(GenerateJsonSchema):
    """Rupees are numbers. A value that may be `None` in Python is absent in JSON."""

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        return {"type": "number"}

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])


def schemas() -> dict[str, Schema]:
    """The schema of each event's `detail`, by detail-type."""
    return {model.detail_type: schema_of(model) for model in CATALOGUE}


def schema_of(model: type[Event]) -> Schema:
    """The schema (JSON Schema 2020-12) of one event's `detail`."""
    generated = published(model.model_json_schema(schema_generator=Published))
    return {
        "$schema": DIALECT,
        "$id": f"urn:securities-transactions:event:{SCHEMA_VERSION}:{model.detail_type}",
        "title": model.detail_type,
        **described(with_shapes(generated)),
    }


def with_shapes(node: Any) -> Any:
    """`node` in which each field that the models hold as free JSON is described field by field."""
    return with_fields(node, lambda fields: {name: FIELDS.get(name, field) for name, field in fields.items()})


def published(node: Any, *, named: bool = False) -> Any:
    """`node` as it holds for published events: open, and fields with a default are always present.

    `named`: its keys are names of fields, not words of JSON Schema.
    """
    if isinstance(node, list):
        return [published(each) for each in node]
    if not isinstance(node, Mapping):
        return node
    if named:
        return {name: published(each) for name, each in node.items()}
    always = [name for name, field in node.get("properties", {}).items() if field.get("default") is not None]
    schema = {
        word: published(value, named=word in ("properties", "$defs"))
        for word, value in node.items()
        if word not in ("default", "title") and not (word == "additionalProperties" and isinstance(value, bool))
    }
    if always:
        schema["required"] = [name for name in node["properties"] if name in {*node.get("required", []), *always}]
    return schema


def envelope(detail_type: str, detail: Schema) -> Schema:
    """The schema of the complete event as EventBridge delivers it. `detail` is its detail's schema, or a reference."""
    return {
        "type": "object",
        "required": ["id", "source", "detail-type", "time", "account", "region", "resources", "version", "detail"],
        "properties": {
            "version": {"type": "string"},
            "id": {"type": "string", "description": "Differs each time an event is published: not for deduplication."},
            "source": {"enum": [SOURCE]},
            "detail-type": {"enum": [detail_type]},
            "account": {"type": "string"},
            "region": {"type": "string"},
            "time": {"type": "string", "format": "date-time"},
            "resources": {"type": "array", "items": {"type": "string"}},
            "replay-name": {"type": "string", "description": "Only on an event that is replayed from the archive."},
            "detail": detail,
        },
    }


def draft_4(detail_type: str) -> Schema:
    """The complete event in the dialect of the EventBridge Schema Registry."""
    detail = schemas()[detail_type]
    definitions = detail.pop("$defs", {})
    del detail["$schema"], detail["$id"]
    described: Schema = {
        "$schema": _DRAFT_4,
        "title": detail_type,
        "x-amazon-events-source": SOURCE,
        "x-amazon-events-detail-type": detail_type,
        **envelope(detail_type, _in_draft_4(detail)),
    }
    if definitions:
        described["definitions"] = _in_draft_4(definitions)
    return described


def _in_draft_4(node: Any) -> Any:
    if isinstance(node, list):
        return [_in_draft_4(each) for each in node]
    if not isinstance(node, Mapping):
        return node.replace("#/$defs/", "#/definitions/") if isinstance(node, str) else node
    return {
        "enum" if word == "const" else word: [value] if word == "const" else _in_draft_4(value)
        for word, value in node.items()
    }
