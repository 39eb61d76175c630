"""The choice among the stored secrets while one is changed (docs/reference/gateway.md §5)."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import httpx
import jwt
import pytest

from securities_transactions.domain.secrets import ApiSecret, GatewaySecret
from securities_transactions.gateway import tokens
from securities_transactions.gateway.client import Created, Gateway
from securities_transactions.gateway.credentials import CredentialsInUse
from securities_transactions.gateway.errors import GatewayRefused, GatewayUnavailable
from securities_transactions.gateway.exchange import BoundedClient
from securities_transactions.gateway.secrets import GatewaySecrets

NOW: Final = datetime(2026, 1, 15, 4, 30, tzinfo=UTC)
OLD, NEW = ApiSecret("old-api-secret-0123"), ApiSecret("new-api-secret-0123")
OLD_KEY, NEW_KEY = (
    GatewaySecret("old-gateway-secret-of-forty-letters-...."),
    GatewaySecret("new-gateway-secret-" + "n" * 22),
)
BEFORE: Final = GatewaySecrets(OLD_KEY, OLD)
STORED: Final = replace(BEFORE, next_api=NEW)
SWITCHED: Final = GatewaySecrets(OLD_KEY, NEW, previous_api=OLD)


class Vendor:
    """A Gateway that accepts some API secrets and tokens of some gateway secrets, and answers others with `status`."""

    def __init__(self, *apis: ApiSecret, keys: tuple[GatewaySecret, ...] = (OLD_KEY,), status: int = 401) -> None:
        self.apis, self.keys, self.status = apis, keys, status
        self.stored = BEFORE
        self.known = BEFORE
        self.tried: list[str] = []
        self.answer: dict[str, Any] = {"success": True, "data": {"transactionId": "TRX_1", "status": "USED"}}
        self.credentials = CredentialsInUse(self.read)

    def read(self, *, fresh: bool = False) -> GatewaySecrets:
        """Secrets Manager behind a reader whose copy is old."""
        self.known = self.stored if fresh else self.known
        return self.known

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """The transport's handler."""
        secret, token = request.headers["x-gateway-secret"], request.headers["x-gateway-authtoken"]
        self.tried.append(secret)
        if secret not in [each.value for each in self.apis]:
            return httpx.Response(self.status, json={"success": False, "errors": [f"bad secret {secret}"]})
        if not any(_is_signed(token, key) for key in self.keys):
            return httpx.Response(self.status, json={"success": False, "errors": ["Invalid JWT"]})
        return httpx.Response(200 if self.answer["success"] else 400, json=self.answer)

    def create(self, refuses: frozenset[int] = frozenset({401, 403})) -> Created:
        """A create of the product's."""
        http = BoundedClient(httpx.Client(base_url="https://gateway.example", transport=httpx.MockTransport(self)))
        gateway = Gateway(http, "gw", self.credentials, "/{gatewayName}/orders", refuses_credentials=refuses)
        return gateway.create_transaction({}, lambda secret: tokens.mint_guest(secret, NOW))


def _is_signed(token: str, key: GatewaySecret) -> bool:
    try:
        jwt.decode(token, key.value, algorithms=["HS256"], options={"verify_exp": False, "verify_iat": False})
    except jwt.PyJWTError:
        return False
    return True


@pytest.mark.parametrize("status", [401, 403])
def test_call_is_made_with_the_next_secret_once_the_gateway_refuses_the_current_one(status: int) -> None:
    vendor = Vendor(NEW, status=status)
    vendor.known = vendor.stored = STORED
    assert vendor.create().transaction_id == "TRX_1"
    assert vendor.tried == [OLD.value, NEW.value]


def test_secret_that_worked_is_remembered() -> None:
    vendor = Vendor(NEW)
    vendor.known = vendor.stored = STORED
    for _ in range(3):
        vendor.create()
    assert vendor.tried == [OLD.value, NEW.value, NEW.value, NEW.value]


def test_secret_is_read_again_before_the_other_is_tried() -> None:
    """The next secret was stored a moment ago, and this process still has the secret from before."""
    vendor = Vendor(NEW)
    vendor.stored = STORED
    vendor.create()
    assert vendor.tried == [OLD.value, NEW.value]


