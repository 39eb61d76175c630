"""Adapts the deployed template to the local engine.

AWS gets `template.yaml` unchanged. The engine does not import the OpenAPI `Body` that SAM generates from `HttpApi`
events, and it rejects some resource types. So the packaged template is translated to plain CloudFormation (`translate`,
with the library behind AWS's own transform) and rewritten (`adapt`, pure).

As a command, in the engine's environment: `python -m tools.local_stack.adapt PACKAGED ADAPTED`.
"""

import copy
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

# Types that the engine does not support. None is part of the product's own behavior: they roll out, archive, register
# (the nested stack has the schemas) and let other accounts access the other resources.
LEFT_OUT: Final = (
    "AWS::CloudFormation::Stack",
    "AWS::CodeDeploy::",
    "AWS::EventSchemas::",
    "AWS::Events::Archive",
    "AWS::Events::EventBusPolicy",
)

# The API is served under its stack's name instead of a new id each time: /_aws/execute-api/<stack>/…
API_ID: Final[Mapping[str, str]] = {"Ref": "AWS::StackName"}

_INTEGRATION: Final = {
    "uri": "IntegrationUri",
    "httpMethod": "IntegrationMethod",
    "payloadFormatVersion": "PayloadFormatVersion",
    "timeoutInMillis": "TimeoutInMillis",
    "requestParameters": "RequestParameters",
    "responseParameters": "ResponseParameters",
}


class NotAdaptable(ValueError):
    """The template uses something that this adaptation does not support. The message names it and its place."""


def adapt(template: Mapping[str, Any]) -> dict[str, Any]:
    """`template`, plain CloudFormation, in the engine's form: explicit routes, and without unsupported resources.

    Raises `NotAdaptable` if a kept resource needs an unsupported one, or if an API has anything but Lambda integrations
    and JWT authorizers.
    """
    adapted = copy.deepcopy(dict(template))
    resources: dict[str, Any] = adapted["Resources"]
    gone = {name for name, resource in resources.items() if _left_out(resource)}
    adapted["Resources"] = kept = {}
    for name, resource in resources.items():
        if name in gone:
            continue
        kept[name] = _without(resource, name, gone)
        if resource["Type"] == "AWS::Lambda::EventSourceMapping":
            _as_numbers(kept[name]["Properties"].get("ScalingConfig", {}), adapted.get("Parameters", {}))
    for name, resource in list(kept.items()):
        if resource["Type"] == "AWS::ApiGatewayV2::Api" and "Body" in resource["Properties"]:
            for added, definition in _explicit_api(name, resource):
                if added in kept and added != name:
                    raise NotAdaptable(f"{added} stands for two things")
                kept[added] = definition
    outputs = adapted.get("Outputs", {})
    adapted["Outputs"] = {name: value for name, value in outputs.items() if not gone.intersection(_references(value))}
    return adapted


def _as_numbers(scaling: dict[str, Any], parameters: Mapping[str, Any]) -> None:
    """Put the defaults of parameters in their places in `scaling`.

    CloudFormation converts the text of a parameter to the number that Lambda takes. The engine does not, and its poller
    then fails for every queue. What a stack sets for such a parameter has no effect here.
    """
    for key, value in scaling.items():
        if isinstance(value, Mapping) and value.get("Ref") in parameters:
            scaling[key] = int(parameters[value["Ref"]]["Default"])


def _left_out(resource: Mapping[str, Any]) -> bool:
    """Also alarms over several metrics: the engine has no metric math, and no CodeDeploy that would ask them."""
    return resource["Type"].startswith(LEFT_OUT) or "Metrics" in resource.get("Properties", {})


def _without(resource: Mapping[str, Any], name: str, gone: set[str]) -> dict[str, Any]:
    """`resource` without its order and roll-out dependencies on `gone`."""
    rest = {key: value for key, value in resource.items() if key not in {"DependsOn", "UpdatePolicy"}}
    after = resource.get("DependsOn", [])
    still = [other for other in ([after] if isinstance(after, str) else after) if other not in gone]
    if still:
        rest["DependsOn"] = still
    needed = gone.intersection(_references(rest))
    if needed:
        raise NotAdaptable(f"{name} needs {', '.join(sorted(needed))}, which the engine does not have")
    return rest


