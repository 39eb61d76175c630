"""The Gateway gives an expiry in another unit: an expiry before creation is not used as it stands."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.field.harness import Field


@pytest.mark.parametrize(
    "spelled",
    [
        pytest.param(
            lambda seconds: seconds,
            id="epoch_seconds",
        ),
        pytest.param(
            str,
            id="epoch_seconds_as_text",
        ),
        pytest.param(lambda seconds: seconds * 1000, id="epoch_milliseconds"),
    ],
)
def test_transaction_stays_open_until_its_expiry_in_any_unit(field: Field, spelled: Callable[[int], Any]) -> None:
    """A transaction is not FAILED while the user is on the Gateway's screen, with any unit of expireAt."""
    field.gateway.expire_at = spelled(int(field.now().timestamp()) + 900)
    transaction_id = field.create()
    field.gateway.holds(transaction_id, "INITIALIZED")
    field.later(minutes=5)
    shown = field.transaction(transaction_id)
    assert shown["status"] == "CREATED", f"expireAt {field.gateway.expire_at!r} is shown as {shown['expireAt']}"