def test_current_secret_is_tried_first_once_the_stored_secret_changes() -> None:
    vendor = Vendor(OLD, NEW)
    vendor.known = vendor.stored = STORED
    vendor.create()
    vendor.known = vendor.stored = SWITCHED
    vendor.create()
    assert vendor.tried == [OLD.value, NEW.value]


def test_previous_secret_is_used_while_the_gateway_has_not_switched() -> None:
    vendor = Vendor(OLD)
    vendor.known = vendor.stored = SWITCHED
    vendor.create()
    vendor.create()
    assert vendor.tried == [NEW.value, OLD.value, OLD.value]


def test_gateway_that_switches_back_is_followed() -> None:
    vendor = Vendor(NEW)
    vendor.known = vendor.stored = STORED
    vendor.create()
    vendor.apis = (OLD,)
    vendor.create()
    assert vendor.tried == [OLD.value, NEW.value, NEW.value, OLD.value]


def test_each_other_secret_is_tried_once_and_no_secret_is_in_the_error() -> None:
    vendor = Vendor(ApiSecret("a-secret-nobody-stored"))
    vendor.known = vendor.stored = replace(SWITCHED, next_api=ApiSecret("third-api-secret-012"))
    with pytest.raises(GatewayRefused) as caught:
        vendor.create()
    assert caught.value.is_about_us
    assert sorted(vendor.tried) == sorted([NEW.value, OLD.value, "third-api-secret-012"])
    assert not [each for each in vendor.tried if each in f"{caught.value}{caught.value.errors}"]


def test_call_is_not_repeated_while_only_one_secret_is_stored() -> None:
    vendor = Vendor(NEW)
    with pytest.raises(GatewayRefused):
        vendor.create()
    assert vendor.tried == [OLD.value]


def test_refusal_of_the_request_itself_is_not_repeated() -> None:
    vendor = Vendor(OLD, NEW)
    vendor.known = vendor.stored = STORED
    vendor.answer = {"success": False, "errors": ["no such ticker"], "errorType": "InputException"}
    with pytest.raises(GatewayRefused) as caught:
        vendor.create()
    assert not caught.value.is_about_us
    assert vendor.tried == [OLD.value]


@pytest.mark.parametrize(("refuses", "tried"), [({401, 403}, [OLD]), ({400}, [OLD, NEW]), ({400, 401}, [OLD, NEW])])
def test_statuses_that_refuse_credentials_are_a_setting(refuses: set[int], tried: list[ApiSecret]) -> None:
    """A Gateway that answers 400 for a wrong secret: no vendor's page has the status."""
    vendor = Vendor(NEW, status=400)
    vendor.known = vendor.stored = STORED
    if len(tried) == 1:
        with pytest.raises(GatewayRefused):
            vendor.create(frozenset(refuses))
    else:
        vendor.create(frozenset(refuses))
    assert vendor.tried == [each.value for each in tried]


def test_other_gateway_secret_signs_the_token_once_the_current_one_is_refused() -> None:
    vendor = Vendor(OLD, keys=(NEW_KEY,))
    vendor.known = vendor.stored = replace(BEFORE, next_gateway=NEW_KEY)
    vendor.create()
    assert vendor.credentials.first.gateway == NEW_KEY
    vendor.create()
    assert len(vendor.tried) == 3


def test_unavailable_gateway_says_nothing_about_secrets() -> None:
    vendor = Vendor(NEW, status=503)
    vendor.known = vendor.stored = STORED
    with pytest.raises(GatewayUnavailable):
        vendor.create()
    assert vendor.tried == [OLD.value]


def test_token_signed_with_any_stored_secret_is_verified_and_its_times_are_checked() -> None:
    token = tokens.mint_connected(NEW_KEY, "a" * 24, NOW)
    assert tokens.verify_with_any(token, [OLD_KEY, NEW_KEY], NOW)["smallcaseAuthId"] == "a" * 24
    with pytest.raises(tokens.NotSigned):
        tokens.verify_with_any(token, [OLD_KEY, GatewaySecret("x" * 40)], NOW)
    expired = tokens.mint_connected(OLD_KEY, "a" * 24, datetime(2025, 1, 1, tzinfo=UTC))
    with pytest.raises(tokens.TokenError, match="expired"):
        tokens.verify_with_any(expired, [OLD_KEY, NEW_KEY], NOW)
