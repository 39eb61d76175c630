"""The samples in events/ match the real events of the functions."""

import json
from pathlib import Path

import pytest

from securities_transactions.domain.order_config import NewTransaction
from securities_transactions.domain.order_reading import batch_of
from securities_transactions.domain.statuses import Status
from securities_transactions.http.request import Request
from securities_transactions.services import publish_updates

ROOT = Path(__file__).parents[3]
FUNCTIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))


def sample(name: str) -> dict[str, object]:
    loaded: dict[str, object] = json.loads((ROOT / "events" / f"{name}.json").read_text())
    return loaded


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_has_a_sample_event(name: str) -> None:
    assert sample(name)


def test_the_create_sample_is_a_valid_request_of_a_signed_in_user() -> None:
    request = Request(sample("create_transaction"))

    assert request.parse(NewTransaction).securities[0].ticker == "INFY"
    assert request.caller("securities-transactions:service").user_id == "user-42"


def test_the_webhook_sample_is_a_batch_of_orders() -> None:
    body = json.loads(Request(sample("ingest_webhook")).raw(100_000))

    assert batch_of(body).status_of_orders == Status.PLACED


def test_the_stream_sample_publishes_progress_and_requests_a_pull() -> None:
    """A reported final state is published as progress, never as settled, and is to be confirmed."""
    records = sample("publish_updates")["Records"]
    assert isinstance(records, list)

    update = publish_updates.update_of(records[0])

    assert [event.detail_type for event in update.events] == ["OrdersProgressed"]
    assert update.pull is not None
    assert (update.pull.transaction_id, update.pull.final) == ("TRX_0123456789abcdef0123456789abcdef", True)
