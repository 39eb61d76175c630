"""DynamoDB in memory, which the tests and the simulation stand on, answers as moto's does, which others wrote."""

import random
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.dynamodb.operations import Operations
from tests.dynamodb.second import Differs, TwoDynamoDBs, empty_tables, moto, two_dynamodbs
from tests.matrix.cell import NEVER, Cell, End
from tests.matrix.walk import walk
from tests.simulation.world import Rates, World

pytestmark = pytest.mark.long

USER = {"notes": {"S": "user-42"}}


@pytest.fixture(autouse=True)
def moto_stands_in() -> Iterator[None]:
    """Moto replaces botocore's calls in the whole process: no longer than a test of this file lasts."""
    with moto().standing_in():
        yield


@pytest.mark.parametrize("seed", range(20))
def test_random_calls_have_equal_answers_and_leave_equal_items(seed: int) -> None:
    operations = Operations(random.Random(seed))
    with two_dynamodbs() as client:
        for _ in range(40):
            operation, arguments = operations.call()
            try:
                getattr(client, operation)(**arguments)
            except ClientError:
                continue  # both refused it, for the same reason


@pytest.mark.parametrize(
    "cell",
    [
        Cell("order", "executed"),
        Cell("order", "executed, without webhooks", faults=NEVER, has_webhooks=False),
        Cell("order", "partly placed", confirm={"scenario": "partly_placed"}),
        Cell("order", "reconciled", confirm={"scenario": "unknown_reconciled"}, besides=frozenset({"OrdersUnknown"})),
        Cell("order", "cancelled", confirm={"scenario": "amo_cancelled"}),
        Cell("order", "not confirmed", confirms=False, closes=True, end=End.FAILED),
        Cell("webhooks", "final first", faults={"webhooks": {"finalFirst": True}}),
        Cell("webhooks", "twice", faults={"webhooks": {"duplicated": 1}}),
    ],
    ids=lambda cell: cell.name,
)
def test_storage_does_the_same_over_both(cell: Cell) -> None:
    """Every call that handlers and consumers make on the way of an order, the conditions and the index included."""
    outcome = walk(cell, TwoDynamoDBs)
    assert outcome.fault is None, str(outcome)


def test_pages_of_a_query_are_the_same(two: TwoDynamoDBs) -> None:
    for number in range(7):
        two.put_item(TableName="Users", Item={**USER, "entry": {"S": f"transaction#{number}"}})
    for forward in (True, False):
        start: Mapping[str, Any] = {}
        seen = []
        for _ in range(4):
            page = two.query(
                TableName="Users",
                KeyConditionExpression="notes = :notes AND begins_with(entry, :prefix)",
                ExpressionAttributeValues={":notes": USER["notes"], ":prefix": {"S": "transaction#"}},
                ScanIndexForward=forward,
                Limit=2,
                **start,
            )
            seen += [item["entry"]["S"][-1] for item in page["Items"]]
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]} if "LastEvaluatedKey" in page else {}
            if not start:
                break
        assert seen == sorted("0123456", reverse=not forward)


_KEY = {"transactionId": {"S": "TRX_1"}}
_PUT = {"Put": {"TableName": "Transactions", "Item": _KEY}}
_OF_THE_KEY = {
    "UpdateExpression": "SET transactionId = :other",
    "ExpressionAttributeValues": {":other": {"S": "TRX_2"}},
}
REFUSED: Mapping[str, tuple[str, dict[str, Any]]] = {
    "an item of more than 400 KB": ("put_item", {"Item": {**_KEY, "payload": {"S": "x" * 409_600}}}),
    "a partition key of more than 2,048 bytes": ("put_item", {"Item": {"transactionId": {"S": "x" * 2_049}}}),
    "an empty key": ("put_item", {"Item": {"transactionId": {"S": ""}}}),
    "an empty key of the index": ("put_item", {"Item": {**_KEY, "checkShard": {"S": ""}, "nextCheckAt": {"S": "1"}}}),
    "an update of the key": ("update_item", {"Key": _KEY, **_OF_THE_KEY}),
    "an attribute written twice": (
        "update_item",
        {
            "Key": _KEY,
            "UpdateExpression": "SET a = :one, a = :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        },
    ),
    "a text counted up": (
        "update_item",
        {
            "Key": {"transactionId": {"S": "TRX_text"}},
            "UpdateExpression": "SET a = a + :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        },
    ),
    "an absent attribute counted up": (
        "update_item",
        {"Key": _KEY, "UpdateExpression": "SET a = a + :one", "ExpressionAttributeValues": {":one": {"N": "1"}}},
    ),
    "two actions on one item": ("transact_write_items", {"TransactItems": [_PUT, _PUT]}),
    "a hundred and one actions": (
        "transact_write_items",
        {
            "TransactItems": [
                {"Put": {"TableName": "Webhooks", "Item": {"webhookId": {"S": str(number)}}}} for number in range(101)
            ]
        },
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_both_refuse_what_is_beyond_a_limit(case: str, two: TwoDynamoDBs) -> None:
    operation, arguments = REFUSED[case]
    two.put_item(TableName="Transactions", Item={"transactionId": {"S": "TRX_text"}, "a": {"S": "x"}})
    table = {} if operation == "transact_write_items" else {"TableName": "Transactions"}
    with pytest.raises(ClientError) as refusal:
        getattr(two, operation)(**table, **arguments)
    assert refusal.value.response["Error"]["Code"] == "ValidationException"


class OneThatForgetsConditions(TwoDynamoDBs):
    """Ours with a bug: no condition is looked at."""

    @staticmethod
    def _holds(*_: Any) -> bool:
        return True


def test_difference_is_noticed() -> None:
    client = OneThatForgetsConditions(World(1, Rates(), (0,), story=False), empty_tables(), lambda *_: None)
    with pytest.raises(Differs):
        client.put_item(TableName="Transactions", Item=_KEY, ConditionExpression="attribute_exists(transactionId)")


@pytest.fixture
def two() -> Any:
    """A client over empty tables, whose items are compared after the test."""
    with two_dynamodbs() as client:
        yield client
