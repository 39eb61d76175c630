"""POST /sdk-tokens and /accounts: the token for a user, the accounts that a user sees, and unlinking."""

from typing import Any

import jwt
import pytest

from tests.unit.functions.harness import API_SECRET, GATEWAY_SECRET, GROWW, KITE, OTHER, Answered, Rig, throttled


def token(rig: Rig, **asked: str) -> Answered:
    """A fresh SDK token."""
    return rig.call("POST /sdk-tokens", asked)


def two_accounts(rig: Rig) -> None:
    """First kite, later groww."""
    rig.link(KITE, "kite")
    rig.pass_time(60)
    rig.link(GROWW, "groww")


@pytest.mark.parametrize(
    ("asked", "account"),
    [
        ({}, GROWW),
        ({"connect": "auto"}, GROWW),
        ({"connect": "connected"}, GROWW),
        ({"connect": "connected", "smallcaseAuthId": KITE}, KITE),
        ({"smallcaseAuthId": KITE}, KITE),
        ({"connect": "guest"}, None),
    ],
)
def test_token_matches_the_fields_of_the_response(rig: Rig, asked: dict[str, str], account: str | None) -> None:
    """Signed with the gateway secret and never with the API secret; it names the account and nothing else of ours."""
    two_accounts(rig)
    answer = token(rig, **asked)
    assert answer.status == 201
    body = answer.body
    options = {"verify_exp": False, "verify_iat": False}
    claims = jwt.decode(body["smallcaseAuthToken"], GATEWAY_SECRET, algorithms=["HS256"], options=options)  # type: ignore[arg-type]  # PyJWT's type names more keys

    assert (body["kind"], body.get("smallcaseAuthId")) == ("connected" if account else "guest", account)
    assert claims.keys() == {"smallcaseAuthId" if account else "guest", "iat", "exp"}
    assert claims.get("smallcaseAuthId") == account
    assert body["expiresAt"] == "2026-01-15T05:01:00.000Z"
    assert claims["exp"] - claims["iat"] == 3600
    assert answer.headers["cache-control"] == "no-store"
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(body["smallcaseAuthToken"], API_SECRET, algorithms=["HS256"])


@pytest.mark.parametrize(
    ("asked", "status", "cause"),
    [
        ({"connect": "connected"}, 422, "unprocessable"),
        ({"smallcaseAuthId": KITE}, 422, "unprocessable"),
        ({"connect": "guest", "smallcaseAuthId": KITE}, 400, "invalid-request"),
        ({"connect": "sometimes"}, 400, "invalid-request"),
        ({"as": "guest"}, 400, "invalid-request"),
    ],
)
def test_impossible_token_request_is_a_problem_on_both_routes(
    rig: Rig, asked: dict[str, Any], status: int, cause: str
) -> None:
    """And nothing is created on the way."""
    rig.link(KITE, user=OTHER)
    before = len(rig.gateway.requests)
    for answer in (token(rig, **asked), rig.create(**asked)):
        assert (answer.status, answer.problem) == (status, cause)
    assert len(rig.gateway.requests) == before


def test_accounts_are_listed_latest_first_with_what_an_app_shows_of_them(rig: Rig) -> None:
    two_accounts(rig)
    assert rig.call("GET /accounts").body["items"] == [
        {"smallcaseAuthId": GROWW, "broker": "groww", "linkedAt": "2026-01-15T04:01:00.000Z"},
        {"smallcaseAuthId": KITE, "broker": "kite", "linkedAt": "2026-01-15T04:00:00.000Z"},
    ]


def test_unlinked_account_is_gone_and_may_be_linked_by_any_user(rig: Rig) -> None:
    """The others stay, and so does what was traded with it."""
    two_accounts(rig)
    path = {"smallcaseAuthId": GROWW}
    forgotten = rig.call("DELETE /accounts/{smallcaseAuthId}", path=path)
    assert (forgotten.status, forgotten.text) == (204, "")
    assert "content-type" not in forgotten.headers

    assert [each["smallcaseAuthId"] for each in rig.call("GET /accounts").body["items"]] == [KITE]
    assert token(rig).body["smallcaseAuthId"] == KITE
    assert token(rig, smallcaseAuthId=GROWW).status == 422
    assert rig.call("DELETE /accounts/{smallcaseAuthId}", path=path).problem == "not-found"
    traded = rig.call("GET /orders").body["items"]
    assert {each["smallcaseAuthId"] for each in traded} == {GROWW, KITE}
    rig.link(GROWW, "groww", OTHER)


def test_account_is_unlinked_completely_or_not_at_all(rig: Rig) -> None:
    """A half-removed account could be neither linked nor unlinked."""
    rig.link()
    rig.dynamodb.failing = {"TransactWriteItems": throttled("TransactWriteItems")}
    answer = rig.call("DELETE /accounts/{smallcaseAuthId}", path={"smallcaseAuthId": KITE})
    assert (answer.status, answer.problem, answer.headers["retry-after"]) == (503, "unavailable", "1")
    rig.dynamodb.failing = {}

    assert len(rig.call("GET /accounts").body["items"]) == 1
    assert rig.call("DELETE /accounts/{smallcaseAuthId}", path={"smallcaseAuthId": KITE}).status == 204
    assert not [key for key in rig.tables["Users"].items if KITE in "".join(key)]
