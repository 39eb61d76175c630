"""New versions of the functions: what publishes them, how requests reach them, and what takes them back."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

import pytest

from tools.template_checks.conditions import decided
from tools.template_checks.templates import EVERY_OPTION, PRODUCT, translated

pytestmark = pytest.mark.integration  # the SAM translator is installed in .venv-engine only

NONE = MappingProxyType({"Rollout": "none"})
# Of a function's properties, those that are not kept in its versions, and what SAM itself sees a change of.
UNVERSIONED = {"Tags", "ReservedConcurrentExecutions"}
SEEN_BY_SAM = {"Code", "Layers"}
EXAMPLES = {"Positions", "Notifier"}


@cache
def template(**values: str) -> dict[str, Any]:
    """The template as SAM's transform makes it of these parameters."""
    return translated(PRODUCT, values).template


def of_type(kind: str, **values: str) -> dict[str, Any]:
    return {name: each for name, each in template(**values)["Resources"].items() if each["Type"] == kind}


def references(value: Any) -> Iterator[str]:
    """The resources and parameters that a value refers to, those of the conditions in it included."""
    match value:
        case {"Ref": str(name)} if not name.startswith("AWS::"):
            yield name
        case {"Fn::GetAtt": [str(name), *_]}:
            yield name
        case {"Fn::Sub": text}:
            yield from (name.split(".")[0] for name in re.findall(r"\$\{(?!AWS::)([\w.]+)\}", json.dumps(text)))
        case {"Fn::If": [str(condition), *branches]}:
            yield from references(template()["Conditions"][condition])
            yield from references(branches)
        case dict():
            for inner in value.values():
                yield from references(inner)
        case list():
            for inner in value:
                yield from references(inner)


def content() -> set[str]:
    return set(references(template()["Resources"]["Settings"]["Properties"]["Content"]))


@pytest.mark.parametrize("function", of_type("AWS::Lambda::Function"))
def test_settings_have_everything_that_a_version_of_a_function_keeps(function: str) -> None:
    """A change of it changes the description of the settings, and so the function's and its version's."""
    properties = of_type("AWS::Lambda::Function")[function]["Properties"]
    description = {"Fn::Sub": "Settings ${Settings.VersionNumber}"}
    kept = {name: each for name, each in properties.items() if name not in UNVERSIONED | SEEN_BY_SAM | {"Description"}}
    assert set(references(kept)) - content() == set()
    assert properties["Description"] == description
    [version] = [
        each["Properties"]
        for each in of_type("AWS::Lambda::Version").values()
        if each["Properties"]["FunctionName"] == {"Ref": function}
    ]
    assert version["Description"] == description


def test_settings_have_nothing_that_no_version_keeps() -> None:
    """With nothing else changed, Lambda refuses to publish a version again."""
    kept = [
        {name: each for name, each in function["Properties"].items() if name not in UNVERSIONED}
        for function in of_type("AWS::Lambda::Function").values()
    ]
    assert content() - set(references(kept)) - {"HasExamples", "ExampleConsumers"} == set()


def test_cloudformation_publishes_a_version_again_if_its_description_changes() -> None:
    fixed = translated(PRODUCT).schemas["AWS::Lambda::Version"]["createOnlyProperties"]
    assert {"/properties/Description", "/properties/FunctionName"} <= set(fixed)
    settings = translated(PRODUCT).schemas["AWS::AppConfig::HostedConfigurationVersion"]
    assert "/properties/Content" in settings["createOnlyProperties"]
    assert "/properties/VersionNumber" in settings["readOnlyProperties"]


