"""`make iam` finds its faults: each kind of fault in a small stack with right permissions."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, Final

import pytest

from tools.permissions.calls import Call
from tools.permissions.check import check, checked_roles
from tools.permissions.page import section
from tools.permissions.roles import NotDerived
from tools.permissions.values import Unknown, Values
from tools.template_checks.conditions import decided

pytestmark = pytest.mark.integration  # the evaluator is installed in .venv-iam only

KEY: Final = "arn:aws:kms:ap-south-1:123456789012:key/11111111-2222-3333-4444-555555555555"
LAMBDA: Final = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
SCHEDULER: Final = {
    "Effect": "Allow",
    "Principal": {"Service": "scheduler.amazonaws.com"},
    "Action": "sts:AssumeRole",
    "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
}

CALLS: Final = (
    Call("read_items", "dynamodb:GetItem", "ITEMS", leading_key="owner#"),
    Call("read_items", "dynamodb:Query", "ITEMS", "due", ""),
    Call("read_items", "sqs:SendMessage", "PULLS"),
)


def arn_of(name: str, attribute: str = "Arn") -> dict[str, Any]:
    return {"Fn::GetAtt": [name, attribute]}


def allow(action: str | list[str], resource: Any, condition: Mapping[str, Any] | None = None) -> dict[str, Any]:
    conditions = {"Condition": dict(condition)} if condition else {}
    return {"Effect": "Allow", "Action": action, "Resource": resource, **conditions}


def role(trust: Mapping[str, Any], *statements: Mapping[str, Any]) -> dict[str, Any]:
    policies = [{"PolicyName": "p", "PolicyDocument": {"Statement": list(statements)}}]
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {"AssumeRolePolicyDocument": {"Statement": [trust]}, "Policies": policies},
    }


def sends(queue: str, rule: str) -> dict[str, Any]:
    """The policy of a queue that a rule sends to."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn_of(queue),
        "Condition": {"ArnEquals": {"aws:SourceArn": arn_of(rule)}},
    }
    properties = {"Queues": [{"Ref": queue}], "PolicyDocument": {"Statement": [statement]}}
    return {"Type": "AWS::SQS::QueuePolicy", "Properties": properties}


def rule(queue: str) -> dict[str, Any]:
    return {
        "Type": "AWS::Events::Rule",
        "Properties": {"EventBusName": {"Ref": "Bus"}, "Targets": [{"Id": "q", "Arn": arn_of(queue)}]},
    }


def stack() -> dict[str, Any]:
    """A function that a queue, a stream, a route and a schedule invoke, and two rules with a queue each."""
    uri = {"Fn::Sub": "arn:aws:apigateway:ap-south-1:lambda:path/2015-03-31/functions/${ReadItems.Arn}/invocations"}
    return {
        "Parameters": {"KeyArn": {"Type": "String", "Default": ""}},
        "Resources": {
            "Items": {"Type": "AWS::DynamoDB::Table"},
            "Pulls": {"Type": "AWS::SQS::Queue"},
            "Updates": {"Type": "AWS::SQS::Queue"},
            "Settled": {"Type": "AWS::SQS::Queue"},
            "Bus": {"Type": "AWS::Events::EventBus"},
            "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"KmsKeyId": {"Ref": "KeyArn"}}},
            "ReadItems": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "Role": arn_of("ReadItemsRole"),
                    "LoggingConfig": {"LogGroup": {"Ref": "Logs"}},
                    "Environment": {"Variables": {"ITEMS": {"Ref": "Items"}, "PULLS": {"Ref": "Pulls"}}},
                },
            },
            "ReadItemsRole": role(
                LAMBDA,
                allow(
                    "dynamodb:GetItem",
                    arn_of("Items"),
                    {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": "owner#*"}},
                ),
                allow("dynamodb:Query", {"Fn::Sub": "${Items.Arn}/index/due"}),
                allow("sqs:SendMessage", arn_of("Pulls")),
                allow(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], arn_of("Pulls")),
                allow(
                    ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
                    arn_of("Items", "StreamArn"),
                ),
                allow("dynamodb:ListStreams", "*"),
                allow(["logs:CreateLogStream", "logs:PutLogEvents"], arn_of("Logs")),
            ),
            "FromQueue": {
                "Type": "AWS::Lambda::EventSourceMapping",
                "Properties": {"FunctionName": {"Ref": "ReadItems"}, "EventSourceArn": arn_of("Pulls")},
            },
            "FromStream": {
                "Type": "AWS::Lambda::EventSourceMapping",
                "Properties": {"FunctionName": {"Ref": "ReadItems"}, "EventSourceArn": arn_of("Items", "StreamArn")},
            },
            "Api": {
                "Type": "AWS::ApiGatewayV2::Api",
                "Properties": {
                    "Body": {"paths": {"/items/{id}": {"get": {"x-amazon-apigateway-integration": {"uri": uri}}}}}
                },
            },
            "Permission": {
                "Type": "AWS::Lambda::Permission",
                "Properties": {
                    "Action": "lambda:InvokeFunction",
                    "FunctionName": {"Ref": "ReadItems"},
                    "Principal": "apigateway.amazonaws.com",
                    "SourceArn": {
                        "Fn::Sub": [
                            "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/${stage}/GET/items/*",
                            {"stage": "*"},
                        ]
                    },
                },
            },
            "Schedule": {
                "Type": "AWS::Scheduler::Schedule",
                "Properties": {"Target": {"Arn": arn_of("ReadItems"), "RoleArn": arn_of("ScheduleRole")}},
            },
            "ScheduleRole": role(SCHEDULER, allow("lambda:InvokeFunction", arn_of("ReadItems"))),
            "UpdatesRule": rule("Updates"),
            "SettledRule": rule("Settled"),
            "UpdatesPolicy": sends("Updates", "UpdatesRule"),
            "SettledPolicy": sends("Settled", "SettledRule"),
        },
    }


