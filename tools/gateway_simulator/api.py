"""The server's plane: create (docs/reference/gateway.md §1), transaction details (§2.3), stocks order details (§3)."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tools.gateway_simulator import details, intake, tokens
from tools.gateway_simulator.faults import CallFault, Endpoint, disfigure
from tools.gateway_simulator.settings import ErrorBody
from tools.gateway_simulator.simulator import Simulator
from tools.gateway_simulator.tokens import BadToken, Identity
from tools.gateway_simulator.transactions import Transaction, View
from tools.gateway_simulator.wire import Exact, failed, loads, stamp, succeeded


class Refusal(Exception):
    """A response that ends the call."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


class Lost(Response):
    """A response that breaks off: the request was processed, but no usable response arrives."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-length", b"1000"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        raise ConnectionAbortedError("the answer is lost on purpose")


@dataclass(frozen=True)
class Call:
    """An authorized request, with its identity and its simulator."""

    sim: Simulator
    request: Request
    caller: Identity


Handler = Callable[[Call], Awaitable[Response]]


def routes(orders_path: str) -> list[Route]:
    """The routes of the server's plane. The path of stocks order details is not published, so it is a parameter.

    At the path without `/sst` the vendor serves smallcase orders, unless `orders_path` is that path.
    """
    return [
        Route("/gateway/{gatewayName}/transaction", _let_in("create", _create), methods=["POST"]),
        Route("/v1/{gatewayName}/engine/transactiondetails", _let_in("details", _details), methods=["GET"]),
        Route(orders_path, _let_in("orders", _orders), methods=["GET"]),
        Route("/v1/{gatewayName}/engine/orders", _let_in("orders", _smallcase_orders), methods=["GET"]),
        Route("/v1/{gatewayName}/engine/user/holdings", _let_in("holdings", _holdings), methods=["GET"]),
        Route("/gateway/{gatewayName}/user/holdings", _let_in("holdings", _holdings), methods=["GET"]),
        Route("/v1/{gatewayName}/engine/user/investments", _let_in("holdings", _investments), methods=["GET"]),
    ]


def sim_of(request: Request) -> Simulator:
    """The simulator that received `request`."""
    sim: Simulator = request.app.state.simulator
    return sim


def _let_in(endpoint: Endpoint, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """`handler` behind the checks and faults that all endpoints share."""

    async def guarded(request: Request) -> Response:
        sim = sim_of(request)
        fault = sim.desk.take_call(endpoint)
        try:
            if fault is not None and (answer := await _fail(fault, sim.settings.error_body)) is not None:
                sim.journal.add(_now(sim), "call failed on purpose", endpoint=endpoint, fault=fault.kind)
                return answer
            response = await handler(Call(sim, request, _authenticate(request, sim)))
        except Refusal as refusal:
            response = refusal.response
        if fault is not None and fault.kind == "lost":
            return Lost()
        return response

    return guarded


def _authenticate(request: Request, sim: Simulator) -> Identity:
    """Check the gateway, the API secret and the token, in that order (§1.1, §5)."""
    settings, refusals = sim.settings, sim.settings.refusals
    if request.path_params.get("gatewayName", settings.gateway_name) != settings.gateway_name:
        raise Refusal(failed(refusals.unknown_gateway, "invalid gateway", form=settings.error_body))
    if request.headers.get("x-gateway-secret") not in (settings.api_secret, *settings.other_api_secrets):
        raise Refusal(failed(refusals.bad_secret, "invalid gateway secret", form=settings.error_body))
    try:
        token = request.headers.get("x-gateway-authtoken", "")
        caller = tokens.verify(token, sim.clock.wall_now(), settings.gateway_secret, *settings.other_gateway_secrets)
    except BadToken:
        raise Refusal(failed(refusals.bad_token, "Invalid JWT", form=settings.error_body)) from None
    if caller.auth_id is not None and caller.auth_id not in sim.world.accounts and not settings.adopt_accounts:
        raise Refusal(failed(refusals.bad_token, "Invalid JWT", form=settings.error_body))
    return caller


async def _create(call: Call) -> Response:
    sim = call.sim
    try:
        body = loads(await call.request.body())
    except ValueError:
        raise Refusal(_invalid(sim, ["the body is not JSON"])) from None
    if sim.settings.unknown_members_are == "ignored":
        body = intake.without_unknown_members(body, sim.settings)
    elif unknown := intake.unknown_members(body, sim.settings):
        raise Refusal(_invalid(sim, [f"{name} is not allowed" for name in unknown]))
    if wrong := intake.faults_of(body, sim.settings):
        raise Refusal(_invalid(sim, wrong))
    transaction = sim.create(body, call.caller)
    data = {"transactionId": transaction.id, **details.expire_at(transaction, sim.settings)}
    return succeeded(data)


async def _details(call: Call) -> Response:
    sim, settings = call.sim, call.sim.settings
    wanted = call.request.query_params.get("transactionId", "")
    transaction = sim.world.transactions.get(wanted)
    if transaction is None:
        status = settings.refusals.unknown_transaction
        raise Refusal(failed(status, "invalid transactionId", error_type="InputException", form=settings.error_body))
    if call.caller.auth_id is not None and call.caller.auth_id not in _owners(transaction):
        raise Refusal(
            failed(settings.refusals.foreign, "the transaction belongs to another user", form=settings.error_body)
        )
    sim.journal.add(_now(sim), "pulled", transaction.id, endpoint="details")
    view = _shown(sim, transaction, "details")
    shown = details.with_token(view.details, transaction.auth_id, settings, sim.clock.wall_now())
    return succeeded({"transactionDetails": shown} if settings.details_nesting == "transactionDetails" else shown)


async def _orders(call: Call) -> Response:
    sim, params = call.sim, call.request.query_params
    ids, batches = _transaction_ids(call), set(params.getlist("batchId"))
    if call.caller.auth_id is None and not ids and not batches:
        raise Refusal(_invalid(sim, ["a transactionId or a batchId is required"]))
    if ids and batches and sim.settings.orders_refuse_both_ids:
        raise Refusal(_invalid(sim, ["transactionId and batchId cannot be combined"]))
    sim.journal.add(_now(sim), "pulled", endpoint="orders", asked=sorted(ids | batches))
    rows = []
    for transaction in sim.world.transactions.values():
        is_listed = transaction.id in ids or not (ids or batches)
        is_batch = transaction.batch is not None and transaction.batch.batch_id in batches
        if not (is_listed or is_batch) or call.caller.auth_id not in (None, transaction.auth_id):
            continue
        view = _shown(sim, transaction, "orders")
        if view.row is None:
            continue
        is_complete = view.status == "COMPLETED" or sim.settings.orders_of_open_transactions
        if (is_listed and is_complete) or is_batch:
            rows.append(disfigure(view.row, sim.desk.of(transaction.fault_patch).wire))
    return succeeded(_listed(rows, sim))


def _transaction_ids(call: Call) -> set[str]:
    """The transactionIds that a call asks for, as far as the settings honor several."""
    settings, params = call.sim.settings, call.request.query_params
    name = settings.orders_ids_parameter
    values = params.getlist(name.removesuffix(","))
    ids = [id_ for value in values for id_ in value.split(",")] if name.endswith(",") else list(values)
    ids = ids or params.getlist("transactionId")
    if len(ids) < 2:
        return set(ids)
    match settings.orders_several_ids:
        case "refused":
            raise Refusal(_invalid(call.sim, ["only one transactionId is allowed"]))
        case "ignored":
            return set()
        case "first":
            return {ids[0]}
        case "last":
            return {ids[-1]}
        case "all":
            return set(ids)


async def _smallcase_orders(call: Call) -> Response:
    """The sibling of stocks order details. It returns no orders: the simulator has no smallcase orders."""
    sim, params = call.sim, call.request.query_params
    asked = sorted({*params.getlist("transactionId"), *params.getlist("batchId")})
    if call.caller.auth_id is None and not asked:
        raise Refusal(_invalid(sim, ["a transactionId or a batchId is required"]))
    sim.journal.add(_now(sim), "pulled", endpoint="smallcase orders", asked=asked)
    return succeeded(_listed([], sim))


def _listed(rows: list[dict[str, Any]], sim: Simulator) -> Any:
    key = sim.settings.orders_key
    return rows if key == "data" else {key: rows}


async def _holdings(call: Call) -> Response:
    """Return what the account bought, sold or was given, in the first form of §4.4; it needs no consent here."""
    account = call.sim.world.accounts.get(_connected(call))
    held = {} if account is None else account.books()["holdings"]
    rows = [{"ticker": ticker, "shares": shares} for ticker, shares in held.items() if shares]
    content = {
        "securities": {"holdings": rows},
        "smallcases": {"public": [], "private": {"stats": {}}},
        "snapshotDate": _now(call.sim),
        "lastUpdate": _now(call.sim),
        "updating": False,
    }
    return succeeded(content)


async def _investments(call: Call) -> Response:
    """The vendor's baskets that the user is invested in: no account here has one."""
    _connected(call)
    return succeeded([])


