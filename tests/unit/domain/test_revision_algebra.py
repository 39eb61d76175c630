"""The merge of reports, exhaustively: every order of arrival of small histories ends in the same state.

The histories go through the real conditional write, on an in-memory table that evaluates its real expressions.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import permutations, product
from typing import Any, Final

import pytest

from securities_transactions.domain.orders import Batch
from securities_transactions.domain.revision import Snapshot
from securities_transactions.domain.transaction import Transaction, encode_request
from securities_transactions.domain.webhook_verification import Doubt, Report
from securities_transactions.storage.dynamodb import to_attributes
from securities_transactions.storage.transactions import Transactions
from tests.simulation.dynamodb import DynamoDB, Table
from tests.simulation.world import Rates, World

NOW: Final = datetime(2026, 1, 15, 5, tzinfo=UTC)


def said(status: str, filled: int, second: int, **more: Any) -> Report:
    """A report of one order of ten shares, said at a second."""
    order = {"tradingsymbol": "INFY", "transactionType": "BUY", "status": status, "quantity": 10}
    batch = Batch.model_validate({"batchId": "b1", "orders": [{**order, "filledQuantity": filled}], **more})
    return Report("TRX_1", "auth", Snapshot(batch, f"2026-01-15T04:30:{second:02d}.000Z"))


PLACED, FILLING, DONE = said("PLACED", 0, 1), said("PLACED", 4, 2), said("COMPLETE", 10, 3)
HISTORIES: Final = (
    (PLACED, DONE),
    (PLACED, FILLING, DONE),
    (PLACED, PLACED, DONE, DONE),
    (PLACED, FILLING, DONE, said("PLACED", 0, 50)),
    (PLACED, said("PLACED", 0, 1, variety="amo"), said("PLACED", 0, 2), DONE),
    (PLACED, said("PLACED", 0, 50), FILLING, said("PLACED", 4, 1)),
    (PLACED, FILLING, said("REJECTED", 0, 1), said("PARTIAL", 4, 1), DONE),
)


class Store:
    """The Transactions table with one transaction nothing is known of yet."""

    def __init__(self) -> None:
        self.table = Table(("transactionId",))
        client: Any = DynamoDB(World(0, Rates(), (0,), story=False), {"T": self.table}, lambda *_: None)
        self.transactions = Transactions(client, "T")
        new = Transaction(
            transactionId="TRX_1",
            notes="user=42",
            status="CREATED",
            version=1,
            createdAt="2026-01-15T04:30:00.000Z",
            expireAt="2026-01-15T04:45:00.000Z",
            request=encode_request({}),
        )
        self.table.items[("TRX_1",)] = to_attributes(new.to_item())

    def tell(self, reports: Sequence[Report]) -> list[str]:
        """Report them in this order; what each came to."""
        outcomes = [self.transactions.report(each, NOW, confirm="final") for each in reports]
        return [type(each).__name__ if isinstance(each, Doubt) else each for each in outcomes]

    @property
    def now(self) -> Transaction:
        """The transaction as it is."""
        found = self.transactions.get("TRX_1")
        assert found is not None
        return found


def arrivals(history: Sequence[Report]) -> Iterator[tuple[Report, ...]]:
    """Every order in which a history can arrive."""
    yield from set(permutations(history))


@pytest.mark.parametrize("history", HISTORIES)
def test_every_order_of_arrival_ends_in_the_same_state(history: tuple[Report, ...]) -> None:
    """The stored revision is the maximum of all that was said."""
    newest = max(each.snapshot.revision for each in history)
    for order in arrivals(history):
        store = Store()
        store.tell(order)
        assert store.now.revision == newest
        assert store.now.snapshot_bytes == max(history, key=lambda each: each.snapshot.revision).snapshot.encoded


@pytest.mark.parametrize("history", HISTORIES)
def test_saying_everything_again_changes_nothing(history: tuple[Report, ...]) -> None:
    """Idempotent: no new version, nothing to publish."""
    for order in arrivals(history):
        store = Store()
        store.tell(order)
        before = store.now
        outcomes = store.tell(history)
        assert store.now == before
        assert "accepted" not in outcomes


@pytest.mark.parametrize("history", HISTORIES)
def test_the_state_never_goes_back(history: tuple[Report, ...]) -> None:
    """Monotone: the revision only grows, and the version counts what was accepted."""
    for order in arrivals(history):
        store, last, accepted = Store(), "", 0
        for each in order:
            accepted += store.tell([each]) == ["accepted"]
            revision = store.now.revision or ""
            assert revision >= last
            last = revision
        assert store.now.version == 1 + accepted


def test_grouping_does_not_matter() -> None:
    """Associative: merging two merged halves is merging all, for every way to halve every history."""
    for history in HISTORIES:
        for sides in product([False, True], repeat=len(history)):
            newest = []
            for side in (False, True):
                store = Store()
                store.tell([each for each, where in zip(history, sides, strict=True) if where == side])
                shown = store.now
                newest += [each for each in history if each.snapshot.revision == shown.revision]
            store = Store()
            store.tell(newest)
            assert store.now.revision == max(each.snapshot.revision for each in history)


def test_the_same_content_said_later_moves_only_the_revision() -> None:
    """No new version and no event, but a later retry of something older cannot overtake it."""
    store = Store()
    assert store.tell([PLACED, said("PLACED", 0, 50)]) == ["accepted", "duplicate"]
    assert store.now.version == 2
    assert store.now.revision == said("PLACED", 0, 50).snapshot.revision
    assert store.tell([said("PLACED", 0, 40, variety="amo")]) == ["stale"]
