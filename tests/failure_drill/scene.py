"""A scene: the product's handlers with a minute's clock, what they log, and what AWS would count beside them."""

import json
import logging as standard
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from botocore.exceptions import ClientError

from securities_transactions import logging
from tests.failure_drill.alarms import metrics
from tests.simulation.world import MINUTE
from tests.strict_messaging import StrictBus, StrictQueue
from tests.unit.functions.harness import API_SECRET, Rig
from tests.unit.functions.scenarios import ASHA, batch, details, hook, order
from tools.alarms.metrics import DataPoints, Line

# The simulation starts on a trading day at 9:30 in India.
_LOGGER: Final = logging.logger()


class Scene:
    """One failure. `minute` counts from the start; `lines` and `fed` are what CloudWatch gets."""

    def __init__(self) -> None:
        self.rig = Rig()
        self.rig.clients.events, self.rig.clients.sqs = StrictBus(), StrictQueue()
        self.minute = 0
        self.lines: list[Line] = []
        self.fed = DataPoints()
        self.sweeps = True
        self.closes = True
        self._published = {"Transactions": 0, "Webhooks": 0}

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Collect in `lines` what the handlers log, as it is written."""
        handler = _Recorder(self)
        handler.setFormatter(_LOGGER.registered_formatter)
        ours = standard.getLogger(_LOGGER.service)
        others, ours.handlers = ours.handlers, [handler]
        try:
            yield
        finally:
            ours.handlers = others

    def wait(self, minutes: int) -> None:
        """Minutes pass, in each of which the schedules invoke their functions, as on AWS."""
        for _ in range(minutes):
            if self.sweeps:
                self.rig.clients.sqs.batched = []
                self.rig.handler("check_due")({}, None)
            if self.closes:
                with suppress(ClientError):  # Lambda counts a failed invocation, and the schedule goes on
                    self.rig.handler("close_books")({}, None)
            self.rig.world.now += MINUTE
            self.minute += 1

    # --- what users, the Gateway and AWS do

    def create(self, user: str = ASHA) -> str:
        """A transaction that an app creates; empty where it cannot."""
        answer = self.rig.create(user)
        return str(answer.body.get("transactionId", ""))

    def trade(self, user: str = ASHA, **changes: Any) -> str:
        """A transaction whose order the Gateway knows: `changes` to its order, or to the batch."""
        transaction_id = self.create(user)
        self.know(transaction_id, user, **changes)
        return transaction_id

    def know(self, transaction_id: str, user: str = ASHA, status: str = "COMPLETED", **changes: Any) -> None:
        """Set the Gateway's state of a transaction from now on."""
        known = details(transaction_id)
        known["status"] = status
        orders = {key: value for key, value in changes.items() if key in order()}
        rest = {key: value for key, value in changes.items() if key not in orders}
        known["success"] = {
            "broker": "kite",
            "notes": user,
            "data": {"batches": [batch(orders=[order(**orders)], **rest)]},
        }
        self.rig.gateway.details[transaction_id] = known

    def pull(self, transaction_id: str) -> None:
        """A request to pull is handled."""
        record = {"messageId": "1", "body": json.dumps({"transactionId": transaction_id})}
        self.rig.handler("reconcile")({"Records": [record]}, None)

    def publish(self) -> None:
        """The streams deliver what was written since."""
        for name, before in self._published.items():
            records = self.rig.tables[name].stream[before:]
            if records:
                self.rig.handler("publish_updates")({"Records": records}, None)
            self._published[name] += len(records)

    def webhook(self, transaction_id: str, key: str = API_SECRET, **changes: Any) -> int:
        """A webhook about a transaction; with another key it is forged."""
        body = batch(transactionId=transaction_id, broker="kite", notes=ASHA) | changes
        return self.rig.call("POST /webhooks/orders", hook(self.rig, body, key)).status

    def answer(self, answer: Any) -> None:
        """The Gateway answers every call with this from now on; with `None` as usual."""
        self.rig.gateway.answer = lambda request: answer

    def feed(self, alarm: str, *values: float, minutes: int = 1, each: int = 1) -> None:
        """AWS counts values of the alarm's (first) metric in each of some minutes, the last one now."""
        for n in range(0, minutes, each):
            self.fed.put(metrics(alarm)[0], self.minute - 1 - n, *values)


class _Recorder(standard.Handler):
    def __init__(self, scene: Scene) -> None:
        super().__init__()
        self.scene = scene

    def emit(self, record: standard.LogRecord) -> None:
        self.scene.lines.append(Line(self.scene.minute, self.format(record)))


Play = Callable[[Scene], None]


def placed() -> dict[str, Any]:
    """An order that is placed and open."""
    return {"status": "PLACED", "filledQuantity": 0}