KEY_POLICY: Final = {
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": "*",
            "Condition": {
                "StringEquals": {
                    "kms:CallerAccount": "123456789012",
                    "kms:ViaService": ["dynamodb.ap-south-1.amazonaws.com", "sqs.ap-south-1.amazonaws.com"],
                }
            },
        },
        {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}},
        },
        {
            "Effect": "Allow",
            "Principal": {"Service": "logs.ap-south-1.amazonaws.com"},
            "Action": ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"],
            "Resource": "*",
            "Condition": {
                "ArnLike": {
                    "kms:EncryptionContext:aws:logs:arn": "arn:aws:logs:ap-south-1:123456789012:log-group:*",
                }
            },
        },
    ]
}


def found(
    template: Mapping[str, Any],
    calls: tuple[Call, ...] = CALLS,
    key: str = "",
    key_policy: Mapping[str, Any] = KEY_POLICY,
) -> list[str]:
    """The findings in a stack."""
    values = Values(decided(template, {"KeyArn": key}))
    return list(check(values, {"KeyArn": key}, key_policy, checked_roles(values, calls)))


def statements(template: dict[str, Any], name: str = "ReadItemsRole") -> list[Any]:
    """The statements of a role."""
    listed: list[Any] = template["Resources"][name]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    return listed


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """The stack with a fault."""
    template = deepcopy(stack())
    change(template)
    return template


def test_nothing_is_found_where_the_permissions_are_right() -> None:
    assert found(stack()) == []
    assert found(stack(), key=KEY) == []


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        (lambda t: statements(t).pop(2), "ReadItemsRole: denies sqs:SendMessage on"),
        (lambda t: statements(t)[6].update(Action="logs:PutLogEvents"), "denies logs:CreateLogStream on"),
        (lambda t: statements(t)[3].update(Resource=arn_of("Updates")), "denies sqs:ReceiveMessage on"),
        (lambda t: statements(t)[1].update(Resource=arn_of("Items")), "denies dynamodb:Query on"),
        (
            lambda t: statements(t)[0].update(
                Condition={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": "user#*"}}
            ),
            "denies dynamodb:GetItem on arn:aws:dynamodb:ap-south-1:123456789012:table/Items, dynamodb:LeadingKeys",
        ),
        (
            lambda t: statements(t, "ScheduleRole")[0].update(Action="lambda:GetFunction"),
            "denies lambda:InvokeFunction on",
        ),
    ],
    ids=["function", "logs", "another queue", "not the index", "another key", "schedule"],
)
def test_a_missing_permission_is_found(fault: Callable[[dict[str, Any]], object], line: str) -> None:
    assert any(line in each for each in found(changed(fault)))