def _connected(call: Call) -> str:
    if call.caller.auth_id is None:
        raise Refusal(failed(call.sim.settings.refusals.bad_token, "a connected token is required"))
    return call.caller.auth_id


def _shown(sim: Simulator, transaction: Transaction, endpoint: Endpoint) -> View:
    """The transaction as the pull APIs show it, which may lag."""
    faults = sim.desk.of(transaction.fault_patch)
    lag = faults.details_lag_seconds
    if endpoint == "orders" and faults.orders_lag_seconds is not None:
        lag = faults.orders_lag_seconds
    return transaction.shown_at(sim.clock.now() - timedelta(seconds=lag))


def _owners(transaction: Transaction) -> set[str | None]:
    """The identities whose tokens may read the transaction: its creator and the logged-in user."""
    return {transaction.owner.auth_id, transaction.auth_id} - {None}


async def _fail(fault: CallFault, form: ErrorBody) -> Response | None:
    """The response of `fault` instead of the work, or `None` if the work is done anyway."""
    if fault.kind == "status":
        headers = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
        return failed(fault.status, fault.error, form=form, **headers)
    if fault.kind == "success_false":
        return Exact({"success": False, "errors": [fault.error], "data": None})
    if fault.kind == "garbage":
        return Response("<html>gateway</html>", media_type="text/html")
    if fault.kind in {"timeout", "slow"}:
        await asyncio.sleep(fault.seconds)
    return failed(504, fault.error, form=form) if fault.kind == "timeout" else None


def _invalid(sim: Simulator, wrong: list[str]) -> Response:
    form = sim.settings.error_body
    return failed(sim.settings.refusals.invalid, *wrong, error_type="InputException", form=form)


def _now(sim: Simulator) -> str:
    return stamp(sim.clock.wall_now())
