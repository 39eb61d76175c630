"""A proxy responds instead of the Gateway: only a response in the Gateway's own envelope is its refusal."""

from typing import Any

import httpx
import pytest

from tests.field.documents import batch, completed_batch, filled_order, order
from tests.field.harness import Field, rupees

ELSEWHERE = {"location": "https://x.example.test/"}


@pytest.mark.parametrize(
    ("status", "more"),
    [
        pytest.param(503, {"text": "<html>busy</html>"}, id="503"),
        pytest.param(
            404,
            {"text": "<html>nginx</html>"},
            id="404_with_html",
        ),
        pytest.param(
            308,
            {"headers": ELSEWHERE},
            id="308",
        ),
        pytest.param(
            301,
            {"headers": ELSEWHERE, "text": "<html>"},
            id="301_with_html",
        ),
    ],
)
def test_create_without_the_gateways_own_response_is_unavailable(
    field: Field, status: int, more: dict[str, Any]
) -> None:
    """A response without the Gateway's envelope is answered as unavailable, not as a refusal."""
    field.gateway.response = httpx.Response(status, **more)
    response = field.post_transaction(quantity=1)
    assert response.status in (502, 503), response.text


def test_refusal_with_its_errors_as_one_text_keeps_its_reason(field: Field) -> None:
    """A refusal whose `errors` is one text instead of a list is answered with that text."""
    field.gateway.response = httpx.Response(400, json={"success": False, "errors": "FOO is not tradable"})
    response = field.post_transaction(quantity=1)
    assert "not tradable" in response.body["detail"], response.text


@pytest.mark.parametrize(
    "status",
    [
        pytest.param(503, id="503_with_html"),
        pytest.param(
            404,
            id="404_with_html",
        ),
    ],
)
def test_pull_of_a_transaction_that_is_not_stored_is_repeated(field: Field, status: int) -> None:
    """A genuine webhook's transaction is pulled again after a response that is not the Gateway's."""
    transaction_id = "TRX_new"
    field.gateway.responses[transaction_id] = httpx.Response(status, text="<html>nginx</html>")
    field.webhook(transaction_id, batch(order()))
    reads = field.gateway.reads[transaction_id]
    field.later(minutes=15)
    assert field.gateway.reads[transaction_id] > reads

    del field.gateway.responses[transaction_id]
    field.gateway.holds(transaction_id, "COMPLETED", completed_batch(filled_order()))
    field.later(minutes=15)
    assert field.knows(transaction_id)
    assert field.booked == rupees(10, "15000.00")
