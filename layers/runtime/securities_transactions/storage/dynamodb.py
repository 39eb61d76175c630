"""Conversion between plain values and DynamoDB's attribute values, and update expressions from dictionaries."""

import base64
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeVar

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient as DynamoDBClient

Attributes = dict[str, Any]
T = TypeVar("T")

_ATTEMPTS: Final = 4


Pause = Callable[[int], None]


def after_conflicts(write: Callable[[], T], pause: Pause) -> T:
    """Return the result of `write`; retry it where DynamoDB refused it because of a DynamoDB transaction on its item.

    botocore does not retry the two errors for that. The other DynamoDB transaction takes milliseconds; `pause(attempt)`
    waits for it.
    """
    for attempt in range(_ATTEMPTS):
        try:
            return write()
        except ClientError as error:
            reasons = {reason.get("Code", "None") for reason in error.response.get("CancellationReasons", [])}
            conflict = error.response["Error"]["Code"] == "TransactionConflictException" or (
                reasons - {"None"} == {"TransactionConflict"}
            )
            if not conflict or attempt == _ATTEMPTS - 1:
                raise
            pause(attempt)
    raise AssertionError("the last attempt returns or raises")


def condition_failed(error: ClientError) -> bool:
    """True if DynamoDB refused a write because its condition does not hold, and for no other reason."""
    return error.response["Error"]["Code"] == "ConditionalCheckFailedException"


def written(write: Callable[[], object]) -> bool:
    """Make a conditional write; False where its condition does not hold. Raises what else `write` raises."""
    try:
        write()
    except ClientError as error:
        if condition_failed(error):
            return False
        raise
    return True


def present(values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` without those that are `None`: a value that is not known is absent from an item."""
    return {str(name): value for name, value in values.items() if value is not None}


def to_attributes(item: Mapping[str, Any]) -> Attributes:
    """`item` as attribute values: text, integers, `Decimal`, booleans, bytes, and lists and mappings of these."""
    return {name: _to_attribute(value) for name, value in item.items()}


def of_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The item in attribute values, with numbers as `Decimal`.

    In a stream image, which an event has as JSON, binary values are base64 text.
    """
    return {name: _of_attribute(value) for name, value in attributes.items()}


def _to_attribute(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, bytes):
        return {"B": value}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int | Decimal):
        return {"N": str(value)}
    if value is None:
        return {"NULL": True}
    if isinstance(value, Mapping):
        return {"M": to_attributes(value)}
    if isinstance(value, list | tuple):
        return {"L": [_to_attribute(each) for each in value]}
    raise TypeError(f"{type(value).__name__} cannot be stored: money is Decimal, times are text")


def _of_attribute(attribute: Mapping[str, Any]) -> Any:
    ((kind, value),) = attribute.items()
    match kind:
        case "S":
            return value
        case "N":
            return Decimal(value)
        case "B":
            return base64.b64decode(value) if isinstance(value, str) else value
        case "NULL":
            return None
        case "M":
            return of_attributes(value)
        case "L":
            return [_of_attribute(each) for each in value]
        case _:
            return value


def update(
    set_: Mapping[str, Any],
    remove: Iterable[str] = (),
    *,
    keep: Mapping[str, Any] | None = None,
    bumps_version: bool = False,
    condition: str,
    values: Mapping[str, Any] | None = None,
    names: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The arguments of an UpdateItem: set and remove attributes, and set those in `keep` only if they are absent.

    `bumps_version` increases the version by one, with `SET` instead of `ADD`: a request that botocore retries after a
    lost response then fails its own condition instead of counting twice.
    """
    clauses = [f"#{name} = :{name}" for name in set_]
    clauses += [f"#{name} = if_not_exists(#{name}, :{name})" for name in keep or {}]
    bound = {**set_, **(keep or {}), **(values or {})}
    aliases = {f"#{name}": name for name in [*set_, *(keep or {}), *remove]} | dict(names or {})
    if bumps_version:
        clauses.append("#version = #version + :one")
        aliases["#version"] = "version"
        bound["one"] = 1
    expression = f"SET {', '.join(clauses)}" if clauses else ""
    if remove:
        expression += f" REMOVE {', '.join(f'#{name}' for name in remove)}"
    arguments: dict[str, Any] = {
        "UpdateExpression": expression.strip(),
        "ConditionExpression": condition,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    if aliases:
        arguments["ExpressionAttributeNames"] = aliases
    if bound:
        arguments["ExpressionAttributeValues"] = {f":{name}": v for name, v in to_attributes(bound).items()}
    return arguments
