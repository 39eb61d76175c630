"""The page's calls to the API, with the signed-in user's token, and its calls to the simulator."""

from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import unquote

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tools.console.feed import dumps, loads, now
from tools.gateway_simulator.journal import Journal

# These fields are never shown to the page again after their use: a token is a key.
_HIDDEN: Final = frozenset({"smallcaseAuthToken", "access_token"})
_SUPPORT: Final = "support"
# The default of the template, which the local product is deployed with.
_SERVICE_SCOPE: Final = "securities-transactions:service"
_PASSED_ON: Final = ("content-type", "idempotency-key")


Handler = Callable[[Request], Awaitable[Response]]


def told(handler: Handler) -> Handler:
    """`handler`, with a problem as its response if the called service does not respond."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except httpx.HTTPError as error:
            return JSONResponse({"title": "The product does not respond", "detail": type(error).__name__}, 502)

    return answer


async def call_api(request: Request) -> Response:
    """Forward a call as the user in the header `x-user` (URL-encoded).

    Writes the call and its response to the journal, with the browser tab in `x-tab`.
    """
    state = request.app.state
    user, path = unquote(request.headers.get("x-user", "")), request.path_params["path"]
    if not user:
        return JSONResponse({"detail": "the header x-user is missing"}, 401)
    token = await _token(state.http, state.product.issuer_url, user)
    headers = {name: value for name in _PASSED_ON if (value := request.headers.get(name))}
    body, since = await request.body(), now()
    answer = await state.http.request(
        request.method,
        f"{state.product.api_url}/{path}",
        params=request.query_params.multi_items(),
        content=body,
        headers=headers | {"authorization": f"Bearer {token}"},
    )
    asks_the_gateway = "refresh" in request.query_params
    if request.method != "GET" or asks_the_gateway:
        shown = f"{path}?{request.url.query}" if asks_the_gateway else path
        tab = request.headers.get("x-tab")
        _tell(state.journal, since, request.method, shown, {"user": user, "tab": tab}, body, answer)
    return Response(answer.content, answer.status_code, media_type=answer.headers.get("content-type"))


async def call_history(request: Request) -> Response:
    """A transaction's history as a support person sees it: with a token that has the service scope."""
    state = request.app.state
    token = await _token(state.http, state.product.issuer_url, _SUPPORT, _SERVICE_SCOPE)
    answer = await state.http.get(
        f"{state.product.api_url}/transactions/{request.path_params['id']}/history",
        params={"limit": 50},
        headers={"authorization": f"Bearer {token}"},
    )
    return Response(answer.content, answer.status_code, media_type=answer.headers.get("content-type"))


async def call_state(request: Request) -> Response:
    """A transaction with its orders as the API returns them, for any user: with the service scope."""
    state = request.app.state
    token = await _token(state.http, state.product.issuer_url, _SUPPORT, _SERVICE_SCOPE)
    known: dict[str, Any] = {}
    for path in ("", "/orders"):
        answer = await state.http.get(
            f"{state.product.api_url}/transactions/{request.path_params['id']}{path}",
            headers={"authorization": f"Bearer {token}"},
        )
        if answer.is_error:
            return Response(answer.content, answer.status_code, media_type=answer.headers.get("content-type"))
        known |= loads(answer.content)
    return Response(dumps(known), media_type="application/json")


async def call_simulator(request: Request) -> Response:
    """Forward a call to the simulator's driver's plane."""
    state = request.app.state
    url = f"{state.product.gateway_url}/_sim/{request.path_params['path']}"
    answer = await state.http.request(
        request.method, url, params=request.query_params.multi_items(), content=await request.body()
    )
    return Response(answer.content, answer.status_code, media_type=answer.headers.get("content-type"))


async def _token(http: httpx.AsyncClient, issuer_url: str, user: str, scope: str | None = None) -> str:
    answer = await http.post(f"{issuer_url}/token", json={"sub": user} | ({"scope": scope} if scope else {}))
    answer.raise_for_status()
    return str(answer.json()["access_token"])


def _tell(
    journal: Journal,
    since: str,
    method: str,
    path: str,
    caller: dict[str, str | None],
    body: bytes,
    answer: httpx.Response,
) -> None:
    said = _document(answer.content)
    asked = _document(body)
    named = said.get("transactionId") if isinstance(said, dict) else None
    if path.startswith("transactions/"):
        named = path.split("/")[1].partition("?")[0]
    call = {"method": method, "path": f"/{path}", **caller, "status": answer.status_code}
    journal.add(since, "api", named, event={**call, "request": _shown(asked), "response": _shown(said)})


def _document(data: bytes) -> Any:
    try:
        return loads(data) if data else None
    except ValueError:
        return data.decode(errors="replace")


def _shown(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: "…" if key in _HIDDEN else _shown(each) for key, each in value.items()}
    return [_shown(each) for each in value] if isinstance(value, list) else value
