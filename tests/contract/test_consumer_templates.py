"""The permissions in the templates for a consumer in another account, and the fit of the two sides of each way."""

from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import pytest

from securities_transactions.events.schemas import CATALOGUE
from tests.simulation.messaging import resources, template
from tools.template_checks.conditions import decided
from tools.template_checks.templates import CONSUMER_BUS, CONSUMER_HTTP, CONSUMER_RULE, CONSUMER_TARGET, translated

# About a user's broker accounts and other webhooks: a consumer asks for these by name.
NOT_BY_DEFAULT = {"BooksClosed", "BrokerAccountLinked", "BrokerAccountConflict", "WebhookReceived"}
# What AWS's console proposes for accounts that manage their own rules, and CloudFormation calls for AWS::Events::Rule.
OWN_RULES = {
    "events:DeleteRule",
    "events:DescribeRule",
    "events:DisableRule",
    "events:EnableRule",
    "events:ListTagsForResource",
    "events:ListTargetsByRule",
    "events:PutRule",
    "events:PutTargets",
    "events:RemoveTargets",
    "events:TagResource",
    "events:UntagResource",
}

pytestmark = pytest.mark.integration  # cfn-lint, which translates, is installed in .venv-engine only


read = cache(translated)


def of(path: str, **parameters: str) -> dict[str, Any]:
    """The resources of a template for these parameters."""
    found: dict[str, Any] = decided(read(path).template, parameters)["Resources"]
    return found


def statement(resource: dict[str, Any]) -> dict[str, Any]:
    [only] = resource["Properties"]["PolicyDocument"]["Statement"]
    return dict(only)


@pytest.mark.parametrize("path", [CONSUMER_RULE, CONSUMER_BUS, CONSUMER_HTTP])
def test_rule_matches_the_public_events_of_this_version(path: str) -> None:
    wanted = read(path).template["Parameters"]["DetailTypes"]["Default"].split(",")
    assert set(wanted) | NOT_BY_DEFAULT == {event.detail_type for event in CATALOGUE}
    assert not set(wanted) & NOT_BY_DEFAULT
    name = "SourceRule" if path == CONSUMER_BUS else "Rule"
    pattern = of(path)[name]["Properties"]["EventPattern"]
    assert pattern == {
        "source": ["securities-transactions"],
        "detail-type": {"Ref": "DetailTypes"},
        "detail": {"schemaVersion": [{"prefix": "1."}]},
    }


def test_the_queue_takes_messages_of_the_roles_of_the_rules_stack_alone() -> None:
    """Its principal is the account, because the role is made later: the condition is what names the role."""
    allowed = statement(of(CONSUMER_TARGET)["EventsPolicy"])
    assert allowed["Principal"] == {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${BusAccount}:root"}}
    assert allowed["Action"] == "sqs:SendMessage"
    [(operator, condition)] = allowed["Condition"].items()
    assert operator == "ArnLike"
    pattern = condition["aws:PrincipalArn"]["Fn::Sub"].replace("${AWS::Partition}", "aws")
    pattern = pattern.replace("${BusAccount}", "111111111111").replace("${RuleStack}", "to-orders")
    # CloudFormation names a role <stack>-<logical name>-<random>, and cuts the stack's name to fit into 64 characters.
    assert fnmatchcase("arn:aws:iam::111111111111:role/to-orders-Role-1A2B3C4D5E6F", pattern)
    assert not fnmatchcase("arn:aws:iam::111111111111:role/other-Role-1A2B3C4D5E6F", pattern)
    assert not fnmatchcase("arn:aws:iam::333333333333:role/to-orders-Role-1A2B3C4D5E6F", pattern)


def test_the_rules_role_may_send_to_its_target_and_nothing_else() -> None:
    made = of(CONSUMER_RULE)
    [policy] = made["Role"]["Properties"]["Policies"]
    [allowed] = policy["PolicyDocument"]["Statement"]
    assert allowed["Resource"] == {"Ref": "TargetArn"}
    assert set(allowed["Action"]) == {"sqs:SendMessage", "lambda:InvokeFunction"}
    [target] = made["Rule"]["Properties"]["Targets"]
    assert target["Arn"] == {"Ref": "TargetArn"}
    assert target["RoleArn"] == {"Fn::GetAtt": ["Role", "Arn"]}
    assert target["DeadLetterConfig"]["Arn"] == {"Fn::GetAtt": ["Undelivered", "Arn"]}


def test_a_function_is_a_target_instead_of_the_queue() -> None:
    arn = "arn:aws:lambda:ap-south-1:222222222222:function:orders"
    made = of(CONSUMER_TARGET, FunctionArn=arn)
    assert set(made) == {"FunctionPermission"}
    assert made["FunctionPermission"]["Properties"] == {
        "Action": "lambda:InvokeFunction",
        "FunctionName": {"Ref": "FunctionArn"},
        "Principal": {"Ref": "BusAccount"},
    }
    assert set(of(CONSUMER_TARGET)) == {"Events", "DeadLetters", "EventsPolicy"}


def test_a_consumers_own_rule_has_an_event_bus_as_target() -> None:
    """AWS accepts no other target of a rule on another account's bus."""
    made = of(CONSUMER_BUS)
    [target] = made["SourceRule"]["Properties"]["Targets"]
    assert made["SourceRule"]["Properties"]["EventBusName"] == {"Ref": "SourceBusArn"}
    assert target["Arn"] == {"Fn::GetAtt": ["Bus", "Arn"]}
    assert made["Bus"]["Type"] == "AWS::Events::EventBus"
    [policy] = made["Role"]["Properties"]["Policies"]
    [allowed] = policy["PolicyDocument"]["Statement"]
    assert (allowed["Action"], allowed["Resource"]) == ("events:PutEvents", {"Fn::GetAtt": ["Bus", "Arn"]})


def test_the_bus_lets_a_consumers_cloudformation_manage_its_rules() -> None:
    allowed = resources()["ConsumerAccountsPolicy"]["Properties"]["Statement"]
    assert set(allowed["Action"]) == OWN_RULES
    assert template()["Parameters"]["ConsumerAccounts"]["Type"] == "CommaDelimitedList"


def test_what_cannot_be_posted_is_kept_and_nothing_else_may_be_invoked() -> None:
    made = of(CONSUMER_HTTP)
    [target] = made["Rule"]["Properties"]["Targets"]
    assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["Undelivered", "Arn"]}}
    [policy] = made["Role"]["Properties"]["Policies"]
    [allowed] = policy["PolicyDocument"]["Statement"]
    assert (allowed["Action"], allowed["Resource"]) == (
        "events:InvokeApiDestination",
        {"Fn::GetAtt": ["Destination", "Arn"]},
    )


def test_key_of_an_http_consumer_is_in_no_parameter() -> None:
    """It is resolved from the secret when the stack is deployed."""
    key = of(CONSUMER_HTTP)["Connection"]["Properties"]["AuthParameters"]["ApiKeyAuthParameters"]["ApiKeyValue"]
    assert key == {"Fn::Sub": "{{resolve:secretsmanager:${SecretName}:SecretString}}"}
