"""Every sample payload of the Gateway against the code that reads it.

tests/contract/payloads/index.json has the expected result of each; docs/reference/gateway.md documents its shape.
"""

import json
import re
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from securities_transactions.domain import sdk_response, webhook_verification
from securities_transactions.domain.decimal_json import loads
from securities_transactions.domain.gateway_state import GatewayTransaction
from securities_transactions.domain.sdk_errors import may_have_orders
from securities_transactions.domain.secrets import ApiSecret, GatewaySecret
from securities_transactions.domain.webhook_verification import Accepted, Rejected, Suspicious, Unrelated
from securities_transactions.gateway import tokens
from securities_transactions.gateway.client import Created, Gateway
from securities_transactions.gateway.credentials import CredentialsInUse
from securities_transactions.gateway.errors import GatewayRefused, GatewayUnavailable
from securities_transactions.gateway.exchange import BoundedClient
from securities_transactions.gateway.secrets import GatewaySecrets

PAYLOADS: Final = Path(__file__).parent / "payloads"
INDEX: Final[dict[str, Any]] = json.loads((PAYLOADS / "index.json").read_text())
ROWS: Final[list[dict[str, Any]]] = INDEX["payloads"]
SECRETS: Final = GatewaySecrets(GatewaySecret(INDEX["gatewaySecret"]), ApiSecret(INDEX["apiSecret"]))
POLICY: Final = webhook_verification.Policy(
    auth_id=re.compile("[0-9a-f]{24}", re.ASCII), fresh_for=timedelta(minutes=15)
)
CREDENTIALS: Final = CredentialsInUse(lambda *, fresh=False: SECRETS)
ORDERS_PATH: Final = "/v1/{gatewayName}/engine/orders/sst"
# The verifications by the names that the index has for them.
VERIFICATIONS: Final = {"refuse": Rejected, "report": Accepted, "doubt": Suspicious, "keep": Unrelated}
TRANSACTION: Final = "TRX_0123456789abcdef0123456789abcdef"


def rows(*kinds: str) -> pytest.MarkDecorator:
    """Run a test for each payload whose kind begins with one of `kinds`."""
    chosen = [row for row in ROWS if row["kind"].startswith(kinds)]
    assert chosen, kinds
    return pytest.mark.parametrize("row", chosen, ids=lambda row: str(row["file"]).removesuffix(".json"))


def body(row: dict[str, Any]) -> bytes:
    """A payload as it is sent."""
    return (PAYLOADS / str(row["file"])).read_bytes()


def moment(row: dict[str, Any]) -> datetime:
    """The time at which it is received."""
    return datetime.fromisoformat(row.get("now", "2026-01-15T04:34:00.000Z")).astimezone(UTC)


def test_index_lists_every_payload_and_nothing_else() -> None:
    assert sorted(row["file"] for row in ROWS) == sorted(
        path.name for path in PAYLOADS.glob("*.json") if path.name != "index.json"
    )


def test_every_payload_has_a_test_here() -> None:
    kinds = ("webhook", "sdk.resolved", "sdk.rejected", "gateway.")
    assert [row["kind"] for row in ROWS if not row["kind"].startswith(kinds)] == []


@rows("webhook")
def test_webhook_is_verified_as_expected(row: dict[str, Any]) -> None:
    expected = row["expected"]
    found = webhook_verification.verify(body(row), [SECRETS.api], moment(row), POLICY)
    assert type(found) is VERIFICATIONS[expected["verdict"]]
    if isinstance(found, Unrelated):
        assert found.kind == expected["kind"]
    if isinstance(found, Accepted):
        batch = found.snapshot.batch
        stated = (batch.status_of_orders, batch.is_final, batch.status)
        assert stated == (expected["derivedStatus"], expected["isFinal"], expected["gatewayStatus"])
        for amount in {"buyAmount", "sellAmount"} & expected.keys():
            assert str(getattr(batch, amount)) == expected[amount]


def posted(row: dict[str, Any]) -> sdk_response.Resolved | sdk_response.Signal:
    """A posted SDK response as it is read."""
    which = row["kind"].split(".")[1]
    return sdk_response.read({which: loads(body(row))}, TRANSACTION)


