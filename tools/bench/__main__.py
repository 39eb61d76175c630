"""Runs everything and prints the ratios."""

import json
import os
import statistics
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from securities_transactions.domain.decimal_json import loads
from securities_transactions.domain.deferred import Deferred
from securities_transactions.domain.orders import Batch
from securities_transactions.domain.revision import Snapshot
from securities_transactions.domain.transaction import Confirmation, Source, Transaction
from securities_transactions.storage.mapper import to_item
from tools.bench import bill, payloads
from tools.bench.warm import ENVIRONMENT

ROOT = Path(__file__).parents[2]
TUTORIAL = "tools.bench.tutorial"
ROUNDS = 5
_STAMP = datetime(2026, 1, 15, 4, 30, 12, 345000, tzinfo=UTC)
IMPORT = (
    "import time, sys, importlib; start = time.process_time(); importlib.import_module(sys.argv[1]);"
    " print(time.process_time() - start)"
)


def main() -> None:
    """Measure, alternating between the two so that a noisy machine is noisy for both, and print."""
    functions = sorted(f"functions.{path.parent.name}.app" for path in (ROOT / "functions").glob("*/app.py"))
    print("Cold start: CPU of importing the handler and making its clients, tutorial = 1.00")
    measured = {module: [] for module in [TUTORIAL, *functions]}  # type: dict[str, list[float]]
    for _ in range(ROUNDS):
        for module, times in measured.items():
            times.append(float(_run("-c", IMPORT, module)))
    base = statistics.median(measured[TUTORIAL])
    for module in functions:
        print(f"  {module.split('.')[1]:22}{statistics.median(measured[module]) / base:6.2f}")

    print("\nWarm webhook: ingest_webhook to the tutorial's handler")
    print(f"  {'orders':>6}{'CPU':>8}{'request bytes':>15}{'log bytes':>11}")
    for orders in (1, 5, 50):
        ours, theirs = _warm("functions.ingest_webhook.app", orders), _warm(TUTORIAL, orders)
        ratios = [ours[key] / theirs[key] for key in ("ms", "request_bytes", "log_bytes")]
        print(f"  {orders:>6}{ratios[0]:8.2f}{ratios[1]:15.2f}{ratios[2]:11.2f}")

    print("\nStored item: bytes as DynamoDB counts them, and write units of one webhook")
    print(f"  {'orders':>6}{'ours':>8}{'units':>7}{'tutorial':>10}{'units':>7}")
    for orders in (1, 5, 50):
        mine, naive = item_bytes(_stored(orders)), item_bytes(loads(payloads.webhook(orders)))
        print(f"  {orders:>6}{mine:>8}{-(-mine // 1024):>7}{naive:>10}{-(-naive // 1024):>7}")

    print("\nBill: dollars a million settled single-stock orders, list prices (tools/bench/bill.py has the units)")
    print("\n".join(bill.lines()))


def _warm(module: str, orders: int) -> dict[str, float]:
    runs = [json.loads(_run("-m", "tools.bench.warm", module, str(orders), "200")) for _ in range(3)]
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def _run(*arguments: str) -> str:
    paths = os.pathsep.join([str(ROOT), str(ROOT / "layers" / "runtime")])
    environment = {**os.environ, **ENVIRONMENT, "PYTHONPATH": paths}
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


def _stored(orders: int) -> dict[str, Any]:
    """A transaction as it stands after a webhook, with every attribute that it can have by then."""
    sent = payloads.batch(orders)
    batch = Batch.model_validate(loads(json.dumps(sent)))
    securities = [{"ticker": o["tradingsymbol"], "type": o["transactionType"], "quantity": 5} for o in sent["orders"]]
    transaction = Transaction(
        transaction_id=payloads.TRANSACTION_ID,
        user_id="user-12345678",
        status=batch.status_of_orders,
        version=3,
        created_at=_STAMP,
        expire_at=_STAMP,
        requested=Deferred.of({"orderConfig": {"type": "SECURITIES", "securities": securities}}),
        orders=Deferred.of(batch),
        revision=Snapshot(batch, _STAMP).revision,
        batch_id=batch.batchId,
        smallcase_auth_id=payloads.AUTH_ID,
        broker="kite",
        buy_amount=batch.buyAmount,
        sell_amount=batch.sellAmount,
        confirmation=Confirmation.REPORTED,
        source=Source.WEBHOOK,
        reported_at=_STAMP,
        pull_requested_at=_STAMP,
        pulled_at=_STAMP,
        next_check_at=_STAMP,
        checks=1,
    )
    return to_item(transaction)


def item_bytes(value: Any) -> int:
    """The size of a value as DynamoDB counts it: names and text in UTF-8, numbers half their digits."""
    if isinstance(value, dict):
        return sum(len(name) + item_bytes(each) + 1 for name, each in value.items()) + 3
    if isinstance(value, list):
        return sum(item_bytes(each) + 1 for each in value) + 3
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, bytes):
        return len(value)
    if value is None or isinstance(value, bool):
        return 1
    return len(Decimal(value).as_tuple().digits) // 2 + 2


if __name__ == "__main__":
    main()
