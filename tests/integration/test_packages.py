"""The packages for consumers are enough without the product: types, kit, fixtures, and an example in Node."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from operations.updates import Updates
from securities_transactions.domain.decimal_json import dumps
from securities_transactions.events.schemas import CATALOGUE
from tests.integration.test_three_ways import Api, confirm, create, is_
from tools.clients.__main__ import run
from tools.contracts.validation import violations
from tools.local_stack.driver import GatewayDriver
from tools.packages.__main__ import fixtures, make_python, make_typescript
from tools.packages.story import story_of_one_order

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "tools" / "packages" / "example_consumer" / "consumer.mjs"

# A consumer's own test, in its own repository: the wheel is all that it has.
CONSUMER = """
import json
from decimal import Decimal
from typing import Any

from securities_transactions_events.events.consumer import Received, each_message, standing
from securities_transactions_events.events.schemas import OrdersSettled
from securities_transactions_events.testing import event, in_sqs, kinds, story

booked: dict[str, int] = {}
spent: dict[str, Decimal] = {}


def handle(received: Received) -> None:
    settled = received.event
    if not isinstance(settled, OrdersSettled):
        return
    if standing(settled, booked.get(settled.transactionId, 0)) == "repeat":
        return
    booked[settled.transactionId] = settled.sequence
    spent.clear()
    for order in settled.orders or []:
        if order.filledQuantity and order.averagePrice:
            spent[order.tradingsymbol] = order.filledQuantity * order.averagePrice


def failed(message_id: str, error: Exception) -> None:
    raise error


expected: dict[str, Any] = story()["expected"]
each_message(in_sqs(*story()["events"], *(event(kind) for kind in kinds() if kind != "OrdersSettled")), handle, failed)
assert booked == {expected["transactionId"]: expected["sequence"]}, booked
assert {symbol: str(rupees) for symbol, rupees in spent.items()} == {
    symbol: position["spent"] for symbol, position in expected["positions"].items()
}, spent
print(json.dumps(kinds()))
"""

TYPED = """
import { exact, isEvent, standing, type Event, type OrdersSettled } from "securities-transactions-events";

