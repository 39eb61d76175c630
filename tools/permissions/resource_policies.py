"""Access by others: the policies of queues, functions, the bus, the roles and the key, and the principals they must
allow.

Each policy is evaluated for every source that the template connects, and for sources that differ in one point: another
account, rule, API or service. The former must be allowed, the latter denied.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from tools.permissions.evaluator import Policy, Request
from tools.permissions.roles import LAMBDA, ROLLOUT, NotDerived
from tools.permissions.statements import listed
from tools.permissions.values import ACCOUNT, STACK, Values

_OTHER: Final = "999999999999"
_EVENTS: Final = "events.amazonaws.com"
_API: Final = "apigateway.amazonaws.com"
_LAMBDA: Final = "lambda.amazonaws.com"
_SCHEDULER: Final = "scheduler.amazonaws.com"
_CODEDEPLOY: Final = "codedeploy.amazonaws.com"
_ASSUMERS: Final = (_LAMBDA, _SCHEDULER, _CODEDEPLOY, "ec2.amazonaws.com")
# An administrator's policy.
_EVERYTHING: Final = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
# The rule actions that ConsumerAccounts may use (docs/reference/events.md), and examples of those that they must not.
_RULES: Final = ("events:PutRule", "events:DeleteRule", "events:DescribeRule", "events:PutTargets")
_NOT_RULES: Final = ("events:PutEvents", "events:DeleteEventBus", "events:UpdateEventBus")


@dataclass(frozen=True)
class Asked:
    """A request, and whether it must be allowed."""

    request: Request
    allowed: bool


def asked(values: Values) -> Iterator[Asked]:
    """Every request that a resource policy of the template must allow or deny. Raises `NotDerived`."""
    yield from _queues(values)
    yield from _buckets(values)
    yield from _functions(values)
    yield from _trust(values)
    yield from _bus(values)


def _of_type(values: Values, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return ((name, each.get("Properties", {})) for name, each in values.resources.items() if each["Type"] == kind)


def _document(statements: list[Mapping[str, Any]]) -> Policy:
    numbered = [{**each, "Sid": f"s{number}"} for number, each in enumerate(statements)]
    return {"Version": "2012-10-17", "Statement": numbered}


def _source(arn: str, account: str = ACCOUNT) -> Mapping[str, str]:
    return {"aws:SourceArn": arn, "aws:SourceAccount": account}


# ---------------------------------------------------------------- queues


def _queues(values: Values) -> Iterator[Asked]:
    """EventBridge may send to a queue for the rules and buses that target it, and for no others."""
    policies: dict[str, list[Mapping[str, Any]]] = {}
    for _, properties in _of_type(values, "AWS::SQS::QueuePolicy"):
        for queue in properties["Queues"]:
            policies.setdefault(queue["Ref"], []).extend(listed(properties["PolicyDocument"]["Statement"]))
    sources = dict(_senders(values))
    everyone = {arn for arns in sources.values() for arn in arns}
    for name, _ in _of_type(values, "AWS::SQS::Queue"):
        queue = values.attribute(name, "Arn")
        policy = _document(values.of(policies[name])) if name in policies else None
        send = Request(_EVENTS, "sqs:SendMessage", queue, "", {}, None, policy)
        for arn in sorted(everyone):
            allowed = arn in sources.get(queue, set())
            yield Asked(replace(send, context=_source(arn), why=f"sending for {_short(arn)}"), allowed)
            if allowed:
                yield from _denied_to_others(replace(send, context=_source(arn)))
                reads = replace(send, action="sqs:ReceiveMessage", context=_source(arn), why="reading")
                yield Asked(reads, allowed=False)


def _senders(values: Values) -> Iterator[tuple[str, set[str]]]:
    """The ARNs of the rules and buses that send to each queue, by the ARN of the queue."""
    found: dict[str, set[str]] = {}
    for name, rule in _of_type(values, "AWS::Events::Rule"):
        for target in rule["Targets"]:
            ends = [target["Arn"], *(each["Arn"] for each in [target.get("DeadLetterConfig")] if each)]
            for end in map(values.of, ends):
                if not end.startswith("arn:aws:sqs:") or "RoleArn" in target:
                    raise NotDerived(f"the target {target} of {name}")
                found.setdefault(end, set()).add(values.attribute(name, "Arn"))
    for name, bus in _of_type(values, "AWS::Events::EventBus"):
        if "DeadLetterConfig" in bus:
            found.setdefault(values.of(bus["DeadLetterConfig"]["Arn"]), set()).add(values.attribute(name, "Arn"))
    yield from found.items()


def _denied_to_others(request: Request) -> Iterator[Asked]:
    """The same request from another service, and for another account: both must be denied."""
    elsewhere = str(request.context["aws:SourceArn"]).replace(ACCOUNT, _OTHER)
    yield Asked(replace(request, principal="sns.amazonaws.com", why="for another service"), allowed=False)
    yield Asked(replace(request, context=_source(elsewhere, _OTHER), why="for another account"), allowed=False)


# ---------------------------------------------------------------- buckets


def _buckets(values: Values) -> Iterator[Asked]:
    """A bucket is read and written over TLS only, also by an administrator. Its policy alone admits no principal."""
    policies = {each["Bucket"]["Ref"]: each for _, each in _of_type(values, "AWS::S3::BucketPolicy")}
    for name, _ in _of_type(values, "AWS::S3::Bucket"):
        bucket = values.attribute(name, "Arn")
        statements = listed(policies[name]["PolicyDocument"]["Statement"]) if name in policies else []
        policy = _document(values.of(statements)) if statements else None
        administrator = f"arn:aws:iam::{ACCOUNT}:role/administrator"
        for action, resource in (
            ("s3:PutObject", f"{bucket}/aws/lambda/x"),
            ("s3:GetObject", f"{bucket}/aws/lambda/x"),
            ("s3:ListBucket", bucket),
        ):
            for secure in (True, False):
                context = {"aws:SecureTransport": str(secure).lower()}
                why = f"{'with' if secure else 'without'} TLS"
                request = Request(administrator, action, resource, why, context, _EVERYTHING, policy)
                yield Asked(request, allowed=secure)
                yield Asked(replace(request, identity=None, why=f"by the policy alone, {why}"), allowed=False)


# ---------------------------------------------------------------- functions


def _functions(values: Values) -> Iterator[Asked]:
    """API Gateway may invoke a function for its routes in this API only."""
    policies: dict[str, list[Mapping[str, Any]]] = {}
    for _, properties in _of_type(values, "AWS::Lambda::Permission"):
        function = _function_arn(values.of(properties["FunctionName"]))
        policies.setdefault(function, []).append(_permission(values.of(properties), function))
    for arn, statements in sorted(policies.items()):
        policy = _document(statements)
        routes = [source for source, function in _routes(values) if function == arn]
        for source in routes:
            invoke = Request(_API, "lambda:InvokeFunction", arn, "", _source(source), None, policy)
            yield Asked(replace(invoke, why=f"invoking for {_short(source)}"), allowed=True)
            yield from _denied_to_others(invoke)
            api = re.sub(r":[^:/]+/\$default", ":another/$default", source)
            yield Asked(replace(invoke, context=_source(api), why="invoking for another API"), allowed=False)
            other = re.sub(r"/\$default/[A-Z]+/", "/$default/PATCH/", source)
            yield Asked(replace(invoke, context=_source(other), why=f"invoking for {_short(other)}"), allowed=False)
    unreachable = {function for _, function in _routes(values)} - policies.keys()
    if unreachable:
        raise NotDerived(f"routes to functions without a permission: {sorted(unreachable)}")


def _permission(properties: Mapping[str, Any], function: str) -> Mapping[str, Any]:
    """The statement that Lambda makes of a permission."""
    condition = {"ArnLike": {"aws:SourceArn": properties["SourceArn"]}} if "SourceArn" in properties else {}
    if "SourceAccount" in properties:
        condition["StringEquals"] = {"aws:SourceAccount": properties["SourceAccount"]}
    return {
        "Effect": "Allow",
        "Principal": {"Service": properties["Principal"]},
        "Action": properties["Action"],
        "Resource": function,
        **({"Condition": condition} if condition else {}),
    }


def _routes(values: Values) -> Iterator[tuple[str, str]]:
    """Each route of the API as the source that Lambda sees, and the ARN of its function."""
    for name, api in _of_type(values, "AWS::ApiGatewayV2::Api"):
        for path, methods in api["Body"]["paths"].items():
            for method, route in methods.items():
                if "x-amazon-apigateway-integration" not in route:
                    continue
                uri = values.of(route["x-amazon-apigateway-integration"]["uri"])
                (function,) = re.findall(r"/functions/(arn:.+)/invocations$", uri)
                api_id = values.of({"Ref": name})
                source = f"arn:aws:execute-api:ap-south-1:{ACCOUNT}:{api_id}/$default/{method.upper()}{path}"
                yield source, function


def _function_arn(name_or_arn: str) -> str:
    if name_or_arn.startswith("arn:"):
        return name_or_arn
    return f"arn:aws:lambda:ap-south-1:{ACCOUNT}:function:{name_or_arn}"


# ---------------------------------------------------------------- roles


def _trust(values: Values) -> Iterator[Asked]:
    """Each service may assume the role that the template gives it, the scheduler for this account only."""
    assumers: dict[str, tuple[str, Mapping[str, str]]] = {
        _role(each, "Role", values): (_LAMBDA, {}) for _, each in _of_type(values, LAMBDA)
    }
    schedules = f"arn:aws:scheduler:ap-south-1:{ACCOUNT}:schedule-group/default"
    for _, schedule in _of_type(values, "AWS::Scheduler::Schedule"):
        assumers[_role(schedule["Target"], "RoleArn", values)] = (_SCHEDULER, _source(schedules))
    for _, group in _of_type(values, ROLLOUT):
        assumers[_role(group, "ServiceRoleArn", values)] = (_CODEDEPLOY, {})
    for name, role in _of_type(values, "AWS::IAM::Role"):
        arn = values.attribute(name, "Arn")
        if arn not in assumers:
            raise NotDerived(f"{name}, a role that no function, schedule or deployment group has")
        service, context = assumers[arn]
        trust = _document(listed(values.of(role["AssumeRolePolicyDocument"])["Statement"]))
        assume = Request(service, "sts:AssumeRole", arn, "assuming", context, None, trust)
        yield Asked(assume, allowed=True)
        for other in {*_ASSUMERS, f"arn:aws:iam::{_OTHER}:root"} - {service}:
            identity = _EVERYTHING if other.startswith("arn:") else None
            by_other = replace(assume, principal=other, context={}, identity=identity, why="assuming")
            yield Asked(by_other, allowed=False)
        if context:
            yield from _denied_to_others(assume)


def _role(properties: Mapping[str, Any], name: str, values: Values) -> str:
    return str(values.of(properties[name]))


# ---------------------------------------------------------------- the bus


def _bus(values: Values) -> Iterator[Asked]:
    """The accounts in ConsumerAccounts may manage their own rules, and do nothing else with the bus."""
    for _, properties in _of_type(values, "AWS::Events::EventBusPolicy"):
        statement = values.of(properties["Statement"])
        policy = _document([statement])
        bus = f"arn:aws:events:ap-south-1:{ACCOUNT}:event-bus/{values.of(properties['EventBusName'])}"
        rule = bus.replace(":event-bus/", ":rule/") + "/theirs"
        for account in listed(statement["Principal"]["AWS"]):
            for action in _RULES:
                yield Asked(_consumer(account, action, rule, policy, account), allowed=True)
                yield Asked(_consumer(account, action, rule, policy, _OTHER), allowed=False)
                yield Asked(_consumer(_OTHER, action, rule, policy, _OTHER), allowed=False)
                elsewhere = rule.replace(STACK, "another-bus")
                yield Asked(_consumer(account, action, elsewhere, policy, account), allowed=False)
            for action in _NOT_RULES:
                yield Asked(_consumer(account, action, bus, policy, None), allowed=False)


def _consumer(account: str, action: str, resource: str, policy: Policy, creator: str | None) -> Request:
    """A request of an administrator of another account, for a rule that `creator` created."""
    context = {"aws:PrincipalAccount": account}
    if creator is not None:
        context["events:creatorAccount"] = creator
    if action == "events:PutRule":
        context["events:source"] = "securities-transactions"
    why = f"by the account {account} on a rule of {creator}"
    return Request(f"arn:aws:iam::{account}:role/consumer", action, resource, why, context, _EVERYTHING, policy)


# ---------------------------------------------------------------- the customer's key


def by_services(values: Values, key: str, policy: Policy) -> Iterator[Asked]:
    """The requests of AWS's services to the customer's key for this account, and the same for another account."""
    for kind in ("AWS::Events::EventBus", "AWS::Events::Archive", "AWS::Events::Rule"):
        for name, _ in _of_type(values, kind):
            yield from _by_events(values.attribute(name, "Arn"), key, policy)
    for account, service in ((_OTHER, "dynamodb"), (ACCOUNT, "ssm")):
        context = {"kms:CallerAccount": account, "kms:ViaService": f"{service}.ap-south-1.amazonaws.com"}
        caller, why = f"arn:aws:iam::{account}:role/caller", f"through {service} by the account {account}"
        identity = _EVERYTHING if account == _OTHER else None
        yield Asked(Request(caller, "kms:Decrypt", key, why, context, identity, policy), allowed=False)
    for name, properties in _of_type(values, "AWS::Logs::LogGroup"):
        if values.of(properties.get("KmsKeyId", "")) == key:
            group = values.attribute(name, "Arn").removesuffix(":*")
            for action in ("kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"):
                yield from _by_logs(action, group, key, policy)


def _by_events(source: str, key: str, policy: Policy) -> Iterator[Asked]:
    for action in ("kms:Decrypt", "kms:GenerateDataKey"):
        request = Request(_EVENTS, action, key, f"for {_short(source)}", _source(source), None, policy)
        yield Asked(request, allowed=True)
        yield from _denied_to_others(request)


def _by_logs(action: str, group: str, key: str, policy: Policy) -> Iterator[Asked]:
    for arn, allowed in ((group, True), (group.replace(ACCOUNT, _OTHER), False)):
        context = {"kms:EncryptionContext:aws:logs:arn": arn}
        request = Request("logs.ap-south-1.amazonaws.com", action, key, f"for {_short(arn)}", context, None, policy)
        yield Asked(request, allowed)


def _short(arn: str) -> str:
    return arn.rpartition(":")[2]
