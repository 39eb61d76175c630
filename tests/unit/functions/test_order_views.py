"""The orders that users see: the Gateway's named fields and our own text, with any content of a webhook."""

import json
from typing import Any

import pytest

from tests.unit.functions.harness import SERVICE, Answered, Rig
from tests.unit.functions.scenarios import SUPPORT
from tests.unit.functions.test_hostile_numbers import order, signed, webhook

ORDERS = "GET /transactions/{transactionId}/orders"
NOT_KNOWN = "It is not known yet whether this order was placed. Do not order again until it is."


def report(rig: Rig, **more: Any) -> str:
    """The id of a transaction whose batch was reported by a genuine webhook."""
    transaction_id = rig.transaction()
    rig.pass_time(1)
    assert webhook(rig, json.dumps(signed(rig, transaction_id, **more))).body["status"] == "accepted"
    return transaction_id


def orders(rig: Rig, transaction_id: str, scope: str = "") -> dict[str, Any]:
    answer = rig.call(ORDERS, path={"transactionId": transaction_id}, scope=scope)
    assert answer.status == 200, answer.text
    return answer.body


def page(rig: Rig) -> Answered:
    answer = rig.call("GET /orders")
    assert answer.status == 200, answer.text
    return answer


@pytest.mark.parametrize("value", ["Call +91 90000 00000 to confirm", {"a": 1}, ["x"], 7, None])
@pytest.mark.parametrize("name", ["userMessage", "needsPerson", "for_support", "notes", "<script>"])
def test_unknown_field_of_an_order_is_not_shown(rig: Rig, name: str, value: Any) -> None:
    """A webhook's body is not covered by its checksum: our own names never come from there."""
    transaction_id = report(rig, orders=[order(**{name: value})], **{name: value if name != "notes" else "user-42"})
    [shown] = orders(rig, transaction_id)["orders"]
    assert name not in shown
    assert page(rig).body["items"][0]["orders"] == [shown]


@pytest.mark.parametrize("code", [None, "adapterError", "marginsExceeded", "networkError", "madeUp", ""])
def test_order_at_error_is_shown_as_unknown_with_any_code(rig: Rig, code: str | None) -> None:
    """A user that reads "not placed" orders again, and then has bought twice."""
    [shown] = orders(rig, report(rig, orders=[order(status="ERROR", errorCode=code)]))["orders"]
    assert shown["userMessage"] == NOT_KNOWN


@pytest.mark.parametrize("code", [None, "adapterError", "marginsExceeded", "networkError", "madeUp", ""])
def test_only_an_unplaced_order_is_shown_as_not_placed(rig: Rig, code: str | None) -> None:
    [shown] = orders(rig, report(rig, orders=[], unplaced=[order(status="ERROR", errorCode=code)]))["unplaced"]
    assert shown["userMessage"].startswith("This order was not placed. ")


@pytest.mark.parametrize("status", ["PLACED", "COMPLETE", "PARTIAL", "REJECTED", "CANCELLED", "CANCELLED AMO"])
@pytest.mark.parametrize("code", [None, "adapterError", "orderUnmatched"])
def test_no_other_order_is_shown_as_not_placed_or_unknown(rig: Rig, status: str, code: str | None) -> None:
    [shown] = orders(rig, report(rig, orders=[order(status=status, errorCode=code)]))["orders"]
    message = shown.get("userMessage", "")
    assert "not placed" not in message
    assert "not known" not in message
    assert bool(message) or status != "REJECTED"


def test_the_brokers_own_text_is_shown_only_to_a_service(rig: Rig) -> None:
    failed = order(status="REJECTED", errorCode="marginsExceeded", statusMessage=SUPPORT)
    transaction_id = report(rig, orders=[failed], unplaced=[failed | {"status": "ERROR", "tradingsymbol": "TCS"}])
    seen = orders(rig, transaction_id)
    assert not any("statusMessage" in each for each in [*seen["orders"], *seen["unplaced"]])
    assert SUPPORT not in page(rig).text

    for_support = orders(rig, transaction_id, SERVICE)
    assert [each["statusMessage"] for each in [*for_support["orders"], *for_support["unplaced"]]] == [SUPPORT] * 2
    listed = rig.call("GET /orders", user="support", scope=SERVICE, query={"notes": "user-42"})
    assert listed.body["items"][0]["orders"][0]["statusMessage"] == SUPPORT


BROKEN: dict[str, dict[str, Any]] = {
    "snapshot of another format": {"snapshot": {"B": b"\x07not ours"}},
    "snapshot that is not deflated": {"snapshot": {"B": b"\x01\xff\xff\xff"}},
    "request that is not deflated": {"request": {"B": b"\x01\xff\xff\xff"}},
    "version that is text": {"version": {"S": "one"}},
    "account that is a list": {"smallcaseAuthId": {"L": []}},
}


@pytest.mark.parametrize("how", BROKEN)
def test_transaction_that_cannot_be_read_does_not_hide_the_others(
    rig: Rig, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It keeps its place as unreadable, and an error line informs the operator."""
    own = [report(rig) for _ in range(3)][::-1]
    rig.tables["Transactions"].items[(own[1],)].update(BROKEN[how])
    items = page(rig).body["items"]
    assert [each["transactionId"] for each in items] == own
    assert [each["status"] for each in items] == ["PLACED", "UNREADABLE", "PLACED"]
    assert [each.message for each in caplog.records if each.levelname == "ERROR"] == ["a transaction cannot be read"]


def test_item_without_a_version_does_not_hide_the_others(rig: Rig) -> None:
    own = [report(rig) for _ in range(2)]
    del rig.tables["Transactions"].items[(own[0],)]["version"]
    assert [each["status"] for each in page(rig).body["items"]] == ["PLACED", "UNREADABLE"]
