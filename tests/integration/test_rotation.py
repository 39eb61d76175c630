"""The API secret is changed on the running product: creates and genuine webhooks go on, and one is forged each second.

These tests change the secrets of a stack and a Gateway of their own. The stack reads its secret every two seconds.
"""

import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from operations import rotate
from operations.stage import Stage
from tests.integration.conftest import PatientUpdates, check_until_settled
from tests.integration.test_webhooks import place
from tests.polling import PATIENCE, eventually
from tools.local_stack import product as local_product
from tools.local_stack import stack
from tools.local_stack.driver import GatewayDriver
from tools.local_stack.product import API_SECRET, GATEWAY_SECRET, Product

NAME = "securities-transactions-rotation"
NEW = "local-api-secret-that-the-vendor-issued-next"
# No other test stores it: a warm function may know NEW from the test before, for as long as it keeps a secret.
UNANNOUNCED = "local-api-secret-that-the-vendor-did-not-announce"
AGE_SECONDS = 2
ORDER = {"securities": [{"ticker": "INFY", "type": "BUY", "quantity": 1}]}


@pytest.fixture(scope="module")
def rotating(product: Product) -> Iterator[Product]:
    """A stack that reads its secret every two seconds, and a Gateway that sends its webhooks there."""
    with local_product.gateway(stack.api_url(product.aws.url, NAME) + "/webhooks/orders") as (url, process):
        parameters = {**product.parameters, "GatewayUrl": url, "SecretAgeSeconds": str(AGE_SECONDS)}
        outputs = stack.deploy(product.aws, product.template_url, parameters, NAME)
        yield replace(
            product, outputs=outputs, parameters=parameters, gateway_url=url, logs={**product.logs, "gateway": process}
        )
        stack.delete(product.aws, NAME)


@pytest.fixture
def vendor(rotating: Product) -> Iterator[GatewayDriver]:
    """The stack's Gateway, which knows only the old secret, as the stack does."""
    stack.put_secret(rotating.aws, rotating.outputs["GatewaySecretArn"], GATEWAY_SECRET, API_SECRET)
    with GatewayDriver(rotating.gateway_url) as driver:
        driver.settings(apiSecret=API_SECRET, otherApiSecrets=[])
        settle_in(rotating)
        yield driver
        driver.settings(apiSecret=API_SECRET, otherApiSecrets=[])


def settle_in(product: Product) -> None:
    """Every function has started and knows the stored secret: what a test sees is the change alone."""
    with product.api("warm") as api:
        eventually(lambda: api.post("/transactions", json=ORDER).status_code, lambda status: status == 201)


def deployed(product: Product) -> Stage:
    return Stage("local", product.aws.url, NAME)


def operate(product: Product, step: rotate.Step, secret: str | None = None) -> None:
    """A step of the runbook's."""
    stage = deployed(product)
    rotate.store(stage, rotate.step(rotate.members_of(stage), "api", step, secret))


def switch(vendor: GatewayDriver, *, also_old: bool, secret: str = NEW) -> None:
    """The vendor signs with the new secret, and accepts the old one in calls or not."""
    vendor.settings(apiSecret=secret, otherApiSecrets=[API_SECRET] if also_old else [])


