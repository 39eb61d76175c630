"""The edge of the API: allowed callers and origins, rate limits, host name, and access log."""

import json
import re
from functools import cache
from typing import Any

import pytest

from tools.template_checks.conditions import decided
from tools.template_checks.templates import DOMAIN, EVERY_OPTION, PRODUCT, translated

pytestmark = pytest.mark.integration  # the SAM translator is installed in .venv-engine only

WEBHOOKS = {"POST /webhooks/orders", "POST /webhooks/orders/{segment+}"}
# People call these.
CASES = {"GET /cases"} | {
    f"POST /cases/{{transactionId}}{step}" for step in ("", "/claim", "/comments", "/resolution", "/approval")
}
PERSONAL = ("identity", "sourceIp", "userAgent", "path", "email", "phone", "name")
# What the product is to carry: orders that become final within a minute at the close, transactions that are created
# within ten minutes at the open (docs/decisions/0017-the-edge-by-parameters.md).
CLOSE_PER_SECOND = 100_000 / 60
OPEN_PER_SECOND = 100_000 / 600
# API Gateway's quota for an account in a region, all APIs together.
ACCOUNT_PER_SECOND = 10_000


@cache
def edge(options: bool) -> dict[str, Any]:
    """The template of a stack with every option or with the defaults, as SAM's transform makes it on AWS: from the
    values of that stack's parameters.
    """
    values = EVERY_OPTION if options else {}
    return decided(translated(PRODUCT, values).template, values)


def resources(options: bool) -> dict[str, Any]:
    found: dict[str, Any] = edge(options)["Resources"]
    return found


def body(options: bool) -> dict[str, Any]:
    found: dict[str, Any] = resources(options)["Api"]["Properties"]["Body"]
    return found


def stage(options: bool = False) -> dict[str, Any]:
    properties: dict[str, Any] = resources(options)["ApiApiGatewayDefaultStage"]["Properties"]
    return properties


def routes() -> set[str]:
    return {f"{method.upper()} {path}" for path, methods in body(False)["paths"].items() for method in methods}


def text_of(value: Any, options: bool) -> str:
    """A value in the template as CloudFormation evaluates it: a literal or a parameter."""
    if isinstance(value, dict):
        (name,) = value.values()
        return str(edge(options)["Parameters"][name]["Default"])
    return str(value)


def test_access_log_has_the_audit_fields_and_no_other_personal_data() -> None:
    line = json.loads(stage()["AccessLogSettings"]["Format"])
    assert {"$context.requestId", "$context.routeKey", "$context.status", "$context.responseLatency"} <= set(
        line.values()
    )
    claims = {value for value in line.values() if ".claims." in value}
    assert claims == {"$context.authorizer.claims.sub"}
    others = " ".join(set(line.values()) - claims)
    assert [word for word in PERSONAL if re.search(rf"\b{word}\b", others)] == []


@pytest.mark.parametrize("options", [False, True])
def test_the_routes_of_the_webhook_have_a_throttle_of_their_own(options: bool) -> None:
    wanted = EVERY_OPTION["WebhooksPerSecond"] if options else "2500"
    own = stage(options)["RouteSettings"]
    assert set(own) == WEBHOOKS | CASES
    for settings in [*own.values(), stage(options)["DefaultRouteSettings"]]:
        assert settings["ThrottlingRateLimit"] == settings["ThrottlingBurstLimit"]
    limits = {text_of(own[route]["ThrottlingRateLimit"], options) for route in WEBHOOKS}
    assert limits == {wanted}


def test_default_throttles_are_above_the_peaks_and_within_the_quota_of_an_account() -> None:
    webhooks = float(text_of(stage()["RouteSettings"]["POST /webhooks/orders"]["ThrottlingRateLimit"], False))
    others = float(text_of(stage()["DefaultRouteSettings"]["ThrottlingRateLimit"], False))
    assert webhooks > CLOSE_PER_SECOND
    assert others > OPEN_PER_SECOND
    people = sum(stage()["RouteSettings"][route]["ThrottlingRateLimit"] for route in CASES)
    apps = routes() - WEBHOOKS - CASES
    assert webhooks * len(WEBHOOKS) + others * len(apps) + people <= ACCOUNT_PER_SECOND


def test_every_route_with_a_throttle_of_its_own_exists() -> None:
    """API Gateway refuses a stage with settings for a route that the API does not have."""
    assert set(stage()["RouteSettings"]) <= routes()


