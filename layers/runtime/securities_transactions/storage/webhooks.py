"""The Webhooks table: genuine webhooks that changed nothing, verbatim, for a limited time.

Its stream publishes them: a suspicious one requests a pull, an unrelated one becomes an event.
"""

import zlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from securities_transactions.domain.stored_webhook import FoundWebhook, StoredWebhook
from securities_transactions.domain.times import timestamp_text
from securities_transactions.domain.webhook_verification import Suspicious, Unrelated, webhook_id
from securities_transactions.storage.dynamodb import of_attributes, present, to_attributes, written
from securities_transactions.storage.mapper import time_of

if TYPE_CHECKING:
    from securities_transactions.storage.dynamodb import DynamoDBClient

# The vendor retries after 15 minutes, a day and two days. A suspicious webhook that arrives again requests another
# pull.
_ASKS_AGAIN_AFTER: Final = timedelta(minutes=10)
# The index of stored webhooks by the transaction that they name, sorted by `receivedAt`.
BY_TRANSACTION: Final = "byTransaction"
# An item holds 400 KB. A body that does not fit even deflated is stored as its start, its length and its digest.
_MOST_BYTES: Final = 350_000


class Webhooks:
    """The Webhooks table named `table`. Items are kept for `retention`."""

    def __init__(self, client: "DynamoDBClient", table: str, retention: timedelta) -> None:
        self.client = client
        self.table = table
        self.retention = retention

    def store(self, raw: bytes, verified: Suspicious | Unrelated, now: datetime) -> bool:
        """Store a body as received. Returns False if the same body is already stored.

        A suspicious body that arrives again later is stored again: it requests another pull.
        """
        packed = zlib.compress(raw, 9)
        item: dict[str, Any] = {
            "webhookId": webhook_id(raw),
            "receivedAt": timestamp_text(now),
            "expiresAt": int((now + self.retention).timestamp()),
            "kind": verified.kind if isinstance(verified, Unrelated) else "SECURITIES",
            "transactionId": verified.transaction_id,
            "smallcaseAuthId": verified.smallcase_auth_id,
            "body": packed[:_MOST_BYTES],
        }
        if len(packed) > _MOST_BYTES:
            item["bytes"] = len(raw)
        if isinstance(verified, Unrelated):
            item["notes"] = verified.user_id
        else:
            item["suspicion"] = verified.reason
        condition, values = "attribute_not_exists(webhookId)", {}
        if isinstance(verified, Suspicious):
            condition += " OR receivedAt < :before"
            values = {":before": {"S": timestamp_text(now - _ASKS_AGAIN_AFTER)}}
        return written(
            lambda: self.client.put_item(
                TableName=self.table,
                Item=to_attributes(present(item)),
                ConditionExpression=condition,
                **({"ExpressionAttributeValues": values} if values else {}),  # type: ignore[arg-type]  # an absent argument has no type
            )
        )


def webhook_of(item: Mapping[str, Any]) -> StoredWebhook:
    """The webhook in a stored item."""
    return StoredWebhook(
        webhook_id=item["webhookId"],
        received_at=time_of(item["receivedAt"]),
        kind=item["kind"],
        transaction_id=item.get("transactionId"),
        smallcase_auth_id=item.get("smallcaseAuthId"),
        user_id=item.get("notes"),
        suspicion=item.get("suspicion"),
        body=zlib.decompressobj().decompress(item["body"]),
        whole="bytes" not in item,
    )


def webhooks_about(client: "DynamoDBClient", table: str, transaction_id: str) -> list[FoundWebhook]:
    """The stored webhooks that name a transaction, the oldest first; at most what a megabyte of the index holds."""
    response = client.query(
        TableName=table,
        IndexName=BY_TRANSACTION,
        KeyConditionExpression="transactionId = :id",
        ExpressionAttributeValues={":id": {"S": transaction_id}},
    )
    return [
        FoundWebhook(item["webhookId"], time_of(item["receivedAt"]), item["kind"], item.get("suspicion"))
        for item in map(of_attributes, response["Items"])
    ]
