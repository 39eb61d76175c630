"""The messages of the publish dead-letter queue: what the publisher sets aside, in a form that SQS always accepts.

SQS rejects control characters, U+FFFE and U+FFFF, unpaired surrogates, and messages over its size limit. So a message
is JSON in pure ASCII. Large content is compressed. If it is still too large it is left out, and `key` and `readAt`
state where the data is stored. The identity of the record or entry is always included, uncompressed.
"""

import base64
import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final

from securities_transactions.domain.decimal_json import loads
from securities_transactions.events.publisher import Refusal, identity

# SQS accepts 256 KiB in every Region, and a queue may be configured below the newer limit of 1 MiB.
_MOST_BYTES: Final = 250_000
# A table's key has at most 2048 bytes, so no key is cut.
_MOST_CHARACTERS: Final = 2048
# DynamoDB nests 32 levels deep, and each level takes two levels of its JSON.
_DEEPEST: Final = 200
# The maximum size of an inflated message: more than any record has.
_MOST_INFLATED: Final = 50_000_000


def of_record(record: Mapping[str, Any], error: Exception) -> str:
    """The message for a stream record that cannot be read because of `error`."""
    named = {"eventId": _text(record, "eventID"), "errorCode": type(error).__name__}
    return _fitting(named | _where(_key(record)), {"record": record})


def of_entry(refusal: Refusal, record: Mapping[str, Any]) -> str:
    """The message for an entry that the bus rejected permanently, with the stream record it was built from."""
    named = named_by(refusal) | {
        "eventId": _text(identity(refusal.entry), "eventId"),
        "errorMessage": refusal.reason[:_MOST_CHARACTERS],
    }
    return _fitting(named | _where(_key(record)), {"entry": refusal.entry, "record": record}, {"record": record})


def named_by(refusal: Refusal) -> dict[str, Any]:
    """The identity of a rejected entry, also for log lines. It contains no user data."""
    detail = identity(refusal.entry)
    sequence = detail.get("sequence")
    return {
        "transactionId": _text(detail, "transactionId"),
        "sequence": sequence if isinstance(sequence, int) else None,
        "detailType": refusal.entry["DetailType"],
        "errorCode": refusal.code[:_MOST_CHARACTERS],
    }


def opened(message: str) -> dict[str, Any]:
    """Parse a message of the queue, with its `record` and `entry` if it has them.

    Raises `ValueError` if it is not such a message.
    """
    found = loads(message, deepest=_DEEPEST)
    if not isinstance(found, dict):
        raise ValueError("not a message of the publisher")
    packed = found.pop("compressed", None)
    if packed is None:
        return found
    inflate = zlib.decompressobj()
    content = inflate.decompress(base64.b64decode(packed), _MOST_INFLATED)
    if not inflate.eof:
        raise ValueError("not a message of the publisher")
    return found | dict(loads(content, deepest=_DEEPEST))


def _fitting(named: Mapping[str, Any], *contents: Mapping[str, Any]) -> str:
    """`named` with the largest of `contents` that fits. The first is the complete one."""
    made: tuple[Callable[[], dict[str, Any]], ...] = (
        lambda: dict(contents[0]),
        *(lambda content=content: {"compressed": _compressed(content)} for content in contents),
    )
    for content in made:
        try:
            message = _ascii({**named, **content()})
        except (ValueError, RecursionError):  # too deeply nested to serialize
            continue
        if len(message) <= _MOST_BYTES:
            return message
    return _ascii(named)


def _compressed(content: Mapping[str, Any]) -> str:
    return base64.b64encode(zlib.compress(_ascii(content).encode(), 9)).decode()


def _ascii(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> str:
    """Bytes as in a stream's JSON, and any other value without a JSON form as text."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def _key(record: Mapping[str, Any]) -> dict[str, str]:
    """The key of the item in a stream record, or an empty dict if the record has none."""
    images = record.get("dynamodb")
    keys = images.get("Keys", images.get("NewImage")) if isinstance(images, Mapping) else None
    for name in ("webhookId", "transactionId"):
        attribute = keys.get(name) if isinstance(keys, Mapping) else None
        if isinstance(attribute, Mapping) and isinstance(attribute.get("S"), str):
            return {name: attribute["S"][:_MOST_CHARACTERS]}
    return {}


def _where(key: Mapping[str, str]) -> dict[str, Any]:
    if "transactionId" in key:
        return {"key": key, "readAt": f"/transactions/{key['transactionId']}"}
    return {"key": key, "readAt": "the item with this key in the table of webhooks"} if key else {}


def _text(value: Mapping[str, Any], name: str) -> str | None:
    found = value.get(name)
    return found[:_MOST_CHARACTERS] if isinstance(found, str) else None
