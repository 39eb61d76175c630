"""`contracts/openapi.yaml`: the HTTP API as OpenAPI 3.1, from the routes and the models."""

import inspect
import json
import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

import yaml
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from securities_transactions.domain.decimal_json import dumps
from securities_transactions.http.problems import CATALOGUE, INVALID_REQUEST, ProblemType
from tools.contracts.answers import answers, problem_of
from tools.contracts.known_values import described
from tools.contracts.routes import HEADERS, PARAMETERS, ROUTES, TAGS, Route
from tools.contracts.schemas import Published, Schema, published
from tools.contracts.shapes import FIELDS, SDK_RESPONSES
from tools.contracts.store import API_VERSION, CONTACT_AND_LICENSE

NAME: Final = "openapi.yaml"
_MADE: Final = (
    "# Generated from tools/contracts/routes.py and the models of layers/runtime/securities_transactions by "
    "`make contracts`.\n"
)
_SCHEMAS: Final = "#/components/schemas/{model}"
_PROBLEM: Final = "application/problem+json"
_JSON: Final = "application/json"
# The component of each field that `shapes` describes.
NAMES: Final = {"requested": "Requested", "error": "Failure", "sdkError": "SdkError"}
_DESCRIPTION: Final = """\
Securities transactions through the smallcase Gateway. Rupees are numbers with exact decimal digits; times are UTC,
ISO 8601. A field without a value is absent, never null. Responses are open: a later version may add fields.

Problems are RFC 9457 documents with a stable `type` per cause (docs/reference/problems.md). API Gateway itself responds
to a request that does not reach this product, with `{"message": "…"}`: 401 without a valid access token, 404 for an
unknown path, 413 beyond 10 MB, 429 when throttled, 500 or 503 when the product cannot run.
"""


def text() -> str:
    """The document in `contracts/`."""
    written: str = yaml.dump(plain(), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=110)
    return _MADE + written


def plain() -> Schema:
    """The document in plain types."""
    # The exact digits of rupees go through JSON: YAML has no type for them.
    written: Schema = json.loads(dumps(document()))
    return written


