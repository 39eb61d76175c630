"""The stored item of a transaction, decoded for a person."""

import base64
import json
from decimal import Decimal
from typing import Any

import pytest

from operations import show
from securities_transactions.storage.mapper import to_item
from tests.unit.operations.stage import FakeStage, batch, stored, transaction

PLACED = batch("PLACED")


def test_item_is_shown_with_its_orders_and_request_decoded() -> None:
    stage: Any = FakeStage({"transactions": [stored(transaction(orders=PLACED, buy_amount=Decimal("10.50")))]})

    item = show.stored(stage, "T1")

    assert item is not None
    order = {"tradingsymbol": "INFY", "transactionType": "BUY", "status": "PLACED", "quantity": 3}
    assert item["snapshot"] == {"batchId": "b1", "orders": [order]}
    assert item["request"] == {"orderConfig": {"type": "SECURITIES"}}
    assert list(item)[:3] == ["transactionId", "notes", "status"]
    assert str(item["buyAmount"]) == "10.50"


def test_item_that_is_not_stored_is_none() -> None:
    stage: Any = FakeStage()
    assert show.stored(stage, "T2") is None


def test_attributes_of_a_later_version_are_shown_at_the_end() -> None:
    item = to_item(transaction()) | {"another": b"\x01\x02", "more": 1}
    shown = show.decoded(item)
    assert list(shown)[-2:] == ["another", "more"]
    assert shown["another"] == {"base64": "AQI="}


@pytest.mark.parametrize("broken", [b"", b"\x02abc", b"\x01\xff\xff"])
def test_what_cannot_be_decoded_is_shown_as_it_is(broken: bytes) -> None:
    """The one item that an operator has to look at must not be the one that cannot be shown."""
    shown = show.decoded(to_item(transaction()) | {"snapshot": broken})
    assert shown["snapshot"]["error"].partition(":")[0] in ("ValueError", "error")
    assert base64.b64decode(shown["snapshot"]["base64"]) == broken
    assert shown["transactionId"] == "T1"


def test_item_is_printed_as_json_with_exact_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    stage: Any = FakeStage({"transactions": [stored(transaction(orders=PLACED, buy_amount=Decimal("10.50")))]})

    assert show.show(stage, "T1") == 0

    out = capsys.readouterr().out
    assert '"buyAmount": 10.50' in out
    assert json.loads(out)["snapshot"]["batchId"] == "b1"


def test_transaction_that_is_not_stored_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    stage: Any = FakeStage()

    assert show.show(stage, "T2") == 1

    assert capsys.readouterr().err == "T2 is not stored in dev\n"


def test_unreachable_stage_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing listens on port 1."""
    assert show.main(["T1", "--port", "1"]) == 1
    assert "local cannot be reached" in capsys.readouterr().err
