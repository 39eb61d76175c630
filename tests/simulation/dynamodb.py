"""DynamoDB in memory: the client methods that the product calls, with conditions, transactions, index and streams."""

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from botocore.exceptions import ClientError, ReadTimeoutError

from tests.simulation.expressions import Bound, ExpressionError, Item, check_placeholders, holds, updated
from tests.simulation.world import World

_MOST_ITEM_BYTES: Final = 400 * 1024
_MOST_BATCH_WRITES: Final = 25
_MOST_KEY_BYTES: Final = (2048, 1024)  # of a partition key and of a sort key
_MOST_ACTIONS: Final = 100
# The keys of the indexes; `due`, `booked` and `cases` are those of the transactions' table.
INDEXES: Final = {
    "due": ("checkShard", "nextCheckAt"),
    "booked": ("bookShard", "bookedAt"),
    "cases": ("openCase", "escalatedAt"),
    "byTransaction": ("transactionId", "receivedAt"),
}
INDEX: Final = INDEXES["due"]
PROJECTED: Final = {"byTransaction": ("kind", "suspicion")}

Key = tuple[str, ...]
# Called after each write with the table, the item before and the item after.
Watch = Callable[[str, Item | None, Item | None], None]


class Table:
    """Items by key, and the records of every change if the table has a stream."""

    def __init__(self, keys: tuple[str, ...], *, streams: bool = False) -> None:
        self.keys = keys
        self.items: dict[Key, Item] = {}
        self.streams = streams
        self.stream: list[dict[str, Any]] = []

    def key(self, attributes: Mapping[str, Any]) -> Key:
        """The key in an item. DynamoDB refuses one that is absent, empty, too long or of another type than text."""
        return tuple(
            _key_text(attributes.get(name), most) for name, most in zip(self.keys, _MOST_KEY_BYTES, strict=False)
        )

    def check_index(self, item: Item) -> None:
        """Refuse an item whose attributes of the index could not be its keys."""
        for name, most in zip(INDEX, _MOST_KEY_BYTES, strict=True):
            if self.keys == ("transactionId",) and name in item:
                _key_text(item[name], most)


def _key_text(value: Mapping[str, Any] | None, most: int) -> str:
    text = (value or {}).get("S")
    if not isinstance(text, str) or not text or len(text.encode()) > most:
        raise _error("ValidationException", "a key is absent, empty, too long or not text")
    return text


def _error(code: str, message: str = "", more: dict[str, Any] | None = None) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}, **(more or {})}
    return ClientError(answer, "Operation")


def _place(item: Mapping[str, Any], names: Sequence[str]) -> tuple[str, ...]:
    return tuple(item[name]["S"] for name in names)


def _size(value: Any) -> int:
    """About what DynamoDB counts: names and contents."""
    if isinstance(value, Mapping):
        return sum(len(name.encode()) + _size(each) for name, each in value.items())
    if isinstance(value, list):
        return sum(map(_size, value))
    return len(value.encode()) if isinstance(value, str) else len(value) if isinstance(value, bytes) else 1


