"""JSON without binary floating point: numbers are read as `Decimal` and written with the same digits."""

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn

import simplejson

# Characters outside the XML set appear in decoded JSON text as escapes, or as U+FFFE and U+FFFF.
_MAY_NEED_MENDING: Final = re.compile(r"\\(?:[bf]|u(?:00[01]|d|fff))|[\ufffe\uffff]", re.IGNORECASE)
# The complement of the characters that SQS and XML 1.0, and so every consumer, accept.
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MOST_DEPTH = 64
# The Gateway sends no number with more digits than this. Computing with one could take seconds.
_MOST_DIGITS = 64
# EventBridge accepts 64-bit integers.
_WHOLE: Final = range(-(2**63), 2**63)
# Our documents nest the Gateway's values a few levels deeper.
OURS = 80


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def loads(raw: bytes | str, *, deepest: int = _MOST_DEPTH) -> Any:
    """Parse `raw` as strict UTF-8 JSON, with every fraction as a `Decimal`.

    Raises `ValueError` for invalid JSON, for NaN and Infinity, and for nesting deeper than `deepest`.

    Values that strict readers of our events reject are replaced, so that only their own field is unreadable. An
    unpaired surrogate or a character that XML 1.0 does not allow becomes U+FFFD. A fraction of more than 64 digits when
    written out, and an integer of more than 64 bits, become text: their first 64 characters and "…".
    """
    try:
        text = (raw.decode() if isinstance(raw, bytes) else raw).removeprefix("\ufeff")
        value = _decoder.decode(text)
        if text.count("[") + text.count("{") > deepest and _is_deep(value, deepest):
            raise ValueError("nested too deeply")
        return _mend(value) if _MAY_NEED_MENDING.search(text) else value
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _is_deep(value: Any, deepest: int) -> bool:
    """True if `value` is nested deeper than every later step (models, events) supports."""
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
    """Replace unpaired surrogates and the characters that `_FORBIDDEN` matches.

    JSON may contain half a surrogate pair (a text cut inside an emoji), but no encoding can write it.
    """
    if isinstance(value, str):
        return _FORBIDDEN.sub("\ufffd", value.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    if isinstance(value, list):
        return [_mend(each) for each in value]
    if isinstance(value, dict):
        return {_mend(key): _mend(each) for key, each in value.items()}
    return value


def _whole(text: str) -> int | str:
    if len(text) > _MOST_DIGITS:
        return _out_of_range(text)
    value = int(text)
    return value if value in _WHOLE else _out_of_range(text)


def _decimal(text: str) -> Decimal | str:
    # The sign, the point, leading zeros and the exponent are not digits, and no valid number has this many of them.
    if len(text) > 2 * _MOST_DIGITS:
        return _out_of_range(text)
    try:
        value = Decimal(text)
    except InvalidOperation:
        return _out_of_range(text)
    # Without an exponent, the text itself is the number written out.
    if len(text) <= _MOST_DIGITS and "e" not in text and "E" not in text:
        return value
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)  # noqa: S101  # for the type checker: JSON has neither NaN nor Infinity
    # A number without a fraction is written without a point, so it must fit an integer.
    if exponent == 0 and int(value) not in _WHOLE:
        return _out_of_range(text)
    written_out = len(digits) + exponent if exponent > 0 else max(len(digits), 1 - exponent)
    return value if written_out <= _MOST_DIGITS else _out_of_range(text)


def _out_of_range(text: str) -> str:
    """`text`, cut and marked so that no reader parses it as a different number."""
    return f"{text[:_MOST_DIGITS]}…"


_decoder: Final = json.JSONDecoder(parse_int=_whole, parse_float=_decimal, parse_constant=_refuse_constant)
_encoders: Final = {
    sort_keys: simplejson.JSONEncoder(
        use_decimal=True, separators=(",", ":"), sort_keys=sort_keys, ensure_ascii=False, allow_nan=False
    )
    for sort_keys in (False, True)
}


def dumps(value: Any, *, sort_keys: bool = False) -> str:
    """`value` as compact JSON. Each `Decimal` is written as a number with its own digits."""
    text: str = _encoders[sort_keys].encode(value)
    return text
