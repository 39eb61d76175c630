"""A template for given parameters: every condition is decided, and absent parts are left out.

checkov does not decide `Fn::If`: it treats a property as set even if the selected branch is `AWS::NoValue`.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

REGION: Final = "ap-south-1"
_PSEUDO: Final = {"AWS::Region": REGION, "AWS::StackName": "securities-transactions-prod"}
_NO_VALUE: Final = {"Ref": "AWS::NoValue"}


class Undecidable(ValueError):
    """A condition uses something that this module does not evaluate. The message names it."""


def decided(template: Mapping[str, Any], options: Mapping[str, str], region: str = REGION) -> dict[str, Any]:
    """`template` without conditions, as `options` decide them, and with `options` as the parameters' defaults.

    A parameter with neither an option nor a default gets a value that equals no other.
    """
    values = {**_PSEUDO, "AWS::Region": region}
    for name, parameter in template.get("Parameters", {}).items():
        values[name] = options.get(name, str(parameter.get("Default", f"any-{name}")))
    conditions = template.get("Conditions", {})

    def holds(condition: Any) -> bool:
        return _holds(condition, values, conditions)

    result = {key: value for key, value in template.items() if key not in ("Conditions", "Resources", "Outputs")}
    result["Parameters"] = {
        name: {**parameter, "Default": options[name]} if name in options else parameter
        for name, parameter in template.get("Parameters", {}).items()
    }
    for section in ("Resources", "Outputs"):
        result[section] = {
            name: _without_if({key: value for key, value in entry.items() if key != "Condition"}, holds)
            for name, entry in template.get(section, {}).items()
            if "Condition" not in entry or holds({"Condition": entry["Condition"]})
        }
    return result


def _holds(condition: Any, values: Mapping[str, str], conditions: Mapping[str, Any]) -> bool:
    match condition:
        case {"Condition": str(name)}:
            return _holds(conditions[name], values, conditions)
        case {"Fn::Equals": [left, right]}:
            return _text(left, values) == _text(right, values)
        case {"Fn::Not": [inner]}:
            return not _holds(inner, values, conditions)
        case {"Fn::And": [*parts]}:
            return all(_holds(part, values, conditions) for part in parts)
        case {"Fn::Or": [*parts]}:
            return any(_holds(part, values, conditions) for part in parts)
    raise Undecidable(f"the condition {condition}")


def _text(value: Any, values: Mapping[str, str]) -> str:
    match value:
        case str() | int():
            return str(value)
        case {"Ref": str(name)} if name in values:
            return values[name]
        case {"Fn::Join": [str(between), {"Ref": str(name)}]} if name in values:
            return between.join(values[name].split(","))
    raise Undecidable(f"the value {value}")


def _without_if(value: Any, holds: Callable[[Any], bool]) -> Any:
    """`value` with each `Fn::If` replaced by its selected branch, and without members that are `AWS::NoValue`."""
    match value:
        case {"Fn::If": [str(name), then, otherwise]}:
            return _without_if(then if holds({"Condition": name}) else otherwise, holds)
        case dict():
            members = {key: _without_if(member, holds) for key, member in value.items()}
            return {key: member for key, member in members.items() if member != _NO_VALUE}
        case list():
            return [item for item in (_without_if(each, holds) for each in value) if item != _NO_VALUE]
    return value
