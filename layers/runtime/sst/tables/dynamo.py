"""Plain values to DynamoDB's attribute values and back, and update expressions from dictionaries."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient as DynamoDBClient

_SERIALIZER: Final = TypeSerializer()
_DESERIALIZER: Final = TypeDeserializer()

Attributes = dict[str, Any]


def to_attributes(item: Mapping[str, Any]) -> Attributes:
    """`item` as attribute values. Fractions are `Decimal`; floats are refused."""
    return {name: _SERIALIZER.serialize(value) for name, value in item.items()}


def of_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The item in attribute values; binary attributes are `bytes`."""
    return {
        name: value["B"] if "B" in value else _DESERIALIZER.deserialize(value) for name, value in attributes.items()
    }


def update(
    set_: Mapping[str, Any],
    remove: Iterable[str] = (),
    *,
    keep: Mapping[str, Any] | None = None,
    counts: bool = False,
    condition: str,
    values: Mapping[str, Any] | None = None,
    names: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The arguments of an UpdateItem: set and remove attributes, `keep` those that are already there.

    With `counts` the version goes up by one: `SET`, never `ADD`, so that a request that botocore repeats after a lost
    answer meets its own condition instead of counting twice.
    """
    clauses = [f"#{name} = :{name}" for name in set_]
    clauses += [f"#{name} = if_not_exists(#{name}, :{name})" for name in keep or {}]
    bound = {**set_, **(keep or {}), **(values or {})}
    aliases = {f"#{name}": name for name in [*set_, *(keep or {}), *remove]} | dict(names or {})
    if counts:
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
