"""Calls are recorded under IAM's name for them, for the function that makes them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.application import ENVIRONMENT, FakeClients
from tests.recorded_calls import RecordedClients, made_by, save

KEY = {"transactionId": {"S": "TRX_1"}}


class Anything:
    """A client that answers every call."""

    def __getattr__(self, name: str) -> Any:
        return lambda **arguments: {}

    def get_paginator(self, method: str) -> Any:
        """A paginator that finds no pages."""
        return type("Paginator", (), {"paginate": lambda self, **arguments: []})()


@pytest.fixture
def clients() -> Any:
    """Recorded clients over ones that answer anything."""
    fakes = FakeClients(dynamodb=Anything(), events=Anything(), secretsmanager=Anything(), sqs=Anything())
    return RecordedClients(fakes, ENVIRONMENT)


def recorded(function: str, tmp_path: Path) -> set[tuple[str, str, str | None, str | None]]:
    """Action, setting, index and beginning of the key of each call of a function."""
    save(tmp_path / "calls.jsonl")
    calls = map(json.loads, (tmp_path / "calls.jsonl").read_text().splitlines())
    return {
        (call["action"], call["setting"], call["index"], call["leading_key"])
        for call in calls
        if call["function"] == function
    }


def test_a_dynamodb_transaction_is_recorded_as_its_writes(clients: Any, tmp_path: Path) -> None:
    with made_by("writes"):
        clients.dynamodb.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": "Users", "Item": {"notes": {"S": "user"}, "entry": {"S": "account#1"}}}},
                {"Delete": {"TableName": "Users", "Key": {"notes": {"S": "owner#1"}, "entry": {"S": "owner"}}}},
                {"Update": {"TableName": "Transactions", "Key": KEY}},
                {"ConditionCheck": {"TableName": "Transactions", "Key": KEY}},
            ]
        )
    assert recorded("writes", tmp_path) == {
        ("dynamodb:PutItem", "USERS_TABLE", None, ""),
        ("dynamodb:DeleteItem", "USERS_TABLE", None, "owner#"),
        ("dynamodb:UpdateItem", "TRANSACTIONS_TABLE", None, ""),
        ("dynamodb:ConditionCheckItem", "TRANSACTIONS_TABLE", None, ""),
    }


def test_reads_are_recorded_with_their_index_and_key(clients: Any, tmp_path: Path) -> None:
    due = {"KeyConditionExpression": "checkShard = :shard", "ExpressionAttributeValues": {":shard": {"S": "1"}}}
    with made_by("reads"):
        clients.dynamodb.get_paginator("query").paginate(TableName="Transactions", IndexName="due", **due)
        clients.dynamodb.batch_get_item(RequestItems={"Transactions": {"Keys": [KEY]}})
        clients.dynamodb.get_item(TableName="Transactions", Key=KEY)
    assert recorded("reads", tmp_path) == {
        ("dynamodb:Query", "TRANSACTIONS_TABLE", "due", ""),
        ("dynamodb:BatchGetItem", "TRANSACTIONS_TABLE", None, ""),
        ("dynamodb:GetItem", "TRANSACTIONS_TABLE", None, ""),
    }


def test_messages_events_and_secrets_are_recorded(clients: Any, tmp_path: Path) -> None:
    with made_by("sends"):
        clients.sqs.send_message_batch(QueueUrl="pull queue", Entries=[])
        clients.events.put_events(Entries=[{"EventBusName": "bus"}])
        clients.secretsmanager.get_secret_value(SecretId="secret")
    assert recorded("sends", tmp_path) == {
        ("sqs:SendMessage", "PULL_QUEUE_URL", None, None),
        ("events:PutEvents", "EVENT_BUS", None, None),
        ("secretsmanager:GetSecretValue", "GATEWAY_SECRET_ARN", None, None),
    }


def test_operation_that_the_layer_lacks_is_an_error(clients: Any) -> None:
    """The layer has data of the operations in `trim.py` only, so the call would fail on AWS and nowhere else."""
    with made_by("errs"), pytest.raises(AssertionError, match="Scan is not in OPERATIONS"):
        clients.dynamodb.scan(TableName="Transactions")


def test_what_no_function_calls_is_not_recorded(clients: Any, tmp_path: Path) -> None:
    clients.dynamodb.get_item(TableName="Webhooks", Key={"webhookId": {"S": "1"}})
    assert all("dynamodb:GetItem" not in line or "WEBHOOKS" not in line for line in lines(tmp_path))


def test_a_table_that_no_setting_names_is_an_error(clients: Any) -> None:
    with made_by("errs"), pytest.raises(KeyError, match="Elsewhere"):
        clients.dynamodb.get_item(TableName="Elsewhere", Key=KEY)


def test_what_is_no_operation_is_passed_through(clients: Any) -> None:
    clients.dynamodb.client.tables = "tables"
    assert clients.dynamodb.tables == "tables"


def lines(tmp_path: Path) -> list[str]:
    """Every call recorded in this process."""
    save(tmp_path / "calls.jsonl")
    return (tmp_path / "calls.jsonl").read_text().splitlines()
