"""What the Gateway SDK told the app, as the app posts it (docs/gateway.md §6.2, §8).

It is a signal, not the truth: the token in it is verified, the orders in it are reported, and the Gateway is asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from securities_transactions.domain.decimal_json import loads
from securities_transactions.domain.errors import Fault, InvalidField
from securities_transactions.domain.orders import Batch, batch_of
from securities_transactions.domain.sdk_errors import ERROR_CODES, error_code
from securities_transactions.domain.transaction import SdkError

TOKEN_FIELD: Final = "resolved.smallcaseAuthToken"  # noqa: S105  # the name of a field
# Unsigned text is cut at this length.
_MOST_TEXT: Final = 200


class SdkResponse(BaseModel):
    """Exactly one of what `triggerTransaction` resolved with and what it rejected with, as the SDK gave it.

    Native SDKs give JSON as text, or wrap it in `data` or `userInfo`: that is fine.
    """

    model_config = ConfigDict(
        extra="forbid",
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

    resolved: Annotated[dict[str, Any] | str | None, Field(description="What the promise resolved with.")] = None
    rejected: Annotated[dict[str, Any] | str | None, Field(description="What the promise rejected with.")] = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.resolved is None) == (self.rejected is None):
            raise ValueError("give one of resolved and rejected")
        return self


@dataclass(frozen=True)
class Resolved:
    """A resolved flow: the token, which is not verified yet, and the batch if the SDK gave one."""

    token: str
    broker: str | None
    batch: Batch | None


@dataclass(frozen=True)
class Rejected:
    """A rejected flow: a code, a message or both. It never fails a transaction by itself."""

    error: SdkError


def read(posted: SdkResponse, transaction_id: str) -> Resolved | Rejected:
    """What was posted for a transaction; `InvalidField` names the field that is not what the SDK gives."""
    if posted.rejected is not None:
        return _rejected(_opened(posted.rejected, "rejected"))
    value = _opened(posted.resolved, "resolved")
    if value.get("transactionId") not in (None, transaction_id):
        raise InvalidField("resolved.transactionId", "is another transaction's", Fault.MEANING)
    token = value.get("smallcaseAuthToken")
    if not isinstance(token, str):
        raise InvalidField(TOKEN_FIELD, "is missing")
    broker = value.get("broker")
    return Resolved(token, broker[:_MOST_TEXT] if isinstance(broker, str) and broker else None, _batch(value))


def _batch(value: Mapping[str, Any]) -> Batch | None:
    batches = value.get("orderBatches")
    if not isinstance(batches, list) or not batches:
        return None
    try:
        batch = batch_of(batches[0])
    except (ValidationError, AttributeError, TypeError):
        raise InvalidField("resolved.orderBatches.0", "is not a batch of orders") from None
    return batch if batch.orders or batch.unplaced else None


def _rejected(value: Mapping[str, Any]) -> Rejected:
    inner = value.get("userInfo")
    holder = {**value, **inner} if isinstance(inner, Mapping) else value
    code = error_code(holder.get("errorCode", holder.get("code")))
    message = holder.get("errorMessage", holder.get("message"))
    if not isinstance(message, str) or not message:
        message = None if code is None or code not in ERROR_CODES else ERROR_CODES[code][0]
    if message is None and code is None:
        raise InvalidField("rejected.message", "is missing")
    return Rejected(SdkError(code, None if message is None else message[:_MOST_TEXT]))


def _opened(value: Any, field: str) -> dict[str, Any]:
    """The object in what an SDK gave: as it is, as JSON text (Flutter), or as JSON text in `data` (React Native)."""
    if isinstance(value, dict) and isinstance(value.get("data"), str) and "transactionId" not in value:
        try:
            inner = loads(value["data"])
        except ValueError:
            inner = None
        if isinstance(inner, dict):
            return {**{k: v for k, v in value.items() if k != "data"}, **inner}
    if isinstance(value, str):
        try:
            value = loads(value)
        except ValueError:
            raise InvalidField(field, "is text, but not JSON") from None
    if not isinstance(value, dict):
        raise InvalidField(field, "is not an object")
    return value
