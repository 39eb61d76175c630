"""A second implementation of DynamoDB beside the one in memory, and a client that makes each call on both.

The second is moto's: others wrote it from what AWS documents and answers. Where the two differ the tests' own one is
wrong, or moto is, which `_plain` and docs/decisions say.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import cache
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.simulation.dynamodb import INDEXES, PROJECTED, Table, Watch
from tests.simulation.world import Rates, World
from tests.unit.functions.harness import Client

KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "Transactions": ("transactionId",),
    "Users": ("notes", "entry"),
    "Webhooks": ("webhookId",),
    "Idempotency": ("id",),
    "Positions": ("holder", "security"),
    "Messages": ("notes", "message"),
    "History": ("transactionId", "entry"),
    "Books": ("book", "day"),
}

Answer = dict[str, Any]
Items = dict[tuple[str, ...], Any]


class Differs(AssertionError):
    """The two implementations answered one call differently, or their tables differ."""


class Moto:
    """moto's client with the product's tables. One serves all tests: `empty` takes what an earlier one left."""

    def __init__(self) -> None:
        self._mock = mock_aws()
        self._mock.start()
        self.client: Any = boto3.client(
            "dynamodb", region_name="ap-south-1", aws_access_key_id="none", aws_secret_access_key="none"
        )
        for name, keys in KEYS.items():
            _create(self.client, name, keys)
        self._mock.stop(remove_data=False)

    def stand_in(self) -> None:
        """From now on botocore's calls are answered by moto, in the whole process."""
        self._mock.start(reset=False)

    @contextmanager
    def standing_in(self) -> Iterator[None]:
        """While this lasts, botocore's calls are answered by moto."""
        self.stand_in()
        try:
            yield
        finally:
            self._mock.stop(remove_data=False)

    def items(self, table: str) -> Items:
        """All items of a table by their keys."""
        pages = self.client.get_paginator("scan").paginate(TableName=table)
        return {_key(table, item): item for page in pages for item in page["Items"]}

    def empty(self) -> None:
        """Delete all items."""
        for table in KEYS:
            for item in self.items(table).values():
                self.delete(table, item)

    def delete(self, table: str, item: Mapping[str, Any]) -> None:
        """Delete an item."""
        self.client.delete_item(TableName=table, Key={name: item[name] for name in KEYS[table]})


@cache
def moto() -> Moto:
    """The one of this process."""
    return Moto()


class TwoDynamoDBs(Client):
    """The client of the tests, which makes each call on moto's as well. Raises `Differs` where they do not agree.

    What a test writes into a table by itself is written to moto's before the next call.
    """

    def __init__(self, world: World, tables: Mapping[str, Table], watch: Watch) -> None:
        super().__init__(world, tables, watch)
        self.moto = moto()
        self.moto.empty()
        self.calls = 0
        self._mirrored: dict[str, Items] = {name: {} for name in KEYS}

    def get_item(self, **arguments: Any) -> Answer:
        return self._both("get_item", arguments)

    def put_item(self, **arguments: Any) -> Answer:
        return self._both("put_item", arguments)

    def update_item(self, **arguments: Any) -> Answer:
        return self._both("update_item", arguments)

    def delete_item(self, **arguments: Any) -> Answer:
        return self._both("delete_item", arguments)

    def transact_write_items(self, **arguments: Any) -> Answer:
        return self._both("transact_write_items", arguments)

    def query(self, **arguments: Any) -> Answer:
        return self._both("query", arguments)

    def batch_get_item(self, **arguments: Any) -> Answer:
        return self._both("batch_get_item", arguments)

    def compare_tables(self) -> None:
        """Raises `Differs` where an item is not the same in both."""
        self._mirror()
        for name in self.tables:
            ours, motos = ({key: _normal(item) for key, item in items.items()}
                           for items in (self.tables[name].items, self.moto.items(name)))  # fmt: skip
            if ours != motos:
                raise Differs(f"{name}\n  ours: {ours}\n  moto: {motos}")

    def _both(self, operation: str, arguments: Mapping[str, Any]) -> Answer:
        self.calls += 1
        self._mirror()
        ours = _made(lambda: getattr(Client, operation)(self, **arguments))
        if any(ours is failure for failure in self.failing.values()):
            raise ours
        if operation == "batch_get_item":
            self._compare_batch(ours)
        else:
            motos = _made(lambda: getattr(self.moto.client, operation)(**arguments))
            if _plain(ours) != _plain(motos):
                raise Differs(f"{operation} {arguments}\n  ours: {ours!r}\n  moto: {motos!r}")
            self._compare_next_page(operation, arguments, ours, motos)
        for name, table in self.tables.items():
            self._mirrored[name] = dict(table.items)
        if isinstance(ours, Exception):
            raise ours
        answer: Answer = ours
        return answer

    def _mirror(self) -> None:
        """Make moto's tables follow what a test wrote into ours without the client."""
        for name, table in self.tables.items():
            known = self._mirrored[name]
            for key, item in table.items.items():
                if key not in known or (known[key] is not item and known[key] != item):
                    self.moto.client.put_item(TableName=name, Item=item)
            for key in known.keys() - table.items.keys():
                self.moto.delete(name, known[key])
            self._mirrored[name] = dict(table.items)

    def _compare_next_page(self, operation: str, arguments: Mapping[str, Any], ours: Any, motos: Any) -> None:
        """DynamoDB has a LastEvaluatedKey also where a page that is just full is the last one; moto has none then."""
        if operation != "query" or isinstance(ours, Exception):
            return
        start, theirs = ours.get("LastEvaluatedKey"), motos.get("LastEvaluatedKey")
        if start == theirs:
            return
        rest = Client.query(self, **{**arguments, "ExclusiveStartKey": start}) if start else {"Items": ["none"]}
        if theirs is not None or rest["Items"]:
            raise Differs(f"{operation} {arguments}: more pages at {start}, moto's at {theirs}")

    def _compare_batch(self, ours: Any) -> None:
        """Any part of a BatchGetItem may be returned; each item has to be moto's."""
        if isinstance(ours, Exception):
            return
        for name, items in ours["Responses"].items():
            theirs = self.moto.items(name)
            for item in items:
                if _normal(item) != _normal(theirs.get(_key(name, item))):
                    raise Differs(f"batch_get_item\n  ours: {item}\n  moto: {theirs.get(_key(name, item))}")


