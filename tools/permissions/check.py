"""The checks of `make iam` for one set of parameters, and their findings."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tools.permissions import resource_policies, roles
from tools.permissions.calls import Call
from tools.permissions.evaluator import Decision, Request, decide, without_resources
from tools.permissions.resource_policies import Asked
from tools.permissions.statements import Permission, actions, findings, permissions, policy
from tools.permissions.values import STACK, Values

# Resources with permissions outside of this check.
_ELSEWHERE: Final = (
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Policy",
    "AWS::IAM::RolePolicy",
    "AWS::IAM::User",
    "AWS::Lambda::Url",
    "AWS::Logs::ResourcePolicy",
    "AWS::SecretsManager::ResourcePolicy",
)


@dataclass(frozen=True)
class CheckedRole:
    """The role `name`, its permissions, and the decision on each request to it."""

    name: str
    permitted: Sequence[Permission]
    decided: Sequence[tuple[Request, Decision]]

    def reasons(self, permission: Permission) -> set[str]:
        """The reasons for the permission."""
        return {request.why for request, decision in self.decided if permission.sid in decision.by}


def checked_roles(values: Values, calls: Iterable[Call]) -> list[CheckedRole]:
    """Each role with the decisions on the calls of its functions and on the calls that AWS makes on their behalf."""
    by_function: dict[str, list[Call]] = {}
    for call in calls:
        by_function.setdefault(roles.function_of(call), []).append(call)
    asked: dict[str, tuple[list[Permission], list[Request]]] = {}
    for name, resource in values.resources.items():
        if resource["Type"] == roles.LAMBDA:
            role = roles.role_of(resource["Properties"]["Role"])
        elif resource["Type"] == roles.SCHEDULE:
            role = roles.role_of(resource["Properties"]["Target"]["RoleArn"])
        elif resource["Type"] == roles.ROLLOUT:
            role = roles.role_of(resource["Properties"]["ServiceRoleArn"])
        else:
            continue
        if role in asked and resource["Type"] != roles.ROLLOUT:
            raise roles.NotDerived(f"{role}, which {name} shares: give each function a role of its own")
        permitted = permissions(values.resources[role], values)
        requests = roles.requests(name, by_function.get(name, []), values, role, policy(permitted))
        asked.setdefault(role, (permitted, []))[1].extend(requests)
    decisions = iter(decide(request for _, requests in asked.values() for request in requests))
    return [
        CheckedRole(role, permitted, [(request, next(decisions)) for request in requests])
        for role, (permitted, requests) in asked.items()
    ]


def check(
    values: Values, parameters: Mapping[str, str], key_policy: Mapping[str, Any], checked: Sequence[CheckedRole]
) -> Iterator[str]:
    """The findings, one line each: what the roles and resource policies allow too much or too little.

    `key_policy` is the policy of the key in `parameters`, if one is given.
    """
    for name, resource in values.resources.items():
        if resource["Type"] in _ELSEWHERE:
            yield f"{name}: is an {resource['Type']}, which this check does not support: write it in the role"
    unscoped = without_resources(frozenset(each for role in checked for each in actions(values.resources[role.name])))
    for role in checked:
        yield from findings(role.name, values.resources[role.name], values, unscoped)
        yield from _role_findings(role)
    asked = list(resource_policies.asked(values))
    if key := parameters.get("KeyArn"):
        made = (request for role in checked for request, _ in role.decided if request.resource != "*")
        asked += (Asked(each, allowed=True) for each in roles.through_services(made, key, key_policy))
        asked += resource_policies.by_services(values, key, key_policy)
    for each, decision in zip(asked, decide(each.request for each in asked), strict=True):
        if each.allowed is not decision.allowed:
            verb = "does not allow" if each.allowed else "allows"
            request = each.request
            what = f"{_short(request.principal)} {request.action} ({request.why})"
            yield f"{_short(request.resource)}: {verb} {what}"


def _role_findings(role: CheckedRole) -> Iterator[str]:
    """The findings of a role: each denied request, and each permission that no request needs."""
    needed: set[str] = set()
    for request, decision in role.decided:
        if not decision.allowed:
            context = "".join(f", {key}={value}" for key, value in request.context.items())
            yield f"{role.name}: denies {request.action} on {_short(request.resource)}{context} ({request.why})"
        if len(decision.by) == 1:
            needed |= decision.by
    for each in role.permitted:
        if each.sid not in needed:
            yield f"{role.name}: allows {each.action} on {_short(each.resource)}, which is unused: remove it"


def _short(arn: str) -> str:
    return arn.replace(f"{STACK}-", "").replace("-1A2B3C", "")
