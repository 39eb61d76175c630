"""Random calls of DynamoDB of the kinds that the product's storage makes, and some that both implementations refuse."""

import random
from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.dynamodb.second import KEYS

Call = tuple[str, dict[str, Any]]

_TEXT_ATTRIBUTES: Final = ("status", "revision", "batchId", "nextCheckAt", "checkShard")
_NUMBER_ATTRIBUTES: Final = ("writes", "shares", "spent")
# An attribute has one type, as the product's have: what moto does with two of them is a TypeError.
_ATTRIBUTES: Final = (*_TEXT_ATTRIBUTES, *_NUMBER_ATTRIBUTES, "snapshot")
_TEXTS: Final = ("", "a", "ab", "b", "0|7|digest", "1|2026-01-15T04:30:12.345Z|digest", "2026-01-15T04:30:12.345Z", "1")
_NUMBERS: Final = ("0", "1", "2", "-1", "1.5", "10", "99999999999999.9999", "0.1")


class Operations:
    """Makes calls by `chance` over a few keys, so that they meet."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance

    def call(self) -> Call:
        """An operation and its arguments."""
        makers: tuple[Callable[[], Call], ...] = (
            self._get, self._put, self._update, self._update, self._update, self._transact, self._transact,
            self._delete, self._query,
        )  # fmt: skip
        return self.chance.choice(makers)()

    # --- pieces

    def table(self) -> str:
        return self.chance.choice(["Transactions", "Transactions", "Users", "Positions", "Idempotency"])

    def key(self, table: str) -> dict[str, Any]:
        return {name: {"S": self.chance.choice(["k1", "k2", "k3"])} for name in KEYS[table]}

    def item(self, table: str) -> dict[str, Any]:
        names = self.chance.sample(_ATTRIBUTES, self.chance.randrange(5))
        return {name: self._of(name) for name in names} | self.key(table)

    def _of(self, name: str) -> dict[str, Any]:
        """Index keys are text, and not empty."""
        if name in ("nextCheckAt", "checkShard"):
            return {"S": self.chance.choice(["0", "1", "2026-01-15T04:30:12.345Z"])}
        if name in _TEXT_ATTRIBUTES:
            return {"S": self.chance.choice(_TEXTS)}
        if name in _NUMBER_ATTRIBUTES:
            return {"N": self.chance.choice(_NUMBERS)}
        return self.chance.choice([{"B": b"\x00\x01"}, {"L": [{"S": "x"}, {"N": "1"}]}, {"M": {"k": {"BOOL": True}}}])

    # --- expressions

    def condition(self, table: str, bound: "_Placeholders", depth: int = 0) -> str:
        """A condition of the product's kinds, over random attributes."""
        chance = self.chance
        if depth < 2 and chance.random() < 0.5:
            joint = chance.choice([" AND ", " OR "])
            parts = [self.condition(table, bound, depth + 1) for _ in range(chance.choice([2, 2, 3]))]
            return f"({joint.join(parts)})"
        if depth < 2 and chance.random() < 0.15:
            return f"NOT {self.condition(table, bound, 3)}"
        attribute = chance.choice([*_ATTRIBUTES, *KEYS[table]])
        kind = chance.randrange(5)
        if kind == 2 or (kind > 2 and attribute == "snapshot"):
            part = bound.value({"S": chance.choice(_TEXTS[1:])})
            return (
                f"{chance.choice(['contains', 'begins_with'])}({bound.name(chance.choice(_TEXT_ATTRIBUTES))}, {part})"
            )
        name = bound.name(attribute)
        if kind == 0:
            return f"attribute_exists({name})"
        if kind == 1:
            return f"attribute_not_exists({name})"
        value = {"N": chance.choice(_NUMBERS)} if attribute in _NUMBER_ATTRIBUTES else {"S": chance.choice(_TEXTS)}
        return f"{name} {chance.choice(['=', '<>', '<', '<=', '>', '>='])} {bound.value(value)}"

    def update(self, table: str, bound: "_Placeholders") -> str:
        """An update of the product's kinds: set, set if absent, count up, remove, add."""
        chance = self.chance
        names = chance.sample(_ATTRIBUTES, chance.choice([1, 2, 3]))
        if chance.random() < 0.05:
            names.append(chance.choice([names[0], *KEYS[table]]))
        sets, removes, adds = list[str](), list[str](), list[str]()
        for name in names:
            placeholder = bound.name(name)
            match chance.randrange(6):
                case 0 | 1:
                    sets.append(f"{placeholder} = {bound.value(self._of(name))}")
                case 2:
                    sets.append(f"{placeholder} = if_not_exists({placeholder}, {bound.value(self._of(name))})")
                case 3 if name in _NUMBER_ATTRIBUTES:
                    one = bound.value({"N": chance.choice(_NUMBERS)})
                    base = placeholder
                    if chance.random() < 0.7:
                        base = f"if_not_exists({placeholder}, {bound.value({'N': '0'})})"
                    sets.append(f"{placeholder} = {base} {chance.choice('+-')} {one}")
                case 4 if name in _NUMBER_ATTRIBUTES:
                    adds.append(f"{placeholder} {bound.value({'N': chance.choice(_NUMBERS)})}")
                case _:
                    removes.append(placeholder)
        clauses = (("SET", sets), ("REMOVE", removes), ("ADD", adds))
        return " ".join(f"{verb} {', '.join(parts)}" for verb, parts in clauses if parts)

    # --- calls

    def _get(self) -> Call:
        table = self.table()
        return "get_item", {"TableName": table, "Key": self.key(table), "ConsistentRead": True}

    def _put(self) -> Call:
        table = self.table()
        return "put_item", {"TableName": table} | self._write(table, "Item", self.item(table))

    def _update(self) -> Call:
        table = self.table()
        return "update_item", {"TableName": table} | self._write(table, "Key", self.key(table))

    def _delete(self) -> Call:
        table = self.table()
        return "delete_item", {"TableName": table, "Key": self.key(table)}

    def _transact(self) -> Call:
        requests, seen = list[dict[str, Any]](), set[str]()
        for _ in range(self.chance.choice([1, 2, 2, 3])):
            table, verb = self.table(), self.chance.choice(["Put", "Update", "Delete", "Update"])
            content = self.item(table) if verb == "Put" else self.key(table)
            place = f"{table} {[content[name] for name in KEYS[table]]}"
            if place in seen and self.chance.random() < 0.9:
                continue
            seen.add(place)
            write = {"TableName": table} | self._write(
                table, "Item" if verb == "Put" else "Key", content, updates=verb == "Update"
            )
            requests.append({verb: write})
        return "transact_write_items", {"TransactItems": requests}

    def _query(self) -> Call:
        chance = self.chance
        values: dict[str, Any]
        if chance.random() < 0.4:
            values = {":shard": {"S": chance.choice("01")}, ":now": {"S": chance.choice(["0", "1", "3"])}}
            condition = "checkShard = :shard AND nextCheckAt <= :now"
            return "query", {
                "TableName": "Transactions", "IndexName": "due", "KeyConditionExpression": condition,
                "ExpressionAttributeValues": values,
            }  # fmt: skip
        values = {":notes": {"S": chance.choice(["k1", "k2", "k4"])}}
        if chance.random() < 0.5:
            condition = "notes = :notes AND begins_with(entry, :prefix)"
            values[":prefix"] = {"S": chance.choice(["k", "k1", "z"])}
        else:
            condition = "notes = :notes AND entry BETWEEN :first AND :last"
            values |= {":first": {"S": chance.choice(["k1", "k2"])}, ":last": {"S": chance.choice(["k2", "k~"])}}
        more: dict[str, Any] = {"ScanIndexForward": chance.random() < 0.5}
        if chance.random() < 0.5:
            more["Limit"] = chance.choice([1, 2, 3])
        # A key outside of the range is refused, by moto not.
        if values.get(":prefix") == {"S": "k"} and chance.random() < 0.5:
            start = {"notes": values[":notes"], "entry": {"S": chance.choice(["k1", "k2", "k3"])}}
            more["ExclusiveStartKey"] = start
        return "query", {
            "TableName": "Users", "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values, **more,
        }  # fmt: skip

    def _write(self, table: str, place: str, content: dict[str, Any], *, updates: bool = True) -> dict[str, Any]:
        bound, chance = _Placeholders(), self.chance
        arguments: dict[str, Any] = {place: content}
        if place == "Key" and updates:
            arguments["UpdateExpression"] = self.update(table, bound)
        if chance.random() < 0.7:
            arguments["ConditionExpression"] = self.condition(table, bound)
            if chance.random() < 0.6:
                arguments["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        return arguments | bound.arguments()


class _Placeholders:
    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.values: dict[str, Any] = {}

    def name(self, attribute: str) -> str:
        self.names[f"#{attribute}"] = attribute
        return f"#{attribute}"

    def value(self, value: Mapping[str, Any]) -> str:
        placeholder = f":v{len(self.values)}"
        self.values[placeholder] = dict(value)
        return placeholder

    def arguments(self) -> dict[str, Any]:
        """Those of the call; DynamoDB refuses empty ones."""
        made = {"ExpressionAttributeNames": self.names, "ExpressionAttributeValues": self.values}
        return {name: bound for name, bound in made.items() if bound}