@rows("sdk.resolved")
def test_resolved_sdk_response_is_read_or_its_token_rejected(row: dict[str, Any]) -> None:
    expected = row["expected"]
    resolved = posted(row)
    assert isinstance(resolved, sdk_response.Resolved)
    if expected["outcome"] == "refused":
        with pytest.raises(tokens.TokenError):
            tokens.verify(resolved.token, SECRETS.gateway, moment(row))
        return
    assert resolved.batch is not None
    assert {
        "outcome": "resolved",
        "smallcaseAuthId": tokens.auth_id_of(tokens.verify(resolved.token, SECRETS.gateway, moment(row))),
        "broker": resolved.broker,
        "derivedStatus": resolved.batch.status_of_orders,
        "isFinal": resolved.batch.is_final,
    } == expected


@rows("sdk.rejected")
def test_rejected_sdk_response_is_read(row: dict[str, Any]) -> None:
    rejected = posted(row)
    assert isinstance(rejected, sdk_response.Signal)
    error = rejected.error
    assert error is not None
    outcome = "unknown" if may_have_orders(error.code, error.message) else "rejected"
    assert {"outcome": outcome, "code": error.code, "message": error.message} == row["expected"]


def created(row: dict[str, Any]) -> Created:
    """The response to a create call as it is read."""
    transport = httpx.MockTransport(lambda _: httpx.Response(row["httpStatus"], content=body(row)))
    http = BoundedClient(httpx.Client(base_url="https://gateway.example", transport=transport))
    return Gateway(http, "demo-gw", CREDENTIALS, ORDERS_PATH).create_transaction({}, lambda secret: "a token")


@rows("gateway.create")
def test_response_to_create_is_read(row: dict[str, Any]) -> None:
    expected = row["expected"]
    match expected["outcome"]:
        case "refused":
            with pytest.raises(GatewayRefused) as caught:
                created(row)
            assert list(caught.value.errors) == expected["errors"]
            assert caught.value.error_type == expected.get("errorType")
        case "unavailable":
            with pytest.raises(GatewayUnavailable):
                created(row)
        case _:
            made = created(row)
            expire_at = made.expire_at and made.expire_at.isoformat(timespec="milliseconds")
            assert made.transaction_id == expected["transactionId"]
            assert (expire_at and expire_at.replace("+00:00", "Z")) == expected["expireAt"]


def pulled(row: dict[str, Any], details: bytes, orders: bytes, transaction_id: str = TRANSACTION) -> GatewayTransaction:
    """The state that a pull returns where the Gateway responds so."""

    def answer(request: httpx.Request) -> httpx.Response:
        served = {
            "/v1/demo-gw/engine/transactiondetails": details,
            "/v1/demo-gw/engine/orders/sst": orders,
        }
        return httpx.Response(row["httpStatus"], content=served[request.url.path])

    http = BoundedClient(httpx.Client(base_url="https://gateway.example", transport=httpx.MockTransport(answer)))
    return Gateway(http, "demo-gw", CREDENTIALS, ORDERS_PATH).pull(transaction_id, moment(row))


@rows("gateway.details")
def test_transaction_details_are_read(row: dict[str, Any]) -> None:
    expected = dict(row["expected"])
    if expected["outcome"] == "refused":
        with pytest.raises(GatewayRefused) as caught:
            pulled(row, body(row), b"")
        assert (list(caught.value.errors), caught.value.error_type) == (expected["errors"], expected["errorType"])
        return
    found = pulled(row, body(row), b'{"success": true, "data": {"orders": []}}')
    assert {
        "outcome": "read",
        "transactionId": found.transaction_id,
        "status": found.status,
        "smallcaseAuthId": found.smallcase_auth_id,
        "broker": found.broker,
        "notes": found.user_id,
        "hasOrders": found.batch is not None,
        "mayHaveOrders": found.may_have_orders,
        "error": None if found.error is None else asdict(found.error),
        "expired": found.expired,
    } == {"expired": False} | {key: value for key, value in expected.items() if key != "derivedStatus"}
    if found.batch is not None:
        assert found.batch.status_of_orders == expected["derivedStatus"]


@rows("gateway.orders")
def test_order_rows_are_read_for_their_own_transaction_only(row: dict[str, Any]) -> None:
    """A response may be about several transactions; another transaction gets none of their orders."""
    expected = row["expected"]
    details = b'{"success": true, "data": {"status": "COMPLETED"}}'
    for transaction_id, status in zip(expected["transactionIds"], expected["derivedStatuses"], strict=True):
        batch = pulled(row, details, body(row), transaction_id).batch
        assert batch is not None
        assert batch.status_of_orders == status
    assert pulled(row, details, body(row), "TRX_of_a_stranger").batch is None
