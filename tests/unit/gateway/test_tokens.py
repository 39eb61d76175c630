"""The Gateway's JWTs (docs/reference/gateway.md §5): minting and verification."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jwt
import pytest

from securities_transactions.domain.account_linking import LinkedAccount
from securities_transactions.domain.errors import Fault, InvalidField
from securities_transactions.domain.secrets import ApiSecret, GatewaySecret
from securities_transactions.gateway.credentials import CredentialsInUse
from securities_transactions.gateway.secrets import GatewaySecrets
from securities_transactions.gateway.tokens import TokenError, auth_id_of, mint_connected, mint_guest, verify
from securities_transactions.http.views import sdk_token_of
from securities_transactions.services import issue_sdk_token
from securities_transactions.services.issue_sdk_token import IssueSdkToken

SECRET: Final = GatewaySecret("gateway-secret-for-the-tests-0123456789")
OTHER: Final = GatewaySecret("another-secret-for-the-tests-0123456789")
NOW: Final = datetime(2026, 1, 15, 4, 30, tzinfo=UTC)
AUTH_ID: Final = "65a1b2c3d4e5f60718293a4b"


def signed(claims: dict[str, Any], algorithm: str = "HS256", key: str = SECRET.value) -> str:
    """A token as another issuer may make it."""
    return jwt.encode(claims, key, algorithm=algorithm)


def test_guest_token_is_marked_and_names_no_account() -> None:
    """The claims are those the vendor takes, the times whole seconds, the life an hour."""
    issued = int(NOW.timestamp())
    assert verify(mint_guest(SECRET, NOW), SECRET, NOW) == {"guest": True, "iat": issued, "exp": issued + 3600}


def test_a_connected_token_names_the_account_and_is_no_guests() -> None:
    issued = int(NOW.timestamp())
    claims = verify(mint_connected(SECRET, AUTH_ID, NOW, timedelta(minutes=1)), SECRET, NOW)
    assert claims == {"smallcaseAuthId": AUTH_ID, "iat": issued, "exp": issued + 60}


def test_tokens_are_signed_with_hs256() -> None:
    assert jwt.get_unverified_header(mint_guest(SECRET, NOW)) == {"alg": "HS256", "typ": "JWT"}


@pytest.mark.parametrize(
    "token",
    [
        signed({"smallcaseAuthId": AUTH_ID}, key=OTHER.value),
        signed({"smallcaseAuthId": AUTH_ID}, algorithm="HS512", key=SECRET.value * 2),
        jwt.encode({"smallcaseAuthId": AUTH_ID}, "", algorithm="none"),
        signed({"smallcaseAuthId": AUTH_ID})[:-2],
        signed({"smallcaseAuthId": AUTH_ID}).rpartition(".")[0] + ".",
        "",
        "not a token",
        "a.b.c",
        "ü.ü.ü",
    ],
)
def test_a_token_that_we_or_the_gateway_did_not_sign_is_refused(token: str) -> None:
    """`none`, another algorithm and another key among them; nothing of it is repeated."""
    with pytest.raises(TokenError, match="smallcaseAuthToken is not signed by the Gateway"):
        verify(token, SECRET, NOW)


def test_a_token_is_good_until_the_second_it_expires() -> None:
    token = mint_connected(SECRET, AUTH_ID, NOW, timedelta(minutes=5))
    assert verify(token, SECRET, NOW + timedelta(minutes=5, microseconds=-1))
    with pytest.raises(TokenError, match="has expired"):
        verify(token, SECRET, NOW + timedelta(minutes=5))


def test_who_an_expired_token_names_is_still_known_where_the_gateway_itself_gave_it() -> None:
    token = mint_connected(SECRET, AUTH_ID, NOW - timedelta(days=2))
    assert auth_id_of(verify(token, SECRET, NOW, allow_expired=True)) == AUTH_ID
    with pytest.raises(TokenError):
        verify(token, OTHER, NOW, allow_expired=True)


@pytest.mark.parametrize("expiry", ["tomorrow", [], True, None])
def test_an_expiry_that_is_no_time_is_refused(expiry: object) -> None:
    """All but an absent one: not every token of the vendor's has it."""
    token = signed({"smallcaseAuthId": AUTH_ID, "exp": expiry})
    if expiry is None:
        assert verify(token, SECRET, NOW)
        return
    with pytest.raises(TokenError):
        verify(token, SECRET, NOW)


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another"},
        {"aud": ["a", "b"]},
        {"aud": 7},
        {"iss": "smallcase"},
        {"iss": 7},
        {"sub": 42},
        {"jti": 7},
        {"iat": "yesterday"},
        {"iat": NOW.timestamp() + 900},
        {"nbf": NOW.timestamp()},
    ],
)
def test_a_token_with_further_claims_is_genuine(claims: dict[str, Any]) -> None:
    """The Gateway signs with our secret; only the smallcaseAuthId is used, and the vendor may add claims."""
    token = jwt.api_jws.encode(json.dumps({"smallcaseAuthId": AUTH_ID, **claims}).encode(), SECRET.value, "HS256")
    assert auth_id_of(verify(token, SECRET, NOW)) == AUTH_ID
    with pytest.raises(TokenError):
        verify(token, OTHER, NOW)