def test_nothing_invokes_a_function_but_through_its_alias() -> None:
    """Otherwise it would run what was deployed and not shifted to."""
    functions = set(of_type("AWS::Lambda::Function"))
    aliases = {f"{name}Aliaslive" for name in functions}
    assert set(of_type("AWS::Lambda::Alias")) == aliases
    invoked = {
        kind: set(references([each["Properties"].get(name) for each in of_type(kind).values()]))
        for kind, name in (
            ("AWS::Lambda::Permission", "FunctionName"),
            ("AWS::Lambda::EventSourceMapping", "FunctionName"),
            ("AWS::Scheduler::Schedule", "Target"),
            ("AWS::ApiGatewayV2::Api", "Body"),
        )
    }
    for kind, found in invoked.items():
        assert found & aliases, kind
        assert not found & functions, kind
    assert set().union(*invoked.values()) >= aliases
    may_invoke = [
        statement["Resource"]
        for role in of_type("AWS::IAM::Role").values()
        for policy in role["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        if "lambda:InvokeFunction" in statement["Action"]
    ]
    assert may_invoke == [{"Ref": "CheckDueAliaslive"}, {"Ref": "CloseBooksAliaslive"}]


def test_old_versions_and_layers_are_deleted() -> None:
    gone = [*of_type("AWS::Lambda::Version").values(), *of_type("AWS::Lambda::LayerVersion").values()]
    assert {each["DeletionPolicy"] for each in gone} == {"Delete"}
    assert [each for each in gone if "Retain" in each.get("UpdateReplacePolicy", "")] == []


def test_every_alias_is_shifted_by_codedeploy_and_back_on_each_alarm() -> None:
    groups = of_type("AWS::CodeDeploy::DeploymentGroup")
    for name, alias in of_type("AWS::Lambda::Alias").items():
        update = alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
        group = groups.pop(update["DeploymentGroupName"]["Ref"])
        assert group.get("Condition") == alias.get("Condition"), name
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["Properties"]["AutoRollbackConfiguration"]["Events"]
        assert group["Properties"]["ServiceRoleArn"] == {"Fn::GetAtt": ["RolloutRole", "Arn"]}
        [condition, alarms, none] = group["Properties"]["AlarmConfiguration"]["Fn::If"]
        assert (condition, none) == ("HasRollout", {})
        assert [each["Name"] for each in alarms["Alarms"]] == [
            {"Ref": "BadApiVersionAlarm"},
            {"Ref": "BadWorkerVersionAlarm"},
            {"Fn::Sub": "${AWS::StackName}-server-errors"},
            {"Ref": "ErrorLinesAlarm"},
            {"Ref": "DeadLettersGrowAlarm"},
        ]
    assert groups == {}
    named = template()["Resources"]["ServerErrorsAlarm"]["Properties"]["AlarmName"]
    assert named == {"Fn::Sub": "${AWS::StackName}-server-errors"}


def test_each_function_of_the_product_has_its_new_version_s_errors_in_an_alarm() -> None:
    watched: set[str] = set()
    for name in ("BadApiVersionAlarm", "BadWorkerVersionAlarm"):
        [expression, *metrics] = template()["Resources"][name]["Properties"]["Metrics"]
        assert re.findall(r"\w+", expression["Expression"])[1:] == [each["Id"] for each in metrics]
        # CloudWatch takes ten metrics in an alarm.
        assert len(metrics) < 10
        for each in metrics:
            function = each["Label"]
            [by_name, by_alias, by_version] = each["MetricStat"]["Metric"]["Dimensions"]
            assert by_name["Value"] == {"Ref": function}
            assert by_alias["Value"] == {"Fn::Sub": f"${{{function}}}:live"}
            [version, attribute] = by_version["Value"]["Fn::GetAtt"]
            assert (re.sub("[0-9a-f]{10}$", "", version), attribute) == (f"{function}Version", "Version")
            watched.add(function)
    assert watched == set(of_type("AWS::Lambda::Function")) - EXAMPLES


def test_without_a_rollout_there_is_no_codedeploy_and_versions_stay() -> None:
    without, shifted = template(**NONE)["Resources"], template()["Resources"]
    assert {name: each["Type"] for name, each in without.items()} == {
        name: each["Type"] for name, each in shifted.items() if "CodeDeploy" not in each["Type"]
    }
    assert [each for each in of_type("AWS::Lambda::Alias", **NONE).values() if "UpdatePolicy" in each] == []
    left = decided(template(**NONE), NONE)["Resources"]
    assert {"BadApiVersionAlarm", "ServerErrorsAlarm"} & set(left) == set()


def test_every_value_of_rollout_says_whether_it_shifts() -> None:
    values = template()["Parameters"]["Rollout"]["AllowedValues"]
    assert {name: each["Shifts"] for name, each in template()["Mappings"]["Rollout"].items()} == {
        value: "false" if value == "none" else "true" for value in values
    }


def started(**values: str) -> tuple[set[str], set[str]]:
    """The functions that start from a snapshot, and those that have executions ready."""
    found: Mapping[str, Any] = decided(template(**values), values)["Resources"]
    snapshots = {
        name
        for name, each in found.items()
        if each["Type"] == "AWS::Lambda::Function" and each["Properties"]["SnapStart"]["ApplyOn"] == "PublishedVersions"
    }
    ready = {name for name, each in found.items() if "ProvisionedConcurrencyConfig" in each.get("Properties", {})}
    return snapshots, ready


def test_functions_start_fast_by_one_parameter_or_the_other() -> None:
    behind_the_api = {
        name for name in references(template()["Resources"]["Api"]["Properties"]["Body"]) if name.endswith("Aliaslive")
    }
    snapshots, ready = started(SnapStart="true", ExampleConsumers="true")
    assert (snapshots, ready) == (set(of_type("AWS::Lambda::Function")), set())
    assert started(ProvisionedConcurrency="2") == (set(), behind_the_api)
    assert started() == (set(), set())
    rule = template()["Rules"]["SnapStartSettings"]
    assert rule["RuleCondition"] == {"Fn::Equals": [{"Ref": "SnapStart"}, "true"]}
    assert rule["Assertions"][0]["Assert"] == {"Fn::Equals": [{"Ref": "ProvisionedConcurrency"}, "0"]}


def test_a_stack_with_every_option_shifts_and_has_executions_ready() -> None:
    assert EVERY_OPTION["Rollout"] != "none"
    assert started(**EVERY_OPTION)[1]
