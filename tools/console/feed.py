"""The events of the whole product in one journal, pushed to the page as they happen."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import httpx
import simplejson
from botocore.exceptions import BotoCoreError, ClientError
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from operations.updates import Updates
from tools.gateway_simulator.journal import Journal

# The events that a page gets when it opens: some hundred kilobytes.
RECENT: Final = 300


def dumps(value: Any) -> str:
    """JSON with amounts exactly as received."""
    return simplejson.dumps(value, use_decimal=True)


def loads(text: str | bytes) -> Any:
    """Parse JSON with fractions as `Decimal`. Raises `ValueError` if it is not JSON."""
    return simplejson.loads(text, parse_float=Decimal)


def now() -> str:
    """The current time, ISO 8601 UTC with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def follow_gateway(journal: Journal, gateway_url: str) -> None:
    """Copy all events of the simulator to the journal, from its start, for as long as it runs."""
    after = 0
    async with httpx.AsyncClient(base_url=gateway_url, timeout=httpx.Timeout(10, read=60), trust_env=False) as http:
        while True:
            try:
                async with http.stream("GET", f"/_sim/events?after={after}") as answer:
                    async for line in answer.aiter_lines():
                        if line.startswith("data:"):
                            event = loads(line[5:])
                            after = event["number"]
                            at = event.get("sent") or event["at"]
                            journal.add(at, "gateway", event.get("transactionId"), event=event)
            except httpx.HTTPError:
                await asyncio.sleep(1)  # it ended or is not up again: the page shows failed calls


async def follow_bus(journal: Journal, updates: Updates, settled: Callable[[dict[str, Any]], None]) -> None:
    """Copy every event of the bus to the journal. `settled` then receives the detail of each OrdersSettled."""
    while True:
        try:
            events = await asyncio.to_thread(updates.poll, 1)
        except (BotoCoreError, ClientError):
            await asyncio.sleep(1)  # the engine is not up again: the page shows it when a call to the engine fails
            continue
        updates.received.clear()
        for event in events:
            detail = event["detail"]
            journal.add(detail["occurredAt"], "bus", detail.get("transactionId"), event=event)
            if event["detail-type"] == "OrdersSettled":
                settled(detail)


async def feed(request: Request) -> Response:
    """Server-Sent Events: the id of this run, the latest events or those after Last-Event-ID, then new ones.

    A page reads older ones for the transaction that it shows (`steps`), and states from the API.

    Ids begin with the run, so that a page from another run receives every event of this one.
    """
    journal: Journal = request.app.state.journal
    run: str = request.app.state.run
    seen_run, _, seen = request.headers.get("last-event-id", "").partition("-")

    async def lines() -> AsyncIterator[str]:
        yield f"event: run\ndata: {run}\n\n"
        after = int(seen) if seen_run == run and seen.isdigit() else 0
        async for event in journal.follow(max(after, journal.last - RECENT)):
            if event is None:
                yield ": still here\n\n"
            else:
                yield f"id: {run}-{event.number}\ndata: {dumps(event.as_json())}\n\n"

    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(lines(), media_type="text/event-stream", headers=headers)


async def steps(request: Request) -> Response:
    """The stored events of one transaction, oldest first. `?batch=` is its batch, which pulls may name instead."""
    journal: Journal = request.app.state.journal
    names = {request.path_params["id"], *request.query_params.getlist("batch")}
    items = [event.as_json() for event in journal.stored() if names & {event.transaction_id, *_pulled(event.data)}]
    return Response(dumps({"items": items}), media_type="application/json")


def _pulled(data: dict[str, Any]) -> list[str]:
    """The transactions and batches that a pull named."""
    return data["event"].get("asked") or []
