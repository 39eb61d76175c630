"""The client's plane: the calls of the SDK in the browser (docs/reference/gateway.md §6.3).

initSession, transaction, markErrored, update, checkStatus and brokerRedirectParams are the vendor's. The calls below
/flow stand in for the broker's and the vendor's own pages.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tools.gateway_simulator import brokers, details, tokens
from tools.gateway_simulator.api import sim_of
from tools.gateway_simulator.brokers import BROKERS, Broker
from tools.gateway_simulator.outcomes import SCENARIOS
from tools.gateway_simulator.simulator import Simulator
from tools.gateway_simulator.tokens import BadToken, Identity
from tools.gateway_simulator.transactions import Conflict, Transaction
from tools.gateway_simulator.wire import failed, loads, succeeded


@dataclass(frozen=True)
class Visit:
    """A call of the SDK: its session, and the query or body."""

    sim: Simulator
    session: Identity
    sent: dict[str, Any]
    broker: str | None

    def transaction(self) -> Transaction:
        """The transaction of the call. Raises `KeyError` if this user may see none."""
        transaction = self.sim.transaction(str(self.sent.get("transactionId", "")))
        owner = transaction.owner.auth_id
        if owner is not None and self.session.auth_id not in (None, owner):
            raise KeyError(transaction.id)
        return transaction


Handler = Callable[[Visit], Any]


def routes() -> list[Route]:
    """The routes below /gateway/{gatewayName} that the SDK uses."""
    table: list[tuple[str, str, Handler]] = [
        ("GET", "transaction", _transaction),
        ("POST", "transaction/markErrored", _mark_errored),
        ("POST", "transaction/update", _update),
        ("GET", "market/checkStatus", _market),
        ("GET", "brokerRedirectParams", _redirect),
        ("GET", "flow/screen", _screen),
        ("POST", "flow/login", _login),
        ("POST", "flow/confirm", _confirm),
        ("POST", "flow/cancel", _cancel),
        ("GET", "flow/result", _result),
    ]
    base = "/gateway/{gatewayName}/"
    own = [Route(base + path, _in_session(handler), methods=[method]) for method, path, handler in table]
    return [Route(base + "initSession", _init_session, methods=["POST"]), *own]


async def _init_session(request: Request) -> Response:
    """Begin a session for the SDK's token. Its csrf goes into x-sc-csrf of every other call."""
    sim = sim_of(request)
    if request.path_params["gatewayName"] != sim.settings.gateway_name:
        return failed(sim.settings.refusals.unknown_gateway, "invalid gateway")
    try:
        token = loads(await request.body())["sdkToken"]
        secrets = (sim.settings.gateway_secret, *sim.settings.other_gateway_secrets)
        session = tokens.verify(str(token), sim.clock.wall_now(), *secrets)
    except (ValueError, TypeError, KeyError, BadToken):
        return failed(sim.settings.refusals.bad_token, "Invalid JWT")
    csrf = sim.world.hex(32)
    sim.sessions[csrf] = session
    account = sim.world.accounts.get(session.auth_id or "")
    keys = sim.settings.brokers or tuple(BROKERS)
    offered = [broker for broker in BROKERS.values() if broker.key in keys]
    return succeeded(
        {
            "csrf": csrf,
            "window": sim.settings.sdk_window,
            "connected": session.auth_id is not None,
            "broker": None if account is None else account.broker,
            "brokers": [
                {"key": broker.key, "name": broker.name, "testAccounts": broker.test_accounts} for broker in offered
            ],
        }
    )


