"""Operators stop creating transactions without a deployment: apps get 503, and everything else goes on."""

from typing import Any

import pytest

from securities_transactions.storage.brakes import Brakes
from tests.unit.functions.harness import Rig


@pytest.fixture
def brakes(rig: Rig) -> Brakes:
    client: Any = rig.dynamodb
    return Brakes(client, "Idempotency")


def test_stopped_create_is_answered_503_and_the_gateway_is_not_called(rig: Rig, brakes: Brakes) -> None:
    assert rig.create().status == 201
    brakes.set("creates", "the broker's incident", rig.world.clock())
    answer = rig.create()
    assert (answer.status, answer.problem, answer.headers["retry-after"]) == (503, "unavailable", "60")
    assert answer.body["detail"] == "operators have stopped creating transactions; try again later"
    assert len(rig.gateway.created) == 1
    brakes.release("creates")
    assert rig.create().status == 201


def test_reads_and_replays_go_on_while_creates_are_stopped(rig: Rig, brakes: Brakes) -> None:
    created = rig.create(key="once")
    brakes.set("creates", "the broker's incident", rig.world.clock())
    replayed = rig.create(key="once")
    assert (replayed.status, replayed.body["transactionId"]) == (201, created.body["transactionId"])
    assert rig.call("GET /orders").status == 200


def test_brake_outlives_the_day_and_says_why(rig: Rig, brakes: Brakes) -> None:
    """The table's TTL deletes what has an expiration: a brake has none."""
    assert brakes.reason("creates") is None
    brakes.set("creates", "the broker's incident", rig.world.clock())
    assert brakes.reason("creates") == "the broker's incident, since 2026-01-15T04:00:00.000Z"
    [item] = [each for key, each in rig.tables["Idempotency"].items.items() if key == ("brake#creates",)]
    assert "expiration" not in item
