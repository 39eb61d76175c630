"""JSON without binary floating point: numbers are read as `Decimal` and written as the same digits."""

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn

import simplejson

# How characters outside XML's set can stand in JSON text that has been decoded: as escapes, and U+FFFE and U+FFFF.
_MAY_NEED_MENDING: Final = re.compile(r"\\(?:[bf]|u(?:00[01]|d|fff))|[\ufffe\uffff]", re.IGNORECASE)
# What SQS, XML 1.0 and so every consumer accept.
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MOST_DEPTH = 64
# A number of more digits, written out, is none that the Gateway means, and computing with it would cost seconds.
_MOST_DIGITS = 64
# EventBridge accepts whole numbers of 64 bits.
_WHOLE: Final = range(-(2**63), 2**63)
# What is made of something foreign wraps it a few times.
OURS = 80


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def loads(raw: bytes | str, *, deepest: int = _MOST_DEPTH) -> Any:
    """The JSON value in `raw`, every fraction a `Decimal`; `ValueError` for anything that is not strict UTF-8 JSON.

    NaN and Infinity are refused, and so is nesting deeper than `deepest`. What a strict reader of our events cannot
    take is replaced here: half a surrogate pair and characters that XML 1.0 does not allow become U+FFFD; a fraction
    that has more than 64 digits when it is written out, and a whole number of more than 64 bits, become their first
    64 characters and "…", as text. So only their own field is unreadable, and no later step computes with it.
    """
    try:
        text = (raw.decode() if isinstance(raw, bytes) else raw).removeprefix("\ufeff")
        value = json.loads(text, parse_int=_whole, parse_float=_decimal, parse_constant=_refuse_constant)
        if text.count("[") + text.count("{") > deepest and _is_deep(value, deepest):
            raise ValueError("nested too deeply")
        return _mend(value) if _MAY_NEED_MENDING.search(text) else value
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
    """Half a surrogate pair is legal in JSON (a text cut amid an emoji) and in no encoding; U+FFFE is no character."""
    if isinstance(value, str):
        return _FORBIDDEN.sub("\ufffd", value.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    if isinstance(value, list):
        return [_mend(each) for each in value]
    if isinstance(value, dict):
        return {_mend(key): _mend(each) for key, each in value.items()}
    return value


def _whole(text: str) -> int | str:
    if len(text) > _MOST_DIGITS or int(text) not in _WHOLE:
        return _out_of_range(text)
    return int(text)


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
    # Without a fraction it is written without a point.
    if exponent == 0 and int(value) not in _WHOLE:
        return _out_of_range(text)
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
