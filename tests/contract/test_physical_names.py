"""Two stacks of one stage fit into one AWS account: no physical name in the translated template is a constant.

CloudFormation's own resource schemas say which properties identify a resource, so a new resource type needs no
new line here.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tools.template_checks.templates import translated

pytestmark = pytest.mark.integration  # the SAM translator and cfn-lint are installed in .venv-engine only

ROOT = Path(__file__).parents[2]
# The last is the parameter of the nested stack, which gets the name of its parent.
PER_STACK = frozenset({"AWS::StackName", "AWS::StackId", "RegistryName"})
NO_VALUE = {"Ref": "AWS::NoValue"}


@cache
def cloudformation(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The template at `path` as CloudFormation receives it, and the schemas of its resource types."""
    made = translated(str(path))
    return made.template, made.schemas


def identity(schema: Mapping[str, Any]) -> frozenset[str]:
    """The properties that a template may set and that together distinguish one resource from others of its type.

    Where AWS assigns the primary identifier (an ARN, a URL, an id), these are the names that cannot be changed
    once the resource exists.
    """

    def top_level(pointers: list[str]) -> set[str]:
        names = {pointer.removeprefix("/properties/") for pointer in pointers}
        return {name for name in names if "/" not in name}

    primary, assigned = top_level(schema["primaryIdentifier"]), top_level(schema.get("readOnlyProperties", []))
    if not primary & assigned:
        return frozenset(primary)
    others = [pointer for pointers in schema.get("additionalIdentifiers", []) for pointer in pointers]
    fixed = top_level(schema.get("createOnlyProperties", []) + others) - assigned
    return frozenset(name for name in fixed if name.endswith("Name"))


def per_stack(value: Any, resources: Mapping[str, Any]) -> bool:
    """Return True if `value` differs from stack to stack. A reference to a resource does, because resources do."""
    if not isinstance(value, dict):
        return False
    ((function, argument),) = value.items()
    if function == "Ref":
        return argument in PER_STACK or argument in resources
    if function == "Fn::GetAtt":
        return True
    if function == "Fn::Sub":
        text, given = (argument, {}) if isinstance(argument, str) else argument
        used = re.findall(r"\$\{([^!}][^}]*)\}", text)
        return any(
            per_stack(given[name], resources) if name in given else per_stack({"Ref": name.split(".")[0]}, resources)
            for name in used
        )
    if function == "Fn::Join":
        return isinstance(argument[1], list) and any(per_stack(part, resources) for part in argument[1])
    if function == "Fn::If":
        return all(branch == NO_VALUE or per_stack(branch, resources) for branch in argument[1:])
    return False


