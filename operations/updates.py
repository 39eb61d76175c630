"""The updates queue, read as a system of the operator's own would read it."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# An EventBridge event as delivered: id, detail-type, source, time, detail … Fractions are `Decimal`.
Event = dict[str, Any]


@dataclass
class Updates:
    """Every event received so far, in the order of arrival. A redelivered event appears twice."""

    sqs: "SQSClient"
    queue_url: str
    received: list[Event] = field(default_factory=list)

    def poll(self, wait_seconds: int = 0) -> list[Event]:
        """Receive the events that have arrived, waiting up to `wait_seconds`."""
        answer = self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=wait_seconds)
        messages = answer.get("Messages", [])
        arrived: list[Event] = []
        for message in messages:
            arrived.append(json.loads(message["Body"], parse_float=Decimal))
            self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
        self.received += arrived
        return arrived

    def of(self, transaction_id: str) -> list[Event]:
        """The events of one transaction received so far."""
        return [event for event in self.received if event["detail"].get("transactionId") == transaction_id]

    def arriving(self, transaction_id: str, timeout: float) -> Iterator[Event]:
        """The events of one transaction, those already received first, for up to `timeout` seconds."""
        deadline = time.monotonic() + timeout
        given = 0
        while True:
            known = self.of(transaction_id)
            yield from known[given:]
            given = len(known)
            if time.monotonic() > deadline:
                return
            if not self.poll():
                time.sleep(0.05)

    def wait_for(self, transaction_id: str, condition: Callable[[Event], bool], timeout: float = 30) -> Event:
        """The first event of the transaction that meets `condition`. Raises `TimeoutError` with the received events."""
        for event in self.arriving(transaction_id, timeout):
            if condition(event):
                return event
        came = [f"{e['detail-type']} {e['detail'].get('status')}" for e in self.of(transaction_id)]
        raise TimeoutError(f"no such event of {transaction_id} in {timeout:g} s; received: {', '.join(came) or 'none'}")
