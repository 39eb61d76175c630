"""One order from its creation to its end, the product's own handlers against the simulated Gateway of a cell."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from securities_transactions import logging as product_logging
from tests.field.deployment import Deployment, HttpResponse
from tests.matrix.cell import GATEWAY_SECRET, OLD, Cell, End
from tests.matrix.gateway import SimulatedGateway
from tests.unit.functions.harness import Client

USER: Final = "user-42"
_MINUTE: Final = timedelta(minutes=1)
# The longest that the product may take to book what the Gateway shows, and to notice that it shows nothing.
_PATIENCE: Final = timedelta(hours=6)
_ATTEMPTS: Final = 4
_RETRIED: Final = frozenset({502, 503, 504})
_STORY: Final = frozenset({"TransactionCreated", "BrokerAccountLinked", "OrdersPlaced", "OrdersProgressed"})
_LAST: Final = {End.SETTLED: "OrdersSettled", End.FAILED: "TransactionFailed", End.UNKNOWN: "OrdersUnknown"}
_SHOWN: Final = ("tradingsymbol", "status", "filledQuantity")


class Wrong(Exception):
    """The product did not do what it must; the message says what."""


@dataclass(frozen=True)
class Outcome:
    """The result of a cell. `error` is the first logged error of the product that names the wrong setting."""

    cell: Cell
    fault: str | None
    error: str | None
    end_after: timedelta | None = None

    @property
    def is_silent(self) -> bool:
        """True if the product did not work and no error names the wrong setting."""
        return self.fault is not None and self.error is None

    def __str__(self) -> str:
        if self.fault is None:
            loud = f", loud: {self.cell.wrong}" if self.error is not None else ""
            return f"works ({self.cell.end.value} after {self.end_after}{loud})"
        return f"SILENT: {self.fault}" if self.error is None else f"loud: {self.cell.wrong} ({self.error})"


class _Errors(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        named = [str(vars(record)[field]) for field in ("reason", "setting") if field in vars(record)]
        self.lines.append(": ".join([record.getMessage(), *named]))


@contextmanager
def logged_errors() -> Iterator[list[str]]:
    """The lines of ERROR that the product logs meanwhile, with their reason and setting."""
    handler, log = _Errors(), logging.getLogger(product_logging.logger().name)
    own = list(log.handlers)
    for each in own:
        each.addFilter(_silence)
    log.addHandler(handler)
    try:
        yield handler.lines
    finally:
        log.removeHandler(handler)
        for each in own:
            each.removeFilter(_silence)


def _silence(record: logging.LogRecord) -> bool:
    return False


def walk(cell: Cell, client: Callable[..., Client] | None = None) -> Outcome:
    """The outcome of a cell, over the client of DynamoDB that `client` makes."""
    fault: str | None = None
    end_after: timedelta | None = None
    with logged_errors() as lines:
        try:
            end_after = _Walk(cell, client).run()
        except (Wrong, AssertionError) as error:
            fault = str(error)
    named = next((line for line in lines if cell.wrong is not None and cell.wrong in line), None)
    return Outcome(cell, fault, named, end_after)


class _Walk:
    def __init__(self, cell: Cell, client: Callable[..., Client] | None) -> None:
        self.cell = cell
        secret = {"gatewaySecret": GATEWAY_SECRET, "apiSecret": OLD, **cell.secret}
        self.product = Deployment(secret, self._request, client, **cell.product)
        settings = {"gateway_secret": GATEWAY_SECRET, "api_secret": OLD, "fills_per_order": 2, "seed": 11}
        self.outage = cell.outage
        self.gateway = SimulatedGateway(self._deliver, self.product.now, **{**settings, **cell.gateway})
        self.transaction_id = ""

    def _request(self, request: Any) -> Any:
        return self.gateway(request)

    def _deliver(self, body: str) -> int:
        if self.outage:
            self.outage -= 1
            return 503
        return self.product.webhook(body)

    def run(self) -> timedelta:
        """Return the time that the product took to show the final state. Raises `Wrong`."""
        with self.gateway:
            self.gateway.faults(**self.cell.faults)
            created = self._create()
            if self.cell.end is End.REFUSED:
                return self._expect_refusal(created)
            if created.status != 201:
                raise Wrong(f"POST /transactions answered {created.status} {created.text[:200]}")
            self.transaction_id = created.body["transactionId"]
            self._trade()
            final_at = self.product.now()
            while not self._has_ended():
                if self.product.now() > final_at + _PATIENCE + self.cell.patience:
                    raise Wrong(f"no end after {self.product.now() - final_at}; the events are {self._types()}")
                self._later(_MINUTE)
            end_after = self.product.now() - final_at
            self._later(10 * _MINUTE)
            self._later(self.cell.afterwards, step=10 * _MINUTE)
            self._expect_end()
            return end_after

    # --- what happens

    def _create(self, attempts: int = _ATTEMPTS) -> HttpResponse:
        """The answer to the app, which repeats its request where the product says that it may."""
        body = json.dumps({"securities": self.cell.securities, **self.cell.request})
        key = {"idempotency-key": "one-intent-of-the-user"}
        response = self.product.request("POST /transactions", body, user=USER, headers=key)
        if response.status not in _RETRIED or attempts == 1:
            return response
        self._later(_MINUTE)
        return self._create(attempts - 1)

    def _trade(self) -> None:
        """The actions of the user and the market in this cell."""
        if not self.cell.logs_in:
            self._later(self.cell.idles)
            return
        self._step("login", broker=self.cell.broker)
        if self.cell.other_kind is not None:
            self.gateway.sim("POST", "/webhooks/other", {"kind": self.cell.other_kind})
            self.product.run_background()
        if not self.cell.confirms:
            if self.cell.closes:
                self._step("close")
            self._later(self.cell.idles)
            return
        self._step("confirm", **{"scenario": "complete", "paused": True, **self.cell.confirm})
        self._report_sdk_response()
        while (truth := self.gateway.truth(self.transaction_id))["nextStep"] and not _is_final(truth):
            self._step("advance")
            self.product.run_background()
            self._later(timedelta(seconds=20))
            if self.cell.has_webhooks and not _is_final(self.gateway.truth(self.transaction_id)):
                self._expect_open()

    def _step(self, what: str, **body: Any) -> None:
        self.gateway.step(self.transaction_id, what, **body)

    def _report_sdk_response(self) -> None:
        if self.cell.sdk_response is None:
            return
        response = self.product.request(
            "POST /transactions/{transactionId}/sdk-response",
            json.dumps(self.cell.sdk_response),
            user=USER,
            path={"transactionId": self.transaction_id},
        )
        if response.status != 202:
            raise Wrong(f"the SDK's response was answered {response.status} {response.text[:200]}")

    def _later(self, span: timedelta, step: timedelta = _MINUTE) -> None:
        """Let time pass on both sides, at most `step` at once; the schedule runs after each part."""
        while span > timedelta(0):
            part = min(span, step)
            self.product.advance(part)
            self.gateway.advance(part.total_seconds())
            self.product.run_schedule()
            span -= part

    def _has_ended(self) -> bool:
        if self.cell.end is End.UNKNOWN:
            return "OrdersUnknown" in self._types()
        shown = self._orders()
        return bool(shown["settled"] if self.cell.end is End.SETTLED else shown["status"] == "FAILED")

    # --- what must be

    def _expect_refusal(self, response: HttpResponse) -> timedelta:
        """The Gateway's no is passed on with its reason, and nothing is stored."""
        if response.status != 422 or self.cell.reason not in response.text:
            raise Wrong(f"POST /transactions answered {response.status} {response.text[:300]}")
        if self.product.events:
            raise Wrong(f"the events are {self._types()}")
        return timedelta(0)

    def _expect_open(self) -> None:
        """The Gateway's updates so far are shown, and nothing else."""
        truth, shown = self.gateway.truth(self.transaction_id)["batch"], self._orders()
        if shown["settled"]:
            raise Wrong("settled while the orders are open")
        seen = {order["tradingsymbol"]: order["filledQuantity"] for order in shown["orders"]}
        told = self.cell.gateway.get("fill_webhooks", "always") == "always" and not self.cell.faults.get("webhooks")
        if told and seen != {order["tradingsymbol"]: order["filledQuantity"] for order in truth["orders"]}:
            raise Wrong(f"shows the filled quantities {seen} of {truth['orders']}")

    def _expect_end(self) -> None:
        truth, shown = self.gateway.truth(self.transaction_id), self._orders()
        batch = truth["batch"] or {"orders": [], "unplaced": []}
        for place in ("orders", "unplaced"):
            self._expect_shown(batch[place], shown.get(place) or [])
        booked = {
            order["tradingsymbol"]: (order["filledQuantity"], Decimal(order["filledQuantity"]) * order["averagePrice"])
            for order in batch["orders"]
            if order["filledQuantity"] and self.cell.end is End.SETTLED
        }
        if self.product.positions(USER) != booked:
            raise Wrong(f"booked {self.product.positions(USER)}, executed {booked}")
        accounts = [each["smallcaseAuthId"] for each in self._get("GET /accounts").body["items"]]
        if accounts != [truth["smallcaseAuthId"]] * (truth["smallcaseAuthId"] is not None):
            raise Wrong(f"linked accounts are {accounts}, of {truth['smallcaseAuthId']}")
        self._expect_story(len(accounts))

    def _expect_shown(self, orders: list[dict[str, Any]], shown: list[dict[str, Any]]) -> None:
        for order, own in zip(orders, shown, strict=True):
            status = order["status"].replace(" ", "_")
            if [own[name] for name in _SHOWN] != [order["tradingsymbol"], status, order["filledQuantity"]]:
                raise Wrong(f"shows {own} for {order}")
            if order["filledQuantity"] and own["averagePrice"] != order["averagePrice"]:
                raise Wrong(f"shows the price {own['averagePrice']} for {order}")

    def _expect_story(self, accounts: int) -> None:
        """Created first, ended once, the account linked once, no sequence missing and none out of order."""
        types = self._types()
        last = _LAST[self.cell.end]
        if set(types) - _STORY - self.cell.besides - {last} or types[0] != "TransactionCreated":
            raise Wrong(f"the events are {types}")
        if types.count(last) != 1 or types.count("BrokerAccountLinked") != accounts:
            raise Wrong(f"the events are {types}")
        sequences = [event.detail["sequence"] for event in self.product.events if "sequence" in event.detail]
        if list(dict.fromkeys(sequences)) != list(range(1, max(sequences) + 1)):
            raise Wrong(f"the sequences are {sequences} of {types}")

    def _types(self) -> list[str]:
        return [event.type for event in self.product.events]

    def _orders(self) -> dict[str, Any]:
        return self._get("GET /transactions/{transactionId}/orders", transactionId=self.transaction_id).body

    def _get(self, route: str, **path: str) -> HttpResponse:
        response = self.product.request(route, user=USER, path=path)
        if response.status != 200:
            raise Wrong(f"{route} answered {response.status} {response.text[:200]}")
        return response


def _is_final(truth: Any) -> bool:
    return bool(truth["status"] == "COMPLETED")
