"""The queue of pull requests: publish_updates and check_due send them, reconcile receives them."""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from securities_transactions.domain.decimal_json import dumps
from securities_transactions.domain.pull_request import PullRequest
from securities_transactions.domain.times import parse_time, timestamp_text

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

_MOST_ENTRIES: Final = 10


class SendError(Exception):
    """The queue rejected some of the messages."""


class PullQueue:
    """The queue at `url`."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self.client = client
        self.url = url

    def send(self, requests: Iterable[PullRequest]) -> int:
        """Send a message for each request and return their number.

        Raises `SendError` after all were tried if some failed.
        """
        left = iter(requests)
        count = refused = 0
        while chunk := list(islice(left, _MOST_ENTRIES)):
            response = self.client.send_message_batch(
                QueueUrl=self.url,
                Entries=[{"Id": str(n), "MessageBody": message_of(request)} for n, request in enumerate(chunk)],
            )
            refused += len(response.get("Failed", []))
            count += len(chunk)
        if refused:
            raise SendError(f"the queue rejected {refused} of {count} messages")
        return count


def message_of(request: PullRequest) -> str:
    """The message for a request. Its time identifies the check, so that `reconcile` makes it only once."""
    message: dict[str, Any] = {
        "transactionId": request.transaction_id,
        "smallcaseAuthId": request.smallcase_auth_id,
        "dueAt": None if request.due_at is None else timestamp_text(request.due_at),
        "suspicious": request.suspicious or None,
    }
    return dumps({name: value for name, value in message.items() if value is not None})


def request_of(message: Mapping[str, Any]) -> PullRequest:
    """Parse a message. Raises `KeyError`, `TypeError` or `ValueError` if it is not a request."""
    transaction_id, due_at = message["transactionId"], message.get("dueAt")
    if not isinstance(transaction_id, str):
        raise TypeError("transactionId is not text")
    return PullRequest(
        transaction_id,
        smallcase_auth_id=message.get("smallcaseAuthId") or None,
        due_at=None if due_at is None else parse_time(due_at),
        suspicious=message.get("suspicious") is True,
    )
