"""The Gateway SDK's response, as the app posts it (docs/reference/gateway.md §6.2, §8).

It is only a signal. The token in it is verified, its orders count as reported, and the Gateway is pulled.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from securities_transactions.domain.decimal_json import loads
from securities_transactions.domain.errors import Fault, InvalidField
from securities_transactions.domain.order_reading import batch_of
from securities_transactions.domain.orders import Batch
from securities_transactions.domain.sdk_errors import ERROR_CODES, error_code
from securities_transactions.domain.transaction import SdkError

TOKEN_FIELD: Final = "resolved.smallcaseAuthToken"  # noqa: S105  # the name of a field
# Maximum length of unsigned text; longer text is cut.
_MOST_TEXT: Final = 200


class SdkResponse(BaseModel):
    """The result or the error of `triggerTransaction`, as the SDK returned it. Any JSON is accepted.

    Native SDKs return JSON as text, or wrap it in `data` or `userInfo`. Some pass errors to the success callback. All
    these forms are understood. Any other form still triggers a pull of the transaction from the Gateway.
    """

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "resolved": {
                        "transactionId": "TRX_…",
                        "smallcaseAuthToken": "eyJ…",
                        "broker": "kite",
                        "orderBatches": [],
                    }
                },
                {"rejected": {"message": "user_cancelled", "errorCode": 1012}},
            ]
        },
    )

    resolved: Annotated[Any, Field(description="The value that the promise resolved with.")] = None
    rejected: Annotated[Any, Field(description="The error that the promise rejected with.")] = None


@dataclass(frozen=True)
class Resolved:
    """A resolved flow: the token, not verified yet, and the batch if the SDK returned one."""

    token: str
    broker: str | None
    batch: Batch | None


@dataclass(frozen=True)
class Signal:
    """Any other response: a reason to pull from the Gateway.

    `error` is the SDK's error. It does not fail the transaction.
    """

    error: SdkError | None = None


def read(posted: Any, transaction_id: str) -> Resolved | Signal:
    """Parse the posted JSON for a transaction. Raises `InvalidField` if it is about another transaction."""
    if isinstance(posted, Mapping) and posted.get("rejected") is not None:
        return _rejected(posted["rejected"])
    value = _opened(posted["resolved"] if isinstance(posted, Mapping) and "resolved" in posted else posted)
    if value.get("transactionId") not in (None, transaction_id):
        raise InvalidField("resolved.transactionId", "belongs to another transaction", Fault.MEANING)
    if value.get("success") is False:
        return _rejected(value)
    token = value.get("smallcaseAuthToken")
    if not isinstance(token, str) or not token:
        return _rejected(value)
    return Resolved(token, _text(value.get("broker")), _batch(value))


def _batch(value: Mapping[str, Any]) -> Batch | None:
    """The first batch with orders, or `None` if it cannot be read: the pull returns the orders in any case."""
    batches = value.get("orderBatches")
    if not isinstance(batches, list) or not batches or not isinstance(batches[0], Mapping):
        return None
    try:
        batch = batch_of(batches[0])
    except ValidationError:
        return None
    return batch if (batch.orders or batch.unplaced) and not batch.is_unclear else None


def _rejected(value: Any) -> Signal:
    opened = _opened(value)
    inner = opened.get("userInfo")
    holder = {**opened, **inner} if isinstance(inner, Mapping) else opened
    code = next((code for name in ("errorCode", "code") if (code := error_code(holder.get(name))) is not None), None)
    messages = (_text(holder.get(name)) for name in ("errorMessage", "message", "error"))
    message = next((message for message in messages if message), None)
    if message is None and code is not None and code in ERROR_CODES:
        message = ERROR_CODES[code][0]
    return Signal() if code is None and message is None else Signal(SdkError(code, message))


def _text(value: Any) -> str | None:
    return value[:_MOST_TEXT] if isinstance(value, str) and value else None


def _opened(value: Any) -> dict[str, Any]:
    """The object in an SDK response: the response itself, its JSON text (Flutter), or `data` as text or object.

    Text that is not JSON becomes the message of an error. Any other value becomes an empty object.
    """
    if isinstance(value, str):
        try:
            value = loads(value)
        except ValueError:
            return {"message": value}
        if isinstance(value, str):
            return {"message": value}
    if not isinstance(value, Mapping):
        return {}
    inner = value.get("data")
    if "transactionId" in value or inner is None:
        return dict(value)
    if isinstance(inner, str):
        try:
            inner = loads(inner)
        except ValueError:
            inner = None
    outer = {name: member for name, member in value.items() if name != "data"}
    return {**outer, **inner} if isinstance(inner, Mapping) else dict(value)
