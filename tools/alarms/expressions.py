"""CloudWatch's metric math over aligned series, as far as the template uses it (*Using math expressions* in its guide).

A series has a value or `None` (missing) for each period, the oldest first. An operation has a value where all its
operands have one.
"""

import ast
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

Series = list[float | None]
Array = tuple[Series, ...]
Value = Series | float | Array

_BINARY: Final[Mapping[type[ast.AST], Callable[[float, float], float | None]]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b if b else None,
    ast.Pow: lambda a, b: a**b,
    ast.Gt: lambda a, b: float(a > b),
    ast.Lt: lambda a, b: float(a < b),
    ast.GtE: lambda a, b: float(a >= b),
    ast.LtE: lambda a, b: float(a <= b),
    ast.Eq: lambda a, b: float(a == b),
    ast.NotEq: lambda a, b: float(a != b),
    ast.And: lambda a, b: float(bool(a) and bool(b)),
    ast.Or: lambda a, b: float(bool(a) or bool(b)),
}


class BadExpression(ValueError):
    """The expression uses what is not known here."""


def evaluate(expression: str, series: Mapping[str, Series], length: int) -> Series:
    """The series that `expression` makes of the series that it names, `length` periods long."""
    python = re.sub(r"\bAND\b|&&", " and ", expression)
    python = re.sub(r"\bOR\b|\|\|", " or ", python)
    python = re.sub(r"\bIF\s*\(", "IF_(", python)
    return _long(_value(ast.parse(python.strip(), mode="eval").body, series, length), length)


def _value(node: ast.AST, series: Mapping[str, Series], length: int) -> Value:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name):
            if name not in series:
                raise BadExpression(f"{name} is not a metric or expression of the alarm")
            return series[name]
        case ast.List(elts=items):
            return tuple(_long(_value(item, series, length), length) for item in items)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return [None if each is None else -each for each in _long(_value(operand, series, length), length)]
        case ast.BinOp(left=left, op=op, right=right):
            return _pairwise(type(op), [left, right], series, length)
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _pairwise(type(op), [left, right], series, length)
        case ast.BoolOp(op=op, values=values):
            return _pairwise(type(op), values, series, length)
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return _call(name, [_value(each, series, length) for each in arguments], length)
    raise BadExpression(f"{ast.unparse(node)} is not understood")


def _pairwise(op: type[ast.AST], nodes: Sequence[ast.AST], series: Mapping[str, Series], length: int) -> Series:
    if op not in _BINARY:
        raise BadExpression(f"{op.__name__} is not understood")
    combine = _BINARY[op]
    first, *others = (_long(_value(node, series, length), length) for node in nodes)
    for other in others:
        first = [None if a is None or b is None else combine(a, b) for a, b in zip(first, other, strict=True)]
    return first


def _call(name: str, arguments: list[Value], length: int) -> Value:
    match name, arguments:
        case "IF_", [condition, *branches] if 1 <= len(branches) <= 2:
            then, *otherwise = (_long(each, length) for each in branches)
            other: Series = otherwise[0] if otherwise else [None] * length
            chosen = zip(_long(condition, length), then, other, strict=True)
            return [None if truth is None else (yes if truth else no) for truth, yes, no in chosen]
        case "FILL", [filled, value]:
            return [
                other if each is None else each
                for each, other in zip(_long(filled, length), _long(value, length), strict=True)
            ]
        case "DIFF", [differing]:
            values = _long(differing, length)
            pairs = zip([None, *values[:-1]], values, strict=True)
            return [None if before is None or now is None else now - before for before, now in pairs]
        case (("SUM" | "MAX" | "MIN" | "AVG"), [tuple() as items]):
            return _across(name, items, length)
        case (("SUM" | "MAX" | "MIN" | "AVG"), [one]):
            return _reduced(name, _long(one, length), length)
    raise BadExpression(f"{name} of {len(arguments)} arguments is not understood")


def _across(name: str, items: Array, length: int) -> Series:
    """Of an array of series: for each period, of the values that are there."""
    return [_aggregate(name, [item[n] for item in items]) for n in range(length)]


def _reduced(name: str, series: Series, length: int) -> Series:
    """Of one series: the same scalar for each period."""
    return [_aggregate(name, series)] * length


def _aggregate(name: str, values: Sequence[float | None]) -> float | None:
    there = [each for each in values if each is not None]
    if not there:
        return None
    match name:
        case "SUM":
            return math.fsum(there)
        case "MAX":
            return max(there)
        case "MIN":
            return min(there)
    return math.fsum(there) / len(there)


def _long(value: Value, length: int) -> Series:
    match value:
        case float():
            return [value] * length
        case tuple():
            raise BadExpression("an array is no series")
    return value