@dataclass
class Traffic:
    """Creates, genuine webhooks and one forged each second, until the context ends; what each was answered."""

    product: Product
    vendor: GatewayDriver
    transaction_id: str
    creates: Counter[int] = field(default_factory=Counter)
    genuine: Counter[int | None] = field(default_factory=Counter)
    forged: Counter[int] = field(default_factory=Counter)

    def __enter__(self) -> "Traffic":
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=each) for each in (self._create, self._notify, self._forge)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE)
        assert not any(thread.is_alive() for thread in self._threads)

    def _create(self) -> None:
        with self.product.api("operator", scope="securities-transactions:service") as api:
            while not self._stop.wait(0.2):
                order = {**ORDER, "notes": uuid.uuid4().hex}  # one user may create a few a minute
                self.creates[api.post("/transactions", json=order).status_code] += 1

    def _notify(self) -> None:
        with GatewayDriver(self.vendor.url) as vendor:
            while not self._stop.wait(0.05):
                [attempt] = vendor.replay(transactionId=self.transaction_id, restamp=True)["attempts"]
                self.genuine[attempt["status"]] += 1

    def _forge(self) -> None:
        body = {"timestamp": "2026-01-15T04:30:12.345Z", "smallcaseAuthId": "a" * 24, "checksum": "0" * 64}
        with self.product.api(None) as api:
            while not self._stop.wait(1):
                self.forged[api.post("/webhooks/orders", json=body).status_code] += 1

    def some_more(self) -> None:
        """Wait until every kind of request was made again a few times."""
        before = (self.creates.total(), self.genuine.total(), self.forged.total())

        def each() -> bool:
            now = (self.creates.total(), self.genuine.total(), self.forged.total())
            return all(many >= few + 2 for many, few in zip(now, before, strict=True))

        assert eventually(each)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("first", "gap", "also_old"),
    [
        ("vendor", 0, False),
        ("we", 0, True),
        ("vendor", 0.5, True),
        ("we", 0.5, False),
        ("vendor", 2 * AGE_SECONDS, False),
        ("we", 2 * AGE_SECONDS, False),
    ],
)
def test_changing_the_api_secret_refuses_nothing(
    rotating: Product, vendor: GatewayDriver, user: str, first: str, gap: float, also_old: bool
) -> None:
    """From the storing of the next secret on: either side may switch first, and the vendor may accept either secret."""
    transaction_id, _ = place(rotating, vendor, user)
    with Traffic(rotating, vendor, transaction_id) as traffic:
        traffic.some_more()
        operate(rotating, "next", NEW)
        for switching in ("vendor", "we") if first == "vendor" else ("we", "vendor"):
            time.sleep(gap)
            if switching == "we":
                operate(rotating, "switch")
            else:
                switch(vendor, also_old=also_old)
        traffic.some_more()
        operate(rotating, "finish")
        traffic.some_more()

    assert (set(traffic.creates), set(traffic.genuine), set(traffic.forged)) == ({201}, {200}, {401})


@pytest.mark.timeout(600)
def test_secret_that_was_not_stored_first_is_shown_and_costs_no_update(
    rotating: Product, vendor: GatewayDriver, user: str
) -> None:
    """The vendor switches unannounced: webhooks are answered 401 and creates 503, each is logged, and pulls settle."""
    updates = PatientUpdates(rotating.aws.sqs, rotating.outputs["UpdatesQueueUrl"])
    transaction_id, _ = place(rotating, vendor, user)
    since = time.time()
    switch(vendor, also_old=False, secret=UNANNOUNCED)
    vendor.finish(transaction_id)
    with rotating.api(user) as api:
        refused = api.post("/transactions", json=ORDER)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "60")
    eventually(lambda: last_attempt(vendor, transaction_id), lambda attempt: attempt["status"] == 401)
    lines = [json.loads(line) for line in rotating.aws.logged(since=since)]
    [rejected, *_] = [line for line in lines if line["message"] == "the gateway rejects our credentials"]
    assert rejected["level"] == "ERROR"
    assert [line for line in lines if line.get("reason") == "checksum does not match"]

    operate(rotating, "next", UNANNOUNCED)

    check_until_settled(rotating, updates, transaction_id)
    with rotating.api(user) as api:
        assert api.post("/transactions", json=ORDER).status_code == 201


def last_attempt(vendor: GatewayDriver, transaction_id: str) -> dict[str, object]:
    hits = [hit for hit in vendor.webhooks()["webhooks"] if hit["transactionId"] == transaction_id and hit["attempts"]]
    return dict(hits[-1]["attempts"][-1])


def test_state_of_the_change_shows_what_each_secret_is_good_for(
    rotating: Product, vendor: GatewayDriver, user: str
) -> None:
    transaction_id, _ = place(rotating, vendor, user)
    operate(rotating, "next", NEW)

    def state() -> rotate.State:
        stage = deployed(rotating)
        return rotate.current_state(stage, "api", rotate.members_of(stage))

    assert state().calls == {"current": "accepted", "next": "refused"}
    switch(vendor, also_old=False)
    vendor.replay(transactionId=transaction_id, restamp=True)
    assert state().calls == {"current": "refused", "next": "accepted"}
    shown = eventually(state, lambda found: found.webhooks["next"] > 0)
    assert "the vendor accepts the next secret: STEP=switch" in list(rotate.lines_of("api", shown))
    operate(rotating, "switch")
    assert state().calls == {"current": "accepted", "previous": "refused"}