def _references(value: Any) -> Iterator[str]:
    """The logical names that `value` refers to by Ref, Fn::GetAtt or Fn::Sub."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key == "Ref" and isinstance(inner, str):
                yield inner
            elif key == "Fn::GetAtt":
                yield inner.split(".")[0] if isinstance(inner, str) else inner[0]
            elif key == "Fn::Sub":
                text = inner if isinstance(inner, str) else inner[0]
                yield from (match.split(".")[0] for match in re.findall(r"\$\{([^!}][^}]*)\}", text))
                yield from _references(inner)
            else:
                yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def _explicit_api(name: str, resource: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The API `name`, and each part of its OpenAPI `Body` as a separate resource."""
    properties = dict(resource["Properties"])
    body = properties.pop("Body")
    properties.pop("FailOnWarnings", None)
    shared = {"Condition": resource["Condition"]} if "Condition" in resource else {}
    properties |= {
        "ProtocolType": "HTTP",
        "Name": body["info"]["title"],
        "Tags": {**properties.get("Tags", {}), "ms-custom-id": dict(API_ID)},
    }
    if "x-amazon-apigateway-cors" in body:
        # The engine reads these members in the API's spelling (allowOrigins) instead of CloudFormation's.
        properties["CorsConfiguration"] = body["x-amazon-apigateway-cors"]
    yield name, {**resource, "Properties": properties}

    api = {"ApiId": {"Ref": name}}
    schemes: Mapping[str, Any] = body.get("components", {}).get("securitySchemes", {})
    for scheme, definition in schemes.items():
        yield f"{name}{scheme}", {**_authorizer(scheme, definition, api), **shared}

    integrations: dict[str, str] = {}
    for path, operations in body["paths"].items():
        for method, operation in operations.items():
            if method == "parameters":
                continue
            verb = "ANY" if method == "x-amazon-apigateway-any-method" else method.upper()
            key = path if path == "$default" else f"{verb} {path}"
            route = re.sub(r"[^A-Za-z0-9]", "", f"{verb.title()}{path.title()}")
            integration = operation.get("x-amazon-apigateway-integration")
            if integration is None or integration.get("type", "").lower() != "aws_proxy":
                raise NotAdaptable(f"{key} of {name} is not a plain Lambda proxy integration")
            target = json.dumps(integration, sort_keys=True)
            if target not in integrations:
                integrations[target] = f"{name}Integration{route}"
                yield integrations[target], {**_integration(integration, api), **shared}
            properties = {
                **api,
                "RouteKey": key,
                "Target": {"Fn::Join": ["/", ["integrations", {"Ref": integrations[target]}]]},
                **_authorization(name, key, operation.get("security", []), schemes),
            }
            yield f"{name}Route{route}", {"Type": "AWS::ApiGatewayV2::Route", "Properties": properties, **shared}
            if path.endswith("+}"):
                # On AWS a greedy variable also matches nothing. The engine's does not.
                bare = {**properties, "RouteKey": f"{verb} {path[: path.rindex('{')]}"}
                yield f"{name}Route{route}Bare", {"Type": "AWS::ApiGatewayV2::Route", "Properties": bare, **shared}


def _integration(integration: Mapping[str, Any], api: Mapping[str, Any]) -> dict[str, Any]:
    known = {ours: integration[theirs] for theirs, ours in _INTEGRATION.items() if theirs in integration}
    return {
        "Type": "AWS::ApiGatewayV2::Integration",
        "Properties": {**api, "IntegrationType": "AWS_PROXY", **known},
    }


def _authorizer(scheme: str, definition: Mapping[str, Any], api: Mapping[str, Any]) -> dict[str, Any]:
    said = definition.get("x-amazon-apigateway-authorizer", {})
    if said.get("type") != "jwt":
        raise NotAdaptable(f"{scheme} is not a JWT authorizer")
    source = said["identitySource"]
    jwt = said["jwtConfiguration"]
    return {
        "Type": "AWS::ApiGatewayV2::Authorizer",
        "Properties": {
            **api,
            "Name": scheme,
            "AuthorizerType": "JWT",
            "IdentitySource": [source] if isinstance(source, str) else source,
            "JwtConfiguration": {"Audience": jwt["audience"], "Issuer": jwt["issuer"]},
        },
    }


def _authorization(
    name: str, key: str, security: list[Mapping[str, list[str]]], schemes: Mapping[str, Any]
) -> dict[str, Any]:
    wanted = [(scheme, scopes) for entry in security for scheme, scopes in entry.items() if scheme != "NONE"]
    if not wanted:
        return {"AuthorizationType": "NONE"}
    if len(wanted) > 1 or wanted[0][0] not in schemes:
        raise NotAdaptable(f"{key} of {name} asks for something other than one of the API's authorizers")
    scheme, scopes = wanted[0]
    return {
        "AuthorizationType": "JWT",
        "AuthorizerId": {"Ref": f"{name}{scheme}"},
        **({"AuthorizationScopes": scopes} if scopes else {}),
    }


def translate(template_text: str) -> dict[str, Any]:
    """The SAM template `template_text` as plain CloudFormation. Only in the engine's environment.

    On AWS the transform gets the parameters of a deployment. Here one translation serves every deployment, so it gets
    none, and no defaults either, because it would insert them in place of some references.
    """
    from samtranslator.translator.transform import (  # type: ignore[import-not-found] # is in .venv-engine alone
        transform,
    )
    from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-not-found] # the same

    # Otherwise managed policies are looked up by name in an account. The template uses none.
    no_managed_policies = SimpleNamespace(load=dict)
    template = yaml_parse(template_text)
    parameters = copy.deepcopy(template.get("Parameters", {}))
    for parameter in template.get("Parameters", {}).values():
        parameter.pop("Default", None)
    translated: dict[str, Any] = transform(template, {}, no_managed_policies)
    return {**translated, "Parameters": parameters}


if __name__ == "__main__":
    packaged, target = (Path(argument) for argument in sys.argv[1:])
    target.write_text(json.dumps(adapt(translate(packaged.read_text())), indent=1))
