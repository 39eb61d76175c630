"""`make validate` finds its faults: each check gets a template with a fault of its kind."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.messaging import template
from tools.template_checks import cfn_lint, plain_yaml, regions, security
from tools.template_checks.conditions import Undecidable, decided
from tools.template_checks.templates import ALWAYS_DEFAULT, DEPLOYED, EVERY_OPTION, Translated

ROOT = Path(__file__).parents[2]

UNSAFE: Mapping[str, Any] = {
    "AWSTemplateFormatVersion": "2010-09-09",
    "Parameters": {"KeyArn": {"Type": "String", "Default": ""}},
    "Conditions": {"HasKey": {"Fn::Not": [{"Fn::Equals": [{"Ref": "KeyArn"}, ""]}]}},
    "Resources": {
        "Open": {"Type": "AWS::SQS::Queue", "Properties": {"KmsMasterKeyId": {"Ref": "AWS::NoValue"}}},
        "Optional": {"Type": "AWS::Logs::LogGroup", "Condition": "HasKey", "Properties": {"RetentionInDays": 30}},
    },
}


def queue(*skips: Mapping[str, str]) -> dict[str, Any]:
    return {"Type": "AWS::SQS::Queue", "Metadata": {"checkov": {"skip": list(skips)}}}


@pytest.mark.parametrize("name", DEPLOYED)
def test_deployed_templates_have_no_alias_anchor_or_merge_key(name: str) -> None:
    assert list(plain_yaml.findings(name, (ROOT / name).read_text())) == []


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("a: &x 1\nb: *x", ["1: the anchor &x", "2: the alias *x"]),
        ("a: &x {c: 1}\nb:\n  <<: *x", ["1: the anchor &x", "3: a merge key", "3: the alias *x"]),
        ("a: {<<: {c: 1}}", ["1: a merge key"]),
        ("a: &unused [1]", ["1: the anchor &unused"]),
        ("a: '<<'\nb: '*x & y'\nc: !Ref X", []),
    ],
)
def test_yaml_that_cloudformation_does_not_read_is_found(text: str, kinds: list[str]) -> None:
    found = list(plain_yaml.findings("t", text))
    assert [line.removeprefix("t:").partition(": write")[0] for line in found] == kinds


@pytest.mark.integration
def test_cfn_lint_reports_informational_findings(tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_text("Resources: {Queue: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: '30'}}}")
    found = "\n".join(cfn_lint.findings(str(path)))
    assert "E3012" in found  # a number that is written as a string
    assert "I3011" in found  # no deletion policy


@pytest.mark.integration
def test_a_template_that_cfn_lint_cannot_open_is_a_finding(tmp_path: Path) -> None:
    assert list(cfn_lint.findings(str(tmp_path / "missing.yaml")))


@pytest.mark.integration
def test_checkov_finds_a_fault_also_behind_a_condition() -> None:
    found = list(security.findings("t", UNSAFE, least=1))
    assert any("Queue.Open" in line and "CKV_AWS_27" in line for line in found)
    assert any("LogGroup.Optional" in line and "CKV_AWS_158" in line for line in found)


@pytest.mark.integration
def test_checkov_that_runs_too_few_checks_is_a_finding() -> None:
    nothing = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": {}}
    assert any("checkov ran 0 checks" in line for line in security.findings("t", nothing))
    assert any("at least 100 expected" in line for line in security.findings("t", UNSAFE))


def test_a_skip_needs_a_reason_and_something_to_skip() -> None:
    told = {"id": "CKV_AWS_27", "comment": "It has public prices and nothing else."}
    resources = {"Told": queue(told), "Mute": queue({"id": "CKV_AWS_27"}), "Idle": queue(told)}
    used = {("Told", "CKV_AWS_27"), ("Mute", "CKV_AWS_27"), ("Idle", "CKV_AWS_1")}
    assert list(security.skips_out_of_order({"Resources": resources}, used)) == [
        "Mute: the skip of CKV_AWS_27 has no reason in words",
        "Idle: the skip of CKV_AWS_27 skips nothing: remove it",
    ]


def test_a_skip_counts_as_used_for_what_sam_makes_of_the_resource() -> None:
    told = {"id": "CKV_AWS_116", "comment": "A queue invokes it, with dead letters."}
    resources = {"Sweep": queue(told), "SweepRole": queue(told)}
    assert list(security.skips_out_of_order({"Resources": resources}, {("Sweep", "CKV_AWS_116")})) == []


def test_every_optional_parameter_is_either_set_by_the_checks_or_always_left() -> None:
    optional = {name: each["Default"] for name, each in template()["Parameters"].items() if "Default" in each}
    assert set(EVERY_OPTION) | ALWAYS_DEFAULT == set(optional)
    assert not set(EVERY_OPTION) & ALWAYS_DEFAULT
    assert [name for name, value in EVERY_OPTION.items() if str(optional[name]) == value] == []


def test_conditions_are_decided_by_the_options_and_what_has_no_value_is_left_out() -> None:
    either = {"Fn::If": ["HasKey", {"Ref": "KeyArn"}, {"Ref": "AWS::NoValue"}]}
    conditional = {
        **UNSAFE,
        "Resources": {"Queue": {"Properties": {"Key": either, "All": [either, "x"]}}, **UNSAFE["Resources"]},
        "Outputs": {"Group": {"Condition": "HasKey", "Value": 1}},
    }
    without, given = decided(conditional, {}), decided(conditional, {"KeyArn": "arn"})
    assert without["Resources"]["Queue"]["Properties"] == {"All": ["x"]}
    assert (set(without["Resources"]), without["Outputs"]) == ({"Queue", "Open"}, {})
    assert given["Resources"]["Queue"]["Properties"] == {"Key": {"Ref": "KeyArn"}, "All": [{"Ref": "KeyArn"}, "x"]}
    assert (set(given["Resources"]), set(given["Outputs"])) == ({"Queue", "Open", "Optional"}, {"Group"})


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"Fn::Or": [{"Fn::Equals": ["a", "b"]}, {"Fn::Equals": [{"Ref": "AWS::Region"}, "ap-south-2"]}]}, True),
        ({"Fn::And": [{"Fn::Equals": ["a", "a"]}, {"Fn::Not": [{"Condition": "Empty"}]}]}, False),
        ({"Fn::Equals": [{"Fn::Join": ["", {"Ref": "List"}]}, "xy"]}, True),
    ],
)
def test_each_function_of_a_condition_is_evaluated(condition: dict[str, Any], holds: bool) -> None:
    conditional = {
        "Parameters": {"List": {"Type": "CommaDelimitedList"}, "Empty": {"Type": "String", "Default": ""}},
        "Conditions": {"Empty": {"Fn::Equals": [{"Ref": "Empty"}, ""]}, "Here": condition},
        "Resources": {"Queue": {"Condition": "Here"}},
    }
    assert bool(decided(conditional, {"List": "x,y"}, region="ap-south-2")["Resources"]) is holds


def test_a_condition_that_cannot_be_decided_is_an_error() -> None:
    with pytest.raises(Undecidable, match="Fn::Select"):
        decided({"Conditions": {"A": {"Fn::Select": [0, []]}}, "Resources": {"Q": {"Condition": "A"}}}, {})


def in_two_regions(*kinds: str) -> Translated:
    """A template of the resource types `kinds`, which there are in the region `has` and not in `lacks`."""
    resources: dict[str, Any] = {kind.split("::")[-1]: {"Type": kind} for kind in kinds}
    registry = {"Fn::Equals": [{"Ref": "AWS::Region"}, "has"]}
    nested = {"Type": "AWS::CloudFormation::Stack", "Condition": "Registry"}
    template = {"Conditions": {"Registry": registry}, "Resources": {"SchemaRegistry": nested, **resources}}
    return Translated(template, {}, {"has": [], "lacks": sorted(kinds), "later": []})


def test_a_resource_type_that_a_region_does_not_have_is_found() -> None:
    without, with_queue = in_two_regions(), in_two_regions("AWS::SQS::Queue")
    assert list(regions.findings("has", with_queue, without)) == []
    assert "lacks does not have AWS::SQS::Queue (Queue)" in list(regions.findings("lacks", with_queue, without))


def test_the_schema_registry_is_left_out_exactly_where_there_is_none() -> None:
    product, registry = in_two_regions(), in_two_regions("AWS::EventSchemas::Schema")
    assert list(regions.findings("lacks", product, registry)) == []
    [line] = regions.findings("later", product, registry)
    assert line.startswith("later has a schema registry")
    always = Translated({"Resources": {"SchemaRegistry": {"Type": "AWS::CloudFormation::Stack"}}}, {}, product.missing)
    [line] = regions.findings("lacks", always, registry)
    assert line.startswith("lacks does not have AWS::EventSchemas::Schema (SchemaRegistry)")


def test_the_checks_cover_both_indian_regions_and_one_on_each_continent() -> None:
    assert {"ap-south-1", "ap-south-2", "ap-southeast-1", "us-east-1", "eu-west-1"} <= set(cfn_lint.REGIONS)
