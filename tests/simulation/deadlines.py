"""Time limits as Lambda sets them, in the world's time, and an idempotency table that keeps to it."""

import math
import time
import uuid
from collections.abc import Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from securities_transactions.deadline import RESPONSE_SECONDS, Deadline
from tests.simulation.world import World

_SECONDS: Final = ("expiration", ":now", ":expiry")
_MILLISECONDS: Final = ("in_progress_expiration", ":now_in_millis")


class InvocationDeadline(Deadline):
    """Each running invocation's own."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    @property
    def seconds_left(self) -> float:
        """Seconds until the running invocation's response has to be begun."""
        running = self._world.running
        if running is None:
            return math.inf
        return (running.deadline - self._world.now) / 1000 - RESPONSE_SECONDS


class Context:
    """The part of Lambda's context that is read."""

    function_name = "simulated"

    def __init__(self, world: World) -> None:
        self._world = world
        self.aws_request_id = str(uuid.UUID(int=world.random.getrandbits(128)))

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the running invocation."""
        running = self._world.running
        return 0 if running is None else max(0, running.deadline - self._world.now)


class KeysInWorldTime:
    """A client over `client` for Powertools, which reads the machine's clock: the times that it writes and compares are
    moved into the world's time, and those that it reads are moved back."""

    def __init__(self, client: Any, world: World) -> None:
        self._client = client
        self._world = world

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def put_item(self, **arguments: Any) -> Any:
        """PutItem."""
        if ":now_in_millis" in arguments.get("ExpressionAttributeValues", {}):
            for part in ("Item", "ExpressionAttributeValues"):
                arguments[part] = self._moved(arguments[part], 1)
        try:
            return self._client.put_item(**arguments)
        except ClientError as error:
            answer: Any = error.response
            if "Item" in answer:
                answer["Item"] = self._moved(answer["Item"], -1)
            raise

    def update_item(self, **arguments: Any) -> Any:
        """UpdateItem."""
        if ":response_data" in arguments.get("ExpressionAttributeValues", {}):
            arguments["ExpressionAttributeValues"] = self._moved(arguments["ExpressionAttributeValues"], 1)
        return self._client.update_item(**arguments)

    def _moved(self, values: Mapping[str, Any], direction: int) -> dict[str, Any]:
        ahead = round(self._world.moment(self._world.now).timestamp() - time.time()) * direction
        moved = dict(values)
        for names, unit in ((_SECONDS, 1), (_MILLISECONDS, 1000)):
            moved |= {name: {"N": str(int(values[name]["N"]) + ahead * unit)} for name in names if name in values}
        return moved