def document() -> Schema:
    """The OpenAPI 3.1 document."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Securities transactions",
            "version": API_VERSION,
            "description": _DESCRIPTION,
            **CONTACT_AND_LICENSE,
        },
        "servers": [
            {
                "url": "https://{host}",
                "description": "The output ApiUrl of the stack.",
                "variables": {"host": {"default": "securities.example.com", "description": "The host of ApiUrl."}},
            }
        ],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "security": [{"accessToken": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "accessToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "From the issuer and for the audience of the stack. `sub` is the user; the "
                    "service scope in `scope` may act for every user.",
                }
            },
            "parameters": dict(PARAMETERS),
            "headers": dict(HEADERS),
            "schemas": _schemas(),
        },
    }


def _operation(route: Route) -> Schema:
    operation: Schema = {
        "operationId": route.name,
        "tags": [route.tag],
        "summary": route.summary,
        "description": route.description,
    }
    if route.is_open:
        operation["security"] = []
    if route.parameters:
        operation["parameters"] = [{"$ref": f"#/components/parameters/{name}"} for name in route.parameters]
    if asked := _body(route):
        operation["requestBody"] = asked
    operation["responses"] = _responses(route)
    return operation


def _body(route: Route) -> Schema | None:
    if route.is_open:
        sample = {"transactionId": "TRX_0123456789abcdef0123456789abcdef", "checksum": "…"}
        schema = {"type": "object", "additionalProperties": True}
        return {"required": True, "content": {_JSON: {"schema": schema, "example": sample}}}
    if route.asks is None:
        return None
    examples = route.asks.model_json_schema()["examples"]
    named = {f"example{number}": {"value": each} for number, each in enumerate(examples, 1)}
    return {"required": True, "content": {_JSON: {"schema": _ref(route.asks), "examples": named}}}


def _responses(route: Route) -> Schema:
    responses = {str(route.status): _success(route)}
    if route.is_conditional:
        responses["304"] = {
            "description": "Not modified.",
            "headers": _headers(("ETag", "X-Request-Id")),
        }
    for status in sorted({problem.status for problem in route.problems}):
        responses[str(status)] = _problem(status, [each for each in route.problems if each.status == status])
    if "{" in route.path:
        responses["404"]["content"] = _either(responses["404"]["content"])
    if not route.is_open:
        responses["401"]["description"] += " Or no valid access token (from API Gateway)."
        responses["401"]["content"] = _either(responses["401"]["content"])
    if "429" in responses:
        responses["429"]["content"] = _either(responses["429"]["content"])
    else:
        responses["429"] = {
            "description": "Too many requests (from API Gateway).",
            "headers": _headers(("Apigw-Requestid",)),
            "content": _message(),
        }
    return dict(sorted(responses.items()))


def _success(route: Route) -> Schema:
    headers = _headers((*route.headers, "X-Request-Id"))
    success: Schema = {"description": HTTPStatus(route.status).phrase, "headers": headers}
    if route.is_open:
        outcome = {"type": "object", "required": ["status"], "properties": {"status": {"type": "string"}}}
        success["content"] = {_JSON: {"schema": outcome, "example": {"status": "stored"}}}
    if route.answer is not None:
        example = answers()[route.answer.__name__]
        success["content"] = {_JSON: {"schema": _ref(route.answer), "example": example}}
    return success


def _problem(status: int, types: list[ProblemType]) -> Schema:
    examples = {each.name: {"value": problem_of(each)} for each in types}
    content: Schema = {_PROBLEM: {"schema": {"$ref": _SCHEMAS.format(model="Problem")}, "examples": examples}}
    if status in (413, 500, 503):
        content = _either(content)
    problem: Schema = {"description": ". ".join(each.title for each in types) + ".", "content": content}
    later = ("Retry-After",) if status in (409, 429, 503) else ()
    problem["headers"] = _headers((*later, "X-Request-Id"))
    return problem


def _either(problem: Schema) -> Schema:
    """The content if both the product and API Gateway may respond with the status.

    Generated clients use the schema of the first content type for every response, so both have the same one.
    """
    schema = {"oneOf": [{"$ref": _SCHEMAS.format(model=model)} for model in ("Problem", "Message")]}
    return {_PROBLEM: problem[_PROBLEM] | {"schema": schema}, _JSON: {"schema": schema}}


def _message() -> Schema:
    return {_JSON: {"schema": {"$ref": _SCHEMAS.format(model="Message")}}}


def _headers(names: Iterable[str]) -> Schema:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _ref(model: type[BaseModel]) -> Schema:
    return {"$ref": _SCHEMAS.format(model=model.__name__)}


def _schemas() -> Schema:
    asked = [route.asks for route in ROUTES if route.asks is not None]
    answered = list(dict.fromkeys(route.answer for route in ROUTES if route.answer is not None))
    requests = _definitions(asked)
    responses = published(_definitions(answered), named=True)
    found = {**_without_titles(requests), **described(with_components(responses)), **_OURS, **SDK_RESPONSES}
    return dict(sorted((found | {NAMES[name]: schema for name, schema in FIELDS.items()}).items()))


def with_components(responses: Schema) -> Schema:
    """The response schemas, with a reference to the component for each field that the models declare as free JSON."""
    return {
        model: {
            **schema,
            "properties": {
                name: {"$ref": _SCHEMAS.format(model=NAMES[name])} if name in FIELDS else field
                for name, field in schema["properties"].items()
            },
        }
        for model, schema in responses.items()
    }


def _definitions(models: Iterable[type[BaseModel]]) -> Schema:
    _, schema = models_json_schema(
        [(model, "validation") for model in models], ref_template=_SCHEMAS, schema_generator=Published
    )
    definitions: Schema = schema["$defs"]
    for definition in definitions.values():
        if "description" in definition:
            definition["description"] = inspect.cleandoc(definition["description"])
    return definitions


def _without_titles(node: Any, *, named: bool = True) -> Any:
    """Request schemas without pydantic's own additions. `named`: the keys are names of fields."""
    if isinstance(node, list):
        return [_without_titles(each, named=False) for each in node]
    if not isinstance(node, dict):
        return node
    if named:
        return {name: _without_titles(each, named=False) for name, each in node.items()}
    return {
        word: _without_titles(value, named=word == "properties")
        for word, value in node.items()
        if word not in ("title", "examples") and not (word == "default" and value is None)
    }


_TEXT: Final = {"type": "string"}
_TYPES: Final = (
    "One of a stable set that may grow. docs/reference/problems.md lists each with its cause and the action."
)
_OURS: Final[Schema] = {
    "Message": {
        "type": "object",
        "description": "A response of API Gateway itself.",
        "required": ["message"],
        "properties": {"message": _TEXT},
    },
    "Problem": {
        "type": "object",
        "description": "RFC 9457. `errors` names each field at fault; `gatewayErrors` has the Gateway's texts.",
        "examples": [problem_of(INVALID_REQUEST)],
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string", "description": _TYPES, "examples": [each.uri for each in CATALOGUE]},
            "title": _TEXT,
            "status": {"type": "integer"},
            "detail": _TEXT,
            "instance": {"type": "string", "description": "urn:request: and the id of the request."},
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["field", "detail"],
                    "properties": {"field": _TEXT, "detail": _TEXT},
                },
            },
            "gatewayErrors": {"type": "array", "items": _TEXT},
            "gatewayErrorType": _TEXT,
            "transactionId": {"type": "string", "description": "The transaction that has the reference."},
        },
    },
}


class _Plain(yaml.SafeDumper):
    """Writes repeated mappings out instead of as references, and multi-line text as a block."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _str(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value and not re.search(r"[ \t]\n", value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Plain.add_representer(str, _str)