def storing(template: dict[str, Any]) -> None:
    """Lambda stores discarded records in a bucket."""
    tls = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn_of("Bucket"), {"Fn::Sub": "${Bucket.Arn}/*"}],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    resources = template["Resources"]
    resources["Bucket"] = {"Type": "AWS::S3::Bucket"}
    resources["BucketPolicy"] = {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": {"Statement": [tls]}},
    }
    destination = {"OnFailure": {"Destination": arn_of("Bucket")}}
    resources["FromStream"]["Properties"]["DestinationConfig"] = destination
    statements(template).append(allow("s3:PutObject", {"Fn::Sub": "${Bucket.Arn}/aws/lambda/*"}))
    statements(template).append(allow("s3:ListBucket", arn_of("Bucket")))


def test_a_bucket_for_discarded_records_is_checked() -> None:
    assert found(changed(storing)) == []


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        (lambda t: statements(t).pop(-2), "denies s3:PutObject on arn:aws:s3:::Bucket/aws/lambda/"),
        (lambda t: statements(t).pop(), "denies s3:ListBucket on arn:aws:s3:::Bucket"),
        (lambda t: statements(t).append(allow("s3:GetObject", arn_of("Bucket"))), "allows s3:GetObject on"),
        (lambda t: statements(t)[-2].update(Resource={"Fn::Sub": "${Bucket.Arn}/*"}), "a wildcard: name the resource"),
        (lambda t: t["Resources"].pop("BucketPolicy"), "s3:PutObject (without TLS)"),
        (
            lambda t: t["Resources"]["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"].append(
                {
                    "Effect": "Allow",
                    "Principal": "*",
                    "Action": "s3:GetObject",
                    "Resource": {"Fn::Sub": "${Bucket.Arn}/*"},
                }
            ),
            "s3:GetObject (by the policy alone, with TLS)",
        ),
    ],
    ids=["no objects", "no bucket", "reading", "any object", "without TLS", "public"],
)
def test_a_bucket_with_a_fault_is_found(fault: Callable[[dict[str, Any]], object], line: str) -> None:
    template = changed(storing)
    fault(template)
    assert any(line in each for each in found(template)), list(found(template))


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        (allow("dynamodb:DeleteItem", arn_of("Items")), "allows dynamodb:DeleteItem on"),
        (allow("dynamodb:Query", arn_of("Items")), "allows dynamodb:Query on"),
        (
            allow("sqs:SendMessage", arn_of("Updates")),
            "allows sqs:SendMessage on arn:aws:sqs:ap-south-1:123456789012:Updates",
        ),
        (allow("sqs:SendMessage", arn_of("Pulls")), "allows sqs:SendMessage on"),
    ],
    ids=["action", "table of an index", "another queue", "twice"],
)
def test_an_unused_permission_is_found(statement: dict[str, Any], line: str) -> None:
    [*lines] = found(changed(lambda t: statements(t).append(statement)))
    assert [each for each in lines if line in each and each.endswith("which is unused: remove it")]


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        (allow("sqs:SendMessage", "*"), "sqs:SendMessage is allowed on *, a wildcard"),
        (allow("dynamodb:Query", {"Fn::Sub": "${Items.Arn}/*"}), "a wildcard: name the resource"),
        (allow("dynamodb:*", arn_of("Items")), "dynamodb:* has a wildcard: name each action"),
        (allow("dynamodb:ListStreams", {"Fn::Sub": "${Items.Arn}/stream/*"}), "a wildcard: name the resource"),
        (
            {"Effect": "Deny", "Action": "sqs:SendMessage", "Resource": arn_of("Pulls")},
            "is more than an action allowed",
        ),
        ({"Effect": "Allow", "NotAction": "iam:*", "Resource": arn_of("Pulls")}, "is more than an action allowed"),
        (
            allow("sqs:SendMessage", arn_of("Pulls"), {"StringEquals": {"aws:PrincipalTag/team": "a"}}),
            "a condition on aws:PrincipalTag/team, which the tests do not record",
        ),
    ],
)
def test_a_permission_that_names_no_resource_is_found(statement: dict[str, Any], line: str) -> None:
    assert any(line in each for each in found(changed(lambda t: statements(t).append(statement))))


