"""The shared parts of the driver's plane: its entries, error responses and bodies."""

from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from tools.gateway_simulator.api import sim_of
from tools.gateway_simulator.simulator import Simulator
from tools.gateway_simulator.transactions import Conflict
from tools.gateway_simulator.wire import failed, loads

Handler = Callable[[Request, Simulator], Awaitable[Response]]
Entry = tuple[str, str, Handler]


def guarded(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """`handler` with its errors as responses: 404 not found, 409 wrong state, 400 not understood."""

    async def answer(request: Request) -> Response:
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

    return answer


async def body_of(request: Request) -> Any:
    """The JSON body. An empty one is an empty object."""
    data = await request.body()
    return loads(data) if data else {}
