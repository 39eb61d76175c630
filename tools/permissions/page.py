"""The permissions of each function and their reasons, for `docs/reference/permissions.md`."""

import re
from collections.abc import Sequence
from typing import Any, Final

from tools.local_stack.process_supervisor import ROOT
from tools.permissions.check import CheckedRole
from tools.permissions.statements import Permission

PAGE: Final = ROOT / "docs" / "reference" / "permissions.md"
MARKS: Final = ("<!-- roles: made by `make iam WRITE=1` -->", "<!-- end of roles -->")


def section(checked: Sequence[CheckedRole]) -> str:
    """A table of every permission of every role."""
    rows = [
        f"| `{role.name}` | `{each.action}` | {_resource(each)} | {', '.join(sorted(role.reasons(each)))} |"
        for role in sorted(checked, key=lambda role: role.name)
        for each in sorted(role.permitted, key=lambda each: (each.action, each.resource))
    ]
    return "\n".join(["| role | may | on | for |", "| --- | --- | --- | --- |", *rows, ""])


def with_section(text: str, checked: Sequence[CheckedRole]) -> str:
    """The page `text` with the current table between its marks."""
    begin, end = MARKS
    between = re.compile(f"{re.escape(begin)}.*{re.escape(end)}", re.DOTALL)
    return between.sub(lambda _: f"{begin}\n\n{section(checked)}\n{end}", text)


def _resource(permission: Permission) -> str:
    named = f"`{_written(permission.written)}`"
    for operator, keys in permission.condition.items():
        for key, value in keys.items():
            named += f", `{key}` {operator.rpartition(':')[2]} `{value}`"
    return named


def _written(resource: Any) -> str:
    match resource:
        case {"Fn::GetAtt": [str(name), "Arn"]} | {"Ref": str(name)}:
            return name
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"{name}.{attribute}"
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{(\w+)(\.Arn)?\}", r"\1", text)
    return str(resource)
