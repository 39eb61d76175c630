"""A token issuer for the local run: OIDC discovery, its public key, and access tokens for any user.

It stands in for the team's identity provider (Cognito, Auth0, Keycloak …), which the API gets its users from. It
does not authenticate, keeps its key in memory and listens on 127.0.0.1 only: `python -m tools.local_stack.issuer --port
0`.
"""

import argparse
import json
import socket
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

AUDIENCE: Final = "securities-transactions"
_KEY_ID: Final = "local"
_LIFETIME: Final = timedelta(hours=1)


def create_app(issuer: str, audience: str = AUDIENCE) -> Starlette:
    """The issuer known as `issuer` (its own URL), with a fresh key.

    POST /token takes {"sub": user, "scope"?: "words", "expires_in"?: seconds} and gives {access_token, token_type,
    expires_in} (seconds).
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(key.public_key()))
    public |= {"kid": _KEY_ID, "use": "sig", "alg": "RS256"}

    async def discovery(_: Request) -> JSONResponse:
        return JSONResponse(
            {
                "issuer": issuer,
                "jwks_uri": f"{issuer}/jwks",
                "token_endpoint": f"{issuer}/token",
                "response_types_supported": ["token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def jwks(_: Request) -> JSONResponse:
        return JSONResponse({"keys": [public]})

    async def token(request: Request) -> JSONResponse:
        try:
            wanted = await request.json()
            subject, scope = wanted["sub"], wanted.get("scope", "")
            seconds = wanted.get("expires_in", int(_LIFETIME.total_seconds()))
        except (ValueError, KeyError, TypeError, AttributeError):
            subject, scope, seconds = None, "", 0
        if not (isinstance(subject, str) and subject and isinstance(scope, str) and isinstance(seconds, int)):
            return JSONResponse({"error": "invalid_request", "error_description": "sub is needed"}, 400)
        now = datetime.now(UTC)
        claims = {"iss": issuer, "sub": subject, "aud": audience, "iat": now, "exp": now + timedelta(seconds=seconds)}
        if scope:
            claims["scope"] = scope
        signed = jwt.encode(claims, key, "RS256", {"kid": _KEY_ID})
        return JSONResponse({"access_token": signed, "token_type": "Bearer", "expires_in": seconds})

    return Starlette(
        routes=[
            Route("/.well-known/openid-configuration", discovery),
            Route("/jwks", jwks),
            Route("/token", token, methods=["POST"]),
        ],
        # The console's page calls from its own origin.
        middleware=[Middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"])],
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.local_stack.issuer", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 (the default) takes a free one")
    parser.add_argument("--audience", default=AUDIENCE)
    options = parser.parse_args()
    # asyncio turns off Nagle's algorithm only if the protocol is named. With it on, each response takes 40 ms longer.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", options.port))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(create_app(url, options.audience), log_level="warning"))
        # Connections queue from here on, so the printed line is true before the first request is served.
        listening.listen()
        print(url, flush=True)
        server.run(sockets=[listening])


if __name__ == "__main__":
    main()
