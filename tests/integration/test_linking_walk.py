"""A user's way from guest to several broker accounts, and two users that claim one account."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import jwt
import pytest

from operations.updates import Event, Updates
from tools.local_stack.driver import GatewayDriver
from tools.local_stack.product import GATEWAY_SECRET

Api = Callable[..., httpx.Client]


@dataclass(frozen=True)
class User:
    """A signed-in user of the app, whose hands in the Gateway SDK are `gateway`'s."""

    notes: str
    app: httpx.Client
    gateway: GatewayDriver
    updates: Updates

    def create(self, **choice: Any) -> dict[str, Any]:
        """A new transaction of one security, as the API answers it."""
        securities = [{"ticker": "INFY", "type": "BUY", "quantity": 1}]
        answer = self.app.post("/transactions", json={"securities": securities, **choice})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def trade(self, created: dict[str, Any], broker: str, **login: Any) -> str:
        """Log in to `broker`, confirm, and wait until the order is settled; the smallcaseAuthId."""
        transaction_id = created["transactionId"]
        self.gateway.login(transaction_id, broker, **login)
        self.gateway.confirm(transaction_id, scenario="complete", paused=True)
        self.gateway.finish(transaction_id)
        self.updates.wait_for(transaction_id, lambda event: bool(event["detail-type"] == "OrdersSettled"))
        return str(self.gateway.truth(transaction_id)["smallcaseAuthId"])

    def accounts(self) -> list[tuple[str, str]]:
        """The linked accounts as the API lists them: smallcaseAuthId and broker, the latest linked first."""
        answer = self.app.get("/accounts")
        assert answer.status_code == 200, answer.text
        return [(account["smallcaseAuthId"], account["broker"]) for account in answer.json()["items"]]

    def token(self, **choice: Any) -> dict[str, Any]:
        """A fresh SDK token."""
        answer = self.app.post("/sdk-tokens", json=choice)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())


@pytest.fixture
def signed_in(gateway: GatewayDriver, updates: Updates, api: Api) -> Callable[[str], User]:
    return lambda notes: User(notes, api(notes), gateway, updates)


def account_events(updates: Updates, transaction_id: str) -> list[Event]:
    """The events about broker accounts that a transaction has caused, each once."""
    by_id = {event["detail"]["eventId"]: event for event in updates.of(transaction_id)}
    return [event for event in by_id.values() if event["detail-type"].startswith("BrokerAccount")]


def account_event(updates: Updates, transaction_id: str, kind: str) -> dict[str, Any]:
    """The detail of the only event about broker accounts of a transaction, which is of `kind`."""
    updates.wait_for(transaction_id, lambda event: bool(event["detail-type"] == kind))
    (event,) = account_events(updates, transaction_id)
    return dict(event["detail"])


