"""A released API is kept: each change that breaks a client of it is found, one that only adds is not."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tools.contracts import openapi
from tools.contracts.api_compatibility import broken
from tools.contracts.compatibility import unversioned
from tools.contracts.store import API_VERSION, released_apis

RELEASED = openapi.plain()
Change = Callable[[dict[str, Any]], None]


def operation(document: dict[str, Any], path: str, method: str = "get") -> dict[str, Any]:
    found: dict[str, Any] = document["paths"][path][method]
    return found


def schema(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"][name]
    return found


def test_clients_of_every_released_version_can_live_with_this_one() -> None:
    assert [line for released in released_apis().values() for line in broken(released, RELEASED)] == []


def test_a_released_version_stays_as_it_was_released() -> None:
    """For an addition raise API_VERSION."""
    frozen = released_apis().get(API_VERSION)
    assert frozen is None or unversioned(frozen, RELEASED) == []


def test_an_addition_needs_a_version_of_its_own_and_a_better_summary_does_not() -> None:
    described = copy.deepcopy(RELEASED)
    operation(described, "/orders")["summary"] = "Better."
    described["tags"].append({"name": "more"})
    assert unversioned(RELEASED, described) == []

    added = copy.deepcopy(RELEASED)
    schema(added, "Problem")["properties"]["title2"] = {"type": "string"}
    assert unversioned(RELEASED, added) == ["components"]


def test_the_same_document_breaks_nothing() -> None:
    assert broken(RELEASED, copy.deepcopy(RELEASED)) == []


def _route_gone(d: dict[str, Any]) -> None:
    del d["paths"]["/accounts"]["get"]


def _renamed(d: dict[str, Any]) -> None:
    operation(d, "/accounts")["operationId"] = "accounts"


def _tagged_otherwise(d: dict[str, Any]) -> None:
    operation(d, "/accounts")["tags"] = ["users"]


def _token_for_the_webhook(d: dict[str, Any]) -> None:
    del operation(d, "/webhooks/orders", "post")["security"]


def _parameter_gone(d: dict[str, Any]) -> None:
    operation(d, "/orders")["parameters"].remove({"$ref": "#/components/parameters/limit"})


def _parameter_required(d: dict[str, Any]) -> None:
    d["components"]["parameters"]["notes"]["required"] = True


def _new_required_parameter(d: dict[str, Any]) -> None:
    parameter = {"name": "broker", "in": "query", "required": True, "schema": {"type": "string"}}
    operation(d, "/accounts")["parameters"].append(parameter)


def _smaller_page(d: dict[str, Any]) -> None:
    d["components"]["parameters"]["limit"]["schema"]["maximum"] = 10


def _parameter_retyped(d: dict[str, Any]) -> None:
    d["components"]["parameters"]["refresh"]["schema"] = {"type": "string", "enum": ["yes", "no"]}


def _member_required(d: dict[str, Any]) -> None:
    schema(d, "Security")["required"].append("quantity")


def _member_gone(d: dict[str, Any]) -> None:
    del schema(d, "Security")["properties"]["validity"]


def _value_gone(d: dict[str, Any]) -> None:
    schema(d, "Security")["properties"]["orderType"]["enum"].remove("SLM")


def _fewer_securities(d: dict[str, Any]) -> None:
    schema(d, "NewTransaction")["properties"]["securities"]["maxItems"] = 20


def _alternative_gone(d: dict[str, Any]) -> None:
    schema(d, "SdkResponse")["oneOf"].pop()


def _status_changed(d: dict[str, Any]) -> None:
    responses = operation(d, "/transactions", "post")["responses"]
    responses["200"] = responses.pop("201")


def _header_gone(d: dict[str, Any]) -> None:
    del operation(d, "/transactions", "post")["responses"]["201"]["headers"]["Location"]


def _problem_gone(d: dict[str, Any]) -> None:
    content = operation(d, "/accounts")["responses"]["400"]["content"]
    content["application/json"] = content.pop("application/problem+json")


def _answer_member_gone(d: dict[str, Any]) -> None:
    del schema(d, "OrderView")["properties"]["averagePrice"]


def _answer_member_retyped(d: dict[str, Any]) -> None:
    schema(d, "OrderView")["properties"]["averagePrice"]["type"] = "string"


def _answer_member_optional(d: dict[str, Any]) -> None:
    schema(d, "OrdersPage")["required"].remove("items")


def _answer_value_added(d: dict[str, Any]) -> None:
    schema(d, "SdkToken")["properties"]["kind"]["enum"].append("anonymous")


def _problem_member_optional(d: dict[str, Any]) -> None:
    schema(d, "Problem")["required"].remove("type")


def _other_error(d: dict[str, Any]) -> None:
    content = operation(d, "/accounts")["responses"]["500"]["content"]["application/problem+json"]
    content["schema"] = {"oneOf": [*content["schema"]["oneOf"], {"type": "string"}]}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_route_gone, "GET /accounts: the route is gone"),
        (_renamed, "GET /accounts: is called accounts, was listAccounts"),
        (_tagged_otherwise, "GET /accounts: has other tags, and generated clients have it elsewhere"),
        (_token_for_the_webhook, "POST /webhooks/orders: needs an access token now"),
        (_parameter_gone, "GET /orders limit: the parameter is gone"),
        (_parameter_required, "GET /orders notes: is required now"),
        (_new_required_parameter, "GET /accounts broker: is required now"),
        (_smaller_page, "GET /orders limit: its maximum is 10 now"),
        (_parameter_retyped, "GET /transactions/{transactionId} refresh: must be string, might be boolean"),
        (_member_required, "POST /transactions body.securities[].quantity: is required now"),
        (_member_gone, "POST /transactions body.securities[].validity: is not accepted any more"),
        (_value_gone, "POST /transactions body.securities[].orderType: must be one of LIMIT or MARKET or SL now"),
        (_fewer_securities, "POST /transactions body.securities: its maxItems is 20 now"),
        (
            _alternative_gone,
            "POST /transactions/{transactionId}/sdk-response body: its alternative 2 is not accepted any more",
        ),
        (_status_changed, "POST /transactions 201: is not answered any more"),
        (_header_gone, "POST /transactions 201 header Location: removed"),
        (_problem_gone, "GET /accounts 400: is not application/problem+json any more"),
        (_answer_member_gone, "GET /orders 200.items[].orders[].averagePrice: removed"),
        (_answer_member_retyped, "GET /orders 200.items[].orders[].averagePrice: is string, was integer or number"),
        (_answer_member_optional, "GET /orders 200.items: was always there and may be absent now"),
        (_answer_value_added, "POST /sdk-tokens 201.kind: may have other values than connected or guest"),
        (_problem_member_optional, "GET /accounts 400.type: was always there and may be absent now"),
        (_other_error, "GET /accounts 500: its alternative 3 is none of those that were there"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_change_that_breaks_clients_is_found(change: Change, told: str) -> None:
    newer = copy.deepcopy(RELEASED)
    change(newer)
    assert told in broken(RELEASED, newer)


def test_change_that_only_adds_is_no_break() -> None:
    """A route, an optional parameter, a member of a request or an answer, a wider request, a problem type, a status."""
    newer = copy.deepcopy(RELEASED)
    newer["paths"]["/health"] = {"get": {"operationId": "health", "responses": {}}}
    operation(newer, "/orders")["parameters"].append({"name": "sort", "in": "query", "schema": {"type": "string"}})
    operation(newer, "/orders")["responses"]["418"] = {"description": "…"}
    newer["components"]["parameters"]["limit"]["schema"]["maximum"] = 1000
    schema(newer, "Security")["properties"]["tag"] = {"type": "string"}
    schema(newer, "Security")["properties"]["validity"]["enum"].append("GTC")
    schema(newer, "OrderView")["properties"]["isin"] = {"type": "string"}
    schema(newer, "OrderView")["required"].append("isin")
    schema(newer, "Problem")["properties"]["type"]["examples"].append("urn:another")
    assert broken(RELEASED, newer) == []
