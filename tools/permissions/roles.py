"""The requests to each function's role: recorded ones of the function, and derived ones of AWS on its behalf."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from tools.permissions.calls import Call
from tools.permissions.evaluator import Policy, Request
from tools.permissions.values import ACCOUNT, Values

LAMBDA: Final = "AWS::Lambda::Function"
SCHEDULE: Final = "AWS::Scheduler::Schedule"
ROLLOUT: Final = "AWS::CodeDeploy::DeploymentGroup"
_QUEUE_POLLING: Final = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
_STREAM_POLLING: Final = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator")
_TRACING: Final = ("xray:PutTraceSegments", "xray:PutTelemetryRecords")
# Properties of a function that cause more requests on its behalf than this module derives.
_NOT_DERIVED: Final = ("DeadLetterConfig", "FileSystemConfigs", "VpcConfig")


class NotDerived(ValueError):
    """The template has something whose permissions this module does not support. The message names it."""


def function_of(call: Call) -> str:
    """The logical name of the function that made a call."""
    return "".join(part.title() for part in call.function.split("_"))


def role_of(role: Any) -> str:
    """The logical name of the role in a property. Raises `NotDerived` if it is not a role of the template."""
    match role:
        case {"Fn::GetAtt": [str(name), "Arn"]}:
            return name
    raise NotDerived(f"the role {role}")


def requests(name: str, calls: Iterable[Call], values: Values, role: str, policy: Policy) -> Iterator[Request]:
    """Every request with the `role` of the function, schedule or deployment group `name`. `policy` is the role's.

    Raises `NotDerived` if no call of a function was recorded, or if a call uses a setting that the template does not
    give the function.
    """
    properties, principal = values.resources[name]["Properties"], values.attribute(role, "Arn")
    match values.resources[name]["Type"]:
        case "AWS::Scheduler::Schedule":
            if "DeadLetterConfig" in properties["Target"]:
                raise NotDerived(f"DeadLetterConfig of {name}")
            target = values.of(properties["Target"]["Arn"])
            yield Request(principal, "lambda:InvokeFunction", target, "invoking what is due", identity=policy)
        case "AWS::CodeDeploy::DeploymentGroup":
            for action, resource in _by_codedeploy(name, properties, values):
                yield Request(principal, action, resource, "shifting requests to a version", identity=policy)
        case _:
            made = list(_recorded(name, calls, values, role, policy))
            if not made:
                raise NotDerived(f"{name}: no call of it was recorded")
            yield from made
            yield from _by_aws(name, values, role, policy)


def _recorded(name: str, calls: Iterable[Call], values: Values, role: str, policy: Policy) -> Iterator[Request]:
    variables = values.resources[name]["Properties"].get("Environment", {}).get("Variables", {})
    for call in sorted(calls, key=str):
        match variables.get(call.setting):
            case {"Ref": str(target)} if target in values.resources:
                resource = _arn(target, values)
            case _:
                raise NotDerived(f"{call.setting}, which {call.function} uses and the template does not give it")
        index = f"/index/{call.index}" if call.index else ""
        context = {} if call.leading_key is None else {"dynamodb:LeadingKeys": [f"{call.leading_key}any"]}
        yield Request(values.attribute(role, "Arn"), call.action, resource + index, "its own calls", context, policy)


def _by_codedeploy(group: str, properties: Mapping[str, Any], values: Values) -> Iterator[tuple[str, str]]:
    """The requests of CodeDeploy to shift an alias, as in AWS's policy for it, without hooks and archives."""
    for alias, resource in values.resources.items():
        shifts = resource.get("UpdatePolicy", {}).get("CodeDeployLambdaAliasUpdate", {})
        if shifts.get("DeploymentGroupName") == {"Ref": group}:
            arn = str(values.of({"Ref": alias}))
            yield from ((action, arn.rpartition(":")[0]) for action in ("lambda:GetAlias", "lambda:UpdateAlias"))
            yield "lambda:GetProvisionedConcurrencyConfig", arn
    for alarm in values.of(properties.get("AlarmConfiguration", {})).get("Alarms", []):
        yield "cloudwatch:DescribeAlarms", f"arn:aws:cloudwatch:ap-south-1:{ACCOUNT}:alarm:{alarm['Name']}"