export function settled(text: string, last: number): OrdersSettled | undefined {
  const envelope = exact(text);
  if (!isEvent(envelope)) return undefined;
  const event: Event = envelope;
  if (event["detail-type"] !== "OrdersSettled" || standing(event.detail, last) === "repeat") return undefined;
  const shares: number | undefined = event.detail.orders?.[0]?.filledQuantity;
  return shares === 0 ? undefined : event.detail;
}
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_python(tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="module")
def npm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose node_modules has the npm package."""
    work = tmp_path_factory.mktemp("node")
    package = make_typescript(work / "made")
    modules = work / "node_modules"
    modules.mkdir()
    (modules / "securities-transactions-events").symlink_to(package)
    (work / "package.json").write_text('{"type": "module"}')
    return work


def python(*arguments: str | Path, wheel: Path, directory: Path) -> subprocess.CompletedProcess[str]:
    """Python with the wheel and what it depends on; the product's code is not on its path."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=directory,
        env=environment | {"PYTHONPATH": str(wheel), "MYPYPATH": str(wheel)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_wheel_is_enough_for_a_consumers_own_test(wheel: Path, tmp_path: Path) -> None:
    ended = python("-c", CONSUMER, wheel=wheel, directory=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == [model.detail_type for model in CATALOGUE]


def test_wheel_does_not_need_the_product(wheel: Path, tmp_path: Path) -> None:
    code = "import securities_transactions_events.events.consumer, sys; print('securities_transactions' in sys.modules)"
    ended = python("-c", code, wheel=wheel, directory=tmp_path)
    assert (ended.stdout, ended.stderr) == ("False\n", "")


def test_wheel_has_types(wheel: Path, tmp_path: Path) -> None:
    """A strict type checker reads them once they are installed."""
    uv = ROOT / ".venv" / "bin" / "uv"
    subprocess.run([uv, "pip", "install", "-q", "--no-deps", "--target", tmp_path / "site", wheel], check=True)
    (tmp_path / "consumer.py").write_text(CONSUMER)
    command = ["-m", "mypy", "--strict", "--no-incremental", "--config-file=", "consumer.py"]
    ended = python(*command, wheel=tmp_path / "site", directory=tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_each_fixture_keeps_to_the_contract() -> None:
    events = [json.loads(text) for name, text in fixtures().items() if name.startswith("events/")]
    known = {model.detail_type for model in CATALOGUE}
    assert {event["detail-type"] for event in events} == known
    told = [event for event in story_of_one_order()["events"] if event["detail-type"] in known]
    assert [line for event in (*events, *told) for line in violations(event)] == []


def test_npm_package_has_types(npm: Path) -> None:
    (npm / "program.ts").write_text(TYPED)
    strict = ["--strict", "--noUncheckedIndexedAccess", "--exactOptionalPropertyTypes", "--noEmit"]
    run("tsc", *strict, "--target", "es2022", "--lib", "es2022", "--module", "nodenext", "program.ts", directory=npm)


def booked_by_node(npm: Path, notes: str, *events: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The answer of the example in Node to a batch with these events, and what it has for a user then."""
    (npm / "consumer.mjs").write_text(EXAMPLE.read_text())
    records = [{"messageId": str(n), "body": dumps(each)} for n, each in enumerate(events)]
    (npm / "batch.json").write_text(json.dumps({"Records": records}))
    (npm / "main.mjs").write_text(
        """
import { readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { Ledger, makeHandler } from "./consumer.mjs";
const ledger = new Ledger(new DatabaseSync(":memory:"));
const answer = await makeHandler(ledger)(JSON.parse(readFileSync("batch.json", "utf8")));
console.log(JSON.stringify([answer, ledger.positions(process.argv[2])]));
"""
    )
    answer, positions = json.loads(run("node", "--no-warnings", "main.mjs", notes, directory=npm))
    return answer, positions


@pytest.mark.parametrize("seed", range(6))
def test_example_in_node_books_the_story_in_any_order(npm: Path, seed: int) -> None:
    told = story_of_one_order()
    events = list(told["events"])
    if seed:
        random.Random(seed).shuffle(events)
    answer, positions = booked_by_node(npm, "user-42", *events)
    assert answer == {"batchItemFailures": []}
    assert positions == told["expected"]["positions"]


def test_example_in_node_gives_back_what_it_cannot_book(npm: Path) -> None:
    settled = story_of_one_order()["events"][3]
    left_out = settled | {"detail": {name: value for name, value in settled["detail"].items() if name != "orders"}}
    foreign = settled | {"source": "another.source"}
    newer = settled | {"detail": settled["detail"] | {"schemaVersion": "2.0"}}
    answer, positions = booked_by_node(npm, "user-42", left_out, foreign, newer, settled)
    assert answer == {"batchItemFailures": [{"itemIdentifier": str(n)} for n in range(3)]}
    assert positions == {"INFY": {"shares": 3, "spent": "4494.60"}}


def test_example_in_node_books_what_the_running_product_publishes(
    npm: Path, gateway: GatewayDriver, updates: Updates, api: Api, user: str
) -> None:
    """The events that were really on the bus, out of order and twice, against the books of the simulated broker."""
    app = api(user)
    bought = create(app, {"ticker": "INFY", "type": "BUY", "quantity": 7})
    sold = create(
        app, {"ticker": "TCS", "type": "SELL", "quantity": 2}, {"ticker": "INFY", "type": "SELL", "quantity": 3}
    )
    for transaction_id in (bought, sold):
        confirm(gateway, transaction_id, scenario="complete")
        gateway.finish(transaction_id)
        updates.wait_for(transaction_id, is_("OrdersSettled"))
    events = [*updates.of(bought), *updates.of(sold)] * 2
    random.Random(user).shuffle(events)
    answer, positions = booked_by_node(npm, user, *events)
    assert answer == {"batchItemFailures": []}
    account = app.get(f"/transactions/{bought}").json()["smallcaseAuthId"]
    traded = gateway.books(account)["traded"]
    assert {symbol: each["shares"] for symbol, each in positions.items()} == {
        symbol: each["quantity"] for symbol, each in traded.items()
    }
    for symbol, each in traded.items():
        assert abs(float(positions[symbol]["spent"]) - float(each["amount"])) < 0.05
