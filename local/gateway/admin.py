"""The driver's plane, /_sim: tests and consoles act as the user and as the world through it, and see the truth."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from local.gateway import requests as asked
from local.gateway.api import sim_of
from local.gateway.faults import Faults
from local.gateway.outcomes import SCENARIOS
from local.gateway.simulator import Simulator
from local.gateway.transactions import Conflict, Transaction
from local.gateway.wire import Exact, dumps, failed, loads, stamp

Handler = Callable[[Request, Simulator], Awaitable[Response]]


def routes() -> list[Route]:
    """The routes under /_sim."""
    one = "/_sim/transactions/{transactionId}"
    table: list[tuple[str, str, Handler]] = [
        ("GET", "/_sim/transactions", _list),
        ("GET", one, _show),
        ("GET", f"{one}/sdk-result", _sdk_result),
        ("POST", f"{one}/login", _login),
        ("POST", f"{one}/confirm", _confirm),
        ("POST", f"{one}/advance", _advance),
        ("POST", f"{one}/finish", _finish),
        ("POST", f"{one}/cancel", _cancel),
        ("POST", f"{one}/reconcile", _reconcile),
        ("POST", f"{one}/close", _close),
        ("PUT", f"{one}/faults", _transaction_faults),
        ("GET", "/_sim/accounts", _accounts),
        ("GET", "/_sim/books/{smallcaseAuthId}", _books),
        ("PUT", "/_sim/books/{smallcaseAuthId}", _set_books),
        ("PUT", "/_sim/prices", _set_prices),
        ("GET", "/_sim/webhooks", _webhooks),
        ("POST", "/_sim/webhooks/duplicate", _duplicate),
        ("POST", "/_sim/webhooks/replay", _replay),
        ("POST", "/_sim/webhooks/forge", _forge),
        ("POST", "/_sim/webhooks/other", _other),
        ("GET", "/_sim/faults", _get_faults),
        ("PUT", "/_sim/faults", _set_faults),
        ("GET", "/_sim/clock", _get_clock),
        ("PUT", "/_sim/clock", _set_clock),
        ("GET", "/_sim/settings", _get_settings),
        ("PUT", "/_sim/settings", _set_settings),
        ("GET", "/_sim/scenarios", _scenarios),
        ("GET", "/_sim/events", _events),
    ]
    return [Route(path, _guarded(handler), methods=[method]) for method, path, handler in table]


def _guarded(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """`handler` with its errors as answers: 404 not there, 409 not in this state, 400 not understood."""

    async def guarded(request: Request) -> Response:
        try:
            return await handler(request, sim_of(request))
        except KeyError as missing:
            return failed(404, f"there is no {missing.args[0]}")
        except Conflict as conflict:
            return failed(409, str(conflict))
        except ValidationError as error:
            wrong = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
            return failed(400, "; ".join(wrong))
        except ValueError as error:
            return failed(400, str(error))

    return guarded


async def _body(request: Request) -> Any:
    """The JSON body; an empty one is an empty object."""
    data = await request.body()
    return loads(data) if data else {}


def _transaction(request: Request, sim: Simulator) -> Transaction:
    return sim.transaction(request.path_params["transactionId"])


def _truth(transaction: Transaction, sim: Simulator) -> Response:
    """The simulator's own books for a transaction, free of faults and lag."""
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
            "stepsLeft": len(transaction.steps),
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
    wanted = asked.Login.model_validate(await _body(request))
    if wanted.faults is not None:
        sim.set_faults(transaction, wanted.faults)
    sim.login(transaction, wanted.broker, wanted.smallcase_auth_id, wanted.client)
    return _truth(transaction, sim)


async def _confirm(request: Request, sim: Simulator) -> Response:
    transaction = _transaction(request, sim)
    wanted = asked.Confirm.model_validate(await _body(request))
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
    sim.cancel(transaction, asked.Cancel.model_validate(await _body(request)).ticker)
    return _truth(transaction, sim)


async def _reconcile(request: Request, sim: Simulator) -> Response:
    transaction = _transaction(request, sim)
    sim.reconcile(transaction, asked.Reconcile.model_validate(await _body(request)).outcomes)
    return _truth(transaction, sim)


async def _close(request: Request, sim: Simulator) -> Response:
    transaction = _transaction(request, sim)
    sim.close(transaction, asked.Close.model_validate(await _body(request)).code)
    return _truth(transaction, sim)


async def _transaction_faults(request: Request, sim: Simulator) -> Response:
    transaction = _transaction(request, sim)
    sim.set_faults(transaction, await _body(request))
    return _truth(transaction, sim)


async def _accounts(request: Request, sim: Simulator) -> Response:
    return Exact({"accounts": [account.books() for account in sim.world.accounts.values()]})