def test_a_token_is_not_valid_before_its_time_less_a_minute_of_skew() -> None:
    token = signed({"smallcaseAuthId": AUTH_ID, "nbf": int(NOW.timestamp()) + 60})
    assert auth_id_of(verify(token, SECRET, NOW)) == AUTH_ID
    with pytest.raises(TokenError, match="not valid yet"):
        verify(token, SECRET, NOW - timedelta(seconds=1))
    assert auth_id_of(verify(token, SECRET, NOW - timedelta(days=1), allow_expired=True)) == AUTH_ID


@pytest.mark.parametrize("begin", ["tomorrow", [], {}])
def test_a_beginning_that_is_no_time_is_refused(begin: object) -> None:
    token = jwt.api_jws.encode(json.dumps({"nbf": begin}).encode(), SECRET.value, "HS256")
    with pytest.raises(TokenError, match="malformed nbf"):
        verify(token, SECRET, NOW)


def test_the_callers_clock_decides_and_not_the_machines() -> None:
    """A token issued in what the machine takes for the future is good at that time."""
    later = datetime(2126, 1, 1, tzinfo=UTC)
    assert verify(mint_guest(SECRET, later), SECRET, later)


@pytest.mark.parametrize("claims", [{}, {"guest": True}, {"smallcaseAuthId": ""}, {"smallcaseAuthId": 7}])
def test_claims_without_an_account_are_a_guests(claims: dict[str, Any]) -> None:
    assert auth_id_of(claims) is None


LATEST: Final = LinkedAccount(AUTH_ID, "kite", NOW - timedelta(minutes=30))
EARLIER: Final = LinkedAccount("65a1b2c3d4e5f60718293a4c", None, NOW - timedelta(days=1))
LINKED: Final = [LATEST, EARLIER]


@pytest.mark.parametrize(
    ("accounts", "connect", "named", "chosen"),
    [
        ([], "auto", None, None),
        ([], "guest", None, None),
        (LINKED, "auto", None, LATEST),
        (LINKED, "connected", None, LATEST),
        (LINKED, "guest", None, None),
        (LINKED, "auto", EARLIER.smallcase_auth_id, EARLIER),
        (LINKED, "connected", EARLIER.smallcase_auth_id, EARLIER),
    ],
)
def test_a_user_continues_with_the_account_linked_last_unless_they_choose(
    accounts: list[LinkedAccount], connect: issue_sdk_token.Connect, named: str | None, chosen: LinkedAccount | None
) -> None:
    assert issue_sdk_token.choose(accounts, connect, named) is chosen


@pytest.mark.parametrize(
    ("accounts", "connect", "named", "fault"),
    [
        ([], "connected", None, Fault.MEANING),
        (LINKED, "auto", "f" * 24, Fault.MEANING),
        ([], "connected", AUTH_ID, Fault.MEANING),
        (LINKED, "guest", AUTH_ID, Fault.FORM),
    ],
)
def test_no_user_gets_a_token_for_an_account_of_another_user(
    accounts: list[LinkedAccount], connect: issue_sdk_token.Connect, named: str | None, fault: Fault
) -> None:
    with pytest.raises(InvalidField) as caught:
        issue_sdk_token.choose(accounts, connect, named)
    assert caught.value.fault is fault


def test_response_has_the_kind_and_expiry_of_the_token() -> None:
    users: Any = None  # a token is issued without looking at them
    secrets = GatewaySecrets(SECRET, ApiSecret("api-secret-for-the-tests"))
    issue = IssueSdkToken(users, CredentialsInUse(lambda *, fresh=False: secrets), lambda: NOW).issue
    guest, connected = (sdk_token_of(issue(account)).document() for account in (None, LATEST))
    assert guest.pop("smallcaseAuthToken") == mint_guest(SECRET, NOW)
    assert guest == {"kind": "guest", "expiresAt": "2026-01-15T05:30:00.000Z"}
    assert connected.pop("smallcaseAuthToken") == mint_connected(SECRET, AUTH_ID, NOW)
    assert connected == {**guest, "kind": "connected", "smallcaseAuthId": AUTH_ID, "broker": "kite"}
