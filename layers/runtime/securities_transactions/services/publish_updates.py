"""From a record of a table's stream to the events it amounts to."""

import base64
from collections.abc import Mapping
from typing import Any

from securities_transactions.domain.decimal_json import loads
from securities_transactions.domain.stored_webhook import KeptWebhook
from securities_transactions.domain.transaction import Transaction
from securities_transactions.events import builder
from securities_transactions.events.schemas import Published
from securities_transactions.storage.dynamodb import of_attributes


def events_of(record: Mapping[str, Any]) -> list[Published]:
    """The events of one stream record; none for a deletion, which is TTL or an operator and no fact of trading."""
    images = record["dynamodb"]
    if "NewImage" not in images:
        return []
    new = of_attributes(binary(images["NewImage"]))
    if "webhookId" in new:
        return of_kept(KeptWebhook.of_item(new)) if record["eventName"] == "INSERT" else []
    old = of_attributes(binary(images["OldImage"])) if "OldImage" in images else None
    return builder.of_transaction(None if old is None else Transaction.of_item(old), Transaction.of_item(new))


def of_kept(kept: KeptWebhook) -> list[Published]:
    """The events of a webhook that was kept.

    Its checksum stays here: it does not cover the body, and whoever had it could send another (docs/gateway.md §4.2).
    """
    if not kept.whole or kept.doubt is not None:
        return builder.of_webhook(kept, None)
    return builder.of_webhook(kept, {name: value for name, value in loads(kept.body).items() if name != "checksum"})


def binary(image: Mapping[str, Any]) -> dict[str, Any]:
    """A stream image as the event carries it, in JSON and so with binary as base64 text, with bytes as bytes."""

    return {
        name: {"B": base64.b64decode(value["B"])} if isinstance(value.get("B"), str) else value
        for name, value in image.items()
    }
