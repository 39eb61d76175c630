"""The driver's plane, /_sim: tests and consoles act as the user of a transaction and read the simulator's books."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tools.gateway_simulator import admin_world
from tools.gateway_simulator import requests as asked
from tools.gateway_simulator.admin_edge import Entry, body_of, guarded
from tools.gateway_simulator.simulator import Simulator
from tools.gateway_simulator.transactions import Conflict, Transaction
from tools.gateway_simulator.wire import Exact, stamp


def routes() -> list[Route]:
    """The routes under /_sim."""
    one = "/_sim/transactions/{transactionId}"
    table: list[Entry] = [
        ("GET", "/_sim/transactions", _list),
        ("GET", one, _show),
        ("GET", f"{one}/sdk-result", _sdk_result),
        ("POST", f"{one}/login", _login),
        ("POST", f"{one}/confirm", _confirm),
        ("POST", f"{one}/advance", _advance),
        ("POST", f"{one}/finish", _finish),
        ("POST", f"{one}/cancel", _cancel),
        ("POST", f"{one}/reconcile", _reconcile),
        ("POST", f"{one}/correct", _correct),
        ("POST", f"{one}/close", _close),
        ("PUT", f"{one}/faults", _transaction_faults),
    ]
    table += admin_world.entries()
    return [Route(path, guarded(handler), methods=[method]) for method, path, handler in table]


def _transaction(request: Request, sim: Simulator) -> Transaction:
    return sim.transaction(request.path_params["transactionId"])


def _truth(transaction: Transaction, sim: Simulator) -> Response:
    """The simulator's own books of a transaction, without faults and lag."""
    batch = None if transaction.placed is None else transaction.placed.as_json()
    return Exact(
        {
            "transactionId": transaction.id,
            "status": transaction.status,
            "expired": transaction.expired,
            "orderRequested": transaction.order_requested,
            "broker": transaction.broker,
            "smallcaseAuthId": transaction.auth_id,
            "notes": transaction.notes,
            "error": {"code": transaction.error, "message": transaction.error_message},
            "batch": batch,
            "paused": transaction.paused,
            "more": any(step.order is None or step.order.is_open for step in transaction.steps),
            "nextStep": transaction.steps[0].kind if transaction.steps else None,
            "request": transaction.request,
            "faults": transaction.fault_patch,
            "expiresAt": stamp(transaction.expires_at),
            "webhooks": sum(hit.transaction_id == transaction.id for hit in sim.postbox.hits),
        }
    )


async def _list(request: Request, sim: Simulator) -> Response:
    rows = [
        {
            "transactionId": each.id,
            "status": each.status,
            "notes": each.notes,
            "broker": each.broker,
            "smallcaseAuthId": each.auth_id,
            "batch": None if each.placed is None else each.placed.status,
            "createdAt": stamp(each.created_at),
        }
        for each in sim.world.transactions.values()
    ]
    return Exact({"transactions": rows[::-1]})


async def _show(request: Request, sim: Simulator) -> Response:
    return _truth(_transaction(request, sim), sim)


async def _sdk_result(request: Request, sim: Simulator) -> Response:
    wait = request.query_params.get("polling") == "true"
    return Exact(sim.sdk_result(_transaction(request, sim), polled_out=not wait))


async def _login(request: Request, sim: Simulator) -> Response:
    transaction = _transaction(request, sim)
    wanted = asked.Login.model_validate(await body_of(request))
    if wanted.faults is not None:
        sim.set_faults(transaction, wanted.faults)
    sim.login(transaction, wanted.broker, wanted.smallcase_auth_id, wanted.client)
    return _truth(transaction, sim)


async def _confirm(request: Request, sim: Simulator) -> Response:
    transaction = _transaction(request, sim)
    wanted = asked.Confirm.model_validate(await body_of(request))
    if wanted.faults is not None:
        sim.set_faults(transaction, wanted.faults)
    sim.confirm(
        transaction,
        securities=wanted.securities,
        order_type=wanted.order_type,
        amo=wanted.amo,
        scenario=wanted.scenario,
        paused=wanted.paused,
    )
    return _truth(transaction, sim)


async def _advance(request: Request, sim: Simulator) -> Response:
    transaction = _transaction(request, sim)
    if not sim.advance(transaction):
        raise Conflict("no step is left")
    return _truth(transaction, sim)


async def _finish(request: Request, sim: Simulator) -> Response:
    transaction = _transaction(request, sim)
    await sim.settle(transaction)
    return _truth(transaction, sim)


async def _cancel(request: Request, sim: Simulator) -> Response:
    transaction = _transaction(request, sim)
    sim.cancel(transaction, asked.Cancel.model_validate(await body_of(request)).ticker)
    return _truth(transaction, sim)


async def _reconcile(request: Request, sim: Simulator) -> Response:
    transaction = _transaction(request, sim)
    sim.reconcile(transaction, asked.Reconcile.model_validate(await body_of(request)).outcomes)
    return _truth(transaction, sim)


async def _correct(request: Request, sim: Simulator) -> Response:
    transaction = _transaction(request, sim)
    sim.correct(transaction, asked.Correct.model_validate(await body_of(request)).filled)
    return _truth(transaction, sim)


async def _close(request: Request, sim: Simulator) -> Response:
    transaction = _transaction(request, sim)
    sim.close(transaction, asked.Close.model_validate(await body_of(request)).code)
    return _truth(transaction, sim)


async def _transaction_faults(request: Request, sim: Simulator) -> Response:
    transaction = _transaction(request, sim)
    sim.set_faults(transaction, await body_of(request))
    return _truth(transaction, sim)
