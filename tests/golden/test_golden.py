"""This code reads what released versions wrote, as they read it. `make golden` writes the sets."""

import json
from pathlib import Path
from typing import Any

import pytest

from securities_transactions.domain.statuses import GatewayStatus, OrderStatus, Status
from securities_transactions.domain.transaction import AccountLink, Confirmation, FailureReason, Source
from securities_transactions.storage.dynamodb import of_attributes
from securities_transactions.storage.mapper import Attribute, of_item
from tests.golden.answers import READERS

SETS = sorted(path for path in Path(__file__).parent.iterdir() if path.is_dir() and path.name != "__pycache__")


def cases(path: Path) -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = json.loads(path.read_text())
    return read


@pytest.mark.parametrize("table", READERS)
@pytest.mark.parametrize("version", [path.name for path in SETS])
def test_each_stored_item_is_read_as_before(version: str, table: str) -> None:
    """After a change of an answer on purpose, `make golden` writes the answers again: look at the difference."""
    found = cases(Path(__file__).parent / version / f"{table}.json")
    assert found
    for case in found:
        assert READERS[table](case["stored"]) == case["read"], case["stored"]


def test_the_sets_have_every_attribute_and_word_of_this_code() -> None:
    """After one is added, `make golden VERSION=…-pre` writes a set that has it."""
    images = [
        of_attributes(case["stored"]["dynamodb"]["NewImage"])
        for version in SETS
        for case in cases(version / "transactions.json")
    ]
    assert {name for item in images for name in item} >= {attribute.value for attribute in Attribute}
    for attribute, words in (
        ("status", Status),
        ("confirmation", Confirmation),
        ("source", Source),
        ("account", AccountLink),
        ("gatewayStatus", GatewayStatus),
    ):
        assert {item[attribute] for item in images if attribute in item} >= {word.value for word in words}, attribute
    reasons = {item["error"]["reason"] for item in images if "error" in item}
    assert reasons >= {reason.value for reason in FailureReason}
    batches = [of_item(item).batch for item in images]
    assert {order.status for batch in batches if batch for order in batch.orders} >= set(OrderStatus)


def test_what_could_not_be_read_is_in_no_set() -> None:
    for version in SETS:
        for case in cases(version / "transactions.json"):
            key = case["stored"]["dynamodb"]["NewImage"]["transactionId"]["S"]
            assert case["read"]["transaction"]["transactionId"] == key
            assert case["read"]["transaction"]["status"] != "UNREADABLE"
            assert case["read"]["events"] or case["stored"]["eventName"] == "MODIFY"
        assert any(case["read"]["events"] for case in cases(version / "webhooks.json"))
        assert any(case["read"]["pull"] for case in cases(version / "webhooks.json"))
