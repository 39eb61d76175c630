"""Settings for what the vendor does not publish (docs/reference/gateway.md §1.3, §1.4, §2.3, §3, §4.2)."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.simulator.harness import API_SECRET, BASKET, Rig, order, token
from tools.gateway_simulator.webhooks import checksum

OTHER = "another_api_secret_for_tests_not_real"


def changed(rig: Rig, **settings: Any) -> None:
    rig.sim("PUT", "/settings", settings)


@pytest.mark.parametrize(
    ("form", "members"),
    [
        ("errors", {"errors": ["the body is not JSON"], "errorType": "InputException"}),
        ("text", {"errors": "the body is not JSON", "errorType": "InputException"}),
        ("message", {"message": "the body is not JSON", "errorType": "InputException"}),
        ("error_type", {"errorType": "InputException"}),
    ],
)
def test_body_of_an_error_has_the_members_that_are_set(rig: Rig, form: str, members: Mapping[str, Any]) -> None:
    """§1.4: seen once as a list, and not documented."""
    changed(rig, errorBody=form)
    answer = rig.raw("POST", "/gateway/demo-gw/transaction", "{", _headers())
    assert answer.json() == {"success": False, "data": None, **members}


def _headers() -> dict[str, str]:
    return {"x-gateway-secret": API_SECRET, "x-gateway-authtoken": token()}


@pytest.mark.parametrize(
    ("spelling", "kind", "form"),
    [
        ("ms", str, r".*\.\d{3}Z"), ("seconds", str, r".*:\d\dZ"), ("offset", str, r".*\.\d{3}\+05:30"),
        ("epoch_seconds", int, r"\d{10}"), ("epoch_ms", int, r"\d{13}"), ("epoch_text", str, r"\d{13}"),
    ],
)  # fmt: skip
def test_timestamp_of_a_webhook_is_signed_as_it_is_spelled(rig: Rig, spelling: str, kind: type, form: str) -> None:
    """§4.2: that it is ISO 8601 with milliseconds is inferred from one sample."""
    changed(rig, webhookTimestamp=spelling)
    rig.trade("complete")
    for body in rig.received:
        assert type(body["timestamp"]) is kind
        assert re.fullmatch(form, str(body["timestamp"]))
        assert body["checksum"] == checksum(API_SECRET, str(body["timestamp"]), body["smallcaseAuthId"])


def test_checksum_may_be_upper_case(rig: Rig) -> None:
    """§4.2: lower-case hex is seen once."""
    changed(rig, webhookChecksum="upper")
    rig.trade("complete")
    [body, *_] = rig.received
    expected = checksum(API_SECRET, body["timestamp"], body["smallcaseAuthId"]).upper()
    assert body["checksum"] == expected


def test_either_secret_is_accepted_and_may_sign_while_a_rotation_is_under_way(rig: Rig) -> None:
    """§4.2: nothing is published about rotations."""
    changed(rig, apiSecret=OTHER, otherApiSecrets=[API_SECRET])
    for secret in (API_SECRET, OTHER):
        headers = _headers() | {"x-gateway-secret": secret}
        assert rig.call("POST", "/gateway/demo-gw/transaction", order(), headers).status_code == 200
    rig.trade("complete")
    [body, *_] = rig.received
    assert body["checksum"] == checksum(OTHER, body["timestamp"], body["smallcaseAuthId"])
    assert OTHER not in str(rig.sim("GET", "/settings"))


@pytest.mark.parametrize(
    ("setting", "form"), [("epoch_seconds", int), ("epoch_ms", int), ("implausible", str), ("absent", type(None))]
)
def test_expiry_has_the_form_that_is_set(rig: Rig, setting: str, form: type) -> None:
    """§1.3: that it is ISO 8601 is inferred."""
    changed(rig, expireAtFormat=setting)
    transaction_id = rig.create(BASKET)
    assert type(rig.details(transaction_id).get("transactionDetails", {}).get("expireAt")) is form


@pytest.mark.parametrize("place", ["success.data", "success", "details"])
def test_batches_stand_where_they_are_set_to(rig: Rig, place: str) -> None:
    """§2.3: the nesting is open."""
    changed(rig, detailsBatchesIn=place)
    shown = rig.details(rig.trade("complete"))["transactionDetails"]
    found = {
        "success.data": shown["success"].get("data", {}).get("batches"),
        "success": shown["success"].get("batches"),
        "details": shown.get("batches"),
    }
    assert [name for name, batches in found.items() if batches] == [place]


def test_stored_order_config_may_have_the_shape_of_the_sdks_model(rig: Rig) -> None:
    """§2.3: `orders[]` with the ticker in `sidInfo`."""
    changed(rig, detailsOrderConfig="orders")
    config = rig.details(rig.create(BASKET))["transactionDetails"]["orderConfig"]
    assert [each["sidInfo"]["ticker"] for each in config["orders"]] == [each["ticker"] for each in BASKET]
    assert "securities" not in config


def test_orders_may_lag_behind_details(rig: Rig) -> None:
    """§3: what the orders API shows of a COMPLETED transaction may come later."""
    rig.faults(ordersLagSeconds=600)
    transaction_id = rig.trade("complete")
    assert rig.details(transaction_id)["transactionDetails"]["status"] == "COMPLETED"
    assert rig.orders(f"transactionId={transaction_id}") == []
    rig.advance(601)
    assert len(rig.orders(f"transactionId={transaction_id}")) == 1


@pytest.mark.parametrize("name", ["config", "orderType"])
def test_members_that_the_gateway_does_not_have_are_refused_or_ignored(rig: Rig, name: str) -> None:
    """§1.2: the names of a basket's and of a limit order's members are not proven."""
    security = {"ticker": "INFY", "type": "BUY", "quantity": 1, "orderType": "MARKET"}
    body = order([security], config={"orderName": "x"})
    changed(rig, unknownMembers=[name])
    refused = rig.server("POST", "/gateway/demo-gw/transaction", body)
    assert (refused.status_code, refused.json()["errors"]) == (400, [f"{name} is not allowed"])
    changed(rig, unknownMembersAre="ignored")
    transaction_id = rig.server("POST", "/gateway/demo-gw/transaction", body).json()["data"]["transactionId"]
    details = rig.details(transaction_id)["transactionDetails"]
    assert name not in details | details["orderConfig"]["securities"][0]


def test_success_of_details_may_be_flat(rig: Rig) -> None:
    """§2.3: two integrations read broker and authToken beside status."""
    changed(rig, detailsSuccess="flat", detailsAuthId="token")
    details = rig.details(rig.trade("complete"))["transactionDetails"]
    assert details["success"] is None
    assert (details["broker"], details["authToken"].count(".")) == ("kite", 2)
    assert "authId" not in details


def test_an_order_type_may_be_an_unknown_one(rig: Rig) -> None:
    """§7: no order of type GTT was ever found."""
    rig.faults(wire={"orderType": "GTT"})
    rig.trade("complete")
    assert {body["orders"][0]["orderType"] for body in rig.received} == {"GTT"}
