"""Operators stop creates and pulls of the running product, and take a dead letter in hand."""

import json
from datetime import UTC, datetime

import pytest

from operations import brake, dead_letters
from operations.stage import Stage
from tests.polling import eventually
from tools.local_stack.product import Product
from tools.local_stack.stack import NAME

ORDER = {"securities": [{"ticker": "INFY", "type": "BUY", "quantity": 1}]}


@pytest.fixture(scope="module")
def stage(product: Product) -> Stage:
    return Stage("local", product.aws.url, NAME)


def test_creates_are_stopped_and_go_on_without_a_deployment(product: Product, stage: Stage, user: str) -> None:
    brakes = brake.brakes_of(stage)
    with product.api(user) as api:
        brakes.set("creates", "a test", datetime.now(UTC))
        try:
            stopped = api.post("/transactions", json=ORDER)
            assert api.get("/orders").status_code == 200
            assert next(brake.lines_of(stage)).startswith("creates: stopped (a test, since ")
        finally:
            brakes.release("creates")
        assert (stopped.status_code, stopped.headers["retry-after"]) == (503, "60")
        assert api.post("/transactions", json=ORDER).status_code == 201


def test_pulls_are_paused_and_go_on_by_their_mapping(product: Product, stage: Stage) -> None:
    brake.pulls(stage, "off")
    try:
        assert {each["State"] for each in brake.mappings(stage)} <= {"Disabled", "Disabling"}
    finally:
        brake.pulls(stage, "on")
    assert {each["State"] for each in brake.mappings(stage)} <= {"Enabled", "Enabling"}


def test_dead_letter_is_listed_and_dropped(product: Product, stage: Stage, user: str) -> None:
    url = stage.outputs["PullDeadLetterQueueUrl"]
    stage.sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"transactionId": f"TRX_{user}"}))

    def mine() -> list[dead_letters.DeadLetter]:
        return [each for each in dead_letters.waiting(stage, datetime.now(UTC)) if each.transaction_id == f"TRX_{user}"]

    [letter] = eventually(mine)
    assert dead_letters.drop(stage, letter.message_id, datetime.now(UTC)).queue == "Pull"
    assert mine() == []
