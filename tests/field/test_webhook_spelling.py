"""A genuine webhook in another spelling or encoding is never rejected."""

import base64
import json

import pytest

from tests.field.documents import batch, order
from tests.field.harness import Field


@pytest.mark.parametrize(
    "timestamp",
    [
        pytest.param(
            timestamp,
            id=name,
        )
        for name, timestamp in (
            ("no_milliseconds", "2026-01-15T04:00:00Z"),
            ("offset_in_place_of_z", "2026-01-15T04:00:00.000+00:00"),
            ("microseconds", "2026-01-15T04:00:00.000000Z"),
        )
    ],
)
def test_genuine_webhook_is_accepted_with_any_timestamp_spelling(field: Field, timestamp: str) -> None:
    """The HMAC is checked over the characters received, so the spelling of the timestamp rejects no genuine webhook."""
    transaction_id = field.create()
    placed = batch(order())
    field.gateway.holds(transaction_id, "PROCESSING", placed)
    response = field.post_webhook(json.dumps(field.webhook_body(transaction_id, placed, timestamp)))
    assert response.status == 200, response.text


@pytest.mark.parametrize(
    ("mark", "base64_encoded"),
    [
        pytest.param("", True, id="base64"),
        pytest.param(
            "\ufeff",
            False,
            id="byte_order_mark",
        ),
        pytest.param(
            "\ufeff",
            True,
            id="byte_order_mark_in_base64",
        ),
    ],
)
def test_genuine_webhook_is_accepted_in_any_encoding(field: Field, mark: str, base64_encoded: bool) -> None:
    """A genuine webhook is accepted as text or base64, with a leading byte order mark or without."""
    transaction_id = field.create()
    placed = batch(order())
    field.gateway.holds(transaction_id, "PROCESSING", placed)
    body = mark + json.dumps(field.webhook_body(transaction_id, placed))
    sent = base64.b64encode(body.encode()).decode() if base64_encoded else body
    response = field.post_webhook(sent, base64_encoded=base64_encoded)
    assert response.status == 200, response.text
