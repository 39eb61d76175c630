"""`python -m operations.redrive`: give what waits in the dead-letter queues another try, once its cause is gone.

A message leaves its dead-letter queue only after what it asks for was handed on; what fails again stays there.
"""

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from operations import stage as stages
from operations.stage import Stage
from securities_transactions.domain.decimal_json import dumps, loads
from securities_transactions.domain.stored_webhook import KeptWebhook
from securities_transactions.domain.transaction import Transaction
from securities_transactions.events.builder import latest
from securities_transactions.events.dead_letters import opened
from securities_transactions.events.publisher import Entry, entry, publish_all
from securities_transactions.events.schemas import Published, detail_of
from securities_transactions.services.publish_updates import events_of, of_kept
from securities_transactions.storage.dynamodb import of_attributes


@dataclass
class Result:
    """What became of the messages of one queue."""

    handed_on: int = 0
    failed: int = 0


def redrive(stage: Stage) -> dict[str, Result]:
    """Redrive every dead-letter queue that the stage has; what became of each, by the name of its output."""
    outputs = stage.outputs

    def send(queue: str) -> Callable[[str], None]:
        return lambda body: _sent(stage, outputs[queue], body)

    hands: dict[str, Callable[[str], None]] = {
        "ReconcileDeadLetterQueueUrl": lambda body: send("ReconcileQueueUrl")(asked(loads(body))),
        **{f"{name}DeadLetterQueueUrl": send(f"{name}QueueUrl") for name in ("Updates", "Positions", "Notifier")},
        "PublishDeadLetterQueueUrl": lambda body: _published(stage, body),
    }
    return {name: _drain(stage, outputs[name], hand_on) for name, hand_on in hands.items() if name in outputs}


def asked(message: Mapping[str, Any]) -> str:
    """What `reconcile` is asked: the message itself, or the detail of an event that its rule could not deliver."""
    return dumps(detail_of(message))


def _sent(stage: Stage, queue: str, body: str) -> None:
    stage.sqs.send_message(QueueUrl=queue, MessageBody=body)


def _published(stage: Stage, body: str) -> None:
    """Publish what the publisher set aside: a record that it could not read, or an event that the bus refused.

    Raises `PublishError` where the bus refuses it still.
    """
    publish_all(stage.events, _set_aside(stage, opened(body)), lambda attempt: time.sleep(0.2 * 2**attempt))


def _set_aside(stage: Stage, message: Mapping[str, Any]) -> list[Entry]:
    """The entries of what was set aside, made anew by today's code, for the cause may have been ours.

    A message too large for its record has the item's key: then it is where the item stands today that is published.
    """
    bus = stage.outputs["EventBusName"]
    if "record" in message:
        events = events_of(message["record"])
        # Of an event that the bus refused, its record's other events were published.
        events = [each for each in events if "detailType" not in message or each.eventId == message["eventId"]]
        found = [entry(each, bus) for each in events]
    else:
        found = [entry(each, bus) for each in _stored(stage, message["key"])]
    if not found and "entry" in message:
        return [message["entry"] | {"EventBusName": bus}]
    return found


def _stored(stage: Stage, key: Mapping[str, str]) -> list[Published]:
    [(name, value)] = key.items()
    table = stage.outputs["WebhooksTable" if name == "webhookId" else "TransactionsTable"]
    answer = stage.dynamodb.get_item(TableName=table, Key={name: {"S": value}}, ConsistentRead=True)
    if "Item" not in answer:
        raise LookupError("what was set aside was too large to keep, and its item is gone")
    item = of_attributes(answer["Item"])
    return of_kept(KeptWebhook.of_item(item)) if name == "webhookId" else latest(Transaction.of_item(item))


def _drain(stage: Stage, queue: str, hand_on: Callable[[str], None]) -> Result:
    result = Result()
    while True:
        # What failed is not seen again before this has ended.
        answer = stage.sqs.receive_message(
            QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1, VisibilityTimeout=600
        )
        messages = answer.get("Messages", [])
        if not messages:
            return result
        for message in messages:
            try:
                hand_on(message["Body"])
            except Exception as error:  # it stays where it is, is told, and the others are tried
                print(f"{message['MessageId']} stays: {type(error).__name__}: {error}", file=sys.stderr)
                result.failed += 1
                continue
            stage.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            result.handed_on += 1


def main(arguments: list[str]) -> int:
    """0 where nothing is left, 1 where something failed again."""
    stage = stages.of(stages.parser(__doc__).parse_args(arguments))
    try:
        results = redrive(stage)
    except (BotoCoreError, ClientError) as error:
        print(f"{stage.name} cannot be reached: {error}", file=sys.stderr)
        return 1
    for name, result in results.items():
        print(
            f"{name.removesuffix('DeadLetterQueueUrl').lower()}: {result.handed_on} handed on, {result.failed} failed"
        )
    return 1 if any(result.failed for result in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