def test_from_guest_to_two_brokers_and_a_conflict(
    signed_in: Callable[[str], User], updates: Updates, user: str
) -> None:
    """An account is its first user's until forgotten: one link event, no second one, and a conflict changes nothing."""
    asha, bela = signed_in(user), signed_in(f"{user}-other")

    # No user has traded yet: every user is a guest.
    assert asha.accounts() == []
    assert asha.token()["kind"] == "guest"
    assert asha.app.post("/sdk-tokens", json={"connect": "connected"}).status_code == 422

    # The first order is a guest's, and links the account it was placed with.
    first = asha.create()
    assert first["sdkToken"]["kind"] == "guest"
    kite = asha.trade(first, "kite")
    linked = account_event(updates, first["transactionId"], "BrokerAccountLinked")
    assert (linked["notes"], linked["smallcaseAuthId"], linked["broker"]) == (user, kite, "kite")
    assert asha.accounts() == [(kite, "kite")]
    assert asha.app.get(f"/transactions/{first['transactionId']}").json()["account"] == "linked"

    # From now on the user is connected, unless they choose otherwise.
    token = asha.token()
    assert (token["kind"], token["smallcaseAuthId"], token["broker"]) == ("connected", kite, "kite")
    claims = jwt.decode(token["smallcaseAuthToken"], GATEWAY_SECRET, algorithms=["HS256"])
    assert claims["smallcaseAuthId"] == kite
    assert asha.token(connect="guest")["kind"] == "guest"

    # The second order is connected; what is linked already is not news.
    second = asha.create()
    assert (second["sdkToken"]["kind"], second["sdkToken"]["smallcaseAuthId"]) == ("connected", kite)
    assert asha.trade(second, "kite") == kite
    assert account_events(updates, second["transactionId"]) == []

    # Another broker, by choosing to be a guest: a second account, now the one that is offered first.
    third = asha.create(connect="guest")
    assert third["sdkToken"]["kind"] == "guest"
    groww = asha.trade(third, "groww")
    assert account_event(updates, third["transactionId"], "BrokerAccountLinked")["smallcaseAuthId"] == groww
    assert asha.accounts() == [(groww, "groww"), (kite, "kite")]
    assert asha.token()["smallcaseAuthId"] == groww
    assert asha.token(smallcaseAuthId=kite)["broker"] == "kite"

    # Another user trades with the first account: an event reports it, and nothing is relinked.
    claimed = bela.create()
    assert bela.trade(claimed, "kite", smallcaseAuthId=kite) == kite
    conflict = account_event(updates, claimed["transactionId"], "BrokerAccountConflict")
    assert (conflict["notes"], conflict["smallcaseAuthId"]) == (bela.notes, kite)
    assert bela.app.get(f"/transactions/{claimed['transactionId']}").json()["account"] == "conflict"
    assert bela.accounts() == []
    assert bela.token()["kind"] == "guest"
    assert bela.app.post("/sdk-tokens", json={"smallcaseAuthId": kite}).status_code == 422
    assert asha.accounts() == [(groww, "groww"), (kite, "kite")]

    # Only its own user can have an account forgotten; then it is anybody's to link.
    assert bela.app.delete(f"/accounts/{kite}").status_code == 404
    assert asha.app.delete(f"/accounts/{kite}").status_code == 204
    assert asha.app.delete(f"/accounts/{kite}").status_code == 404
    assert asha.accounts() == [(groww, "groww")]
    assert asha.app.post("/sdk-tokens", json={"smallcaseAuthId": kite}).status_code == 422
    again = bela.create()
    assert bela.trade(again, "kite", smallcaseAuthId=kite) == kite
    assert account_event(updates, again["transactionId"], "BrokerAccountLinked")["notes"] == bela.notes
    assert bela.accounts() == [(kite, "kite")]


def test_a_connected_user_who_logs_in_to_another_account_is_refused(
    signed_in: Callable[[str], User], updates: Updates, user: str
) -> None:
    """The SDK rejects with user_mismatch, the Gateway confirms it, and no account is linked."""
    asha = signed_in(user)
    kite = asha.trade(asha.create(), "kite")
    created = asha.create()
    transaction_id = created["transactionId"]

    asha.gateway.login(transaction_id, "kite", client="somebody else")
    said = asha.gateway.sdk_result(transaction_id)
    assert said["outcome"] == "reject"
    answer = asha.app.post(f"/transactions/{transaction_id}/sdk-response", json={"rejected": said["value"]})

    assert answer.status_code == 202, answer.text
    failed = updates.wait_for(transaction_id, lambda event: bool(event["detail-type"] == "TransactionFailed"))
    assert (failed["detail"]["reason"], failed["detail"]["errorCode"]) == ("errored", 1001)
    assert asha.accounts() == [(kite, "kite")]


def test_the_callers_standing_is_checked_on_every_account_route(api: Api, user: str) -> None:
    """Accounts and tokens are the caller's own; only the service scope may name another user."""
    assert api(None).get("/accounts").status_code == 401
    other = {"notes": f"{user}-other"}
    assert api(user).get("/accounts", params=other).status_code == 403
    assert api(user).delete("/accounts/65a1b2c3d4e5f60718293a4b", params=other).status_code == 403
    assert api(user).post("/sdk-tokens", json=other).status_code == 403
    service = api("operator", scope="securities-transactions:service")
    assert service.get("/accounts", params=other).json() == {"items": []}
    assert service.post("/sdk-tokens", json=other).json()["kind"] == "guest"
