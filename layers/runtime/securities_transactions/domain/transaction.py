"""A transaction as it is stored: one item, one latest snapshot, one version that counts accepted changes."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Final, Literal

from securities_transactions.domain import statuses
from securities_transactions.domain.orders import Batch
from securities_transactions.domain.revision import Snapshot
from securities_transactions.storage.snapshot_codec import decode, encode

Confirmation = Literal["reported", "confirmed"]
Account = Literal["linked", "known", "conflict"]

# How many partitions the index of due checks is spread over: each takes a thousand writes a second.
CHECK_SHARDS: Final = 4


@dataclass(frozen=True, kw_only=True)
class Transaction:
    """What is known of a transaction. Times are UTC, ISO 8601 with milliseconds; field names are the stored ones.

    `status` is derived (`securities_transactions.domain.statuses`); `gatewayStatus` is the Gateway's word for the
    transaction (docs/gateway.md
    §2.2); `confirmation` says whether `snapshot` was only reported or pulled from the Gateway over our own
    credentials. A transaction is *settled* once its final snapshot is confirmed.
    """

    transactionId: str
    notes: str
    status: str
    version: int
    createdAt: str
    expireAt: str
    request: bytes
    snapshot_bytes: bytes | None = None
    revision: str | None = None
    batchId: str | None = None
    smallcaseAuthId: str | None = None
    broker: str | None = None
    buyAmount: Any = None
    sellAmount: Any = None
    confirmation: Confirmation | None = None
    source: str | None = None
    reportedAt: str | None = None
    confirmedAt: str | None = None
    settledAt: str | None = None
    gatewayStatus: str | None = None
    error: Mapping[str, Any] | None = None
    sdkError: Mapping[str, Any] | None = None
    account: Account | None = None
    adopted: bool | None = None
    askedAt: str | None = None
    pulledAt: str | None = None
    finalPulledAt: str | None = None
    doubtedAt: str | None = None
    pullRequestedAt: str | None = None
    nextCheckAt: str | None = None
    checkShard: str | None = None
    checks: int | None = None

    @property
    def is_settled(self) -> bool:
        """Whether this is its last word: every order final, and confirmed."""
        return self.settledAt is not None

    @property
    def has_unconfirmed_outcome(self) -> bool:
        """Whether a final state is reported, not confirmed, and no pull was made for its sake."""
        reported = self.confirmation == "reported" and self.finalPulledAt is None
        return reported and self.status in statuses.FINAL_BATCH

    @cached_property
    def snapshot(self) -> Batch | None:
        """The latest batch, or `None` while nothing is known of orders."""
        return None if self.snapshot_bytes is None else Batch.model_validate(decode(self.snapshot_bytes))

    @cached_property
    def requested(self) -> dict[str, Any]:
        """What was asked for: the Gateway's `orderConfig` and, for a named basket, `config`."""
        return decode(self.request)

    def to_item(self) -> dict[str, Any]:
        """The stored attributes; what is `None` is absent."""
        item = {field.name: getattr(self, field.name) for field in fields(self)}
        item["snapshot"] = item.pop("snapshot_bytes")
        return {name: value for name, value in item.items() if value is not None}

    @classmethod
    def of_item(cls, item: Mapping[str, Any]) -> "Transaction":
        """The transaction in a stored item; attributes of a later version of this product are passed over."""
        known = {name: item[name] for name in _STORED if name in item}
        return cls(
            **known
            | {
                "snapshot_bytes": item.get("snapshot"),
                "version": int(item["version"]),
                "checks": int(item.get("checks", 0)),
            }
        )


_STORED: Final = tuple(f.name for f in fields(Transaction) if f.name not in {"snapshot_bytes", "version", "checks"})


def encode_request(request: Mapping[str, Any]) -> bytes:
    """What was asked for, as it is stored."""
    return encode(request)


def check_shard(transaction_id: str) -> str:
    """The partition of the due index that a transaction's checks stand in."""
    return str(sum(transaction_id.encode()) % CHECK_SHARDS)


def snapshot_attributes(snapshot: Snapshot) -> dict[str, Any]:
    """The attributes that stand for a snapshot: the encoded batch and what people and indexes look at."""
    batch = snapshot.batch
    return {
        "snapshot": snapshot.encoded,
        "revision": snapshot.revision,
        "batchId": batch.batchId,
        "status": batch.derived_status,
        "buyAmount": batch.buyAmount,
        "sellAmount": batch.sellAmount,
    }


SNAPSHOT_ATTRIBUTES: Final = (
    "snapshot",
    "revision",
    "batchId",
    "buyAmount",
    "sellAmount",
    "reportedAt",
    "source",
)


def needs_confirming(snapshot: Snapshot, confirm: str) -> bool:
    """Whether a reported snapshot is to be pulled at once under the `CONFIRM` setting: every, final or none.

    A batch that stands at ERROR counts as final here: only the Gateway can say more.
    """
    if confirm == "final":
        return snapshot.batch.is_final or snapshot.batch.derived_status == statuses.ERROR
    return confirm == "every"
