"""The queues of requests to pull: what publish_updates, check_due and reconcile send, and reconcile receives.

Requests for final states have a queue of their own, so that they do not wait behind suspicions and checks.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from securities_transactions.domain.decimal_json import dumps
from securities_transactions.domain.pull_request import PullRequest
from securities_transactions.domain.times import parse_time, timestamp_text

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

_MOST_ENTRIES: Final = 10
# SQS delays no message for longer.
MOST_DELAY: Final = timedelta(minutes=15)


class SendError(Exception):
    """The queue rejected some of the messages."""


class PullQueue:
    """The queue at `url`."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self.client = client
        self.url = url

    def depth(self) -> int:
        """About how many messages wait in the queue."""
        response = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=["ApproximateNumberOfMessages"])
        return int(response["Attributes"]["ApproximateNumberOfMessages"])

    def send(self, requests: Iterable[PullRequest], delay: timedelta = timedelta()) -> int:
        """Send a message for each request, to be received after `delay`, or 15 minutes if that is less; returns how
        many. `SendError` once all were tried and some were refused."""
        left = iter(requests)
        count = refused = 0
        seconds = math.ceil(min(max(delay, timedelta()), MOST_DELAY).total_seconds())
        while chunk := list(islice(left, _MOST_ENTRIES)):
            response = self.client.send_message_batch(
                QueueUrl=self.url,
                Entries=[
                    {"Id": str(n), "MessageBody": message_of(request), "DelaySeconds": seconds}
                    for n, request in enumerate(chunk)
                ],
            )
            refused += len(response.get("Failed", []))
            count += len(chunk)
        if refused:
            raise SendError(f"the queue rejected {refused} of {count} messages")
        return count


@dataclass(frozen=True)
class PullQueues:
    """The queue of requests for final states, and the queue of all others."""

    finals: PullQueue
    others: PullQueue

    def send(self, requests: Iterable[PullRequest], delay: timedelta = timedelta()) -> int:
        """Send each request to its queue; returns how many. `SendError` where a queue refused some.

        The caller sends all of them again then, also those that were not refused: one pull answers both.
        """
        finals, others = list[PullRequest](), list[PullRequest]()
        for request in requests:
            (finals if request.final else others).append(request)
        return self.finals.send(finals, delay) + self.others.send(others, delay)


def message_of(request: PullRequest) -> str:
    """The message for a request. Its time identifies the check, so that `reconcile` makes it only once."""
    message: dict[str, Any] = {
        "transactionId": request.transaction_id,
        "smallcaseAuthId": request.smallcase_auth_id,
        "dueAt": None if request.due_at is None else timestamp_text(request.due_at),
        "suspicious": request.suspicious or None,
        "final": request.final or None,
        "reportedAt": None if request.reported_at is None else timestamp_text(request.reported_at),
    }
    return dumps({name: value for name, value in message.items() if value is not None})


def request_of(message: Mapping[str, Any]) -> PullRequest:
    """The request in a message; `KeyError`, `TypeError` or `ValueError` where it is none."""
    transaction_id, due_at, reported_at = (message.get(name) for name in ("transactionId", "dueAt", "reportedAt"))
    if not isinstance(transaction_id, str):
        raise TypeError("transactionId is not text")
    return PullRequest(
        transaction_id,
        smallcase_auth_id=message.get("smallcaseAuthId") or None,
        due_at=None if due_at is None else parse_time(due_at),
        suspicious=message.get("suspicious") is True,
        final=message.get("final") is True,
        reported_at=None if reported_at is None else parse_time(reported_at),
    )
