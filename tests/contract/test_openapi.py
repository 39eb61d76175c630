"""contracts/openapi.yaml describes the API that template.yaml deploys, as the models have it."""

from typing import Any

import jsonschema
import pytest
import yaml

from securities_transactions.domain.decimal_json import dumps, loads
from securities_transactions.http.problems import CATALOGUE
from tests.simulation.messaging import resources
from tools.contracts import openapi
from tools.contracts.answers import answers
from tools.contracts.routes import HEADERS, ROUTES, Route
from tools.contracts.store import CONTRACTS

DOCUMENT: dict[str, Any] = yaml.safe_load((CONTRACTS / openapi.NAME).read_text())
OPERATIONS = [(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods]


def deployed() -> dict[tuple[str, str], Any]:
    """The event of every route in the template, by path and method."""
    events = [
        event["Properties"]
        for resource in resources().values()
        if resource["Type"] == "AWS::Serverless::Function"
        for event in resource["Properties"].get("Events", {}).values()
        if event["Type"] == "HttpApi"
    ]
    # OpenAPI has no greedy variables.
    return {(event["Path"].replace("+}", "}"), event["Method"].lower()): event for event in events}


def validator(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    """A validator of `schema`, which may refer to the document's components."""
    return jsonschema.Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def test_the_document_is_what_the_models_say() -> None:
    """If this fails, `make contracts` regenerates it."""
    assert (CONTRACTS / openapi.NAME).read_text() == openapi.text()


def test_every_deployed_route_is_described_and_no_other() -> None:
    assert sorted(OPERATIONS) == sorted(deployed())


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_only_routes_without_a_token_are_described_as_open(path: str, method: str) -> None:
    is_open = deployed()[path, method].get("Auth") == {"Authorizer": "NONE"}
    operation = DOCUMENT["paths"][path][method]

    assert (operation.get("security") == []) == is_open
    assert ("Message" in str(operation["responses"].get("401"))) == (not is_open)


@pytest.mark.parametrize("name", sorted(DOCUMENT["components"]["schemas"]))
def test_a_schema_is_valid_in_its_dialect_and_refers_to_what_is_there(name: str) -> None:
    schema = {**DOCUMENT["components"]["schemas"][name], "components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator.check_schema(schema)
    for reference in _references(DOCUMENT["components"]["schemas"][name]):
        assert reference.removeprefix("#/components/schemas/") in DOCUMENT["components"]["schemas"]


@pytest.mark.parametrize("name", sorted({route.asks.__name__ for route in ROUTES if route.asks}))
def test_the_examples_of_a_request_keep_to_its_schema_and_its_model(name: str) -> None:
    (model,) = {route.asks for route in ROUTES if route.asks and route.asks.__name__ == name}
    for example in model.model_json_schema()["examples"]:
        assert list(validator({"$ref": f"#/components/schemas/{name}"}).iter_errors(example)) == []
        model.model_validate(example)


@pytest.mark.parametrize("name", sorted({route.answer.__name__ for route in ROUTES if route.answer}))
def test_an_answer_keeps_to_its_schema(name: str) -> None:
    """And lacking or mistyping what is promised is noticed."""
    answer = loads(dumps(answers()[name]))
    checked = validator({"$ref": f"#/components/schemas/{name}"})

    assert list(checked.iter_errors(answer)) == []
    for member in DOCUMENT["components"]["schemas"][name]["required"]:
        assert list(checked.iter_errors({key: value for key, value in answer.items() if key != member})), member
        assert list(checked.iter_errors(answer | {member: None})), member


def test_every_type_of_problem_is_some_route_s() -> None:
    told = {each for route in ROUTES for each in route.problems}
    assert told == set(CATALOGUE)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_403_is_described_where_a_user_can_be_named_and_only_there(route: Route) -> None:
    """And for the cases of every user. Elsewhere, what is another user's is answered with 404."""
    names_a_user = "notes" in (*route.parameters, *(route.asks.model_fields if route.asks else ()))
    responses = DOCUMENT["paths"][route.path][route.method]["responses"]
    assert ("403" in responses) == (names_a_user or route.tag == "cases")


def test_no_schema_of_an_answer_allows_null() -> None:
    """A field without a value is absent."""
    assert [name for name, schema in DOCUMENT["components"]["schemas"].items() if "'null'" in str(schema)] == []


def test_no_request_schema_takes_what_its_model_does_not_know() -> None:
    for name in ("NewTransaction", "Security", "BasketConfig", "TokenRequest"):
        assert DOCUMENT["components"]["schemas"][name]["additionalProperties"] is False
    # An SDK gives what it gives, and any JSON is a signal.
    for name in ("SdkResolved", "SdkRejected"):
        assert DOCUMENT["components"]["schemas"][name]["additionalProperties"] is True


def test_apps_in_a_browser_may_read_every_header_that_is_promised() -> None:
    exposed = resources()["Api"]["Properties"]["CorsConfiguration"]["Fn::If"][1]["ExposeHeaders"]
    assert {name.lower() for name in HEADERS} == set(exposed)


def _references(node: Any) -> list[str]:
    if isinstance(node, list):
        return [each for child in node for each in _references(child)]
    if not isinstance(node, dict):
        return []
    own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
    return own + [each for child in node.values() for each in _references(child)]