class DynamoDB:
    """The client. Every call is one I/O step of `world`; `watch` sees every write."""

    def __init__(self, world: World, tables: Mapping[str, Table], watch: Watch) -> None:
        self.world = world
        self.tables = tables
        self.watch = watch
        self._tokens: int = 0

    # --- the methods of botocore's client

    def get_item(self, *, TableName: str, Key: Item, ConsistentRead: bool) -> dict[str, Any]:
        """GetItem, consistent."""
        table = self.tables[TableName]

        def effect() -> dict[str, Any]:
            item = table.items.get(table.key(Key))
            return {} if item is None else {"Item": dict(item)}

        return self._call("GetItem", effect)

    def put_item(
        self,
        *,
        TableName: str,
        Item: Item,
        ConditionExpression: str | None = None,
        ExpressionAttributeNames: Mapping[str, str] | None = None,
        ExpressionAttributeValues: Mapping[str, Any] | None = None,
        ReturnValuesOnConditionCheckFailure: str = "NONE",
    ) -> dict[str, Any]:
        """PutItem."""
        names, values = ExpressionAttributeNames or {}, ExpressionAttributeValues or {}

        def effect() -> dict[str, Any]:
            table = self.tables[TableName]
            old = table.items.get(table.key(Item))
            if not self._holds([ConditionExpression], ConditionExpression, old, names, values):
                whole = ReturnValuesOnConditionCheckFailure == "ALL_OLD" and old
                raise _error("ConditionalCheckFailedException", "", {"Item": dict(old or {})} if whole else None)
            self._store(TableName, table.key(Item), old, dict(Item))
            return {}

        return self._call("PutItem", effect)

    def batch_write_item(self, *, RequestItems: Mapping[str, Any]) -> dict[str, Any]:
        """BatchWriteItem of puts: some may be left unwritten, and a key may not stand in it twice."""
        ((name, writes),) = RequestItems.items()

        def effect() -> dict[str, Any]:
            table = self.tables[name]
            items = [write["PutRequest"]["Item"] for write in writes]
            if len({table.key(item) for item in items}) < len(items) or not 1 <= len(items) <= _MOST_BATCH_WRITES:
                raise _error("ValidationException", "a key twice, none or too many")
            troubled = self.world.now < self.world.rates.calm and self.world.random.random() < self.world.rates.refused
            done = items[: self.world.random.randrange(len(items))] if troubled else items
            for item in done:
                self._store(name, table.key(item), table.items.get(table.key(item)), dict(item))
            left = {name: writes[len(done) :]} if len(done) < len(items) else {}
            return {"UnprocessedItems": left}

        return self._call("BatchWriteItem", effect)

    def delete_item(self, *, TableName: str, Key: Item) -> dict[str, Any]:
        """DeleteItem; what is not there stays so."""

        def effect() -> dict[str, Any]:
            table = self.tables[TableName]
            key = table.key(Key)
            if key in table.items:
                self._store(TableName, key, table.items[key], None)
            return {}

        return self._call("DeleteItem", effect)

    def batch_get_item(self, *, RequestItems: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """BatchGetItem of one table, consistent; some of the keys may be left over."""
        ((name, asked),) = RequestItems.items()
        table = self.tables[name]

        def effect() -> dict[str, Any]:
            keys = list(asked["Keys"])
            left = 1 if len(keys) > 1 and self.world.random.random() < 0.1 else 0
            items = [table.items.get(table.key(key)) for key in keys[left:]]
            found = {"Responses": {name: [dict(item) for item in items if item is not None]}}
            return found | {"UnprocessedKeys": {name: {**asked, "Keys": keys[:left]}} if left else {}}

        return self._call("BatchGetItem", effect)

    def update_item(self, *, TableName: str, Key: Item, **arguments: Any) -> dict[str, Any]:
        """UpdateItem."""

        def effect() -> dict[str, Any]:
            table = self.tables[TableName]
            old = table.items.get(table.key(Key))
            new = self._updated(table, Key, old, arguments)
            if new is None:
                whole = arguments.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and old
                raise _error("ConditionalCheckFailedException", "", {"Item": dict(old or {})} if whole else None)
            self._store(TableName, table.key(Key), old, new)
            return {"Attributes": dict(new)} if arguments.get("ReturnValues") == "ALL_NEW" else {}

        return self._call("UpdateItem", effect)

    def transact_write_items(self, *, TransactItems: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """TransactWriteItems; botocore sends a token, so a repeated request does nothing and succeeds."""
        done: list[bool] = []

        def effect() -> dict[str, Any]:
            if done:
                return {}
            writes: list[tuple[str, Key, Item | None, Item | None]] = []
            reasons: list[dict[str, Any]] = []
            self._check_actions(TransactItems)
            for request in TransactItems:
                ((verb, write),) = request.items()
                table = self.tables[write["TableName"]]
                key = table.key(write["Item"] if verb == "Put" else write["Key"])
                old = table.items.get(key)
                names, values = (write.get(f"ExpressionAttribute{each}", {}) for each in ("Names", "Values"))
                condition, update = write.get("ConditionExpression"), write.get("UpdateExpression")
                if not self._holds([condition, update], condition, old, names, values):
                    shown = write.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and old
                    reasons.append({"Code": "ConditionalCheckFailed"} | ({"Item": dict(old or {})} if shown else {}))
                    continue
                reasons.append({"Code": "None"})
                new: Item | None = dict(write["Item"]) if verb == "Put" else None
                if verb == "Update":
                    new = self._updated(table, write["Key"], old, write)
                writes.append((write["TableName"], key, old, new))
            if len(writes) < len(TransactItems):
                raise _error("TransactionCanceledException", "", {"CancellationReasons": reasons})
            for write_ in writes:
                self._store(*write_)
            done.append(True)
            return {}

        return self._call("TransactWriteItems", effect)

    def query(self, *, TableName: str, KeyConditionExpression: str, **arguments: Any) -> dict[str, Any]:
        """Query of a table, or of an index, which lags now and then; as in DynamoDB, a page that is just full says that
        more may follow.
        """

        def effect() -> dict[str, Any]:
            table = self.tables[TableName]
            index = arguments.get("IndexName")
            partition, sort = INDEXES[index] if index else (table.keys[0], table.keys[-1])
            items = [item for item in table.items.values() if sort in item and partition in item]
            values = arguments["ExpressionAttributeValues"]
            check_placeholders([KeyConditionExpression], {}, values)
            found = [item for item in items if holds(KeyConditionExpression, Bound(item, {}, values))]
            if index and self.world.now < self.world.rates.calm:
                found = [item for item in found if self.world.random.random() > 0.02]
            forward, names = arguments.get("ScanIndexForward", True), tuple(dict.fromkeys((sort, *table.keys)))
            found.sort(key=lambda item: _place(item, names), reverse=not forward)
            start, limit = arguments.get("ExclusiveStartKey"), arguments.get("Limit")
            if start is not None:
                if start.keys() != {partition, sort, *table.keys}:
                    raise _error("ValidationException", "The provided starting key is invalid")
                if not holds(KeyConditionExpression, Bound(start, {}, values)):
                    raise _error("ValidationException", "The provided starting key is outside query boundaries")
                after = _place(start, names)
                found = [
                    each for each in found if _place(each, names) != after and (_place(each, names) > after) is forward
                ]
            # An index has its keys, the table's and what it projects, no other attribute.
            shown = {*table.keys, partition, sort, *PROJECTED.get(str(index), ())}
            page = [{name: item[name] for name in item if not index or name in shown} for item in found[:limit]]
            if limit is None or len(page) < limit:
                return {"Items": page}
            # DynamoDB gives a key to go on after where the limit was reached, also where nothing is left.
            return {"Items": page, "LastEvaluatedKey": {name: page[-1][name] for name in (partition, *names)}}

        return self._call("Query", effect)

    def get_paginator(self, operation: str) -> "_Pages":
        """A paginator of `query`: one page holds everything here."""
        if operation != "query":
            raise NotImplementedError(operation)
        return _Pages(self)

    # --- how

    def _call(self, name: str, effect: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        def validated() -> dict[str, Any]:
            try:
                return effect()
            except ExpressionError as error:
                raise _error("ValidationException", str(error)) from error

        def refusal() -> ClientError:
            """Too many at once, or a transaction on the same item is under way."""
            if name == "UpdateItem" and self.world.random.random() < 0.5:
                return _error("TransactionConflictException")
            if name == "TransactWriteItems" and self.world.random.random() < 0.5:
                reasons = [{"Code": "TransactionConflict"}, {"Code": "None"}]
                return _error("TransactionCanceledException", "", {"CancellationReasons": reasons})
            return _error("ThrottlingException")

        return self.world.call(name, validated, refusal, ReadTimeoutError(endpoint_url="https://dynamodb"))

    @staticmethod
    def _holds(
        expressions: Sequence[str | None],
        condition: str | None,
        old: Item | None,
        names: Mapping[str, str],
        values: Mapping[str, Any],
    ) -> bool:
        check_placeholders(expressions, names, values)
        return holds(condition, Bound(old or {}, names, values))

    def _updated(self, table: Table, key: Item, old: Item | None, write: Mapping[str, Any]) -> Item | None:
        names = write.get("ExpressionAttributeNames", {})
        values = write.get("ExpressionAttributeValues", {})
        condition, update = write.get("ConditionExpression"), write["UpdateExpression"]
        if not self._holds([condition, update], condition, old, names, values):
            return None
        new, written = updated(update, Bound(key if old is None else old, names, values))
        if not written.isdisjoint(table.keys):
            raise ExpressionError("an attribute of the key cannot be updated")
        return new

    def _check_actions(self, actions: Sequence[Mapping[str, Any]]) -> None:
        """Refuse more actions than are allowed, and two of them on one item."""
        places = set()
        for action in actions:
            ((verb, write),) = action.items()
            table = self.tables[write["TableName"]]
            places.add((write["TableName"], table.key(write["Item"] if verb == "Put" else write["Key"])))
        if len(places) < len(actions) or not 1 <= len(actions) <= _MOST_ACTIONS:
            raise _error("ValidationException", "too many actions, or two on one item")

    def _store(self, table_name: str, key: Key, old: Item | None, new: Item | None) -> None:
        table = self.tables[table_name]
        if new is None:
            table.items.pop(key, None)
        else:
            table.check_index(new)
            if len(repr(new)) > _MOST_ITEM_BYTES and _size(new) > _MOST_ITEM_BYTES:
                raise _error("ValidationException", "Item size has exceeded the maximum allowed size")
            table.items[key] = new
        if old == new:
            return  # DynamoDB writes no record of a change that changes nothing
        if table.streams:
            table.stream.append(_record(table, self.world.clock().timestamp(), old, new))
        self.watch(table_name, old, new)


class _Pages:
    def __init__(self, client: DynamoDB) -> None:
        self.client = client

    def paginate(self, *, PaginationConfig: Mapping[str, int], **arguments: Any) -> Iterator[dict[str, Any]]:
        """Every page."""
        page = self.client.query(**arguments)
        yield {"Items": page["Items"][: PaginationConfig["MaxItems"]]}


def _record(table: Table, at: float, old: Item | None, new: Item | None) -> dict[str, Any]:
    """A stream record as Lambda gets it: in JSON, so binary is base64 text. `at` is in seconds since the epoch."""
    number, known = len(table.stream), new or old or {}
    image: dict[str, Any] = {
        "ApproximateCreationDateTime": int(at),
        "Keys": {name: known[name] for name in table.keys},
        "SequenceNumber": str(number),
    }
    if old is not None:
        image["OldImage"] = _in_json(old)
    if new is not None:
        image["NewImage"] = _in_json(new)
    name = "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"
    return {"eventID": str(number), "eventName": name, "eventSource": "aws:dynamodb", "dynamodb": image}


def _in_json(item: Item) -> Item:
    return {name: _value_in_json(value) for name, value in item.items()}


def _value_in_json(value: Item) -> Item:
    if "B" in value:
        return {"B": base64.b64encode(value["B"]).decode()}
    return {"L": [_value_in_json(each) for each in value["L"]]} if "L" in value else value
