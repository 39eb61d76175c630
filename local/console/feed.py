"""What happens anywhere in the product, brought together in one journal and pushed to the page as it happens."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import simplejson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from local.gateway.journal import Journal
from local.updates import Updates


def dumps(value: Any) -> str:
    """JSON with amounts exactly as they came."""
    return simplejson.dumps(value, use_decimal=True)


def now() -> str:
    """The time, ISO 8601 UTC with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def follow_gateway(journal: Journal, gateway_url: str) -> None:
    """Take over all that the simulator tells, from its beginning on, for as long as it runs."""
    after = 0
    async with httpx.AsyncClient(base_url=gateway_url, timeout=httpx.Timeout(10, read=60), trust_env=False) as http:
        while True:
            try:
                async with http.stream("GET", f"/_sim/events?after={after}") as answer:
                    async for line in answer.aiter_lines():
                        if line.startswith("data:"):
                            event = json.loads(line[5:])
                            after = event["number"]
                            journal.add(
                                event.get("sent") or event["at"], "gateway", event.get("transactionId"), event=event
                            )
            except httpx.HTTPError:
                await asyncio.sleep(1)  # it ended or is not up again: the page says so when a call to it fails


async def follow_bus(journal: Journal, updates: Updates) -> None:
    """Take over every event on the bus."""
    while True:
        for event in await asyncio.to_thread(updates.poll, 1):
            updates.received.clear()
            detail = event["detail"]
            journal.add(detail["occurredAt"], "bus", detail.get("transactionId"), event=event)


async def feed(request: Request) -> Response:
    """Server-Sent Events: all that is remembered, or what came after Last-Event-ID, then all that comes."""
    journal: Journal = request.app.state.journal
    seen = request.headers.get("last-event-id", "0")

    async def lines() -> AsyncIterator[str]:
        async for event in journal.follow(int(seen) if seen.isdigit() else 0):
            if event is None:
                yield ": still here\n\n"
            else:
                yield f"id: {event.number}\ndata: {dumps(event.as_json())}\n\n"

    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(lines(), media_type="text/event-stream", headers=headers)
