"""The values that CloudFormation would insert for references: names, ARNs and URLs of a made-up account."""

import re
from collections.abc import Mapping
from typing import Any, Final

ACCOUNT: Final = "123456789012"
REGION: Final = "ap-south-1"
STACK: Final = "securities-transactions-prod"
PSEUDO: Final = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackName": STACK,
    "AWS::URLSuffix": "amazonaws.com",
}

_ARN: Final = "arn:aws:{service}:ap-south-1:123456789012:{rest}"
# By resource type: the value of Ref, then those of Fn::GetAtt. `{name}` is the physical name, `{bus}` a rule's bus.
_RESOURCES: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "AWS::ApiGatewayV2::Api": ("{name}", {"ApiEndpoint": "https://{name}.execute-api.ap-south-1.amazonaws.com"}),
    "AWS::CloudFormation::Stack": (_ARN.format(service="cloudformation", rest="stack/{name}/1"), {}),
    "AWS::CloudWatch::Alarm": ("{name}", {"Arn": _ARN.format(service="cloudwatch", rest="alarm:{name}")}),
    "AWS::DynamoDB::Table": (
        "{name}",
        {
            "Arn": _ARN.format(service="dynamodb", rest="table/{name}"),
            "StreamArn": _ARN.format(service="dynamodb", rest="table/{name}/stream/2026-01-15T00:00:00.000"),
        },
    ),
    "AWS::Events::Archive": ("{name}", {"Arn": _ARN.format(service="events", rest="archive/{name}")}),
    "AWS::Events::EventBus": ("{name}", {"Arn": _ARN.format(service="events", rest="event-bus/{name}")}),
    "AWS::Events::Rule": ("{bus}|{name}", {"Arn": _ARN.format(service="events", rest="rule/{bus}/{name}")}),
    "AWS::IAM::Role": ("{name}", {"Arn": "arn:aws:iam::123456789012:role/{name}"}),
    "AWS::Lambda::Alias": (_ARN.format(service="lambda", rest="function:{function}:{name}"), {}),
    "AWS::Lambda::Function": ("{name}", {"Arn": _ARN.format(service="lambda", rest="function:{name}")}),
    "AWS::Lambda::LayerVersion": (_ARN.format(service="lambda", rest="layer:{name}:1"), {}),
    "AWS::Lambda::Version": (
        _ARN.format(service="lambda", rest="function:{function}:1"),
        {"Version": "1"},
    ),
    "AWS::Logs::LogGroup": ("{name}", {"Arn": _ARN.format(service="logs", rest="log-group:{name}:*")}),
    "AWS::S3::Bucket": ("{name}", {"Arn": "arn:aws:s3:::{name}"}),
    "AWS::Scheduler::Schedule": ("{name}", {"Arn": _ARN.format(service="scheduler", rest="schedule/default/{name}")}),
    "AWS::SecretsManager::Secret": (_ARN.format(service="secretsmanager", rest="secret:{name}-AbCdEf"), {}),
    "AWS::SQS::Queue": (
        "https://sqs.ap-south-1.amazonaws.com/123456789012/{name}",
        {"Arn": _ARN.format(service="sqs", rest="{name}"), "QueueName": "{name}"},
    ),
}
# Resources whose name the template sets.
_NAMED: Final = {"AWS::Events::EventBus": "Name", "AWS::Lambda::Alias": "Name"}


class Unknown(ValueError):
    """This module has no value for a function or reference. The message names it."""


class Values:
    """The values in `template`, whose conditions `conditions.decided` has resolved."""

    def __init__(self, template: Mapping[str, Any]) -> None:
        self.resources: Mapping[str, Any] = template["Resources"]
        parameters = template.get("Parameters", {})
        self._parameters = {name: str(each.get("Default", f"any-{name}")) for name, each in parameters.items()}
        self._lists = {name for name, each in parameters.items() if each["Type"] == "CommaDelimitedList"}

    def of(self, value: Any) -> Any:
        """`value` with every function and reference in it replaced. Raises `Unknown`."""
        match value:
            case {"Ref": str(name)}:
                return self._ref(name)
            case {"Fn::GetAtt": [str(name), str(attribute)]}:
                return self.attribute(name, attribute)
            case {"Fn::GetAtt": str(both)}:
                return self.attribute(*both.split(".", 1))
            case {"Fn::Sub": str(text)}:
                return self._sub(text, {})
            case {"Fn::Sub": [str(text), dict(variables)]}:
                return self._sub(text, self.of(variables))
            case {"Fn::Join": [str(between), list(parts)]}:
                return between.join(self.of(part) for part in parts)
            case {"Fn::Split": [str(between), whole]}:
                return str(self.of(whole)).split(between)
            case dict():
                if any(name.startswith("Fn::") for name in value):
                    raise Unknown(str(value))
                return {name: self.of(member) for name, member in value.items()}
            case list():
                return [self.of(member) for member in value]
        return value

    def attribute(self, name: str, attribute: str) -> str:
        """An attribute of the resource with the logical `name`."""
        kind = self.resources[name]["Type"]
        if kind not in _RESOURCES or attribute not in _RESOURCES[kind][1]:
            raise Unknown(f"{attribute} of {name}, which is an {kind}")
        return self._filled(name, _RESOURCES[kind][1][attribute])

    def _ref(self, name: str) -> Any:
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self._parameters:
            value = self._parameters[name]
            return value.split(",") if name in self._lists else value
        if name not in self.resources or self.resources[name]["Type"] not in _RESOURCES:
            raise Unknown(f"a reference to {name}")
        return self._filled(name, _RESOURCES[self.resources[name]["Type"]][0])

    def _filled(self, name: str, text: str) -> str:
        resource = self.resources[name]
        properties = resource.get("Properties", {})
        named = _NAMED.get(resource["Type"])
        physical = self.of(properties[named]) if named in properties else f"{STACK}-{name}-1A2B3C"
        bus = self.of(properties["EventBusName"]) if "{bus}" in text else ""
        function = self.of(properties["FunctionName"]) if "{function}" in text else ""
        return text.format(name=physical, bus=bus, function=function)

    def _sub(self, text: str, variables: Mapping[str, Any]) -> str:
        def value(found: re.Match[str]) -> str:
            name = found[1]
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in variables:
                return str(variables[name])
            return str(self.attribute(*name.split(".", 1)) if "." in name else self._ref(name))

        return re.sub(r"\$\{([^}]+)\}", value, text)
