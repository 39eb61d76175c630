"""A story for tests of consumers: the events of one transaction as a queue may deliver them, and what to make of them.

They come in another order than they were published, some twice, one is from a replay, one is of a type that a later
version may add, and the last one corrects a price.
"""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from securities_transactions.domain.decimal_json import loads
from securities_transactions.domain.deferred import Deferred
from securities_transactions.domain.transaction import Transaction
from securities_transactions.events.builder import of_transaction
from securities_transactions.events.publisher import entry
from tools.contracts.examples import created, received, story


def story_of_one_order() -> dict[str, Any]:
    """`events`, whole envelopes in the order of their arrival; `expected`, what a ledger has after all of them."""
    first = created()
    placed, progressed, settled = story()
    states = [None, first, placed, progressed, settled, _corrected(settled)]
    published = [
        received(event.detail_type, loads(entry(event, "securities-transactions-prod")["Detail"]))
        for old, new in pairwise(states)
        for event in of_transaction(old, new)  # type: ignore[arg-type]  # only the first is None
    ]
    by_sequence = {
        event["detail"]["sequence"]: event for event in published if event["detail-type"] != "BrokerAccountLinked"
    }
    (linked,) = (event for event in published if event["detail-type"] == "BrokerAccountLinked")
    unknown = by_sequence[4] | {"detail-type": "OrdersExplained"}
    arrival = [
        by_sequence[2],
        by_sequence[1],
        by_sequence[2] | {"id": "0c5f3b8e-0001-4cf7-a9f1-bf3703467718"},
        by_sequence[4],
        linked,
        unknown,
        by_sequence[3],
        by_sequence[4] | {"replay-name": "ledger-january"},
        by_sequence[5],
        by_sequence[4],
    ]
    return {
        "events": arrival,
        "expected": {
            "transactionId": first.transaction_id,
            "sequence": 5,
            "positions": {"INFY": {"shares": 3, "spent": "4495.05"}},
        },
    }


def _corrected(settled: Transaction) -> Transaction:
    batch = settled.batch
    assert batch is not None  # noqa: S101  # for the type checker: what is settled has orders
    assert settled.confirmed_at is not None  # noqa: S101  # as above
    orders = [batch.orders[0].model_copy(update={"averagePrice": Decimal("1498.35")}), *batch.orders[1:]]
    later = settled.confirmed_at + timedelta(hours=6)
    return replace(
        settled,
        version=settled.version + 1,
        orders=Deferred.of(batch.model_copy(update={"orders": tuple(orders), "buyAmount": Decimal("4495.05")})),
        buy_amount=Decimal("4495.05"),
        confirmed_at=later,
        settled_at=later,
    )
