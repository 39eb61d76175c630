"""The Gateway simulator in this process: the product's HTTP calls go in, its webhooks come out, its clock is ours."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import httpx

from tests.simulator.harness import Rig

NAME: Final = "simulated"


class SimulatedGateway(Rig):
    """A simulator named `NAME`. `deliver` takes a webhook's body to the product and returns the status it answers."""

    def __init__(self, deliver: Callable[[str], int], wall: Callable[[], datetime], **settings: Any) -> None:
        self._deliver = deliver
        super().__init__(wall, gateway_name=NAME, **settings)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """The answer to a request of the product."""
        return self._runner.run(self._forward(request))

    def step(self, transaction_id: str, what: str, **body: Any) -> Any:
        """One step of a transaction's life by the driver's plane; its truth afterwards."""
        return self.sim("POST", f"/transactions/{transaction_id}/{what}", body)

    async def _forward(self, request: httpx.Request) -> httpx.Response:
        headers = {name: value for name, value in request.headers.items() if name.startswith(("x-", "content-type"))}
        url = "http://gateway" + request.url.raw_path.decode()
        try:
            answer = await self._http.request(request.method, url, content=request.content, headers=headers)
        except ConnectionAbortedError as error:  # a socket's client sees it as this
            raise httpx.ReadError(str(error)) from error
        for _ in range(20):  # jobs that are due now finish
            await asyncio.sleep(0)
        kept = {name: answer.headers[name] for name in ("content-type", "retry-after") if name in answer.headers}
        return httpx.Response(answer.status_code, content=answer.content, headers=kept)

    def _receive(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(self._deliver(request.content.decode()))
