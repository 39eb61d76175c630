"""The record of the pace: each change by a writer that has seen the one before."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError

from securities_transactions.domain.pace import Pace
from securities_transactions.storage.paces import Paces
from tests.strict_messaging import refused_call
from tests.unit.functions.harness import Rig

NOW: Final = datetime(2026, 1, 15, 10, 0, tzinfo=UTC)


def paces() -> Paces:
    client: Any = Rig().dynamodb
    return Paces(client, "Idempotency")


@pytest.mark.parametrize(
    "pace",
    [
        Pace(3.0, None, None, 1),
        Pace(1.875 / 3, 2.0 / 3, None, 1),
        Pace(2.0**-5, None, NOW + timedelta(seconds=90.5), 1, NOW),
    ],
)
def test_pace_is_read_as_it_was_stored(pace: Pace) -> None:
    stored = paces()
    assert stored.read() == Pace()
    assert stored.replace(Pace(), pace, NOW)
    assert stored.read() == pace


def test_change_by_a_writer_that_has_not_seen_the_one_before_is_not_made() -> None:
    stored, first = paces(), Pace().grown()
    assert stored.replace(Pace(), first, NOW)
    assert not stored.replace(Pace(), Pace().halved(NOW), NOW)
    assert stored.replace(first, first.halved(NOW), NOW)
    assert stored.read() == first.halved(NOW)


def test_record_is_gone_before_the_next_trading_day() -> None:
    """Then the pace begins low again: what the Gateway bore yesterday proves nothing."""
    stored = paces()
    stored.replace(Pace(), Pace().grown(), NOW)
    client: Any = stored.client
    [item] = client.tables["Idempotency"].items.values()
    assert int(item["expiration"]["N"]) == int((NOW + timedelta(hours=12)).timestamp())


def test_any_other_refusal_of_the_write_is_raised() -> None:
    stored = paces()
    client: Any = stored.client
    client.failing = {"PutItem": refused_call("PutItem", "ThrottlingException")}
    with pytest.raises(ClientError):
        stored.replace(Pace(), Pace().grown(), NOW)