def _in_session(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        sim = sim_of(request)
        session = sim.sessions.get(request.headers.get("x-sc-csrf", ""))
        if session is None or request.path_params["gatewayName"] != sim.settings.gateway_name:
            return failed(401, "init_sdk")
        try:
            sent = dict(request.query_params) if request.method == "GET" else loads(await request.body())
            if not isinstance(sent, dict):
                raise ValueError("the body must be a JSON object")
            return succeeded(handler(Visit(sim, session, sent, request.headers.get("x-sc-broker"))))
        except KeyError:
            return failed(
                sim.settings.refusals.unknown_transaction, "invalid transactionId", error_type="InputException"
            )
        except Conflict as conflict:
            return failed(409, str(conflict))
        except ValueError as error:
            return failed(400, str(error))

    return answer


def _transaction(visit: Visit) -> dict[str, Any]:
    transaction, settings, now = visit.transaction(), visit.sim.settings, visit.sim.clock.wall_now()
    return details.with_token(details.render(transaction, settings, now), transaction.auth_id, settings, now)


def _mark_errored(visit: Visit) -> dict[str, Any]:
    """The SDK reports that the user left. The code depends on the stage."""
    transaction, code = visit.transaction(), visit.sent.get("errorCode")
    visit.sim.close(transaction, code if isinstance(code, int) else None)
    return _transaction(visit)


def _update(visit: Visit) -> dict[str, Any]:
    """The SDK reports the broker that the user chose."""
    visit.sim.choose_broker(visit.transaction(), str(visit.sent.get("broker")))
    return _transaction(visit)


def _market(visit: Visit) -> dict[str, Any]:
    key = str(visit.sent.get("broker") or visit.broker)
    market = brokers.market(_broker(key), visit.sim.settings.market, visit.sim.clock.now())
    return {"broker": key, "marketOpen": market.open, "amoActive": market.amo, "cancelAmoActive": market.amo}


def _redirect(visit: Visit) -> dict[str, Any]:
    broker = _broker(str(visit.sent.get("broker") or visit.broker))
    return {"broker": broker.key, "brokerName": broker.name, "redirectParams": {}}


def _screen(visit: Visit) -> dict[str, Any]:
    """The content of the order confirmation: prices, holdings, cash, and the choices."""
    transaction, world = visit.transaction(), visit.sim.world
    broker = _broker(str(transaction.broker))
    account = world.accounts[str(transaction.auth_id)]
    rows = transaction.request["orderConfig"]["securities"]
    return {
        "config": transaction.request.get("config") or {},
        "broker": {"key": broker.key, "name": broker.name, "limitOrders": broker.limit_orders},
        "funds": account.funds,
        "securities": [
            {**row, "lastPrice": world.prices.last(row["ticker"]), "held": account.holding(row["ticker"])}
            for row in rows
        ],
        "market": _market(Visit(visit.sim, visit.session, {"broker": transaction.broker}, None)),
        "scenarios": {name: scenario.about for name, scenario in SCENARIOS.items()},
    }


def _login(visit: Visit) -> dict[str, Any]:
    client = visit.sent.get("client") or None
    if client is not None and not isinstance(client, str):
        raise ValueError("client must be a string")
    visit.sim.login(visit.transaction(), str(visit.sent.get("broker")), client=client, session=visit.session)
    return _transaction(visit)


def _confirm(visit: Visit) -> dict[str, Any]:
    sent = visit.sent
    visit.sim.confirm(
        visit.transaction(),
        securities=sent.get("securities"),
        amo=bool(sent.get("amo")) if "amo" in sent else None,
        scenario=sent.get("scenario"),
    )
    return _transaction(visit)


def _cancel(visit: Visit) -> dict[str, Any]:
    visit.sim.cancel(visit.transaction(), None)
    return _transaction(visit)


def _result(visit: Visit) -> dict[str, Any]:
    """The SDK's decision now. `polledOut=true` after 15 polls."""
    return visit.sim.sdk_result(visit.transaction(), polled_out=visit.sent.get("polledOut") == "true")


def _broker(key: str) -> Broker:
    broker = BROKERS.get(key.removesuffix("-leprechaun"))
    if broker is None:
        raise ValueError(f"broker {key} is not offered")
    return broker
