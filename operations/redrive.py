"""`python -m operations.redrive`: give what waits in the dead-letter queues another try, once its cause is gone.

A message leaves its dead-letter queue only after what it asks for was handed on; what fails again stays there. The same
for the record batches in the bucket of discarded records. A message that comes back again and again is handed on three
times, and after that only by name (`operations.dead_letters`).
"""

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from operations import discarded_records
from operations import stage as stages
from operations.stage import Stage
from securities_transactions.domain.decimal_json import dumps, loads
from securities_transactions.events.dead_letters import opened
from securities_transactions.events.publisher import Entry, entry, publish_all
from securities_transactions.services.publish_updates import Update, latest_of, update_of
from securities_transactions.services.pull_queue import message_of
from securities_transactions.storage.dynamodb import of_attributes

# What lies in these queues is sent to the queue it came from as it is.
_REDRIVEN: Final = ("FinalReports", "Pull", "Updates", "Positions", "Notifier")
# The dead-letter queues, as the stack's outputs begin.
QUEUES: Final = (*_REDRIVEN, "Publish", "Bus")
# How often a message is handed on: after that it is taken for poison.
RETRIES: Final = 3
_ATTRIBUTE: Final = "retries"


@dataclass
class Result:
    """The result for the messages of one queue, or for the record batches in the bucket.

    `poison` were handed on so often before that they wait for an operator.
    """

    handed_on: int = 0
    failed: int = 0
    poison: int = 0


def redrive(stage: Stage) -> dict[str, Result]:
    """Redrive the bucket and every dead-letter queue of the stage. Returns the outcome of each, by its output's name.

    The bucket is first, because an unreadable record in it goes to a queue.
    """
    outputs = stage.outputs
    queues = {f"{name}DeadLetterQueueUrl": name for name in QUEUES}
    buckets = {name: _drain_bucket(stage, outputs[name]) for name in ("DiscardedRecordsBucket",) if name in outputs}
    return buckets | {name: _drain(stage, outputs[name], queue) for name, queue in queues.items() if name in outputs}


def hand_on(stage: Stage, queue: str, message: Mapping[str, Any]) -> None:
    """Do what a message of the dead-letter queue of `queue` asks for; raises where that fails again."""
    body = message["Body"]
    match queue:
        case "Publish":
            _published(stage, body)
        case "Bus":
            _put(stage, [put_again(loads(body), stage.outputs["EventBusName"])])
        case _:
            _sent(stage, stage.outputs[f"{queue}QueueUrl"], body, retries_of(message) + 1)


def retries_of(message: Mapping[str, Any]) -> int:
    """Return the count of earlier tries of a message: its attribute goes with it when SQS moves it back."""
    text = message.get("MessageAttributes", {}).get(_ATTRIBUTE, {}).get("StringValue", "0")
    return int(text) if text.isdigit() else 0


def put_again(event: Mapping[str, Any], bus: str) -> Entry:
    """The entry for an event that the bus accepted and could not encrypt or decrypt. Its `eventId` stays the same."""
    return {
        "Source": event["source"],
        "DetailType": event["detail-type"],
        "Detail": dumps(event["detail"]),
        "EventBusName": bus,
    }


def _sent(stage: Stage, queue: str, body: str, retries: int = 0) -> None:
    counted: Any = {_ATTRIBUTE: {"DataType": "Number", "StringValue": str(retries)}}
    stage.sqs.send_message(QueueUrl=queue, MessageBody=body, **({"MessageAttributes": counted} if retries else {}))


def _published(stage: Stage, body: str) -> None:
    """Publish a message that the publisher set aside: an unreadable record, or an event that the bus rejected.

    An unreadable record may also request a pull. Raises `PublishError` if the bus still rejects the event.
    """
    message = opened(body)
    update = _set_aside(stage, message)
    if update.pull is not None:
        queue = "FinalReportsQueueUrl" if update.pull.final else "PullQueueUrl"
        _sent(stage, stage.outputs[queue], message_of(update.pull))
    bus = stage.outputs["EventBusName"]
    entries: list[Entry] = [entry(each, bus) for each in update.events]
    if not entries and "entry" in message:
        entries = [message["entry"] | {"EventBusName": bus}]
    _put(stage, entries)


def _put(stage: Stage, entries: list[Entry]) -> None:
    publish_all(stage.events, entries, lambda attempt: time.sleep(0.2 * 2**attempt))


def _set_aside(stage: Stage, message: Mapping[str, Any]) -> Update:
    """The update of a set-aside message, built again by the current code, because the old code may have been the cause.

    A message that is too large for its record has the key of the item. Then the current state of the item is published.
    """
    update = update_of(message["record"]) if "record" in message else _stored(stage, message["key"])
    if "detailType" not in message:
        return update
    # If the bus rejected one event, the other events of its record were published and its pull was requested.
    own = [each for each in update.events if "record" not in message or each.eventId == message["eventId"]]
    return Update(own)


def _stored(stage: Stage, key: Mapping[str, str]) -> Update:
    [(name, value)] = key.items()
    table = stage.outputs["WebhooksTable" if name == "webhookId" else "TransactionsTable"]
    answer = stage.dynamodb.get_item(TableName=table, Key={name: {"S": value}}, ConsistentRead=True)
    if "Item" not in answer:
        raise LookupError("the set-aside record was too large to keep, and its item no longer exists")
    return latest_of(of_attributes(answer["Item"]))


def _drain_bucket(stage: Stage, bucket: str) -> Result:
    result = Result()
    for key in discarded_records.keys(stage.s3, bucket):
        try:
            discarded_records.publish(stage, discarded_records.read(stage.s3, bucket, key))
        except Exception as error:  # it stays in the queue, is reported, and the others are tried
            print(f"{key} stays: {type(error).__name__}: {error}", file=sys.stderr)
            result.failed += 1
            continue
        stage.s3.delete_object(Bucket=bucket, Key=key)
        result.handed_on += 1
    return result


def _drain(stage: Stage, url: str, queue: str) -> Result:
    result = Result()
    while True:
        # Failed messages are hidden until the end of this run.
        answer = stage.sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=1,
            VisibilityTimeout=600,
            MessageAttributeNames=["All"],
        )
        messages = answer.get("Messages", [])
        if not messages:
            return result
        for message in messages:
            if retries_of(message) >= RETRIES:
                print(f"{message['MessageId']} stays: it was handed on {RETRIES} times", file=sys.stderr)
                result.poison += 1
                continue
            try:
                hand_on(stage, queue, message)
            except Exception as error:  # it stays in place and is reported, and the others are tried
                print(f"{message['MessageId']} stays: {type(error).__name__}: {error}", file=sys.stderr)
                result.failed += 1
                continue
            stage.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            result.handed_on += 1


def main(arguments: list[str]) -> int:
    """Returns 0 if no messages are left, 1 if some failed again."""
    stage = stages.of(stages.parser(__doc__).parse_args(arguments))
    try:
        results = redrive(stage)
    except (BotoCoreError, ClientError) as error:
        print(f"{stage.name} cannot be reached: {error}", file=sys.stderr)
        return 1
    for name, result in results.items():
        what = name.removesuffix("DeadLetterQueueUrl").removesuffix("Bucket").lower()
        poison = f", {result.poison} wait for an operator (make dead-letters)" if result.poison else ""
        print(f"{what}: {result.handed_on} handed on, {result.failed} failed{poison}")
    return 1 if any(result.failed or result.poison for result in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
