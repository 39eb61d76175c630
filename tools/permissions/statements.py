"""The policies of a role as single permissions: one action on one resource, with the conditions of the statement."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tools.permissions.values import Values

_PLAIN: Final = {"Sid", "Effect", "Action", "Resource", "Condition"}
# The condition keys whose values are recorded. A condition on any other would be decided without a value.
RECORDED_KEYS: Final = frozenset({"dynamodb:LeadingKeys"})


@dataclass(frozen=True)
class Permission:
    """An action on a resource: its ARN, and its form in the template. `sid` is unique in the role."""

    sid: str
    action: str
    resource: str
    written: Any
    condition: Mapping[str, Any]

    @property
    def statement(self) -> Mapping[str, Any]:
        """The permission as a statement of its own."""
        condition = {"Condition": self.condition} if self.condition else {}
        return {"Sid": self.sid, "Effect": "Allow", "Action": self.action, "Resource": self.resource, **condition}


def permissions(role: Mapping[str, Any], values: Values) -> list[Permission]:
    """Every permission in the inline policies of `role`, a resource of the template."""
    found: list[Permission] = []
    for statement in _statements(role):
        condition = values.of(statement.get("Condition", {}))
        for action in listed(statement.get("Action")):
            for written in listed(statement.get("Resource")):
                found.append(Permission(f"p{len(found)}", action, values.of(written), written, condition))
    return found


def policy(found: Sequence[Permission]) -> Mapping[str, Any]:
    """The policy document of these permissions."""
    return {"Version": "2012-10-17", "Statement": [each.statement for each in found]}


def findings(name: str, role: Mapping[str, Any], values: Values, without_resources: frozenset[str]) -> Iterator[str]:
    """The findings, one line each: what the role `name` allows without naming it.

    `without_resources` has the actions for which `*` is the only resource.
    """
    for arn in role["Properties"].get("ManagedPolicyArns", []):
        yield f"{name}: has the managed policy {values.of(arn)}: write out what the function needs"
    for statement in _statements(role):
        if statement["Effect"] != "Allow" or not set(statement) <= _PLAIN:
            yield f"{name}: {statement} is more than an action allowed on a resource, which is all that is checked"
        keys = {key for test in statement.get("Condition", {}).values() for key in test}
        for key in sorted(keys - RECORDED_KEYS):
            yield f"{name}: has a condition on {key}, which the tests do not record"
        for action in listed(statement.get("Action")):
            if "*" in action:
                yield f"{name}: the action {action} has a wildcard: name each action"
            for written in listed(statement.get("Resource")):
                if "*" in str(written) and not _needed(action, written, values, without_resources):
                    yield f"{name}: {action} is allowed on {written}, a wildcard: name the resource"


def _needed(action: str, written: Any, values: Values, without_resources: frozenset[str]) -> bool:
    """True if a wildcard is necessary: AWS has no resource or chooses its name, aliases, or reading alarms."""
    match written:
        case "*":
            return action in without_resources
        case {"Fn::Sub": str(text)} if re.fullmatch(r"\$\{\w+\.Arn\}/aws/lambda/\*", text):
            # Objects that Lambda names by mapping, shard and time.
            return action == "s3:PutObject"
        case {"Fn::Sub": str(text)} if aliases := re.fullmatch(r"\$\{(\w+)\.Arn\}:?\*", text):
            # A function's name ends in random characters, so no other name begins with it.
            return action.startswith("lambda:") and values.resources[aliases[1]]["Type"] == "AWS::Lambda::Function"
    # Named alarms would have to exist before the resources that they watch.
    return action == "cloudwatch:DescribeAlarms"


def listed(value: Any) -> list[Any]:
    """`value` as a list. A missing value is an empty list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def actions(role: Mapping[str, Any]) -> set[str]:
    """The actions that the role's policies name, without those with a wildcard."""
    named = {action for statement in _statements(role) for action in listed(statement.get("Action"))}
    return {action for action in named if "*" not in action}


def _statements(role: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for each in role["Properties"].get("Policies", []):
        yield from listed(each["PolicyDocument"]["Statement"])
