"""The list of what needs a person: since when, why, and which orders."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from operations import cases
from securities_transactions.domain.statuses import Status
from securities_transactions.domain.transaction import EscalationReason, Transaction
from tests.unit.operations.stage import STAMP, batch, stored, transaction


@dataclass
class Stage:
    """A stage whose index has `indexed`, and whose table has `items`."""

    items: Sequence[Mapping[str, Any]]
    indexed: list[str] = field(default_factory=list)
    name: str = "dev"
    batches: list[int] = field(default_factory=list)

    @property
    def outputs(self) -> dict[str, str]:
        return {"TransactionsTable": "transactions"}

    @property
    def dynamodb(self) -> "Stage":
        return self

    def get_paginator(self, operation: str) -> "Stage":
        assert operation == "query"
        return self

    def paginate(self, *, IndexName: str, **_: Any) -> Iterator[dict[str, Any]]:
        assert IndexName == "cases"
        yield {"Items": [{"transactionId": {"S": each}} for each in self.indexed]}

    def batch_get_item(self, *, RequestItems: Mapping[str, Any]) -> dict[str, Any]:
        keys = [key["transactionId"] for key in RequestItems["transactions"]["Keys"]]
        self.batches.append(len(keys))
        found = [item for item in self.items if item["transactionId"] in keys]
        return {"Responses": {"transactions": found}, "UnprocessedKeys": {}}


def case(**changes: Any) -> Transaction:
    later = STAMP + timedelta(hours=1)
    known = {"escalated_at": later, "escalation": EscalationReason.LOST_ORDER, "status": Status.ERROR, "broker": "kite"}
    return transaction(**known | {"orders": batch("ERROR"), "batch_id": "b1"} | changes)


def listed(*found: Transaction) -> list[str]:
    stage: Any = Stage([stored(each) for each in found], [each.transaction_id for each in found])
    return [line for id_, each in cases.cases(stage) for line in cases.lines(id_, each)]


def test_case_says_since_when_why_and_which_order() -> None:
    assert listed(case()) == [
        "T1: since 2026-01-15T01:00:00.000Z; lost order; ERROR, no status at the Gateway",
        "  user asha, broker kite, batch b1",
        "  BUY INFY: ERROR, unknown of 3 filled",
    ]


@pytest.mark.parametrize(
    "answered", [{"settled_at": STAMP + timedelta(hours=2)}, {"status": Status.FAILED, "orders": None}]
)
def test_index_that_is_behind_lists_nothing_that_is_answered(answered: dict[str, Any]) -> None:
    assert listed(case(**answered)) == []


def test_item_that_cannot_be_read_is_a_case() -> None:
    broken = stored(case()) | {"createdAt": {"S": "yesterday"}}
    stage: Any = Stage([broken], ["T1"])
    assert [line for id_, each in cases.cases(stage) for line in cases.lines(id_, each)] == [
        "T1: cannot be read (ValueError)"
    ]


def test_many_cases_are_read_a_hundred_at_a_time() -> None:
    many = [case(transaction_id=f"T{number}") for number in range(250)]
    stage = Stage([stored(each) for each in many], [each.transaction_id for each in many])
    given: Any = stage
    assert [id_ for id_, _ in cases.cases(given)] == stage.indexed
    assert stage.batches == [100, 100, 50]