def empty_tables() -> dict[str, Table]:
    """The product's tables in memory."""
    return {name: Table(keys, streams=name in ("Transactions", "Webhooks")) for name, keys in KEYS.items()}


@contextmanager
def two_dynamodbs() -> Iterator[TwoDynamoDBs]:
    """A client over empty tables whose items are compared at the end."""
    with moto().standing_in():
        client = TwoDynamoDBs(World(1, Rates(), (0,), story=False), empty_tables(), lambda table, old, new: None)
        yield client
        client.compare_tables()


# Which table an index is of.
_OF: Final = {"due": "Transactions", "booked": "Transactions", "cases": "Transactions", "byTransaction": "Webhooks"}


def _create(client: Any, name: str, keys: tuple[str, ...]) -> None:
    indexes = {index: parts for index, parts in INDEXES.items() if _OF[index] == name}
    more: dict[str, Any] = {}
    if indexes:
        more["GlobalSecondaryIndexes"] = [
            {"IndexName": index, "KeySchema": _schema(parts), "Projection": _projection(index)}
            for index, parts in indexes.items()
        ]
    attributes = dict.fromkeys((*keys, *(part for parts in indexes.values() for part in parts)))
    client.create_table(
        TableName=name,
        KeySchema=_schema(keys),
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in attributes],
        BillingMode="PAY_PER_REQUEST",
        **more,
    )


def _projection(index: str) -> dict[str, Any]:
    projected = PROJECTED.get(index)
    return (
        {"ProjectionType": "INCLUDE", "NonKeyAttributes": [*projected]}
        if projected
        else {"ProjectionType": "KEYS_ONLY"}
    )


def _schema(keys: Sequence[str]) -> list[dict[str, str]]:
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(keys, ("HASH", "RANGE"), strict=False)]


def _key(table: str, item: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(item[name]["S"] for name in KEYS[table])


def _made(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except ClientError as error:
        return error


def _plain(answer: Any) -> Any:
    """Return the parts to compare: of an answer the items, of an error its code, its reasons and the item in it."""
    if isinstance(answer, ClientError):
        response: Mapping[str, Any] = answer.response
        reasons = [(each["Code"], _normal(each.get("Item", {}))) for each in response.get("CancellationReasons", [])]
        return response["Error"]["Code"], reasons, _normal(response.get("Item", {}))
    return _normal({name: answer[name] for name in ("Item", "Items", "Attributes") if name in answer})


def _normal(value: Any) -> Any:
    """Attribute values with their numbers as numbers: DynamoDB writes one number in one way, and tests do not."""
    if isinstance(value, Mapping):
        if value.keys() == {"N"} and isinstance(value["N"], str):
            return "N", Decimal(value["N"])
        return {name: _normal(each) for name, each in value.items()}
    return [_normal(each) for each in value] if isinstance(value, list) else value