def test_a_managed_policy_is_found() -> None:
    arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    attached = changed(lambda t: t["Resources"]["ReadItemsRole"]["Properties"].update(ManagedPolicyArns=[arn]))
    beside = changed(lambda t: t["Resources"].update(More={"Type": "AWS::IAM::Policy", "Properties": {}}))
    assert any(f"ReadItemsRole: has the managed policy {arn}" in each for each in found(attached))
    assert any("More: is an AWS::IAM::Policy" in each for each in found(beside))


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        (
            lambda r: r["UpdatesPolicy"]["Properties"]["PolicyDocument"]["Statement"][0].pop("Condition"),
            "for another account",
        ),
        (
            lambda r: r["UpdatesPolicy"]["Properties"]["PolicyDocument"]["Statement"][0].update(
                Condition={"ArnEquals": {"aws:SourceArn": [arn_of("UpdatesRule"), arn_of("SettledRule")]}}
            ),
            "Updates: allows events.amazonaws.com sqs:SendMessage",
        ),
        (
            lambda r: r["UpdatesPolicy"]["Properties"]["PolicyDocument"]["Statement"][0].update(Action="sqs:*"),
            "Updates: allows events.amazonaws.com sqs:ReceiveMessage",
        ),
        (
            lambda r: r["UpdatesPolicy"]["Properties"]["PolicyDocument"]["Statement"][0].update(Principal="*"),
            "Updates: allows sns.amazonaws.com sqs:SendMessage",
        ),
        (lambda r: r.pop("UpdatesPolicy"), "Updates: does not allow events.amazonaws.com sqs:SendMessage"),
        (lambda r: r["Permission"]["Properties"].pop("SourceArn"), "invoking for another API"),
        (
            lambda r: r["Permission"]["Properties"].update(Principal="events.amazonaws.com"),
            "ReadItems: does not allow apigateway.amazonaws.com lambda:InvokeFunction",
        ),
        (
            lambda r: r["ScheduleRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0].pop("Condition"),
            "ScheduleRole: allows scheduler.amazonaws.com sts:AssumeRole (for another account)",
        ),
        (
            lambda r: r["ReadItemsRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0].update(
                Principal="*"
            ),
            "ReadItemsRole: allows arn:aws:iam::999999999999:root sts:AssumeRole",
        ),
    ],
)
def test_a_source_that_a_policy_must_not_allow_is_found(fault: Callable[[Any], object], line: str) -> None:
    assert any(line in each for each in found(changed(lambda template: fault(template["Resources"]))))


@pytest.mark.parametrize(
    ("left_out", "line"),
    [
        (0, "does not allow arn:aws:iam::123456789012:role/ReadItemsRole kms:Decrypt"),
        (1, "does not allow events.amazonaws.com kms:Decrypt"),
        (2, "does not allow logs.ap-south-1.amazonaws.com kms:Encrypt"),
    ],
)
def test_a_key_that_a_service_may_not_use_is_found(left_out: int, line: str) -> None:
    policy = {"Statement": [each for number, each in enumerate(KEY_POLICY["Statement"]) if number != left_out]}
    assert any(line in each for each in found(stack(), key=KEY, key_policy=policy))


@pytest.mark.parametrize("statement", [0, 1, 2])
def test_a_key_that_others_may_use_is_found(statement: int) -> None:
    policy = deepcopy(dict(KEY_POLICY))
    del policy["Statement"][statement]["Condition"]
    assert any("key/11111111" in each and "allows" in each for each in found(stack(), key=KEY, key_policy=policy))


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (
            lambda r: r["ReadItems"]["Properties"]["Environment"]["Variables"].pop("PULLS"),
            "PULLS, which read_items uses",
        ),
        (lambda r: r["ReadItems"]["Properties"].update(Role="arn:aws:iam::123456789012:role/other"), "the role arn"),
        (lambda r: r["ReadItems"]["Properties"].update(VpcConfig={}), "VpcConfig of ReadItems"),
        (lambda r: r["FromQueue"]["Properties"].update(EventSourceArn="arn:aws:kinesis:a:b:stream/c"), "event source"),
        (lambda r: r["FromQueue"]["Properties"].update(DestinationConfig={}), "the destination"),
        (
            lambda r: r["Schedule"]["Properties"]["Target"].update(RoleArn=arn_of("ReadItemsRole")),
            "ReadItemsRole, which",
        ),
        (lambda r: r.update(Idle=role(LAMBDA)), "Idle, a role that no function"),
        (lambda r: r["UpdatesRule"]["Properties"]["Targets"][0].update(RoleArn="x"), "the target"),
        (lambda r: r.pop("Permission"), "routes to functions without a permission"),
    ],
)
def test_what_is_not_understood_is_an_error(fault: Callable[[Any], object], message: str) -> None:
    with pytest.raises(NotDerived, match=message):
        found(changed(lambda template: fault(template["Resources"])))


