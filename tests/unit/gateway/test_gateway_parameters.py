"""The Gateway's stack parameters reach every function that calls it, and are validated before a deployment."""

import re
from typing import Any, Final

import pytest

from securities_transactions.gateway.client import ORDERS_PATH_PATTERN
from tests.simulation.messaging import resources, template
from tools.gateway_simulator.settings import Settings

PARAMETERS: Final = {
    "GATEWAY_URL": "GatewayUrl",
    "GATEWAY_NAME": "GatewayName",
    "GATEWAY_ORDERS_PATH": "GatewayOrdersPath",
}


def calling() -> dict[str, dict[str, Any]]:
    """The variables of each function that calls the Gateway."""
    found = {}
    for name, resource in resources().items():
        if resource["Type"] == "AWS::Serverless::Function":
            variables = resource["Properties"].get("Environment", {}).get("Variables", {})
            if "GATEWAY_URL" in variables:
                found[name] = variables
    return found


def test_parameters_reach_every_function_that_calls_the_gateway() -> None:
    pulling = {"FetchTransaction", "FetchOrders", "Reconcile"}
    assert calling().keys() == {"CreateTransaction", *pulling}
    for function, variables in calling().items():
        assert {name: variables.get(name) for name in PARAMETERS} == {
            name: {"Ref": parameter} for name, parameter in PARAMETERS.items()
        }, function


def test_default_orders_path_is_the_simulators() -> None:
    parameter = template()["Parameters"]["GatewayOrdersPath"]
    assert parameter["Default"] == "/v1/{gatewayName}/engine/orders/sst"
    assert parameter["Default"] == Settings().orders_path


def test_pattern_of_the_template_is_the_one_checked_at_start_up() -> None:
    assert template()["Parameters"]["GatewayOrdersPath"]["AllowedPattern"] == f"^{ORDERS_PATH_PATTERN}$"


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/{gatewayName}/engine/orders/sst", True),
        ("/v1/{gatewayName}/engine/orders/sst/", True),
        ("/{gatewayName}", True),
        ("/v1/{gateway}/engine/orders/sst", False),
        ("v1/{gatewayName}/orders", False),
        ("//host.example/{gatewayName}", False),
    ],
)
def test_template_rejects_a_path_that_is_not_valid(path: str, allowed: bool) -> None:
    pattern = template()["Parameters"]["GatewayOrdersPath"]["AllowedPattern"]
    assert (re.fullmatch(pattern, path) is not None) is allowed
