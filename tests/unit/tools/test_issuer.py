"""The token issuer: what an API Gateway JWT authorizer needs of an identity provider."""

import asyncio
from typing import Any

import httpx
import jwt
import pytest

from tools.local_stack.issuer import create_app

ISSUER = "http://127.0.0.1:1"


class Issuer:
    """Calls of one issuer, in process."""

    def __init__(self) -> None:
        self._transport = httpx.ASGITransport(create_app(ISSUER, "securities-transactions"))

    def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport, base_url=ISSUER) as client:
                return await client.request(method, path, **more)

        return asyncio.run(ask())

    def get(self, path: str) -> Any:
        return self._ask("GET", path).json()

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self._ask("POST", path, **more)


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


def test_a_token_verifies_with_the_key_that_discovery_leads_to(issuer: Issuer) -> None:
    discovered = issuer.get("/.well-known/openid-configuration")
    assert discovered["issuer"] == ISSUER
    keys = jwt.PyJWKSet.from_dict(issuer.get(discovered["jwks_uri"]))
    token = issuer.post("/token", json={"sub": "asha", "scope": "securities-transactions:service"}).json()[
        "access_token"
    ]
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, algorithms=["RS256"], audience="securities-transactions", issuer=ISSUER)
    assert claims["sub"] == "asha"
    assert claims["scope"] == "securities-transactions:service"
    assert claims["exp"] - claims["iat"] == 3600


def test_token_has_no_scope_that_was_not_requested(issuer: Issuer) -> None:
    token = issuer.post("/token", json={"sub": "asha"}).json()["access_token"]
    assert "scope" not in jwt.decode(token, options={"verify_signature": False})


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"sub": ""}', '{"sub": 7}', '{"sub": "a", "scope": []}'])
def test_who_does_not_say_who_they_are_gets_no_token(issuer: Issuer, body: str) -> None:
    assert issuer.post("/token", content=body).status_code == 400


def test_keys_of_two_issuers_differ() -> None:
    first, second = (Issuer().get("/jwks")["keys"][0]["n"] for _ in range(2))
    assert first != second
