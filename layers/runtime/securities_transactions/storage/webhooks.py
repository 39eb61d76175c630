"""The Webhooks table: genuine webhooks that changed nothing, verbatim, for a set time.

Its stream publishes them: a doubted one asks for a pull, one of another kind is an event of its own.
"""

import zlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from securities_transactions.domain.times import timestamp_text
from securities_transactions.domain.webhook_verification import Doubt, Keep, webhook_id
from securities_transactions.storage.dynamodb import to_attributes

if TYPE_CHECKING:
    from securities_transactions.storage.dynamodb import DynamoDBClient

# An item holds 400 KB; what does not fit even deflated is kept as its beginning, its length and its name.
_MOST_BYTES: Final = 350_000


class Webhooks:
    """The Webhooks table named `table`; what is put there is kept for `retention`."""

    def __init__(self, client: "DynamoDBClient", table: str, retention: timedelta) -> None:
        self.client = client
        self.table = table
        self.retention = retention

    def keep(self, raw: bytes, verdict: Doubt | Keep, now: datetime) -> bool:
        """Keep a body as received; False where the same body has been kept before."""
        packed = zlib.compress(raw, 9)
        item: dict[str, Any] = {
            "webhookId": webhook_id(raw),
            "receivedAt": timestamp_text(now),
            "expiresAt": int((now + self.retention).timestamp()),
            "kind": verdict.kind if isinstance(verdict, Keep) else "SECURITIES",
            "transactionId": verdict.transaction_id,
            "smallcaseAuthId": verdict.smallcase_auth_id,
            "body": packed[:_MOST_BYTES],
        }
        if len(packed) > _MOST_BYTES:
            item["bytes"] = len(raw)
        if isinstance(verdict, Keep):
            item["notes"] = verdict.notes
        else:
            item["doubt"] = verdict.reason
        stored = {name: value for name, value in item.items() if value is not None}
        try:
            self.client.put_item(
                TableName=self.table,
                Item=to_attributes(stored),
                ConditionExpression="attribute_not_exists(webhookId)",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True
