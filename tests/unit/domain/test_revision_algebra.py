"""The merge of reports, exhaustively: every order of arrival of small histories ends in the same state.

The histories are ingested as signed webhooks and go through the real conditional write, on an in-memory table that
evaluates its real expressions.
"""

import json
import re
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import permutations, product
from typing import Any, Final

import pytest

from securities_transactions.domain.checksum import sign
from securities_transactions.domain.orders import Batch
from securities_transactions.domain.revision import Revision, Snapshot
from securities_transactions.domain.secrets import ApiSecret, GatewaySecret
from securities_transactions.domain.times import timestamp_text
from securities_transactions.domain.transaction import ConfirmPolicy, Transaction
from securities_transactions.domain.webhook_verification import Accepted, Policy
from securities_transactions.gateway.secrets import GatewaySecrets
from securities_transactions.services.ingest_webhook import IngestStatus, IngestWebhook
from securities_transactions.storage import mapper
from securities_transactions.storage.counters import WebhookCounts
from securities_transactions.storage.dynamodb import of_attributes, to_attributes
from securities_transactions.storage.snapshot_codec import encode
from securities_transactions.storage.transactions import Transactions
from securities_transactions.storage.webhooks import Webhooks
from tests.simulation.dynamodb import DynamoDB, Table
from tests.simulation.world import Rates, World
from tests.unit import factories

NOW: Final = datetime(2026, 1, 15, 4, 35, tzinfo=UTC)
SECRETS: Final = GatewaySecrets(GatewaySecret("gateway-secret"), ApiSecret("api-secret"))
POLICY: Final = Policy(auth_id=re.compile("auth"))


@dataclass(frozen=True)
class Webhook:
    """A genuine webhook about one order of ten shares, stated at a second after half past four."""

    status: str
    filled: int
    second: int
    variety: str | None = None

    @cached_property
    def snapshot(self) -> Snapshot:
        """The snapshot that it states."""
        order = {"tradingsymbol": "INFY", "transactionType": "BUY", "status": self.status, "quantity": 10}
        document: dict[str, Any] = {"batchId": "b1", "orders": [{**order, "filledQuantity": self.filled}]}
        more = {} if self.variety is None else {"variety": self.variety}
        stated_at = datetime(2026, 1, 15, 4, 30, self.second, tzinfo=UTC)
        return Snapshot(Batch.model_validate(document | more), stated_at)

    @cached_property
    def body(self) -> bytes:
        """The body as the Gateway signs it."""
        timestamp = timestamp_text(self.snapshot.stated_at)
        identity = {"transactionId": "TRX_1", "smallcaseAuthId": "auth", "timestamp": timestamp}
        checksum = sign(SECRETS.api, timestamp, "auth")
        return json.dumps({**self.snapshot.document, **identity, "checksum": checksum}).encode()


PLACED, FILLING, DONE = Webhook("PLACED", 0, 1), Webhook("PLACED", 4, 2), Webhook("COMPLETE", 10, 3)
HISTORIES: Final = (
    (PLACED, DONE),
    (PLACED, FILLING, DONE),
    (PLACED, PLACED, DONE, DONE),
    (PLACED, FILLING, DONE, Webhook("PLACED", 0, 50)),
    (PLACED, Webhook("PLACED", 0, 1, variety="amo"), Webhook("PLACED", 0, 2), DONE),
    (PLACED, Webhook("PLACED", 0, 50), FILLING, Webhook("PLACED", 4, 1)),
    (PLACED, FILLING, Webhook("REJECTED", 0, 1), Webhook("PARTIAL", 4, 1), DONE),
)


def read_secrets(*, fresh: bool = False) -> GatewaySecrets:
    """The secrets that the webhooks are signed with."""
    return SECRETS