def constant_names(template: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[str]:
    """Every resource and export of `template` that a second stack would collide with."""
    resources = template["Resources"]
    for logical, resource in resources.items():
        properties = resource.get("Properties", {})
        given = {name: properties[name] for name in identity(schemas[resource["Type"]]) if name in properties}
        if given and not any(value == NO_VALUE or per_stack(value, resources) for value in given.values()):
            yield f"{logical}: {json.dumps(given, sort_keys=True)}"
    for logical, output in template.get("Outputs", {}).items():
        if "Export" in output and not per_stack(output["Export"]["Name"], resources):
            yield f"{logical}: {json.dumps(output['Export'])}"


@pytest.mark.parametrize("name", ["template.yaml", "contracts/registry.yaml"])
def test_no_physical_name_is_a_constant(name: str) -> None:
    template, schemas = cloudformation(ROOT / name)
    assert len(template["Resources"]) > 5
    assert list(constant_names(template, schemas)) == []


def test_nested_stack_and_api_are_named_after_the_stack() -> None:
    """The registry's names come from its parameter. The API's title is not an identifier but distinguishes consoles."""
    resources = cloudformation(ROOT / "template.yaml")[0]["Resources"]
    nested = [r for r in resources.values() if r["Type"] == "AWS::CloudFormation::Stack"]
    assert nested
    assert all(per_stack(stack["Properties"]["Parameters"]["RegistryName"], resources) for stack in nested)
    assert per_stack(resources["Api"]["Properties"]["Body"]["info"]["title"], resources)


def test_metric_namespaces_are_named_after_the_stack() -> None:
    """CloudFormation does not know them as identifiers, but the alarms of two stacks would share their counts."""
    resources = cloudformation(ROOT / "template.yaml")[0]["Resources"]
    written = [
        transformation["MetricNamespace"]
        for resource in resources.values()
        if resource["Type"] == "AWS::Logs::MetricFilter"
        for transformation in resource["Properties"]["MetricTransformations"]
    ]
    alarms = [r["Properties"] for r in resources.values() if r["Type"] == "AWS::CloudWatch::Alarm"]
    metrics = [
        each["MetricStat"]["Metric"] for alarm in alarms for each in alarm.get("Metrics", []) if "MetricStat" in each
    ]
    read = [each["Namespace"] for each in (*metrics, *alarms) if "Namespace" in each]
    assert written
    assert all(per_stack(namespace, resources) for namespace in written)
    assert all(per_stack(namespace, resources) or namespace.startswith("AWS/") for namespace in read)


def test_no_name_depends_on_the_stage() -> None:
    """Two deployments of one stage stand side by side: the stack shows its stage, and a rule reads it."""
    text = (ROOT / "template.yaml").read_text()
    assert re.findall(r"\$\{Stage\}", text) == []
    lines = [line.strip() for line in text.splitlines() if "!Ref Stage" in line]
    assert lines == [
        "- !And [!Equals [!Ref TwoPersonResolution, in-production], !Equals [!Ref Stage, prod]]",
        "RuleCondition: !Equals [!Ref Stage, prod]",
        "Value: !Ref Stage",
    ]


COLLIDING = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: { Type: String }
  GatewayName: { Type: String }
Globals: { Function: { Runtime: python3.13, Handler: app.handler, CodeUri: . } }
Resources:
  Queue: { Type: AWS::SQS::Queue, Properties: { QueueName: orders } }
  Topic: { Type: AWS::SNS::Topic, Properties: { TopicName: !Ref GatewayName } }
  Rule: { Type: AWS::Events::Rule, Properties: { Name: orders, EventPattern: { source: [a] } } }
  Bus: { Type: AWS::Events::EventBus, Properties: { Name: !Sub "orders-${AWS::Region}" } }
  Group: { Type: AWS::Logs::LogGroup, Properties: { LogGroupName: !If [Prod, orders, !Ref Stage] } }
  Secret: { Type: AWS::SecretsManager::Secret, Properties: { Name: !Sub ["${Stage}", { Stage: orders }] } }
  Board: { Type: AWS::CloudWatch::Dashboard, Properties: { DashboardName: orders, DashboardBody: "{}" } }
  Alarm: { Type: AWS::CloudWatch::Alarm, Properties: { AlarmName: !Join ["-", [a, b]] } }
  Filter:
    Type: AWS::Logs::MetricFilter
    Properties: { LogGroupName: orders, FilterPattern: "", MetricTransformations: [] }
  OfStage: { Type: AWS::Events::EventBus, Properties: { Name: !Sub "orders-${Stage}" } }
  Policy: { Type: AWS::Events::EventBusPolicy, Properties: { StatementId: a, Principal: "1", Action: events:Put } }
  Managed: { Type: AWS::IAM::ManagedPolicy, Properties: { ManagedPolicyName: orders, PolicyDocument: {} } }
  Machine: { Type: AWS::StepFunctions::StateMachine, Properties: { StateMachineName: orders, RoleArn: a } }
  Layer: { Type: AWS::Serverless::LayerVersion, Properties: { ContentUri: . } }
  Named: { Type: AWS::Serverless::Function, Properties: { FunctionName: orders } }
  Scheduled:
    Type: AWS::Serverless::Function
    Properties:
      Events: { Nightly: { Type: ScheduleV2, Properties: { ScheduleExpression: rate(1 day) } } }
Conditions: { Prod: !Equals [!Ref Stage, prod] }
Outputs:
  Exported: { Value: a, Export: { Name: orders } }
"""

DISTINCT = """
Transform: AWS::Serverless-2016-10-31
Parameters: { Stage: { Type: String } }
Globals: { Function: { Runtime: python3.13, Handler: app.handler, CodeUri: . } }
Resources:
  Queue: { Type: AWS::SQS::Queue }
  Topic: { Type: AWS::SNS::Topic, Properties: { TopicName: !Sub "${Queue.QueueName}-topic" } }
  Rule: { Type: AWS::Events::Rule, Properties: { Name: !Ref AWS::StackName, EventPattern: { source: [a] } } }
  Group:
    Type: AWS::Logs::LogGroup
    Properties: { LogGroupName: !If [Prod, !Ref AWS::NoValue, !Join ["-", [a, !Ref AWS::StackName]]] }
  Aliased: { Type: AWS::Serverless::Function, Properties: { AutoPublishAlias: live } }
  Api: { Type: AWS::Serverless::HttpApi, Properties: { StageName: live, DefinitionBody: { openapi: 3.0.1 } } }
Conditions: { Prod: !Equals [!Ref Stage, prod] }
Outputs:
  Exported: { Value: a, Export: { Name: !Sub "${AWS::StackName}-orders" } }
"""


def made(directory: Path, text: str) -> list[str]:
    (directory / "template.yaml").write_text(text)
    template, schemas = cloudformation(directory / "template.yaml")
    return [line.split(":")[0] for line in constant_names(template, schemas)]


def test_every_kind_of_constant_name_is_found(tmp_path: Path) -> None:
    found = made(tmp_path, COLLIDING)
    assert {re.sub(r"^Layer[0-9a-f]+$", "Layer", name) for name in found} == {
        "Queue", "Topic", "Rule", "Bus", "Group", "Secret", "Board", "Alarm", "Filter", "Policy", "Managed", "Machine",
        "Layer", "Named", "OfStage", "ScheduledNightly", "Exported",
    }  # fmt: skip


def test_names_of_a_stack_and_of_its_parts_are_accepted(tmp_path: Path) -> None:
    assert made(tmp_path, DISTINCT) == []
