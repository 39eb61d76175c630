"""JSON without binary floating point: numbers are read as `Decimal` and written as the same digits."""

import json
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

import simplejson

_SURROGATE = "\\ud"
_MOST_DEPTH = 64
# A number of more digits, written out, is none that the Gateway means, and computing with it would cost seconds.
_MOST_DIGITS = 64
# What is made of something foreign wraps it a few times.
OURS = 80


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def loads(raw: bytes | str, *, deepest: int = _MOST_DEPTH) -> Any:
    """The JSON value in `raw`, every fraction a `Decimal`; `ValueError` for anything that is not strict UTF-8 JSON.

    NaN and Infinity are refused, and so is nesting deeper than `deepest`; half a surrogate pair becomes U+FFFD. A
    number that has more than 64 digits when it is written out becomes its first 64 characters and "…", as text: only
    its own field is unreadable, and no later step computes with it.
    """
    try:
        text = (raw.decode() if isinstance(raw, bytes) else raw).removeprefix("\ufeff")
        value = json.loads(text, parse_int=_whole, parse_float=_decimal, parse_constant=_refuse_constant)
        if text.count("[") + text.count("{") > deepest and _is_deep(value, deepest):
            raise ValueError("nested too deeply")
        return _mend(value) if _SURROGATE in text.lower() else value
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _is_deep(value: Any, deepest: int) -> bool:
    """Whether `value` is nested deeper than what every later step (models, events) gets through."""
    level = [value]
    for _ in range(deepest + 1):
        level = [
            child
            for each in level
            if isinstance(each, dict | list)
            for child in (each.values() if isinstance(each, dict) else each)
        ]
    return bool(level)


def _mend(value: Any) -> Any:
    """Half a surrogate pair is legal in JSON (a text cut amid an emoji) and in no encoding: U+FFFD it is."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_mend(each) for each in value]
    if isinstance(value, dict):
        return {_mend(key): _mend(each) for key, each in value.items()}
    return value


def _whole(text: str) -> int | str:
    return int(text) if len(text.removeprefix("-")) <= _MOST_DIGITS else _out_of_range(text)


def _decimal(text: str) -> Decimal | str:
    # A sign, a point, zeros in front and an exponent are no digits: none of them makes a legal number this long.
    if len(text) > 2 * _MOST_DIGITS:
        return _out_of_range(text)
    try:
        value = Decimal(text)
    except InvalidOperation:
        return _out_of_range(text)
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)  # noqa: S101  # for the type checker: JSON has neither NaN nor Infinity
    written_out = len(digits) + exponent if exponent > 0 else max(len(digits), 1 - exponent)
    return value if written_out <= _MOST_DIGITS else _out_of_range(text)


def _out_of_range(text: str) -> str:
    """`text` as a reader of numbers does not take it for another number: cut digits are not what was sent."""
    return f"{text[:_MOST_DIGITS]}…"


def dumps(value: Any, *, sort_keys: bool = False) -> str:
    """`value` as compact JSON; each `Decimal` is written as a number with its own digits."""
    return simplejson.dumps(
        value,
        use_decimal=True,
        separators=(",", ":"),
        sort_keys=sort_keys,
        ensure_ascii=False,
        allow_nan=False,
    )
