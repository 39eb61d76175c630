"""The packaged template in the local engine's form."""

import copy
import json
from typing import Any

import pytest

from tools.local_stack.adapt import NotAdaptable, adapt

URI = {"Fn::Sub": "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/…/${Fetch.Arn}/invocations"}
INTEGRATION = {"type": "aws_proxy", "httpMethod": "POST", "uri": URI, "payloadFormatVersion": "2.0"}
JWT = {"issuer": {"Ref": "TokenIssuer"}, "audience": [{"Ref": "TokenAudience"}]}


def api_template() -> dict[str, Any]:
    """The output of aws-sam-translator for an HttpApi with one guarded and one open route."""
    authorizer = {"type": "jwt", "identitySource": "$request.header.Authorization", "jwtConfiguration": JWT}
    return {
        "Resources": {
            "Api": {
                "Type": "AWS::ApiGatewayV2::Api",
                "Properties": {
                    "FailOnWarnings": True,
                    "Body": {
                        "info": {"title": {"Fn::Sub": "${AWS::StackName}"}, "version": "1.0"},
                        "paths": {
                            "/orders/{id}": {
                                "get": {
                                    "x-amazon-apigateway-integration": INTEGRATION,
                                    "security": [{"AccessToken": []}],
                                }
                            },
                            "/webhooks": {
                                "post": {
                                    "x-amazon-apigateway-integration": INTEGRATION,
                                    "security": [{"NONE": []}],
                                }
                            },
                        },
                        "x-amazon-apigateway-cors": {"allowOrigins": ["*"]},
                        "components": {
                            "securitySchemes": {
                                "AccessToken": {
                                    "type": "oauth2",
                                    "x-amazon-apigateway-authorizer": authorizer,
                                }
                            }
                        },
                    },
                },
            }
        },
        "Outputs": {"ApiId": {"Value": {"Ref": "Api"}}},
    }


def properties(template: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [r["Properties"] for r in template["Resources"].values() if r["Type"] == f"AWS::ApiGatewayV2::{kind}"]


def test_each_operation_becomes_a_route_to_its_function() -> None:
    """Routes of one function share its integration."""
    adapted = adapt(api_template())
    routes = properties(adapted, "Route")
    assert sorted(route["RouteKey"] for route in routes) == ["GET /orders/{id}", "POST /webhooks"]
    (integration,) = properties(adapted, "Integration")
    assert integration["IntegrationUri"] == URI
    assert integration["PayloadFormatVersion"] == "2.0"
    targets = {route["Target"]["Fn::Join"][1][1]["Ref"] for route in routes}
    assert {adapted["Resources"][target]["Type"] for target in targets} == {"AWS::ApiGatewayV2::Integration"}


def test_greedy_variable_also_matches_nothing_as_on_aws() -> None:
    template = api_template()
    paths = template["Resources"]["Api"]["Properties"]["Body"]["paths"]
    paths["/webhooks/{rest+}"] = paths["/webhooks"]
    routes = {route["RouteKey"]: route for route in properties(adapt(template), "Route")}
    assert {*routes} == {"GET /orders/{id}", "POST /webhooks", "POST /webhooks/{rest+}", "POST /webhooks/"}
    bare, greedy = routes["POST /webhooks/"], routes["POST /webhooks/{rest+}"]
    assert {**bare, "RouteKey": ""} == {**greedy, "RouteKey": ""}


def test_a_guarded_route_keeps_its_authorizer_and_an_open_one_has_none() -> None:
    adapted = adapt(api_template())
    guarded = {route["RouteKey"]: route for route in properties(adapted, "Route")}
    assert guarded["POST /webhooks"]["AuthorizationType"] == "NONE"
    assert guarded["GET /orders/{id}"]["AuthorizationType"] == "JWT"
    authorizer = adapted["Resources"][guarded["GET /orders/{id}"]["AuthorizerId"]["Ref"]]["Properties"]
    assert authorizer["JwtConfiguration"] == {"Issuer": JWT["issuer"], "Audience": JWT["audience"]}
    assert authorizer["IdentitySource"] == ["$request.header.Authorization"]


def test_scopes_of_a_route_are_kept() -> None:
    template = api_template()
    operation = template["Resources"]["Api"]["Properties"]["Body"]["paths"]["/orders/{id}"]["get"]
    operation["security"] = [{"AccessToken": ["orders"]}]
    routes = {route["RouteKey"]: route for route in properties(adapt(template), "Route")}
    assert routes["GET /orders/{id}"]["AuthorizationScopes"] == ["orders"]


def test_the_api_keeps_its_name_and_cors_and_answers_under_its_stack_s_name() -> None:
    (api,) = properties(adapt(api_template()), "Api")
    assert api["Name"] == {"Fn::Sub": "${AWS::StackName}"}
    assert api["CorsConfiguration"] == {"allowOrigins": ["*"]}
    assert api["Tags"]["ms-custom-id"] == {"Ref": "AWS::StackName"}
    assert "Body" not in api


def test_a_condition_of_the_api_holds_for_all_of_its_parts() -> None:
    template = api_template()
    template["Resources"]["Api"]["Condition"] = "WithApi"
    assert all(r["Condition"] == "WithApi" for r in adapt(template)["Resources"].values())


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body["paths"]["/webhooks"]["post"].pop("x-amazon-apigateway-integration"),
        lambda body: body["paths"]["/webhooks"]["post"].update(security=[{"Other": []}]),
        lambda body: body["components"]["securitySchemes"]["AccessToken"]["x-amazon-apigateway-authorizer"].update(
            type="request"
        ),
    ],
    ids=["no integration", "unknown authorizer", "Lambda authorizer"],
)
def test_what_it_does_not_know_it_refuses(change: Any) -> None:
    """A route that silently lost its authorizer would make the local run lie."""
    template = api_template()
    change(template["Resources"]["Api"]["Properties"]["Body"])
    with pytest.raises(NotAdaptable):
        adapt(template)