def test_no_route_ends_in_a_slash() -> None:
    """API Gateway refuses such a route; a greedy variable matches the URL that does."""
    assert [route for route in routes() if route.endswith("/")] == []


def test_the_segment_of_the_webhook_is_in_no_route_and_not_shown_by_cloudformation() -> None:
    """The access log has the route."""
    secret = EVERY_OPTION["WebhookSegments"].split(",")
    parameter = edge(True)["Parameters"]["WebhookSegments"]
    assert [segment for segment in secret if segment in json.dumps([body(True), stage(True)])] == []
    assert parameter["NoEcho"] is True
    assert all(re.fullmatch(parameter["AllowedPattern"], each) for each in [*secret, "none", f"{secret[0]},none"])
    guessable = ["", "orders", f"{secret[0]},", f"{secret[0]},{secret[1]},{secret[0]}", f"{secret[0]}/x", "None"]
    assert [each for each in guessable if re.fullmatch(parameter["AllowedPattern"], each)] == []


@pytest.mark.parametrize(
    ("origins", "valid"),
    [
        ("*", True),
        ("https://app.example.com", True),
        ("https://app.example.com,http://localhost:3000", True),
        ("https://app.example.com/", False),
        ("https://app.example.com, https://b.example.com", False),
        ("https://app.example.com,*", False),
        ("app.example.com", False),
        ("", True),
    ],
)
def test_origins_are_origins(origins: str, valid: bool) -> None:
    pattern = edge(False)["Parameters"]["CorsOrigins"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, origins)) == valid


@pytest.mark.parametrize("options", [False, True])
def test_each_origin_of_the_parameter_is_allowed(options: bool) -> None:
    """As a list: a list in one text is one origin to API Gateway, which no page has."""
    cors = body(options)["x-amazon-apigateway-cors"]
    ((function, (separator, origins)),) = cors["allowOrigins"].items()
    assert (function, separator) == ("Fn::Split", ",")
    assert text_of(origins, options) == (EVERY_OPTION["CorsOrigins"] if options else "*")
    assert set(cors) == {"allowOrigins", "allowMethods", "allowHeaders", "exposeHeaders", "maxAge"}


def test_pages_may_call_nothing_where_there_is_no_origin() -> None:
    none = {"CorsOrigins": ""}
    api = decided(translated(PRODUCT, none).template, none)["Resources"]["Api"]["Properties"]["Body"]
    assert "x-amazon-apigateway-cors" not in api


@pytest.mark.parametrize("options", [False, True])
def test_the_endpoint_of_aws_is_disabled_by_a_parameter_of_its_own(options: bool) -> None:
    text = json.dumps(body(options))
    assert re.findall(r'"disableExecuteApiEndpoint": (\w+)', text) == ["true" if options else "false"]


def test_the_endpoint_of_aws_is_only_disabled_where_there_is_another() -> None:
    rule = edge(False)["Rules"]["SomeHostName"]
    assert rule["RuleCondition"] == {"Fn::Equals": [{"Ref": "ExecuteApiEndpoint"}, "false"]}
    assert [each["Assert"] for each in rule["Assertions"]] == [
        {"Fn::Not": [{"Fn::Equals": [{"Ref": "DomainName"}, ""]}]}
    ]


def test_the_host_name_outlives_the_stack_and_can_be_led_to_another() -> None:
    """It is in no stack of the product; nothing of it is deleted with its own, and another API replaces none of it."""
    product = {each["Type"] for each in resources(True).values()}
    assert not product & {"AWS::ApiGatewayV2::DomainName", "AWS::ApiGatewayV2::ApiMapping"}
    domain = translated(DOMAIN)
    for resource in domain.template["Resources"].values():
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
        fixed = domain.schemas[resource["Type"]]["createOnlyProperties"]
        given = [each for each in resource["Properties"] if "ApiId" in json.dumps(resource["Properties"][each])]
        assert [each for each in given if f"/properties/{each}" in fixed] == []


@pytest.mark.parametrize("options", [False, True])
def test_functions_reserve_executions_only_if_configured(options: bool) -> None:
    functions = [each["Properties"] for each in resources(options).values() if each["Type"] == "AWS::Lambda::Function"]
    reserved = {"ReservedConcurrentExecutions" in each for each in functions}
    assert reserved == {options}
