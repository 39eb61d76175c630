"""DynamoDB's condition and update expressions, as far as the product uses them, evaluated on attribute values.

It rejects everything that DynamoDB rejects: placeholders that are bound and not used, or used and not bound, and one
attribute that is written twice.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact
from functools import lru_cache
from typing import Any, Final

Item = dict[str, Any]
Value = dict[str, Any] | None


class ExpressionError(Exception):
    """DynamoDB would answer ValidationException."""


@dataclass(frozen=True)
class Bound:
    """The context of an expression: the item, and the values of its placeholders."""

    item: Mapping[str, Any]
    names: Mapping[str, str]
    values: Mapping[str, Any]


Condition = Callable[[Bound], bool]
Operand = Callable[[Bound], Value]

# DynamoDB's numbers have 38 digits.
_EXACT: Final = Context(prec=38, traps=[Inexact])
_TOKEN: Final = re.compile(r"\s*(<>|<=|>=|[=<>(),+-]|[#:]?[A-Za-z_][A-Za-z0-9_.]*)")
_COMPARATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": lambda a, b: bool(a == b),
    "<>": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}


def holds(condition: str | None, bound: Bound) -> bool:
    """Return True if `condition` holds for an item. An absent item has no attributes."""
    return condition is None or _condition(condition)(bound)


def updated(expression: str, bound: Bound) -> tuple[Item, set[str]]:
    """The item that an UpdateExpression makes of the one in `bound`, and the attributes that it writes."""
    changed = dict(bound.item)
    touched: set[str] = set()
    for verb, path, operand in _update(expression):
        name = _resolve(path, bound)
        if name in touched:
            raise ExpressionError(f"two document paths overlap: {name}")
        touched.add(name)
        if verb == "REMOVE":
            changed.pop(name, None)
            continue
        if operand is None:
            raise ExpressionError(f"{verb} {path} without a value")
        value = operand(bound)
        if value is None:
            raise ExpressionError(f"an operand of {path} is not in the item")
        if verb == "ADD":
            value = _total(bound.item.get(name) or {"N": "0"}, 1, value)
        changed[name] = value
    return changed, touched


def check_placeholders(expressions: Sequence[str | None], names: Mapping[str, str], values: Mapping[str, Any]) -> None:
    """Every placeholder is bound and every binding is used, as DynamoDB demands."""
    used = _placeholders(tuple(each for each in expressions if each))
    if used != names.keys() | values.keys():
        raise ExpressionError(f"placeholders unbound or unused: {sorted(used ^ (names.keys() | values.keys()))}")


@lru_cache(maxsize=1024)
def _placeholders(expressions: tuple[str, ...]) -> frozenset[str]:
    return frozenset(token for text in expressions for token in _tokens(text) if token[0] in "#:")


def _tokens(text: str) -> list[str]:
    tokens, position = [], 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ExpressionError(f"cannot read {text[position:]!r}")
        tokens.append(match[1])
        position = match.end()
    return tokens


def _resolve(path: str, bound: Bound) -> str:
    return bound.names[path] if path.startswith("#") else path


def _total(a: dict[str, Any], sign: int, b: dict[str, Any]) -> dict[str, Any]:
    if "N" not in a or "N" not in b:
        raise ExpressionError("an operand is not a number")
    try:
        return {"N": str(_EXACT.add(Decimal(a["N"]), sign * Decimal(b["N"])))}
    except Inexact:
        raise ExpressionError("a number of more than 38 digits") from None


def _plain(value: dict[str, Any]) -> tuple[str, Any]:
    ((kind, content),) = value.items()
    return kind, Decimal(content) if kind == "N" else content


class _Reader:
    """A cursor over the tokens of one expression."""

    def __init__(self, text: str) -> None:
        self.tokens = [*_tokens(text), ""]
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at]

    def take(self, expected: str | None = None) -> str:
        token = self.tokens[self.at]
        if expected is not None and token != expected:
            raise ExpressionError(f"{expected} is missing before {token!r}")
        self.at += 1
        return token

    def operand(self) -> Operand:
        token = self.take()
        if token.startswith(":"):
            return lambda bound: bound.values[token]
        if token == "if_not_exists":
            self.take("(")
            path = self.take()
            self.take(",")
            otherwise = self.operand()
            self.take(")")
            return lambda bound: bound.item.get(_resolve(path, bound)) or otherwise(bound)
        return lambda bound: bound.item.get(_resolve(token, bound))

    def sum(self) -> Operand:
        first = self.operand()
        if self.peek() not in ("+", "-"):
            return first
        sign = 1 if self.take() == "+" else -1
        second = self.operand()

        def total(bound: Bound) -> Value:
            a, b = first(bound), second(bound)
            return None if a is None or b is None else _total(a, sign, b)

        return total

    def any_of(self) -> Condition:
        parts = [self.all_of()]
        while self.peek() == "OR":
            self.take()
            parts.append(self.all_of())
        return parts[0] if len(parts) == 1 else lambda bound: any(part(bound) for part in parts)

    def all_of(self) -> Condition:
        parts = [self.one()]
        while self.peek() == "AND":
            self.take()
            parts.append(self.one())
        return parts[0] if len(parts) == 1 else lambda bound: all(part(bound) for part in parts)

    def one(self) -> Condition:
        token = self.peek()
        if token == "NOT":
            self.take()
            inner = self.one()
            return lambda bound: not inner(bound)
        if token == "(":
            self.take()
            inner = self.any_of()
            self.take(")")
            return inner
        if self.tokens[self.at + 1] == "(" and token != "if_not_exists":
            return self.function()
        left, comparator = self.operand(), self.take()
        if comparator == "BETWEEN":
            least = self.operand()
            self.take("AND")
            most = self.operand()
            return self.compared(left, ">=", least, self.compared(left, "<=", most))
        return self.compared(left, comparator, self.operand())

    @staticmethod
    def compared(left: Operand, comparator: str, right: Operand, further: Condition | None = None) -> Condition:
        compare = _COMPARATORS[comparator]

        def compared(bound: Bound) -> bool:
            a, b = left(bound), right(bound)
            if a is None or b is None:
                return comparator == "<>"
            (kind_a, plain_a), (kind_b, plain_b) = _plain(a), _plain(b)
            if kind_a != kind_b:
                return comparator == "<>"
            return compare(plain_a, plain_b) and (further is None or further(bound))

        return compared

    def function(self) -> Condition:
        name = self.take()
        self.take("(")
        path = self.operand()
        if name in ("attribute_exists", "attribute_not_exists"):
            self.take(")")
            wanted = name == "attribute_exists"
            return lambda bound: (path(bound) is not None) == wanted
        self.take(",")
        argument = self.operand()
        self.take(")")
        if name not in ("contains", "begins_with"):
            raise ExpressionError(f"unknown function {name}")

        def texts(bound: Bound) -> bool:
            a, b = path(bound), argument(bound)
            if a is None or b is None or "S" not in a or "S" not in b:
                return False
            return b["S"] in a["S"] if name == "contains" else str(a["S"]).startswith(b["S"])

        return texts


@lru_cache(maxsize=1024)
def _condition(text: str) -> Condition:
    reader = _Reader(text)
    condition = reader.any_of()
    reader.take("")
    return condition


@lru_cache(maxsize=1024)
def _update(text: str) -> tuple[tuple[str, str, Operand | None], ...]:
    reader = _Reader(text)
    actions: list[tuple[str, str, Operand | None]] = []
    while reader.peek():
        verb = reader.take()
        if verb not in ("SET", "REMOVE", "ADD"):
            raise ExpressionError(f"unknown clause {verb}")
        while True:
            path, operand = reader.take(), None
            if verb == "SET":
                reader.take("=")
                operand = reader.sum()
            elif verb == "ADD":
                operand = reader.operand()
            actions.append((verb, path, operand))
            if reader.peek() != ",":
                break
            reader.take()
    return tuple(actions)
