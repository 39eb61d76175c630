"""The updates queue as a consumer reads it."""

import json
from decimal import Decimal
from typing import Any

import pytest

from operations.updates import Updates


class Queue:
    """An SQS queue: each receive gives one message, which comes again until it is deleted."""

    def __init__(self, *details: dict[str, Any]) -> None:
        self.bodies = [json.dumps({"detail-type": "OrdersPlaced", "detail": detail}) for detail in details]

    def receive_message(self, **_: Any) -> dict[str, Any]:
        return {"Messages": [{"Body": self.bodies[0], "ReceiptHandle": "0"}]} if self.bodies else {}

    def delete_message(self, **_: Any) -> None:
        self.bodies.pop(0)


def updates_of(*details: dict[str, Any]) -> Updates:
    return Updates(Queue(*details), "url")  # type: ignore[arg-type] # the two calls that are made


def test_events_come_in_order_and_money_is_exact() -> None:
    updates = updates_of({"transactionId": "T", "n": 1}, {"transactionId": "T", "averagePrice": 1575.09})
    assert updates.wait_for("T", lambda e: "averagePrice" in e["detail"])["detail"]["averagePrice"] == Decimal(
        "1575.09"
    )
    assert [e["detail"].get("n") for e in updates.of("T")] == [1, None]


def test_other_transactions_are_kept_apart_but_not_lost() -> None:
    updates = updates_of({"transactionId": "A"}, {"transactionId": "B"})
    updates.wait_for("B", lambda _: True)
    assert len(updates.of("A")) == len(updates.of("B")) == 1


def test_timeout_lists_the_received_events() -> None:
    updates = updates_of({"transactionId": "T", "status": "PLACED"})
    with pytest.raises(TimeoutError, match="OrdersPlaced PLACED"):
        updates.wait_for("T", lambda _: False, timeout=0.1)


def test_an_event_that_came_before_is_found_without_waiting() -> None:
    updates = updates_of({"transactionId": "T"})
    updates.poll()
    assert updates.wait_for("T", lambda _: True, timeout=0)