def with_roll_out() -> dict[str, Any]:
    return {
        "Resources": {
            "Deployments": {"Type": "AWS::CodeDeploy::Application", "Properties": {}},
            "Archive": {"Type": "AWS::Events::Archive", "Properties": {"SourceArn": {"Ref": "Bus"}}},
            "Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "securities-transactions"}},
            "Live": {
                "Type": "AWS::Lambda::Alias",
                "DependsOn": ["Archive", "Bus"],
                "UpdatePolicy": {"CodeDeployLambdaAliasUpdate": {"ApplicationName": {"Ref": "Deployments"}}},
                "Properties": {"Name": "live"},
            },
        },
        "Outputs": {
            "Archived": {"Value": {"Fn::GetAtt": ["Archive", "Arn"]}},
            "Described": {"Value": {"Fn::Sub": "archive ${Archive}"}},
            "BusName": {"Value": {"Ref": "Bus"}},
        },
    }


def test_what_the_engine_refuses_is_left_out_with_the_ties_to_it() -> None:
    adapted = adapt(with_roll_out())
    assert set(adapted["Resources"]) == {"Bus", "Live"}
    assert set(adapted["Outputs"]) == {"BusName"}
    live = adapted["Resources"]["Live"]
    assert live["DependsOn"] == ["Bus"]
    assert "UpdatePolicy" not in live


def test_a_resource_that_needs_what_is_left_out_is_refused_by_name() -> None:
    template = with_roll_out()
    template["Resources"]["Live"]["Properties"]["Description"] = {"Fn::Sub": "${Archive.Arn}"}
    with pytest.raises(NotAdaptable, match="Live needs Archive"):
        adapt(template)


def test_the_template_given_is_not_changed() -> None:
    for template in (api_template(), with_roll_out()):
        before = copy.deepcopy(template)
        adapted = adapt(template)
        assert template == before
        assert json.dumps(adapted)


def test_limit_that_is_a_parameter_becomes_its_default_and_a_number() -> None:
    """The engine hands the parameter's text to its poller, which compares it with a number."""
    scaling = {"MaximumConcurrency": {"Ref": "Most"}}
    mapping = {"Type": "AWS::Lambda::EventSourceMapping", "Properties": {"ScalingConfig": scaling}}
    fixed = {"Type": "AWS::Lambda::EventSourceMapping", "Properties": {"ScalingConfig": {"MaximumConcurrency": 5}}}
    template = {
        "Parameters": {"Most": {"Type": "Number", "Default": 10}},
        "Resources": {"Mapping": mapping, "Fixed": fixed},
    }
    resources = adapt(template)["Resources"]
    assert resources["Mapping"]["Properties"]["ScalingConfig"] == {"MaximumConcurrency": 10}
    assert resources["Fixed"] == fixed