async def _books(request: Request, sim: Simulator) -> Response:
    return Exact(sim.world.accounts[request.path_params["smallcaseAuthId"]].books())


async def _set_books(request: Request, sim: Simulator) -> Response:
    wanted = asked.Books.model_validate(await _body(request))
    account = sim.world.account(request.path_params["smallcaseAuthId"], wanted.broker)
    if wanted.funds is not None:
        account.funds = wanted.funds
    account.initial.update({ticker: held - account.traded[ticker] for ticker, held in wanted.holdings.items()})
    return Exact(account.books())


async def _set_prices(request: Request, sim: Simulator) -> Response:
    for ticker, price in asked.Prices.model_validate(await _body(request)).prices.items():
        sim.world.prices.put(ticker, Decimal(price))
    return Exact({})


async def _webhooks(request: Request, sim: Simulator) -> Response:
    wanted = request.query_params.get("transactionId")
    return Exact({"webhooks": [hit.as_json() for hit in sim.postbox.hits if wanted in (None, hit.transaction_id)]})


async def _duplicate(request: Request, sim: Simulator) -> Response:
    wanted = asked.Again.model_validate(await _body(request))
    attempts = await sim.postbox.duplicate(wanted.hit, wanted.transaction_id, wanted.times)
    return Exact({"attempts": [vars(attempt) for attempt in attempts]})


async def _replay(request: Request, sim: Simulator) -> Response:
    wanted = asked.Again.model_validate(await _body(request))
    attempt = await sim.postbox.replay(wanted.hit, wanted.transaction_id, restamp=wanted.restamp)
    return Exact({"attempts": [vars(attempt)]})


async def _forge(request: Request, sim: Simulator) -> Response:
    wanted = asked.Forge.model_validate(await _body(request))
    hit, attempt = await sim.postbox.forge(
        wanted.hit,
        wanted.transaction_id,
        changes=wanted.changes,
        body=wanted.body,
        checksum=wanted.checksum,
        timestamp=wanted.timestamp,
    )
    return Exact({"hit": hit.number, "attempts": [vars(attempt)]})


async def _other(request: Request, sim: Simulator) -> Response:
    wanted = asked.Other.model_validate(await _body(request))
    transaction_id = wanted.transaction_id or f"TRX_{sim.world.hex(32)}"
    hit = sim.postbox.notify_other(wanted.kind, wanted.smallcase_auth_id, transaction_id, wanted.broker)
    return Exact({"hit": hit.number, "transactionId": transaction_id})


async def _get_faults(request: Request, sim: Simulator) -> Response:
    return Exact(sim.desk.faults.model_dump(by_alias=True))


async def _set_faults(request: Request, sim: Simulator) -> Response:
    sim.desk.faults = Faults.model_validate(await _body(request))
    in_force = sim.desk.faults.model_dump(by_alias=True, exclude_defaults=True)
    sim.journal.add(stamp(datetime.now(UTC)), "faults set", faults=in_force)
    return await _get_faults(request, sim)


async def _get_clock(request: Request, sim: Simulator) -> Response:
    return Exact({"now": stamp(sim.clock.now()), "speed": Decimal(str(sim.clock.speed))})


async def _set_clock(request: Request, sim: Simulator) -> Response:
    wanted = asked.Clock.model_validate(await _body(request))
    now: datetime | None = wanted.now
    sim.agenda.retime(now, wanted.speed)
    if wanted.advance_seconds:
        await sim.agenda.advance(wanted.advance_seconds)
    return await _get_clock(request, sim)


async def _get_settings(request: Request, sim: Simulator) -> Response:
    secret = {"gateway_secret", "api_secret"}
    return Exact(sim.settings.model_dump(by_alias=True, exclude=secret))


async def _set_settings(request: Request, sim: Simulator) -> Response:
    sim.settings = sim.settings.changed(await _body(request))
    return await _get_settings(request, sim)


async def _scenarios(request: Request, sim: Simulator) -> Response:
    return Exact({"scenarios": {name: scenario.about for name, scenario in SCENARIOS.items()}})


async def _events(request: Request, sim: Simulator) -> Response:
    """Server-Sent Events: from `?after=` or Last-Event-ID on, else only what is new."""
    seen = request.headers.get("last-event-id") or request.query_params.get("after") or str(sim.journal.last)

    async def lines() -> AsyncIterator[str]:
        async for event in sim.journal.follow(int(seen)):
            if event is None:
                yield ": still here\n\n"
            else:
                yield f"id: {event.number}\ndata: {dumps(event.as_json())}\n\n"

    if not seen.isdigit():
        raise ValueError("after must be a number")
    return StreamingResponse(lines(), media_type="text/event-stream", headers={"cache-control": "no-store"})