class Store:
    """The tables, with one transaction of which no orders are known."""

    def __init__(self) -> None:
        self.table = Table(("transactionId",))
        tables = {"T": self.table, "W": Table(("webhookId",)), "I": Table(("id",))}
        client: Any = DynamoDB(World(0, Rates(), (0,), story=False), tables, lambda *_: None)
        self.transactions = Transactions(client, "T", lambda attempt: None)
        self.service = IngestWebhook(
            transactions=self.transactions,
            webhooks=Webhooks(client, "W", timedelta(days=90)),
            webhook_counts=WebhookCounts(client, "I"),
            owner_of=lambda smallcase_auth_id: None,
            read_secrets=read_secrets,
            policy=POLICY,
            confirm=ConfirmPolicy.FINAL,
            clock=lambda: NOW,
        )
        self.table.items[("TRX_1",)] = to_attributes(mapper.to_item(factories.stored()))

    def ingest(self, webhooks: Sequence[Webhook]) -> list[IngestStatus]:
        """Ingest them in this order; the outcome of each."""
        outcomes = []
        for each in webhooks:
            ingested = self.service.ingest(each.body)
            if isinstance(ingested.verification, Accepted):
                assert ingested.verification.snapshot == each.snapshot
            outcomes.append(ingested.status)
        return outcomes

    @property
    def now(self) -> Transaction:
        """The transaction as it is."""
        found = self.transactions.get("TRX_1")
        assert found is not None
        return found

    @property
    def stored_snapshot(self) -> bytes:
        """The stored bytes of its snapshot."""
        stored: bytes = of_attributes(self.table.items[("TRX_1",)])["snapshot"]
        return stored


def arrivals(history: Sequence[Webhook]) -> Iterator[tuple[Webhook, ...]]:
    """Every order in which a history can arrive."""
    yield from set(permutations(history))


def revision_of(webhook: Webhook) -> Revision:
    """The revision that a webhook states."""
    return webhook.snapshot.revision


@pytest.mark.parametrize("history", HISTORIES)
def test_every_order_of_arrival_ends_in_the_same_state(history: tuple[Webhook, ...]) -> None:
    """The stored revision is the maximum of all that were stated."""
    newest = max(history, key=revision_of)
    for order in arrivals(history):
        store = Store()
        store.ingest(order)
        assert store.now.revision == revision_of(newest)
        assert store.now.batch == newest.snapshot.batch
        assert store.stored_snapshot == encode(newest.snapshot.document)


@pytest.mark.parametrize("history", HISTORIES)
def test_every_duplicate_changes_nothing(history: tuple[Webhook, ...]) -> None:
    """Idempotent: no new version, nothing to publish."""
    for order in arrivals(history):
        store = Store()
        store.ingest(order)
        before = deepcopy(store.table.items)
        outcomes = store.ingest(history)
        assert store.table.items == before
        assert IngestStatus.ACCEPTED not in outcomes


@pytest.mark.parametrize("history", HISTORIES)
def test_state_never_goes_back(history: tuple[Webhook, ...]) -> None:
    """Monotone: the revision only grows, and the version counts what was accepted."""
    for order in arrivals(history):
        store, accepted = Store(), 0
        last: Revision | None = None
        for each in order:
            accepted += store.ingest([each]) == [IngestStatus.ACCEPTED]
            revision = store.now.revision
            assert revision is not None
            assert last is None or revision >= last
            last = revision
        assert store.now.version == 1 + accepted


def test_grouping_does_not_matter() -> None:
    """Associative: merging two merged halves is merging all, for every way to halve every history."""
    for history in HISTORIES:
        for sides in product([False, True], repeat=len(history)):
            newest = []
            for side in (False, True):
                store = Store()
                store.ingest([each for each, where in zip(history, sides, strict=True) if where == side])
                shown = store.now
                newest += [each for each in history if revision_of(each) == shown.revision]
            store = Store()
            store.ingest(newest)
            assert store.now.revision == max(map(revision_of, history))


def test_same_content_stated_later_moves_only_the_revision() -> None:
    """No new version and no event, but a later retry of something older cannot overtake it."""
    store = Store()
    later = Webhook("PLACED", 0, 50)
    assert store.ingest([PLACED, later]) == [IngestStatus.ACCEPTED, IngestStatus.DUPLICATE]
    assert store.now.version == 2
    assert store.now.revision == revision_of(later)
    before = deepcopy(store.table.items)
    assert store.ingest([Webhook("PLACED", 0, 40, variety="amo")]) == [IngestStatus.STORED]
    assert store.table.items == before