def _by_aws(name: str, values: Values, role: str, policy: Policy) -> Iterator[Request]:
    """The requests that AWS makes on a function's behalf: log lines, traces, reading its event sources."""
    properties = values.resources[name]["Properties"]
    if present := [each for each in _NOT_DERIVED if each in properties]:
        raise NotDerived(f"{', '.join(present)} of {name}")
    for action, resource, why in _asked(name, properties, values):
        yield Request(values.attribute(role, "Arn"), action, resource, why, identity=policy)


def _asked(name: str, properties: Mapping[str, Any], values: Values) -> Iterator[tuple[str, str, str]]:
    group = properties["LoggingConfig"]["LogGroup"]["Ref"]
    physical = values.of({"Ref": name})
    # The form in which Lambda names the streams of a log group that several functions share.
    stream = f"{values.attribute(group, 'Arn').removesuffix('*')}log-stream:2026/01/15/{physical}[1]0123456789abcdef"
    yield from ((action, stream, "log lines") for action in ("logs:CreateLogStream", "logs:PutLogEvents"))
    if properties.get("TracingConfig", {}).get("Mode") == "Active":
        yield from ((action, "*", "traces") for action in _TRACING)
    for mapping in values.resources.values():
        if mapping["Type"] != "AWS::Lambda::EventSourceMapping" or not _invokes(mapping, name, values):
            continue
        if "DestinationConfig" in mapping["Properties"]:
            yield from _stored(name, mapping["Properties"]["DestinationConfig"], values)
        source = values.of(mapping["Properties"]["EventSourceArn"])
        if source.startswith("arn:aws:sqs:"):
            yield from ((action, source, "polling its queue") for action in _QUEUE_POLLING)
        elif "/stream/" in source:
            yield from ((action, source, "polling its stream") for action in _STREAM_POLLING)
            yield "dynamodb:ListStreams", "*", "polling its stream"
        else:
            raise NotDerived(f"the event source {source}")


def _stored(name: str, config: Mapping[str, Any], values: Values) -> Iterator[tuple[str, str, str]]:
    """Lambda's requests to store discarded records in a bucket. It checks the bucket first."""
    match values.of(config):
        case {"OnFailure": {"Destination": str(bucket)}} if bucket.startswith("arn:aws:s3:::"):
            # As Lambda names the objects: the mapping, the shard, the day, the second and a random UUID.
            stored = "aws/lambda/14e0db71/shardId-0/2026/01/15/2026-01-15T04.00.00-0123"
            yield "s3:PutObject", f"{bucket}/{stored}", "storing what it gives up on"
            yield "s3:ListBucket", bucket, "storing what it gives up on"
        case other:
            raise NotDerived(f"the destination {other} of an event source of {name}")


def _invokes(mapping: Mapping[str, Any], name: str, values: Values) -> bool:
    """True if an event source mapping invokes the function `name`, or a version or alias of it."""
    target = str(values.of(mapping["Properties"]["FunctionName"]))
    function = str(values.of({"Ref": name}))
    return function in target.split(":")


def _arn(name: str, values: Values) -> str:
    """The ARN of a table, queue, bus or secret."""
    if values.resources[name]["Type"] == "AWS::SecretsManager::Secret":
        return str(values.of({"Ref": name}))
    return values.attribute(name, "Arn")


# ---------------------------------------------------------------- the customer's key

# The key actions of a service for a caller that uses the service.
_KEY_USE: Final[Mapping[str, tuple[str, ...]]] = {
    "dynamodb": ("kms:Decrypt",),
    "events": ("kms:GenerateDataKey", "kms:Decrypt"),
    "s3:PutObject": ("kms:GenerateDataKey",),
    "secretsmanager": ("kms:Decrypt",),
    "sqs:ReceiveMessage": ("kms:Decrypt",),
    "sqs:SendMessage": ("kms:GenerateDataKey", "kms:Decrypt"),
}


def through_services(requests: Iterable[Request], key: str, key_policy: Policy) -> Iterator[Request]:
    """The requests of services to the `key` for the principals of `requests`. It encrypts all their resources."""
    for request in requests:
        service = request.action.partition(":")[0]
        for action in _KEY_USE.get(request.action, _KEY_USE.get(service, ())):
            context = {"kms:CallerAccount": ACCOUNT, "kms:ViaService": f"{service}.ap-south-1.amazonaws.com"}
            why = f"{request.action} of what the key encrypts"
            yield Request(request.principal, action, key, why, context, request.identity, key_policy)
