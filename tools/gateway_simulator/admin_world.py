"""The driver's plane, /_sim, beyond single transactions: books, prices, webhooks, faults, clock, settings, events."""

from collections.abc import AsyncIterator
from datetime import datetime
from decimal import Decimal

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from tools.gateway_simulator import requests as asked
from tools.gateway_simulator.admin_edge import Entry, body_of
from tools.gateway_simulator.brokers import BROKERS
from tools.gateway_simulator.faults import Faults
from tools.gateway_simulator.outcomes import ERROR_CODES, SCENARIOS
from tools.gateway_simulator.simulator import Simulator
from tools.gateway_simulator.wire import Exact, dumps, stamp


def entries() -> list[Entry]:
    """The method, path and handler of each entry."""
    return [
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


async def _accounts(request: Request, sim: Simulator) -> Response:
    return Exact({"accounts": [account.books() for account in sim.world.accounts.values()]})


async def _books(request: Request, sim: Simulator) -> Response:
    return Exact(sim.world.accounts[request.path_params["smallcaseAuthId"]].books())


async def _set_books(request: Request, sim: Simulator) -> Response:
    wanted = asked.Books.model_validate(await body_of(request))
    account = sim.world.account(request.path_params["smallcaseAuthId"], wanted.broker)
    if wanted.funds is not None:
        account.funds = wanted.funds
    account.initial.update({ticker: held - account.traded[ticker] for ticker, held in wanted.holdings.items()})
    return Exact(account.books())


async def _set_prices(request: Request, sim: Simulator) -> Response:
    for ticker, price in asked.Prices.model_validate(await body_of(request)).prices.items():
        sim.world.prices.put(ticker, Decimal(price))
    return Exact({})


async def _webhooks(request: Request, sim: Simulator) -> Response:
    wanted = request.query_params.get("transactionId")
    return Exact({"webhooks": [hit.as_json() for hit in sim.postbox.hits if wanted in (None, hit.transaction_id)]})


async def _duplicate(request: Request, sim: Simulator) -> Response:
    wanted = asked.Again.model_validate(await body_of(request))
    attempts = await sim.postbox.duplicate(wanted.hit, wanted.transaction_id, wanted.times)
    return Exact({"attempts": [vars(attempt) for attempt in attempts]})


async def _replay(request: Request, sim: Simulator) -> Response:
    wanted = asked.Again.model_validate(await body_of(request))
    attempt = await sim.postbox.replay(wanted.hit, wanted.transaction_id, restamp=wanted.restamp)
    return Exact({"attempts": [vars(attempt)]})


async def _forge(request: Request, sim: Simulator) -> Response:
    wanted = asked.Forge.model_validate(await body_of(request))
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
    wanted = asked.Other.model_validate(await body_of(request))
    transaction_id = wanted.transaction_id or f"TRX_{sim.world.hex(32)}"
    hit = sim.postbox.notify_other(wanted.kind, wanted.smallcase_auth_id, transaction_id, wanted.broker)
    return Exact({"hit": hit.number, "transactionId": transaction_id})


async def _get_faults(request: Request, sim: Simulator) -> Response:
    return Exact(sim.desk.faults.model_dump(by_alias=True))


async def _set_faults(request: Request, sim: Simulator) -> Response:
    sim.desk.faults = Faults.model_validate(await body_of(request))
    in_force = sim.desk.faults.model_dump(by_alias=True, exclude_defaults=True)
    sim.journal.add(stamp(sim.clock.wall_now()), "faults set", faults=in_force)
    return await _get_faults(request, sim)


async def _get_clock(request: Request, sim: Simulator) -> Response:
    return Exact({"now": stamp(sim.clock.now()), "speed": Decimal(str(sim.clock.speed))})


async def _set_clock(request: Request, sim: Simulator) -> Response:
    wanted = asked.Clock.model_validate(await body_of(request))
    now: datetime | None = wanted.now
    sim.agenda.retime(now, wanted.speed)
    if wanted.advance_seconds:
        await sim.agenda.advance(wanted.advance_seconds)
    return await _get_clock(request, sim)


async def _get_settings(request: Request, sim: Simulator) -> Response:
    secret = {"gateway_secret", "api_secret", "other_gateway_secrets", "other_api_secrets"}
    return Exact(sim.settings.model_dump(by_alias=True, exclude=secret))


async def _set_settings(request: Request, sim: Simulator) -> Response:
    sim.settings = sim.settings.changed(await body_of(request))
    return await _get_settings(request, sim)


async def _scenarios(request: Request, sim: Simulator) -> Response:
    scenarios = {name: scenario.about for name, scenario in SCENARIOS.items()}
    return Exact({"scenarios": scenarios, "errorCodes": ERROR_CODES, "brokers": sorted(BROKERS)})


async def _events(request: Request, sim: Simulator) -> Response:
    """Server-Sent Events: after `?after=` or Last-Event-ID, else only new ones."""
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
