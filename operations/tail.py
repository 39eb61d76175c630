"""`python -m operations.tail`: print the events of a running product, one line each and one per order.

It creates its own rule and queue for as long as it runs, so it takes no events from other consumers.
"""

import contextlib
import json
import signal
import sys
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final, NoReturn

from botocore.exceptions import BotoCoreError, ClientError

from operations import stage as stages
from operations.stage import Stage
from operations.timeline import lines_of
from operations.updates import Event
from securities_transactions.events.schemas import SOURCE

_DIM, _PLAIN = "\x1b[2m", "\x1b[0m"
_WAIT_SECONDS: Final = 5


def pattern(notes: str | None = None, transaction: str | None = None, state: str | None = None) -> dict[str, Any]:
    """The EventBridge pattern for public events of a user, of a transaction, or in a state. `None` matches any.

    `state` is a derived status (COMPLETED), the status of any order (REJECTED) or an event type (OrdersSettled).
    """
    detail: dict[str, Any] = {"schemaVersion": [{"exists": True}]}
    if notes:
        detail["notes"] = [notes]
    if transaction:
        detail["transactionId"] = [transaction]
    if not state:
        return {"source": [SOURCE], "detail": detail}
    if not state.isupper():
        return {"source": [SOURCE], "detail-type": [state], "detail": detail}
    either = [{"status": [state]}, {"orders": {"status": [state]}}, {"unplaced": {"status": [state]}}]
    return {"source": [SOURCE], "detail": {**detail, "$or": either}}


def told(event: Event) -> list[str]:
    """An event as lines: time, user, transaction and event, then each changed order."""
    detail = event["detail"]
    head, *rest = lines_of(event)
    subject = " ".join(str(detail[name]) for name in ("notes", "transactionId") if detail.get(name))
    replay = "  (replay)" if event.get("replay-name") else ""
    return [f"{str(detail['occurredAt'])[11:23]}  {subject}  {head}{replay}", *(f"{' ' * 12}{line}" for line in rest)]


@contextlib.contextmanager
def following(stage: Stage, wanted: dict[str, Any]) -> Iterator[Iterator[Event]]:
    """The events that match the pattern `wanted` from now on, without end."""
    name = f"securities-transactions-tail-{uuid.uuid4().hex[:12]}"
    bus = stage.outputs["EventBusName"]
    with contextlib.ExitStack() as made:
        queue = stage.sqs.create_queue(QueueName=name, Attributes={"MessageRetentionPeriod": "3600"})["QueueUrl"]
        made.callback(stage.sqs.delete_queue, QueueUrl=queue)
        arn = stage.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        rule = stage.events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps(wanted))["RuleArn"]
        made.callback(stage.events.delete_rule, Name=name, EventBusName=bus)
        allowed = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        stage.sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
        stage.events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "tail", "Arn": arn}])
        made.callback(stage.events.remove_targets, Rule=name, EventBusName=bus, Ids=["tail"])
        yield _arriving(stage, queue)


def _arriving(stage: Stage, queue: str) -> Iterator[Event]:
    while True:
        answer = stage.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=_WAIT_SECONDS)
        for message in answer.get("Messages", []):
            yield json.loads(message["Body"], parse_float=Decimal)
            stage.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])


def main(arguments: list[str]) -> int:
    """Returns 0 when interrupted, 1 if the stage cannot be followed."""
    parser = stages.parser(__doc__)
    parser.add_argument("--notes", help="only this user's")
    parser.add_argument("--transaction", help="only this transaction's")
    parser.add_argument("--state", help="only in this state (COMPLETED, REJECTED) or of this type (OrdersSettled)")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupted)
    try:
        with following(stages.of(options), pattern(options.notes, options.transaction, options.state)) as events:
            print(f"following {options.stage}; Ctrl-C ends it", file=sys.stderr, flush=True)
            for event in events:
                head, *rest = told(event)
                print(head, *(f"{_DIM}{line}{_PLAIN}" if sys.stdout.isatty() else line for line in rest), sep="\n")
                sys.stdout.flush()
    except KeyboardInterrupt:
        return 0
    except (BotoCoreError, ClientError) as error:
        print(f"{options.stage} cannot be followed: {error}", file=sys.stderr)
        return 1
    return 0


def _interrupted(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