def shifting(template: dict[str, Any]) -> None:
    """Let CodeDeploy shift the function's alias while an alarm is quiet."""
    group, alarms = {"Ref": "Group"}, {"AlarmConfiguration": {"Alarms": [{"Name": "bad"}]}}
    template["Resources"] |= {
        "Live": {
            "Type": "AWS::Lambda::Alias",
            "UpdatePolicy": {"CodeDeployLambdaAliasUpdate": {"DeploymentGroupName": group}},
            "Properties": {"Name": "live", "FunctionName": {"Ref": "ReadItems"}},
        },
        "Group": {
            "Type": "AWS::CodeDeploy::DeploymentGroup",
            "Properties": {"ServiceRoleArn": arn_of("RolloutRole"), **alarms},
        },
        "RolloutRole": role(
            LAMBDA | {"Principal": {"Service": "codedeploy.amazonaws.com"}},
            allow(
                ["lambda:GetAlias", "lambda:UpdateAlias", "lambda:GetProvisionedConcurrencyConfig"],
                {"Fn::Sub": "${ReadItems.Arn}*"},
            ),
            allow("cloudwatch:DescribeAlarms", {"Fn::Sub": "arn:aws:cloudwatch:ap-south-1:${AWS::AccountId}:alarm:*"}),
        ),
    }


def test_codedeploy_shifts_the_aliases_of_its_groups() -> None:
    assert found(changed(shifting)) == []


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        (lambda t: statements(t, "RolloutRole")[0]["Action"].pop(1), "RolloutRole: denies lambda:UpdateAlias on"),
        (
            lambda t: statements(t, "RolloutRole")[0]["Action"].pop(2),
            "denies lambda:GetProvisionedConcurrencyConfig on",
        ),
        (lambda t: statements(t, "RolloutRole").pop(1), "denies cloudwatch:DescribeAlarms on"),
        (lambda t: statements(t, "RolloutRole")[0]["Action"].append("lambda:DeleteAlias"), "lambda:DeleteAlias on"),
        (lambda t: statements(t, "RolloutRole")[0].update(Resource={"Fn::Sub": "${Items.Arn}*"}), "a wildcard"),
    ],
)
def test_what_codedeploy_is_allowed_is_checked(fault: Callable[[dict[str, Any]], object], line: str) -> None:
    template = changed(shifting)
    fault(template)
    assert any(line in each for each in found(template))


def test_a_function_whose_calls_were_not_recorded_is_an_error() -> None:
    with pytest.raises(NotDerived, match="ReadItems: no call of it was recorded"):
        found(stack(), calls=())


def test_a_reference_without_a_value_is_an_error() -> None:
    template = stack()
    template["Resources"]["Topic"] = {"Type": "AWS::SNS::Topic"}
    statements(template).append(allow("sns:Publish", arn_of("Topic")))
    with pytest.raises(Unknown, match="Arn of Topic"):
        found(template)


def test_the_page_lists_each_permission_with_what_it_is_for() -> None:
    values = Values(decided(stack(), {}))
    rows = section(checked_roles(values, CALLS))
    assert "| `ReadItemsRole` | `dynamodb:Query` | `Items/index/due` | its own calls |" in rows
    assert "| `dynamodb:GetItem` | `Items`, `dynamodb:LeadingKeys` StringLike `owner#*` | its own calls |" in rows
    assert "| `ReadItemsRole` | `sqs:ReceiveMessage` | `Pulls` | polling its queue |" in rows
